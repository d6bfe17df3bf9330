"""Running any command at the active profile's place: validated like a build, as a build where that is asked for, and
with an access token of its own where a person is signed in, which ends with the command (readings, section 6)."""

from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from stardag.app.builds.running_build import RunningBuild
from stardag.app.builds.start_build import StartBuild
from stardag.app.child_processes import Command, Commands
from stardag.app.ports import EnvironmentVariables
from stardag.app.registry_ports import MadeAccessToken, RegistryApi
from stardag.app.validate_before_build import ValidateBeforeBuild
from stardag.domain.builds import BuildStatus
from stardag.domain.child_environment import build_to_join, child_environment, environment_of, roots_left_out
from stardag.domain.credentials import Secret
from stardag.domain.ended_command import EndedCommand
from stardag.domain.endings import Ending, ending_of
from stardag.domain.errors import StardagError
from stardag.domain.layers import Notice
from stardag.domain.profile import ActiveProfile, Selection
from stardag.domain.registry_errors import NotKnownToRegistry

TOKEN_LIFETIME = 12 * 3600.0
"""Seconds that an access token is asked for; a registry may give less."""


class BuildAsked(NamedTuple):
    """What the build is to be called that a command is."""

    name: str
    description: str | None = None


class Onlooker(Protocol):
    """Whoever looks on while a command is run."""

    def tell(self, notice: Notice) -> None:
        """Say something at once, on any thread."""
        ...

    def waiting(self, what: str) -> AbstractContextManager[None]:
        """Say what is being waited for, until the block ends."""
        ...


@dataclass(frozen=True, slots=True)
class RunCommand:
    """Runs commands.

    Raises:
        CommandNotFound, CommandNotRunnable: of the command; nothing was asked of a registry.
        and whatever ValidateBeforeBuild, StartBuild and RegistryApi.make_access_token raise.
    """

    commands: Commands
    environment: EnvironmentVariables
    validate: ValidateBeforeBuild
    start_build: StartBuild

    def __call__(
        self, selection: Selection, words: Sequence[str], onlooker: Onlooker, build: BuildAsked | None = None
    ) -> EndedCommand:
        """Run a command and say how it ended. Where nothing remains to be done then, it takes the place of this process
        instead, and nothing is returned."""
        command = self.commands.find(words)
        if build is not None:
            return self._run_as_build(selection, command, onlooker, build)
        profile = self._validated(selection, onlooker)
        build_id = build_to_join(profile, self.environment.read())
        variables = environment_of(profile, profile.identity, build_id)
        if not _is_signed_in(profile):
            command.replace(self._environment(variables, profile.access_token.value))
        with command.holding_signals(), self._access_token(profile, onlooker) as token:
            return command.run(self._environment(variables, token))

    def _run_as_build(
        self, selection: Selection, command: Command, onlooker: Onlooker, asked: BuildAsked
    ) -> EndedCommand:
        def hear(status: BuildStatus) -> None:
            if status == "cancelled":
                onlooker.tell(
                    Notice("build-cancelled", "The build was cancelled at the registry: the command is asked to end.")
                )
                command.terminate()

        with onlooker.waiting("Asking the registry and every storage"):
            build = self.commands.without_signals(
                lambda: self.start_build(selection, asked.name, asked.description, on_end=hear)
            )
        with command.holding_signals():
            try:
                self._tell(build.notices, build.profile, onlooker)
                with self._access_token(build.profile, onlooker) as token:
                    ended = command.run(self._environment(build.environment(), token))
            except BaseException as raised:
                _end(build, ending_of(raised), onlooker)
                raise
            _end(build, ended.ending, onlooker)
            return ended

    def _validated(self, selection: Selection, onlooker: Onlooker) -> ActiveProfile:
        """The profile, validated like at a build start, though what an archived workspace has may be read; unless
        somebody asks to work offline, with what is cached."""
        profile = self.validate.connect.resolve(selection)
        profile.check_chosen()
        if profile.offline.value and profile.target_roots and not profile.is_local:
            said_by = profile.offline.origin
            unchecked = Notice("not-validated", f"{said_by} asks to work offline: the target roots were not validated.")
            notices = (*profile.notices, unchecked)
        else:
            with onlooker.waiting("Asking the registry and every storage"):
                synced = self.commands.without_signals(lambda: self.validate(selection, to_build=False))
            profile = synced.profile  # no build is begun here; one that the command begins says that it is local
            notices = tuple(notice for notice in synced.notices if notice.code != "local-build")
        self._tell(notices, profile, onlooker)
        return profile

    def _tell(self, notices: Sequence[Notice], profile: ActiveProfile, onlooker: Onlooker) -> None:
        for notice in notices:
            onlooker.tell(notice)
        left_out = roots_left_out(profile)
        if left_out is not None:
            onlooker.tell(left_out)

    def _environment(self, variables: dict[str, str], token: Secret | None) -> dict[str, str]:
        return child_environment(self.commands.inherited(), variables, token)

    @contextmanager
    def _access_token(self, profile: ActiveProfile, onlooker: Onlooker) -> Generator[Secret | None]:
        """The command's access token: made for it where a person is signed in, and revoked when the block ends, however
        it ends; else the one that this process was handed itself, if any."""
        if not _is_signed_in(profile) or profile.identity is None:
            yield profile.access_token.value
            return
        api, organization_id = self.validate.connect.open_registry(profile), profile.identity.organization_id
        with onlooker.waiting("Asking the registry for an access token"):
            made = _made(api, organization_id, onlooker)
        if made is None:
            yield None
            return
        try:
            yield made.token
        finally:
            _revoke(api, organization_id, made, onlooker)


def _end(build: RunningBuild, ending: Ending, onlooker: Onlooker) -> None:
    for notice in build.end(*ending):
        onlooker.tell(notice)


def _made(api: RegistryApi, organization_id: str, onlooker: Onlooker) -> MadeAccessToken | None:
    """A new access token; None of a registry that makes none, which is said."""
    try:
        return api.make_access_token(organization_id, TOKEN_LIFETIME)
    except NotKnownToRegistry:  # which has just told of this very organization
        message = (
            "The registry is of a version that makes no access tokens for commands: what runs has none, and "
            "reaches the registry only where it can read your own sign-in."
        )
        onlooker.tell(Notice("no-access-token", message))
        return None


def _revoke(api: RegistryApi, organization_id: str, made: MadeAccessToken, onlooker: Onlooker) -> None:
    try:
        api.revoke_access_token(organization_id, made.id)
    except StardagError as error:
        hours = max(1, round(made.lifetime / 3600))
        message = f"The command's access token was not revoked, and ends by itself within {hours} h: {error.message}"
        onlooker.tell(Notice("not-revoked", message))


def _is_signed_in(profile: ActiveProfile) -> bool:
    """Whether what is shown to the registry is a person's sign-in, which no command is to have."""
    at_hand = profile.api_key.value or profile.access_token.value
    return at_hand is None and not (profile.is_local or profile.offline.value)
