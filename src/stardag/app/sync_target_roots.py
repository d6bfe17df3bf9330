"""Fetching the workspace's target roots into the local cache (guide, "Target Roots Synchronization")."""

from dataclasses import dataclass
from typing import NamedTuple

from stardag.app.connect import Connect, replacement
from stardag.app.ports import State
from stardag.domain.errors import MissingSetting
from stardag.domain.layers import Notice
from stardag.domain.profile import NO_SELECTION, ActiveProfile, Selection
from stardag.domain.remembered import CachedRoots
from stardag.domain.root_changes import RootChanges
from stardag.domain.target_roots import compare


class Synced(NamedTuple):
    """What a sync or a validation found, and whether the cache was changed for it.

    `is_replaced` says that the workspace's slugs led to another workspace at the last sync.
    """

    profile: ActiveProfile
    workspace: str
    changes: RootChanges
    applied: bool
    notices: tuple[Notice, ...] = ()
    is_replaced: bool = False


@dataclass(frozen=True, slots=True)
class SyncTargetRoots:
    """Fetches the target roots, compares and writes them to the cache: this is how a change is accepted.

    Raises:
        MissingSetting: nothing names a registry.
        StateNotWritable: the cache cannot be written.
        and whatever Connect and RegistryApi.target_roots raise.
    """

    connect: Connect
    state: State

    def __call__(self, selection: Selection = NO_SELECTION, *, dry_run: bool = False) -> Synced:
        """Sync; with `dry_run`, only compare."""
        refuse_local(self.connect.resolve(selection))
        connection = self.connect(selection, ask_again=True, remember=not dry_run)
        profile, identity = connection.profile, connection.identity
        notices = (*profile.notices, *connection.notices)  # of a corrupt cache, which the sync sets aside, among others
        remembered, _ = self.state.read(profile.directory)
        cached, replaced = remembered.roots_of(identity), connection.replaced
        before = remembered.roots_of(replaced) if replaced else cached
        served = connection.api.target_roots(identity.workspace_id, cached.etag if cached else None)
        roots = dict(cached.target_roots) if cached else {}
        if served is not None:
            roots = {root.name: root.uri_prefix for root in served.roots}
            if not dry_run:
                key = (identity.registry_url, identity.organization_id, identity.workspace_id)
                fetched = CachedRoots(*key, roots, served.etag)
                self.state.remember_roots(profile.directory, fetched)
                profile = self.connect.resolve(selection, identity, fetched)
        changes = compare(before.target_roots if before else {}, roots)
        if not dry_run:  # once its roots are there: what is accepted has been shown
            notices += self.connect.remember(profile, identity)
        if replaced is not None:
            notices += (Notice("workspace-replaced", replacement(replaced, identity)),)
        applied = (bool(changes) or replaced is not None) and not dry_run
        return Synced(profile, identity.workspace_slug, changes, applied, notices, replaced is not None)


def refuse_local(profile: ActiveProfile, what: str = "sync") -> None:
    """Refuse a profile that names no registry; `what` is what would be done there.

    Raises:
        MissingSetting: nothing but the defaults names one.
    """
    if profile.is_local:
        note = f"Nothing names a registry either, so that there is nothing to {what}: outputs stay on this machine."
        raise MissingSetting("workspace", "STARDAG_WORKSPACE_ID", note)
