"""What stands in the state files: each format read with suspicion, and written in one fixed order.

Checked by hand, since commands that only read must not pay for a validation library. Touches no file.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, TypeVar, cast

from stardag.adapters.durable_files import decode_json, encode_json
from stardag.domain.errors import ConfigurationError
from stardag.domain.names import check_slug, is_id
from stardag.domain.registry_url import normal_url
from stardag.domain.remembered import CachedRoots, WorkspaceIdentity
from stardag.domain.target_roots import TargetRoot

Entry = TypeVar("Entry")
WorkspaceKey = tuple[str, str, str]
"""Registry URL, organization id and workspace id."""

_ETAG_MAX_LENGTH = 512
_FINGERPRINT_MAX_LENGTH = 128
_DIGEST_LENGTH = 64

Making = Mapping[str, tuple[str, ...]]
"""File name to the digests of the contents that this user gave the file: what it holds, and what it is about to."""


class CorruptDocument(Exception):
    """A state file whose content cannot have been written by this program, as a phrase to follow "it is corrupt: "."""


class IdentityRecord(NamedTuple):
    """An entry of the id cache; unlike the domain's identity, it knows which fingerprint is the newest: the last."""

    registry_url: str
    organization_id: str
    organization_slug: str
    workspace_id: str
    workspace_slug: str
    api_keys: tuple[str, ...]
    former_slugs: tuple[str, ...] = ()

    @property
    def identity(self) -> WorkspaceIdentity:
        """The same for the domain."""
        return WorkspaceIdentity(
            self.registry_url,
            self.organization_id,
            self.organization_slug,
            self.workspace_id,
            self.workspace_slug,
            frozenset(self.api_keys),
            frozenset(self.former_slugs),
        )

    def known_as(self, identity: WorkspaceIdentity) -> "IdentityRecord":
        """The same as the domain has it by now, with the order of its API keys."""
        return self._replace(
            organization_slug=identity.organization_slug,
            workspace_slug=identity.workspace_slug,
            api_keys=tuple(key for key in self.api_keys if key in identity.api_keys),
            former_slugs=tuple(sorted(identity.former_slugs)),
        )


class SyncedWorkspace(NamedTuple):
    """What is known of one workspace's last fetch: the ETag, and the digest of the target roots it stands for."""

    registry_url: str
    organization_id: str
    workspace_id: str
    etag: str | None
    digest: str

    @property
    def key(self) -> WorkspaceKey:
        """What it is found by."""
        return (self.registry_url, self.organization_id, self.workspace_id)


class SyncState(NamedTuple):
    """What is learnt at a sync and has no place in the guide's format.

    `cache_lost`: the target-root cache was set aside, and not each of `workspaces` has been synced since.
    """

    cache_lost: bool = False
    workspaces: tuple[SyncedWorkspace, ...] = ()


def key_of(roots: CachedRoots) -> WorkspaceKey:
    """What an entry of the target-root cache is found by."""
    return (roots.registry_url, roots.organization_id, roots.workspace_id)


def read_roots(content: bytes) -> tuple[CachedRoots, ...]:
    """The target-root cache, without ETags.

    Raises:
        CorruptDocument: it breaks the guide's format or a rule for names, URLs or URI prefixes.
    """
    return _unique(_entries(_decoded(content), _cached_roots), key_of)


def write_roots(entries: Iterable[CachedRoots]) -> bytes:
    """The target-root cache: exactly the guide's flat array with the guide's four keys (readings, section 4)."""
    return encode_json(
        [
            {
                "registry_url": entry.registry_url,
                "organization_id": entry.organization_id,
                "workspace_id": entry.workspace_id,
                "target_roots": dict(sorted(entry.target_roots.items())),
            }
            for entry in sorted(entries, key=key_of)
        ]
    )


def read_identities(content: bytes) -> tuple[IdentityRecord, ...]:
    """The id cache.

    Raises:
        CorruptDocument: it breaks the format or a rule for names or URLs.
    """
    records = _entries(_decoded(content), _identity_record)
    return _unique(records, lambda record: (record.registry_url, record.workspace_id))


def write_identities(records: Iterable[IdentityRecord]) -> bytes:
    """The id cache: a flat array like the target-root cache."""
    ordered = sorted(records, key=lambda record: (record.registry_url, record.organization_id, record.workspace_id))
    return encode_json(
        [
            {
                "registry_url": record.registry_url,
                "organization_id": record.organization_id,
                "organization_slug": record.organization_slug,
                "workspace_id": record.workspace_id,
                "workspace_slug": record.workspace_slug,
                "api_keys": list(record.api_keys),
                **({"former_slugs": list(record.former_slugs)} if record.former_slugs else {}),
            }
            for record in ordered
        ]
    )


def read_sync_state(content: bytes) -> SyncState:
    """What was learnt at earlier syncs.

    Raises:
        CorruptDocument: it breaks the format or a rule for URLs.
    """
    document = _members(_decoded(content))
    cache_lost = document.get("cache_lost")
    if not isinstance(cache_lost, bool):
        raise CorruptDocument("'cache_lost' is neither true nor false")
    return SyncState(cache_lost, _unique(_entries(document.get("workspaces"), _synced_workspace), lambda it: it.key))


def write_sync_state(state: SyncState) -> bytes:
    """What was learnt at syncs, as `read_sync_state` reads it."""
    return encode_json(
        {
            "cache_lost": state.cache_lost,
            "workspaces": [
                {
                    "registry_url": workspace.registry_url,
                    "organization_id": workspace.organization_id,
                    "workspace_id": workspace.workspace_id,
                    "etag": workspace.etag,
                    "digest": workspace.digest,
                }
                for workspace in sorted(state.workspaces, key=lambda workspace: workspace.key)
            ],
        }
    )


def read_makings(content: bytes) -> dict[str, Making]:
    """Which files this user made in which project's stardag directory (absolute, links resolved).

    Raises:
        CorruptDocument: it breaks the format.
    """
    return {
        directory: {
            name: tuple(_digest(digest) for digest in _array(digests)) for name, digests in _members(made).items()
        }
        for directory, made in _members(_decoded(content)).items()
    }


def write_makings(makings: Mapping[str, Making]) -> bytes:
    """The same, as `read_makings` reads it."""
    return encode_json(
        {
            directory: {name: list(digests) for name, digests in sorted(made.items())}
            for directory, made in sorted(makings.items())
        }
    )


def digest_of(target_roots: Mapping[str, str]) -> str:
    """The SHA-256 (64 hexadecimal digits) of target roots, whatever their order."""
    import hashlib  # not before there is something to compare

    return hashlib.sha256(encode_json(dict(sorted(target_roots.items())))).hexdigest()


def is_etag(value: str) -> bool:
    """Whether a registry's ETag may be kept, and sent again in a header: visible ASCII of a sensible length."""
    return 0 < len(value) <= _ETAG_MAX_LENGTH and value.isascii() and value.isprintable()


def _cached_roots(entry: dict[str, object]) -> CachedRoots:
    roots = [TargetRoot(name, _text(prefix, name)) for name, prefix in _members(entry.get("target_roots")).items()]
    return CachedRoots(
        normal_url(_text(entry.get("registry_url"), "registry_url")),
        _id(entry, "organization_id"),
        _id(entry, "workspace_id"),
        {root.name: root.uri_prefix for root in roots},
    )


def _identity_record(entry: dict[str, object]) -> IdentityRecord:
    return IdentityRecord(
        normal_url(_text(entry.get("registry_url"), "registry_url")),
        _id(entry, "organization_id"),
        check_slug("organization", _text(entry.get("organization_slug"), "organization_slug")),
        _id(entry, "workspace_id"),
        check_slug("workspace", _text(entry.get("workspace_slug"), "workspace_slug")),
        _unique(tuple(_fingerprint(key) for key in _array(entry.get("api_keys"))), str),
        _unique(tuple(_slugs(each) for each in _array(entry.get("former_slugs", []))), str),
    )


def _slugs(value: object) -> str:
    organization, _, workspace = _text(value, "former_slugs").partition("/")
    return f"{check_slug('organization', organization)}/{check_slug('workspace', workspace)}"


def _synced_workspace(entry: dict[str, object]) -> SyncedWorkspace:
    etag = None if entry.get("etag") is None else _text(entry.get("etag"), "etag")
    if etag is not None and not is_etag(etag):
        raise CorruptDocument("'etag' cannot stand in a header")
    return SyncedWorkspace(
        normal_url(_text(entry.get("registry_url"), "registry_url")),
        _id(entry, "organization_id"),
        _id(entry, "workspace_id"),
        etag,
        _digest(entry.get("digest")),
    )


def _decoded(content: bytes) -> object:
    try:
        return decode_json(content)
    except ValueError as error:
        raise CorruptDocument(str(error)) from None


def _entries(value: object, read: Callable[[dict[str, object]], Entry]) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    for number, entry in enumerate(_array(value), start=1):
        try:
            entries.append(read(_members(entry)))
        except (CorruptDocument, ConfigurationError) as error:
            raise CorruptDocument(f"entry {number}: {str(error).rstrip('.')}") from None
    return tuple(entries)


def _unique(entries: tuple[Entry, ...], key: Callable[[Entry], object]) -> tuple[Entry, ...]:
    if len({key(entry) for entry in entries}) != len(entries):
        raise CorruptDocument("two entries are for the same")
    return entries


def _array(value: object) -> list[object]:
    if not isinstance(value, list):
        raise CorruptDocument("an array is missing")
    return cast("list[object]", value)


def _members(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise CorruptDocument("an object is missing")
    return cast("dict[str, object]", value)


def _text(value: object, key: str) -> str:
    if not isinstance(value, str):
        raise CorruptDocument(f"{key[:80]!r} is no text")
    return value


def _id(entry: dict[str, object], key: str) -> str:
    value = _text(entry.get(key), key)
    if not is_id(value):
        raise CorruptDocument(f"{key!r} is no id")
    return value.lower()


def _fingerprint(value: object) -> str:
    text = _text(value, "api_keys")
    if not (0 < len(text) <= _FINGERPRINT_MAX_LENGTH and text.isascii() and text.isalnum()):
        raise CorruptDocument("'api_keys' holds something else than fingerprints")
    return text


def _digest(value: object) -> str:
    text = _text(value, "digest")
    if len(text) != _DIGEST_LENGTH or not set(text) <= set("0123456789abcdef"):
        raise CorruptDocument("'digest' is no SHA-256")
    return text
