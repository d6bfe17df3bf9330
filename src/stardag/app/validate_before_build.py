"""What a build start does before anything is built: the target roots are still what was last synced, and can be
written (guide, "Target Roots Synchronization"; readings, section 4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from stardag.app.check_storages import check_storages
from stardag.app.connect import Connect, Connection, sync_command
from stardag.app.ports import State, StorageCheck
from stardag.app.registry_ports import ServedRoots
from stardag.app.sync_target_roots import Synced
from stardag.domain.errors import StateNotWritable
from stardag.domain.layers import Notice
from stardag.domain.profile import NO_SELECTION, ActiveProfile, Selection
from stardag.domain.registry_errors import StorageUnavailable, TargetRootCacheLost, TargetRootMismatch
from stardag.domain.remembered import CachedRoots, Remembered
from stardag.domain.root_changes import RootChanges
from stardag.domain.target_roots import CHECKED_SCHEMES, compare, scheme_of


class Validated(NamedTuple):
    """What a validation found, and the connection that it was made over; None where nothing names a registry."""

    synced: Synced
    connection: Connection | None


@dataclass(frozen=True, slots=True)
class ValidateBeforeBuild:
    """Compares the cached target roots with the registry's, takes over added ones, and checks every root's storage.

    Raises:
        TargetRootMismatch: a root was modified or deleted since the last sync.
        TargetRootCacheLost: the cache was unreadable; nothing can be compared until a sync.
        StorageUnavailable: a root cannot be written.
        WorkspaceArchived: nothing is built there any more.
        and whatever Connect and RegistryApi.target_roots raise.
    """

    connect: Connect
    state: State
    storage: StorageCheck

    def __call__(self, selection: Selection = NO_SELECTION, *, to_build: bool = True) -> Synced:
        """Validate. One conditional request where nothing changed; none where nothing names a registry.

        Without `to_build`, an archived workspace is fine: what is there may be read.
        """
        return self.connected(selection, to_build=to_build).synced

    def connected(self, selection: Selection, *, to_build: bool = True) -> Validated:
        """The same for what goes on with the registry afterwards."""
        profile = self.connect.resolve(selection)
        profile.check_chosen()
        if profile.is_local:
            notice = Notice("local-build", "No registry is configured: this build stays on this machine, unregistered.")
            synced = Synced(profile, "default", RootChanges(), applied=False, notices=(*profile.notices, notice))
            connection = None
        else:
            synced, connection = self._compare(selection, profile, to_build=to_build)
            # What was set aside meanwhile is spoken of before that alone.
            synced = synced._replace(notices=tuple(dict.fromkeys((*profile.notices, *synced.notices))))
        return Validated(synced._replace(notices=(*synced.notices, *self._check_storages(synced.profile))), connection)

    def _compare(self, selection: Selection, before: ActiveProfile, *, to_build: bool) -> Validated:
        remembered = self._remembered(before)
        return self.connect.asking(
            selection, lambda found: self._compare_with(selection, remembered, found, to_build=to_build)
        )

    def _compare_with(
        self, selection: Selection, remembered: Remembered, connection: Connection, *, to_build: bool
    ) -> Validated:
        identity = connection.identity
        cached, inherited = remembered.roots_of(identity), connection.profile.inherited_roots
        connection.check_not_replaced(sync_command(selection))
        if cached is None and remembered.is_lost and not inherited:
            raise TargetRootCacheLost(remembered.roots_path)
        etag = cached.etag if cached else None
        served = connection.api.target_roots(identity.workspace_id, etag, to_build=to_build)
        overridden = connection.profile.overridden_roots
        changes = _changes(cached, inherited, served).without(overridden)
        if changes.stops_a_build:
            raise TargetRootMismatch(changes, identity.workspace_slug, _sync_command(selection, inherited))
        notices = _notices_of(changes, overridden)
        profile = connection.profile
        if served is not None:
            roots = _taken_over(connection, cached, inherited, served, changes)
            notices += self._store(profile, cached, roots)
            profile = self.connect.resolve(selection, identity, roots)
        self.connect.resolve.notice_log.add(notices)
        all_notices = (*profile.notices, *connection.notices, *notices)
        synced = Synced(profile, identity.workspace_slug, changes, bool(changes), all_notices)
        return Validated(synced, connection)

    def _remembered(self, profile: ActiveProfile) -> Remembered:
        """What the caches hold.

        Raises:
            TargetRootCacheLost: the target-root cache is corrupt; it has been set aside now.
        """
        remembered, _ = self.state.read(profile.directory)
        if self.state.set_aside_corrupt_roots(profile.directory):
            raise TargetRootCacheLost(remembered.roots_path)
        return remembered

    def _store(self, profile: ActiveProfile, cached: CachedRoots | None, roots: CachedRoots) -> list[Notice]:
        """Write the cache where it changes; a home that cannot be written must not stop a production worker."""
        if roots == cached:
            return []
        try:
            self.state.remember_roots(profile.directory, roots)
        except StateNotWritable as error:
            return [Notice("not-cached", f"The target roots were not cached: {error.message}")]
        return []

    def _check_storages(self, profile: ActiveProfile) -> list[Notice]:
        """Check every effective root that can be checked, and say which could not.

        Raises:
            StorageUnavailable: at least one root cannot be written.
        """
        roots = {name: setting.value for name, setting in profile.target_roots.items()}
        checked = {name: prefix for name, prefix in roots.items() if scheme_of(prefix) in CHECKED_SCHEMES}
        problems = check_storages(self.storage, checked, profile.timeout)
        if problems:
            raise StorageUnavailable([(name, roots[name], problem) for name, problem in problems.items()])
        return [
            Notice("not-checked", f"Target root {name!r} was not checked: its scheme, {prefix!r}, is not supported.")
            for name, prefix in roots.items()
            if name not in checked
        ]


def _sync_command(selection: Selection, inherited: Mapping[str, str]) -> str:
    """The command that syncs the very workspace that was validated, and what more it takes where a parent process has
    handed down target roots."""
    command = sync_command(selection)
    return f"{command}, and start the process again that handed down its target roots" if inherited else command


def _changes(cached: CachedRoots | None, inherited: Mapping[str, str], served: ServedRoots | None) -> RootChanges:
    """How the registry's target roots differ from what this process would use: the cached ones, and over them those
    that its parent was validated with and handed down."""
    known = dict(cached.target_roots) if cached else {}
    return compare({**known, **inherited}, known if served is None else _by_name(served))


def _by_name(served: ServedRoots) -> dict[str, str]:
    return {root.name: root.uri_prefix for root in served.roots}


def _taken_over(
    connection: Connection,
    cached: CachedRoots | None,
    inherited: Mapping[str, str],
    served: ServedRoots,
    changes: RootChanges,
) -> CachedRoots:
    """The cache with the added roots and nothing else: what was left out of the comparison stays as it was, so that
    a change behind an override is noticed once the override goes."""
    roots = dict(cached.target_roots if cached else inherited)
    roots.update((change.name, change.new) for change in changes.added if change.new is not None)
    identity = connection.identity
    etag = served.etag if not compare(roots, _by_name(served)) else None
    return CachedRoots(identity.registry_url, identity.organization_id, identity.workspace_id, roots, etag)


def _notices_of(changes: RootChanges, overridden: frozenset[str]) -> list[Notice]:
    notices = [
        Notice("root-added", f"Target root {change.name!r} ({change.new}) is new in the registry, and was synced.")
        for change in changes.added
    ]
    if overridden:
        names = ", ".join(sorted(overridden))
        message = f"Set by the environment, and so left out of the comparison with the registry: {names}."
        notices.append(Notice("root-overridden", message))
    return notices
