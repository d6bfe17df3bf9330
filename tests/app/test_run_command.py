"""Running a command at the active profile's place: what it is given, and what is done when it has ended."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from signal import SIGINT, SIGKILL, SIGTERM

import pytest

from stardag.app.builds.ports import Monotonic
from stardag.app.registry_ports import MadeAccessToken
from stardag.app.run_command import BuildAsked, RunCommand
from stardag.domain.command_errors import CommandNotFound, CommandNotRunnable
from stardag.domain.credentials import Secret
from stardag.domain.ended_command import EndedCommand
from stardag.domain.errors import UnknownName
from stardag.domain.layers import Notice
from stardag.domain.profile import NO_SELECTION, Selection
from stardag.domain.refusals import TooMany
from stardag.domain.registry_errors import (
    NotKnownToRegistry,
    RegistryUnreachable,
    StorageUnavailable,
    TargetRootMismatch,
)
from tests.app.world import World, codes
from tests.fakes.commands import FakeCommand, FakeCommands, Program, Replaced, ending
from tests.fakes.configuration import FakeConfigurationFiles
from tests.fakes.environment import FakeEnvironment
from tests.fakes.registry import FakeRegistryApi

BUILD = "6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b11"
NIGHTLY = BuildAsked("nightly", "every night")


class Onlooker:
    """Whoever looks on, and remembers."""

    def __init__(self) -> None:
        self.told: list[Notice] = []

    def tell(self, notice: Notice) -> None:
        self.told.append(notice)

    @contextmanager
    def waiting(self, what: str) -> Generator[None]:
        assert what
        yield


class Running:
    """One world in which commands are run."""

    def __init__(self) -> None:
        self.world = World().synced()
        self.commands = FakeCommands()
        self.onlooker = Onlooker()
        self.monotonic: Monotonic = lambda: 0.0

    def use_case(self) -> RunCommand:
        start_build = replace(self.world.start_build, monotonic=self.monotonic)
        return RunCommand(self.commands, self.world.environment, self.world.validate, start_build)

    def __call__(
        self, program: Program, build: BuildAsked | None = None, selection: Selection = NO_SELECTION
    ) -> EndedCommand:
        """Run a program, whichever way."""
        self.commands.programs["program"] = program
        try:
            return self.use_case()(selection, ["program"], self.onlooker, build)
        except Replaced as replaced:
            return replaced.ended

    def environment(self, build: BuildAsked | None = None, selection: Selection = NO_SELECTION) -> dict[str, str]:
        """What a program finds in its environment."""
        found: dict[str, str] = {}

        def look(_command: FakeCommand, environment: Mapping[str, str]) -> EndedCommand:
            found.update(environment)
            return EndedCommand(0)

        self(look, build, selection)
        return found

    @property
    def tokens(self) -> list[Secret]:
        """The access tokens that are good."""
        return [secret for secret, token in self.world.registry.tokens.items() if token.access_token_id is not None]

    def asked(self, what: str) -> int:
        """How often the registry was asked for this."""
        return len([each for each in self.world.registry.requests if what in each])


@pytest.fixture
def run() -> Running:
    return Running()


@pytest.fixture
def signed_in(run: Running) -> Running:
    run.world.signed_in()
    return run


def builds(run: Running) -> list[tuple[str, str | None]]:
    """How each build ended."""
    found = run.world.registry.builds
    return [(each.detail.build.status, each.detail.build.error) for each in found.values()]


class TestWhatItIsGiven:
    def test_the_place_by_ids_and_all_else_that_was_there(self, run: Running) -> None:
        run.commands.variables |= {
            "STARDAG_API_KEY": "sk_x",
            "STARDAG_WORKSPACE": "default",
            "STARDAG_PROFILE": "local",
        }
        environment = run.environment()
        identity = run.world.resolve().identity
        assert identity is not None
        assert "/local-target-roots/default/default/" in environment.pop("STARDAG_INHERITED")
        assert environment == {
            "PATH": "/bin",
            "STARDAG_API_KEY": "sk_x",
            "STARDAG_REGISTRY_URL": identity.registry_url,
            "STARDAG_ORGANIZATION_ID": identity.organization_id,
            "STARDAG_WORKSPACE_ID": identity.workspace_id,
            "STARDAG_TARGET_ROOTS": '{"default":"/local-target-roots/default/default/"}',
        }

    def test_with_an_api_key_it_takes_the_place_of_the_program(self, run: Running) -> None:
        use_case = run.use_case()
        with pytest.raises(Replaced):
            use_case(NO_SELECTION, ["true"], run.onlooker)
        assert run.tokens == []

    def test_a_local_profile_gives_its_target_roots_alone(self, run: Running) -> None:
        run.world.files, run.world.environment = FakeConfigurationFiles(), FakeEnvironment()
        assert sorted(run.environment()) == ["PATH", "STARDAG_INHERITED", "STARDAG_TARGET_ROOTS"]
        assert run.onlooker.told == []

    def test_a_build_of_a_local_profile_stays_here_and_says_so(self, run: Running) -> None:
        run.world.files, run.world.environment = FakeConfigurationFiles(), FakeEnvironment()
        assert sorted(run.environment(NIGHTLY)) == ["PATH", "STARDAG_INHERITED", "STARDAG_TARGET_ROOTS"]
        assert codes(run.onlooker.told) == ["local-build"]

    def test_a_build_that_is_joined_is_handed_on_within_its_workspace(self, signed_in: Running) -> None:
        world = signed_in.world
        world.environment = FakeEnvironment(workspace=world.workspace.id, build_id=BUILD)
        assert signed_in.environment()["STARDAG_BUILD_ID"] == BUILD
        world.registry.add_workspace(next(iter(world.registry.organizations.values())), "staging")
        assert "STARDAG_BUILD_ID" not in signed_in.environment(selection=Selection(workspace="staging"))

    def test_offline_it_gets_what_is_cached_and_stays_offline(self, run: Running) -> None:
        environment = run.environment(selection=Selection(offline=True))
        assert environment["STARDAG_OFFLINE"] == "1"
        assert environment["STARDAG_TARGET_ROOTS"] == '{"default":"/local-target-roots/default/default/"}'
        assert codes(run.onlooker.told) == ["not-validated"]
        assert run.world.registry.requests == []

    def test_offline_there_is_no_build_and_nothing_without_a_cache(self, run: Running) -> None:
        with pytest.raises(RegistryUnreachable):
            run(ending(0), NIGHTLY, Selection(offline=True))
        fresh = Running()
        fresh.world = World()
        with pytest.raises(RegistryUnreachable):
            fresh(ending(0), None, Selection(offline=True))


class TestBeforeItIsRun:
    @pytest.mark.parametrize("build", [None, NIGHTLY])
    @pytest.mark.parametrize(("name", "error"), [("nonesuch", CommandNotFound), ("notes.txt", CommandNotRunnable)])
    def test_what_is_no_command_asks_no_registry(
        self, signed_in: Running, name: str, error: type[Exception], build: BuildAsked | None
    ) -> None:
        use_case = signed_in.use_case()
        with pytest.raises(error):
            use_case(NO_SELECTION, [name], signed_in.onlooker, build)
        assert signed_in.world.registry.requests == []

    @pytest.mark.parametrize("build", [None, NIGHTLY])
    def test_what_does_not_validate_is_not_run(self, signed_in: Running, build: BuildAsked | None) -> None:
        signed_in.world.set_root("default", "s3://elsewhere/")
        with pytest.raises(TargetRootMismatch):
            signed_in(ending(0), build)
        signed_in.world.sync()
        signed_in.world.storage.problems = {"s3://elsewhere/": "it is not there"}
        with pytest.raises(StorageUnavailable):
            signed_in(ending(0), build)
        with pytest.raises(UnknownName):
            signed_in(ending(0), build, Selection(profile="nonesuch"))
        assert (signed_in.tokens, builds(signed_in)) == ([], [])
        assert not any(command.environment for command in signed_in.commands.found)

    def test_notices_come_before_it_runs(self, run: Running) -> None:
        run.world.set_root("archive", "/archive")
        seen: list[str] = []

        def look(_command: FakeCommand, _environment: Mapping[str, str]) -> EndedCommand:
            seen.extend(codes(run.onlooker.told))
            return EndedCommand(0)

        run(look)
        assert seen == ["root-added"]


class TestAccessTokens:
    @pytest.mark.parametrize("build", [None, NIGHTLY])
    def test_a_signed_in_users_command_has_one_that_ends_with_it(
        self, signed_in: Running, build: BuildAsked | None
    ) -> None:
        during: list[list[Secret]] = []

        def look(command: FakeCommand, environment: Mapping[str, str]) -> EndedCommand:
            during.append(signed_in.tokens)
            assert [secret.reveal() for secret in signed_in.tokens] == [environment["STARDAG_ACCESS_TOKEN"]]
            assert command.is_held
            return EndedCommand(3)

        assert signed_in(look, build) == EndedCommand(3)
        assert [len(tokens) for tokens in during] == [1]
        assert signed_in.tokens == []

    @pytest.mark.parametrize("build", [None, NIGHTLY])
    def test_it_is_revoked_however_the_command_ends(self, signed_in: Running, build: BuildAsked | None) -> None:
        def fail(_command: FakeCommand, _environment: Mapping[str, str]) -> EndedCommand:
            raise CommandNotRunnable("program", "it is broken")

        with pytest.raises(CommandNotRunnable):
            signed_in(fail, build)
        assert signed_in.asked("access-tokens") == 2
        assert signed_in.tokens == []

    def test_nothing_else_secret_is_in_the_environment(self, signed_in: Running) -> None:
        refresh_token = signed_in.world.sign_ins.all_in(signed_in.world.directory)[0].refresh_token
        environment = signed_in.environment()
        cached = [secret for secret in signed_in.world.registry.tokens if secret.reveal() in environment.values()]
        assert cached == []  # the one that was made for it has been revoked by now
        assert refresh_token.reveal() not in environment.values()

    def test_one_of_another_place_is_not_handed_on(self, run: Running) -> None:
        run.commands.variables["STARDAG_ACCESS_TOKEN"] = "of another place"
        assert "STARDAG_ACCESS_TOKEN" not in run.environment()

    def test_one_that_this_process_was_handed_itself_is_handed_on(self, signed_in: Running) -> None:
        def nested(_command: FakeCommand, environment: Mapping[str, str]) -> EndedCommand:
            signed_in.world.environment = FakeEnvironment(
                registry_url=environment["STARDAG_REGISTRY_URL"],
                organization=environment["STARDAG_ORGANIZATION_ID"],
                workspace=environment["STARDAG_WORKSPACE_ID"],
                access_token=environment["STARDAG_ACCESS_TOKEN"],
            )
            assert signed_in.environment()["STARDAG_ACCESS_TOKEN"] == environment["STARDAG_ACCESS_TOKEN"]
            signed_in.world.environment = FakeEnvironment()
            return EndedCommand(0)

        signed_in(nested)
        assert signed_in.asked("POST /organizations") == 1

    def test_a_registry_that_makes_none_is_said_and_done_without(self, signed_in: Running) -> None:
        class OldApi(FakeRegistryApi):
            def make_access_token(self, organization_id: str, lifetime: float) -> MadeAccessToken:
                raise NotKnownToRegistry("organization", organization_id, self.registry.url)

        signed_in.world.registries.api = OldApi
        assert "STARDAG_ACCESS_TOKEN" not in signed_in.environment()
        assert codes(signed_in.onlooker.told) == ["no-access-token"]

    def test_one_that_cannot_be_made_starts_nothing(self, signed_in: Running) -> None:
        class FullApi(FakeRegistryApi):
            def make_access_token(self, organization_id: str, lifetime: float) -> MadeAccessToken:
                raise TooMany(self.registry.url, "A user has at most 100", "access token")

        signed_in.world.registries.api = FullApi
        with pytest.raises(TooMany):
            signed_in(ending(0))
        with pytest.raises(TooMany):
            signed_in(ending(0), NIGHTLY)
        assert builds(signed_in) == [("failed", "stardag.errors.TooMany")]

    def test_one_that_cannot_be_revoked_is_said(self, signed_in: Running) -> None:
        def part(_command: FakeCommand, _environment: Mapping[str, str]) -> EndedCommand:
            signed_in.world.registry.down = "nobody answers"
            return EndedCommand(0)

        assert signed_in(part) == EndedCommand(0)
        (notice,) = signed_in.onlooker.told
        assert notice.code == "not-revoked"
        assert "ends by itself within 12 h" in notice.message
        assert not any(secret.reveal() in notice.message for secret in signed_in.tokens)


class TestBuilds:
    @pytest.mark.parametrize(
        ("ended", "expected"),
        [
            (EndedCommand(0), ("completed", None)),
            (EndedCommand(3), ("failed", "exit code 3")),
            (EndedCommand(signal=SIGKILL), ("failed", "killed by SIGKILL")),
            (EndedCommand(signal=SIGTERM), ("failed", "killed by SIGTERM")),
            (EndedCommand(signal=SIGTERM, stopped_by=SIGTERM), ("cancelled", None)),
            (EndedCommand(130, stopped_by=SIGINT), ("cancelled", None)),
            (EndedCommand(0, stopped_by=SIGTERM), ("completed", None)),
        ],
    )
    def test_it_ends_as_the_command_does(
        self, run: Running, ended: EndedCommand, expected: tuple[str, str | None]
    ) -> None:
        assert run(lambda _command, _environment: ended, NIGHTLY) == ended
        assert builds(run) == [expected]

    def test_it_is_known_to_the_command(self, run: Running) -> None:
        assert run.environment(NIGHTLY)["STARDAG_BUILD_ID"] in run.world.registry.builds

    def test_one_that_cannot_be_run_after_all_has_failed(self, run: Running) -> None:
        def fail(_command: FakeCommand, _environment: Mapping[str, str]) -> EndedCommand:
            raise CommandNotRunnable("program", "it is broken")

        with pytest.raises(CommandNotRunnable):
            run(fail, NIGHTLY)
        assert builds(run) == [("failed", "stardag.errors.CommandNotRunnable")]

    def test_one_whose_end_cannot_be_told_is_told_of_later(self, run: Running) -> None:
        def part(_command: FakeCommand, _environment: Mapping[str, str]) -> EndedCommand:
            run.world.registry.down = "nobody answers"
            return EndedCommand(0)

        assert run(part, NIGHTLY) == EndedCommand(0)
        assert codes(run.onlooker.told) == ["outcome-kept"]

    def test_one_that_is_cancelled_at_the_registry_ends_the_command(self, run: Running) -> None:
        def cancelled(command: FakeCommand, environment: Mapping[str, str]) -> EndedCommand:
            run.world.registry.end_build(run.world.workspace.id, environment["STARDAG_BUILD_ID"], "cancelled")
            assert command.terminated.wait(60)
            return EndedCommand(signal=SIGTERM)

        ticks = count(step=1000)  # a heartbeat is due whenever anybody looks
        run.monotonic = lambda: float(next(ticks))
        assert run(cancelled, NIGHTLY) == EndedCommand(signal=SIGTERM, stopped_by=SIGTERM)
        assert builds(run) == [("cancelled", None)]
        assert codes(run.onlooker.told) == ["build-cancelled"]
