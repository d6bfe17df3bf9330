"""Joining the build of another process: the environment names it, and the target roots are those pinned to it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from stardag.app.builds.ports import Machine, Monotonic
from stardag.app.builds.reporting import RUNNING, Reporter
from stardag.app.builds.running_build import Registered, RunningBuild
from stardag.app.connect import Connect
from stardag.app.ports import EnvironmentVariables
from stardag.domain.child_environment import build_to_join
from stardag.domain.errors import OutOfReach
from stardag.domain.layers import Layer, Notice, Origin, Setting
from stardag.domain.names import is_id
from stardag.domain.profile import ActiveProfile, Selection
from stardag.domain.refusals import BuildEnded
from stardag.domain.remembered import WorkspaceIdentity

VARIABLE = "STARDAG_BUILD_ID"


class Joined(NamedTuple):
    """What a process knows of a build that it has joined; `profile` has the target roots that are pinned to it."""

    profile: ActiveProfile
    identity: WorkspaceIdentity | None
    workspace_id: str
    name: str | None
    notices: tuple[Notice, ...] = ()


class JoinedBuilds:
    """The builds that a process has joined, so that it asks for each once."""

    def __init__(self) -> None:
        self.known: dict[tuple[str | None, ...], Joined] = {}
        self.lock = threading.Lock()

    def forget(self, key: tuple[str | None, ...]) -> None:
        """Ask for a build again when it is joined the next time: it has ended."""
        with self.lock:
            self.known.pop(key, None)

    def renew_lock(self) -> None:
        """Begin with a free lock in a process that was forked while another thread held it."""
        self.lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class JoinBuild:
    """Joins builds: one request a process, and none where it was joined before. The build's own process says that it
    runs, and ends it."""

    connect: Connect
    environment: EnvironmentVariables
    machine: Machine
    monotonic: Monotonic

    def __call__(self, selection: Selection, name: str, joined_builds: JoinedBuilds) -> RunningBuild | None:
        """The build that the environment names for this very place; None where it names none. `name` is what it is
        called where its own name is not known.

        Raises:
            BuildEnded: it has ended.
            NotKnownToRegistry: the registry knows no such build in this workspace.
            OutOfReach: the registry does not answer, and the environment has no target roots to go on with.
            and whatever Connect and RegistryApi.build raise.
        """
        profile = self.connect.resolve(selection)
        build_id = build_to_join(profile, self.environment.read())
        if build_id is None:
            return None
        key = (build_id, profile.registry_url.value, profile.organization.value, profile.workspace.value)
        with joined_builds.lock:
            joined = joined_builds.known.get(key)
            if joined is None:
                joined = self._join(selection, profile, build_id)
                joined_builds.known[key] = joined
        pinned = joined.profile
        reporter = Reporter(
            lambda: self.connect.open_registry(pinned),
            joined.workspace_id,
            build_id,
            None,
            self.monotonic,
            on_end=lambda _status: joined_builds.forget(key),
        )
        registered = Registered(build_id, joined.workspace_id, reporter, is_joined=True)
        return RunningBuild(joined.name or name, pinned, joined.identity, self.machine, registered, joined.notices)

    def _join(self, selection: Selection, profile: ActiveProfile, build_id: str) -> Joined:
        try:
            return self._ask(selection, profile, build_id)
        except OutOfReach as error:
            workspace_id, roots = _workspace_id(profile), _roots_at_hand(profile)
            if workspace_id is None or not roots:
                raise
            message = f"Build {build_id} was joined with the target roots of the environment: {error.message}"
            notices = (*profile.notices, Notice("joined-out-of-reach", message))
            return Joined(profile._replace(target_roots=roots), profile.identity, workspace_id, None, notices)

    def _ask(self, selection: Selection, profile: ActiveProfile, build_id: str) -> Joined:
        identity, workspace_id, notices = profile.identity, _workspace_id(profile), profile.notices
        if workspace_id is None:
            connection = self.connect(selection)
            profile, identity = connection.profile, connection.identity
            api = connection.api.for_workspace(None)  # the build is one of that id, whatever it is called
            workspace_id, notices = identity.workspace_id, (*profile.notices, *connection.notices)
        else:
            api = self.connect.open_registry(profile)
        build, target_roots = api.build(workspace_id, build_id)
        if build.status not in RUNNING:
            raise BuildEnded(profile.registry_url.value, build_id)
        pinned = profile._replace(target_roots=_pinned(profile, target_roots))
        return Joined(pinned, identity, workspace_id, build.name, notices)


def _workspace_id(profile: ActiveProfile) -> str | None:
    """The id of the workspace, where it is known without asking."""
    if profile.identity is not None:
        return profile.identity.workspace_id
    named = profile.workspace.value
    return named if named is not None and is_id(named) else None


def _roots_at_hand(profile: ActiveProfile) -> dict[str, Setting[str]]:
    """The target roots that stand in the environment: handed down, or set by a person."""
    return {
        name: setting for name, setting in profile.target_roots.items() if setting.origin.layer is Layer.ENVIRONMENT
    }


def _pinned(profile: ActiveProfile, target_roots: Mapping[str, str]) -> dict[str, Setting[str]]:
    """The target roots of the build. One that a person has set by variable stays theirs, which counts elsewhere too."""
    origin = Origin(Layer.ENVIRONMENT, variable=VARIABLE)
    pinned = {name: Setting(prefix, origin) for name, prefix in sorted(target_roots.items())}
    own = {name: profile.target_roots[name] for name in profile.overridden_roots & pinned.keys()}
    return pinned | {name: setting for name, setting in own.items() if setting.value == pinned[name].value}
