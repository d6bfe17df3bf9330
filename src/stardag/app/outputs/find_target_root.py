"""Finding a target root to read or write outputs below, without the registry where its roots are cached (readings,
section 4; guide, "Working offline")."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import NamedTuple

from stardag.app.connect import Connect, Connection, sync_command
from stardag.app.ports import State
from stardag.domain.errors import StateNotWritable
from stardag.domain.layers import Layer, Notice
from stardag.domain.outputs import RootPlace, root_place
from stardag.domain.profile import NO_SELECTION, ActiveProfile, Selection
from stardag.domain.registry_errors import TargetRootCacheLost
from stardag.domain.remembered import CachedRoots, Remembered, WorkspaceIdentity


class Fetched(NamedTuple):
    """What was fetched of a workspace, and could not be kept on this machine."""

    identity: WorkspaceIdentity
    roots: CachedRoots


Asked = tuple[str, str | None, str | None, str | None]
"""What a registry was asked as: its URL, organization, workspace and the fingerprint of the API key."""


@dataclass(frozen=True, slots=True)
class FindTargetRoot:
    """Resolves a target root by its name. Of a workspace that nothing is cached of, the roots are fetched once.

    `fetched` is what this process has fetched where the cache cannot be written, as on many a production worker.

    Raises:
        NoProfileChosen: nothing chooses among the profiles of the configuration.
        UnknownTargetRoot: the profile has no such root; the error lists those that it has.
        UnsupportedScheme: nothing can be opened there.
        WorkspaceReplaced: the slugs lead to another workspace than at the last sync.
        TargetRootCacheLost: the cache was unreadable; no root is taken over unseen until a sync.
        and, where nothing is cached, whatever Connect and RegistryApi.target_roots raise.
    """

    connect: Connect
    state: State
    fetched: MutableMapping[Asked, Fetched] = field(default_factory=dict[Asked, Fetched])

    def __call__(
        self, selection: Selection = NO_SELECTION, name: str = "default", *, read_only: bool = False
    ) -> RootPlace:
        """The place of the root `name`, to be opened."""
        return root_place(name, self.profile(selection, name).target_root(name), read_only=read_only)

    def profile(self, selection: Selection, name: str) -> ActiveProfile:
        """The active profile, with all that can be known of its roots where `name` is none of them."""
        profile = self.connect.resolve(selection)
        if is_known(profile, name):
            return profile
        profile.check_chosen()
        remembered, _ = self.state.read(profile.directory)
        if _is_cached(profile, remembered):
            return profile
        if remembered.is_lost:
            raise TargetRootCacheLost(remembered.roots_path)
        fetched = self.fetched.get(_asked(profile))
        if fetched is not None:
            return self.connect.resolve(selection, fetched.identity, fetched.roots)
        found = self._fetch(selection)
        # What was set aside meanwhile is spoken of before that alone.
        return found._replace(notices=tuple(dict.fromkeys((*profile.notices, *found.notices))))

    def _fetch(self, selection: Selection) -> ActiveProfile:
        """The profile with the roots as the registry has them now, which are kept."""
        return self.connect.asking(selection, lambda connection: self._fetch_from(selection, connection))

    def _fetch_from(self, selection: Selection, connection: Connection) -> ActiveProfile:
        connection.check_not_replaced(sync_command(selection))
        identity, notices = connection.identity, connection.notices
        profile = self.connect.resolve(selection, identity)
        if _is_cached(profile, self.state.read(profile.directory)[0]):
            return profile  # another process was quicker
        served = connection.api.target_roots(identity.workspace_id, None)
        if served is None:
            return profile
        key = (identity.registry_url, identity.organization_id, identity.workspace_id)
        roots = CachedRoots(*key, {root.name: root.uri_prefix for root in served.roots}, served.etag)
        try:
            self.state.remember_roots(profile.directory, roots)
        except StateNotWritable as error:
            self.fetched[_asked(connection.profile)] = Fetched(identity, roots)
            not_cached = Notice("not-cached", f"The target roots were not cached: {error.message}")
            self.connect.resolve.notice_log.add((not_cached,))
            notices = (*notices, not_cached)
        profile = self.connect.resolve(selection, identity, roots)
        return profile._replace(notices=(*profile.notices, *notices))


def is_known(profile: ActiveProfile, name: str) -> bool:
    """Whether no registry need be asked for a root: it is set, cached, or there is no registry to ask."""
    return profile.is_local or name in profile.target_roots


def _is_cached(profile: ActiveProfile, remembered: Remembered) -> bool:
    """Whether the roots of the profile's workspace are cached; a workspace may have none."""
    if any(setting.origin.layer is Layer.CACHE for setting in profile.target_roots.values()):
        return True
    return profile.identity is not None and remembered.roots_of(profile.identity) is not None


def _asked(profile: ActiveProfile) -> Asked:
    key = profile.api_key.value
    fingerprint = None if key is None else key.fingerprint
    return profile.registry_url.value, profile.organization.value, profile.workspace.value, fingerprint
