"""The effective target roots, and how they compare with the registry's; writes nothing (readings, section 4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from stardag.app.connect import Connect, Connection
from stardag.app.ports import State
from stardag.domain.errors import OutOfReach, SignInNeeded
from stardag.domain.layers import Notice, Setting
from stardag.domain.profile import NO_SELECTION, ActiveProfile, Selection
from stardag.domain.target_roots import same_prefix

Status = Literal["same", "new", "changed", "gone", "overridden", "local", "unknown"]


class ListedRoot(NamedTuple):
    """One target root as it is used here, and what the registry says of it.

    `setting` is None for one that the registry serves and the cache has not (status "new"); `served` is None where
    the registry serves none or was not asked (status "unknown").
    """

    name: str
    setting: Setting[str] | None
    served: str | None
    status: Status


class Listing(NamedTuple):
    """The target roots of the active profile."""

    profile: ActiveProfile
    roots: tuple[ListedRoot, ...]
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class ListTargetRoots:
    """Lists the effective roots, compared with the registry's where it can be asked.

    Raises:
        OutOfReach, SignInNeeded: the registry cannot be asked, and nothing is cached that could be shown.
        and whatever else Connect and RegistryApi.target_roots raise.
    """

    connect: Connect
    state: State

    def __call__(self, selection: Selection = NO_SELECTION) -> Listing:
        """List."""
        profile = self.connect.resolve(selection)
        if profile.is_local:
            return Listing(profile, _unasked(profile, "local"), profile.notices)
        try:
            connection, served = self.connect.asking(
                selection, lambda connection: (connection, self._served(connection)), remember=False
            )
        except (OutOfReach, SignInNeeded) as error:
            if not profile.target_roots:
                raise
            notice = Notice("not-compared", f"Not compared with the registry. {error.message}")
            return Listing(profile, _unasked(profile, "unknown"), (*profile.notices, notice))
        profile = connection.profile
        return Listing(profile, _compared(profile, served), (*profile.notices, *connection.warnings))

    def _served(self, connection: Connection) -> Mapping[str, str]:
        remembered, _ = self.state.read(connection.profile.directory)
        cached = remembered.roots_of(connection.identity)
        served = connection.api.target_roots(connection.identity.workspace_id, cached.etag if cached else None)
        if served is None:
            return cached.target_roots if cached else {}
        return {root.name: root.uri_prefix for root in served.roots}


def _unasked(profile: ActiveProfile, status: Status) -> tuple[ListedRoot, ...]:
    return tuple(ListedRoot(name, setting, None, status) for name, setting in profile.target_roots.items())


def _compared(profile: ActiveProfile, served: Mapping[str, str]) -> tuple[ListedRoot, ...]:
    names = sorted(profile.target_roots.keys() | served.keys())
    return tuple(
        ListedRoot(name, profile.target_roots.get(name), served.get(name), _status(profile, name, served.get(name)))
        for name in names
    )


def _status(profile: ActiveProfile, name: str, served: str | None) -> Status:
    setting = profile.target_roots.get(name)
    if setting is None:
        return "new"
    if name in profile.overridden_roots:
        return "overridden"
    if served is None:
        return "gone"
    return "same" if same_prefix(setting.value, served) else "changed"
