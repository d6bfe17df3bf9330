"""Keeps the promises of the port `State` with JSON files in the stardag directory.

Reading takes no lock and writes nothing; every change reads again under the lock and replaces whole files, in an order
that leaves no wrong combination behind a process that is killed between them.
"""

from collections.abc import Iterable, Sequence

from stardag.adapters.state_files.documents import (
    CorruptDocument,
    IdentityRecord,
    SyncedWorkspace,
    SyncState,
    WorkspaceKey,
    digest_of,
    is_etag,
    key_of,
    read_identities,
    read_roots,
    read_sync_state,
    write_identities,
    write_roots,
    write_sync_state,
)
from stardag.adapters.state_files.shelf import ACCESS_TOKENS, CREDENTIALS, Found, Shelf
from stardag.domain.configuration import StardagDirectory
from stardag.domain.errors import StateNotWritable
from stardag.domain.layers import Notice, NoticeLog
from stardag.domain.remembered import CachedRoots, Remembered, WorkspaceIdentity

ROOTS_NAME = "target-root-cache.json"
IDENTITIES_NAME = "id-cache.json"
SYNC_STATE_NAME = "sync-state.json"

MOST_API_KEYS = 20
"""Fingerprints kept for one workspace; the oldest go first."""

MOST_FORMER_SLUGS = 20

NEVER_SYNCED = SyncState()


class StateFiles:
    """The port `State`; any number of threads and processes may use one each or the same."""

    def __init__(self, notice_log: NoticeLog | None = None) -> None:
        self._notice_log = notice_log or NoticeLog()

    def read(self, directory: StardagDirectory) -> tuple[Remembered, tuple[Notice, ...]]:
        """All that is remembered; writes nothing. What is corrupt, or not of this user's making, counts as absent.

        A project's sign-ins that this user did not make are spoken of, and not read otherwise.
        """
        shelf = Shelf(directory)
        identities = shelf.find(IDENTITIES_NAME, read_identities)
        # The cache is marked lost before it is moved, and found again after it is written: looking before and after
        # reading it, nobody takes one that was just moved for one that never was.
        before = shelf.find(SYNC_STATE_NAME, read_sync_state)
        roots = shelf.find(ROOTS_NAME, read_roots)
        sync_state = shelf.find(SYNC_STATE_NAME, read_sync_state)
        remembered = Remembered(
            roots_path=shelf.path(ROOTS_NAME),
            identities=tuple(record.identity for record in identities.document or ()),
            cached_roots=_with_etags(roots.document or (), (sync_state.document or NEVER_SYNCED).workspaces),
            is_lost=_is_lost(before, roots) or _is_lost(sync_state, roots),
        )
        notices = (
            *shelf.notices(ROOTS_NAME, roots),
            *shelf.notices(IDENTITIES_NAME, identities),
            *shelf.notices(SYNC_STATE_NAME, sync_state),
            *shelf.notices_below(CREDENTIALS),
            *shelf.notices_below(ACCESS_TOKENS),
        )
        self._notice_log.add(notices)
        return remembered, notices

    def remember_identity(self, directory: StardagDirectory, identity: WorkspaceIdentity) -> None:
        """Add what was learnt of a workspace to the id cache, or replace what it said of the same ids and keys.

        Raises:
            StateNotWritable: the file cannot be written.
        """
        shelf = Shelf(directory)
        record = _checked_record(shelf, identity)
        found = shelf.find(IDENTITIES_NAME, read_identities)
        if found.content == write_identities(learn(found.document or (), record)):
            return
        with shelf.alone():
            found = shelf.find(IDENTITIES_NAME, read_identities)
            shelf.replace(IDENTITIES_NAME, found, write_identities(learn(found.document or (), record)))

    def remember_roots(self, directory: StardagDirectory, roots: CachedRoots) -> None:
        """Replace one workspace's entry of the target-root cache, setting aside a file that cannot be read.

        Raises:
            StateNotWritable: the file cannot be written.
        """
        shelf = Shelf(directory)
        entry = _checked_roots(shelf, roots)
        cache, sync_state = _find_both(shelf)
        if (cache.content, sync_state.content) == _with_entry(cache, sync_state, entry):
            return
        with shelf.alone():
            _mark_lost(shelf)
            cache, sync_state = _find_both(shelf)
            new_cache, new_sync_state = _with_entry(cache, sync_state, entry)
            # In this order: killed in between, an ETag may be missing, but none vouches for what it does not name.
            shelf.replace(ROOTS_NAME, cache, new_cache)
            shelf.replace(SYNC_STATE_NAME, sync_state, new_sync_state)

    def set_aside_corrupt_roots(self, directory: StardagDirectory) -> bool:
        """If the target-root cache cannot be read, move it aside, remember that, and say True.

        Raises:
            StateNotWritable: the file cannot be moved.
        """
        shelf = Shelf(directory)
        if not shelf.find(ROOTS_NAME, read_roots).is_lost:
            return False
        with shelf.alone():
            _mark_lost(shelf)
            cache = shelf.find(ROOTS_NAME, read_roots)
            shelf.set_aside(ROOTS_NAME, cache)
            return cache.is_lost


def learn(records: Iterable[IdentityRecord], learnt: IdentityRecord) -> list[IdentityRecord]:
    """The records with what was learnt of one workspace: what they said otherwise of the same ids, slugs or keys goes.

    Slugs and API keys may move from one workspace to another; each leads to one at a time, at each registry. Keys that
    lead to the workspace stay known, the newest `MOST_API_KEYS` of them, and so do its former slugs.
    """
    others: list[IdentityRecord] = []
    keys, former_slugs = learnt.api_keys, learnt.former_slugs
    for record in records:
        if (record.registry_url, record.workspace_id) == (learnt.registry_url, learnt.workspace_id):
            keys = (*(key for key in record.api_keys if key not in learnt.api_keys), *learnt.api_keys)
            former_slugs = tuple(sorted(learnt.identity.after(record.identity).former_slugs))
            continue
        known = record.identity.beside(learnt.identity)
        if known is not None:
            others.append(record.known_as(known))
    return [*others, learnt._replace(api_keys=keys[-MOST_API_KEYS:], former_slugs=former_slugs[:MOST_FORMER_SLUGS])]


def _checked_record(shelf: Shelf, identity: WorkspaceIdentity) -> IdentityRecord:
    """The identity as it would be read back."""
    record = IdentityRecord(
        identity.registry_url,
        identity.organization_id,
        identity.organization_slug,
        identity.workspace_id,
        identity.workspace_slug,
        tuple(sorted(identity.api_keys)),
    )
    try:
        return read_identities(write_identities([record]))[0]
    except CorruptDocument as error:
        raise StateNotWritable(shelf.path(IDENTITIES_NAME), f"it would be corrupt ({error})") from error


def _checked_roots(shelf: Shelf, roots: CachedRoots) -> CachedRoots:
    """The roots as they would be read back, with the ETag where that may be kept."""
    try:
        entry = read_roots(write_roots([roots]))[0]
    except CorruptDocument as error:
        raise StateNotWritable(shelf.path(ROOTS_NAME), f"it would be corrupt ({error})") from error
    etag = roots.etag if roots.etag is not None and is_etag(roots.etag) else None
    return CachedRoots(*key_of(entry), entry.target_roots, etag)


def _find_both(shelf: Shelf) -> tuple[Found[tuple[CachedRoots, ...]], Found[SyncState]]:
    return shelf.find(ROOTS_NAME, read_roots), shelf.find(SYNC_STATE_NAME, read_sync_state)


def _is_lost(sync_state: Found[SyncState], cache: Found[tuple[CachedRoots, ...]]) -> bool:
    return cache.is_lost or (sync_state.document or NEVER_SYNCED).cache_lost


def _mark_lost(shelf: Shelf) -> None:
    """Remember that the cache is lost, if it is, before it goes: killed in between, nobody takes it for a new one."""
    cache, sync_state = _find_both(shelf)
    if cache.is_lost:
        shelf.check_movable(ROOTS_NAME, cache)
        known = sync_state.document or NEVER_SYNCED
        shelf.replace(SYNC_STATE_NAME, sync_state, write_sync_state(known._replace(cache_lost=True)))


def _with_entry(
    cache: Found[tuple[CachedRoots, ...]], sync_state: Found[SyncState], entry: CachedRoots
) -> tuple[bytes, bytes]:
    """The contents of the target-root cache and of the sync state with one workspace's entry replaced."""
    entries = [entry, *(other for other in cache.document or () if key_of(other) != key_of(entry))]
    fetched = SyncedWorkspace(*key_of(entry), entry.etag, digest_of(entry.target_roots))
    known = (sync_state.document or NEVER_SYNCED).workspaces
    workspaces = (fetched, *(workspace for workspace in known if workspace.key != fetched.key))
    is_lost = _is_lost(sync_state, cache) and not _all_synced(workspaces, entries)
    return write_roots(entries), write_sync_state(SyncState(is_lost, workspaces))


def _all_synced(workspaces: Sequence[SyncedWorkspace], entries: Sequence[CachedRoots]) -> bool:
    """Whether every workspace that was ever synced has an entry in the cache again."""
    return {workspace.key for workspace in workspaces} <= {key_of(entry) for entry in entries}


def _with_etags(entries: Sequence[CachedRoots], workspaces: Sequence[SyncedWorkspace]) -> tuple[CachedRoots, ...]:
    """The entries, each with its ETag where that stands for this very content: the file may have been edited."""
    known: dict[WorkspaceKey, SyncedWorkspace] = {workspace.key: workspace for workspace in workspaces}
    return tuple(
        CachedRoots(*key_of(entry), entry.target_roots, _etag_of(entry, known.get(key_of(entry)))) for entry in entries
    )


def _etag_of(entry: CachedRoots, fetched: SyncedWorkspace | None) -> str | None:
    if fetched is None or fetched.etag is None or digest_of(entry.target_roots) != fetched.digest:
        return None
    return fetched.etag
