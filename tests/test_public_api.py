"""What `import stardag` offers, and the container that front ends and tests rewire."""

import asyncio
import importlib
import os
import re
import subprocess
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from dependency_injector import providers

import stardag
from stardag.adapters.cli.exit_codes import exit_code_of
from stardag.adapters.cli.use_cases import UseCases
from stardag.api.tracebacks import with_short_traceback
from stardag.container import Container
from stardag.domain.errors import InvalidName, InvalidValue
from tests.app.world import World, codes, sample
from tests.domain.errors_of_every_kind import EVERY_ERROR

EXPORTED = """ActiveProfile Build Layer Notice Origin OutputPath Overridden RootChange RootChanges Setting
StardagError StardagWarning Synced Task TaskOutputs __version__ active_profile build errors overlay
sync_target_roots target_root task_outputs use validate_before_build"""

ABOVE_THE_LEAVES = {
    *("StardagError", "ConfigurationError", "TargetRootsDiffer", "SignInNeeded", "NotFound", "Conflict", "OutOfReach"),
    "FileProblem",
}


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of the test's own, and no variable from around it."""
    for name in [name for name in os.environ if name.startswith("STARDAG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("STARDAG_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def test_the_exported_names() -> None:
    assert sorted(stardag.__all__) == sorted(EXPORTED.split())


@pytest.mark.parametrize("name", EXPORTED.split())
def test_every_exported_name_is_there(name: str) -> None:
    assert getattr(stardag, name) is getattr(stardag, name)
    assert name in dir(stardag)


def test_dir_lists_what_was_not_imported_yet() -> None:
    assert set(EXPORTED.split()) <= set(dir(stardag))
    assert dir(stardag) == sorted(dir(stardag))


def test_an_unknown_name_is_an_attribute_error() -> None:
    module = importlib.import_module("stardag")
    with pytest.raises(AttributeError, match="'stardag' has no attribute 'nonsense'"):
        _ = module.nonsense
    assert not hasattr(module, "nonsense")


def test_every_error_is_a_stardag_error() -> None:
    with pytest.raises(stardag.StardagError, match="no profile 'missing'"):
        stardag.active_profile("missing")


def test_every_error_of_the_tree_is_exported_under_its_public_name() -> None:
    assert set(stardag.errors.__all__) == {type(error).__name__ for error in EVERY_ERROR} | ABOVE_THE_LEAVES
    for name in set(stardag.errors.__all__) - {"FileProblem"}:
        error = getattr(stardag.errors, name)
        assert issubclass(error, stardag.StardagError)
        assert (error.__module__, error.__qualname__) == ("stardag.errors", name)
        assert error.__doc__


def test_the_document_lists_every_error_with_its_code_and_exit_code() -> None:
    document = (Path(__file__).parent.parent / "docs" / "errors.md").read_text()
    rows = re.findall(r"^\| (?:&emsp;)*`(\w+)` \| `([a-z-]+)` \| (\d+) \| .+ \|$", document, re.MULTILINE)
    names = set(stardag.errors.__all__) - {"FileProblem"}
    classes: dict[str, type[stardag.StardagError]] = {name: getattr(stardag.errors, name) for name in names}
    exits = {name: exit_code_of(it.__new__(it)) for name, it in classes.items()}
    assert sorted(rows) == sorted((name, it.code, str(exits[name])) for name, it in classes.items())


def test_an_error_ends_at_the_line_that_called_the_library_and_says_the_fix() -> None:
    with pytest.raises(stardag.StardagError) as raised:
        stardag.target_root("missing")
    assert [frame.name for frame in traceback.extract_tb(raised.tb)][1:] == []
    shown = "".join(traceback.format_exception(raised.value))
    assert "stardag.errors.UnknownTargetRoot: The active profile has no target root 'missing'" in shown
    assert shown.endswith("\nFetch the workspace's target roots with: stardag target-roots sync\n")


async def entered() -> None:
    async with stardag.build("nightly", profile="missing"):
        pass


def with_a_build() -> None:
    with stardag.build("nightly", profile="missing"):
        pass


def a_path_outside_its_task() -> None:
    with pytest.warns(stardag.StardagWarning), stardag.build("nightly") as build:
        build.task("t").output("../../a")


@pytest.mark.parametrize(
    "call",
    [
        lambda: stardag.active_profile("missing"),
        stardag.sync_target_roots,
        lambda: stardag.validate_before_build("missing"),
        lambda: stardag.overlay(read_from="missing"),
        lambda: stardag.task_outputs("no task"),
        lambda: stardag.task_outputs("t").output("/etc/x"),
        lambda: stardag.build("x\udcff"),
        a_path_outside_its_task,
        with_a_build,
        lambda: asyncio.run(entered()),
    ],
)
def test_no_public_call_shows_frames_of_the_library(call: Callable[[], object]) -> None:
    with pytest.raises(stardag.StardagError) as raised:
        call()
    package = str(Path(stardag.__file__).parent)
    assert not [frame for frame in traceback.extract_tb(raised.tb) if frame.filename.startswith(package)]


def test_a_cause_stays_without_its_frames_and_what_the_caller_handled_keeps_them() -> None:
    @with_short_traceback
    def library_call() -> None:
        try:
            raise OSError("the disk is full")
        except OSError as error:
            raise stardag.errors.StateNotWritable("/c.toml", "the disk is full") from error

    def caller() -> None:
        try:
            raise KeyError("the caller's own")
        except KeyError:
            library_call()

    with pytest.raises(stardag.StardagError) as raised:
        caller()
    cause = raised.value.__cause__
    assert isinstance(cause, OSError)
    assert cause.__traceback__ is None
    assert isinstance(cause.__context__, KeyError)
    assert cause.__context__.__traceback__ is not None


def test_a_bug_keeps_every_frame() -> None:
    @with_short_traceback
    def library_call() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError) as raised:
        library_call()
    assert traceback.extract_tb(raised.tb)[-1].name == "library_call"


def test_the_development_mode_keeps_every_frame(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "dev", "-c", "import stardag; stardag.active_profile('missing')"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert "in find_profile" in finished.stderr


def test_the_active_profile_is_read_from_files_and_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stardag.active_profile().is_local
    monkeypatch.setenv("STARDAG_WORKSPACE_ID", "production")
    profile = stardag.active_profile(organization="my-org")
    assert (profile.organization.value, profile.workspace.value) == ("my-org", "production")
    assert profile.workspace.origin.layer is stardag.Layer.ENVIRONMENT
    assert not (tmp_path / "home").exists()


def test_notices_are_warnings_where_the_call_stands(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text("unknown = 1\n")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stardag.active_profile()
    (warning,) = caught
    assert warning.category is stardag.StardagWarning
    assert "unknown is not known" in str(warning.message)
    assert warning.filename == __file__


def test_a_local_validation_warns_and_makes_the_local_root(tmp_path: Path) -> None:
    with pytest.warns(stardag.StardagWarning, match="stays on this machine"):
        validated = stardag.validate_before_build()
    assert not validated.changes
    root = Path(validated.profile.target_root("default"))
    assert root.is_relative_to(tmp_path / "home")


def test_a_sync_without_any_registry_is_refused() -> None:
    with pytest.raises(stardag.StardagError, match="nothing to sync"):
        stardag.sync_target_roots()


def test_the_version_is_the_distributions() -> None:
    from importlib.metadata import version

    assert stardag.__version__ == version("stardag")


def test_the_container_runs_a_validation_on_ports_that_were_replaced() -> None:
    world = World()
    container = Container(
        environment=providers.Object(world.environment),
        files=providers.Object(world.files),
        state=providers.Object(world.state),
        registries=providers.Object(world.registries),
        storage=providers.Object(world.storage),
        trust=providers.Object(world.trust),
    )
    validated = container.validate_before_build()()
    assert codes(validated.notices) == ["root-added"]
    assert world.storage.checked == [validated.profile.target_root("default")]
    assert container.sync_target_roots()().changes == stardag.RootChanges()
    assert container.resolve_profile()().registry.value == "local"


def test_the_container_offers_what_the_command_line_asks_for() -> None:
    container = Container()
    use_cases: UseCases = cast("UseCases", container)
    for name in (name for name in vars(UseCases) if not name.startswith("_")):
        assert getattr(use_cases, name)() is not None


def test_two_containers_share_nothing() -> None:
    one, other = Container(), Container()
    assert one.state() is one.state()
    assert one.state() is not other.state()
    assert one.resolve_profile() is not one.resolve_profile()


def test_the_world_of_fakes_is_one_that_the_ports_describe() -> None:
    assert World().files.user == sample()
    assert "stardag.container" in sys.modules


HALF_A_SURROGATE_PAIR = "\udce9"


NOT_TEXT: list[Callable[[str], object]] = [
    stardag.build,
    lambda text: stardag.build("b", description=text),
    lambda text: stardag.build("b", commit=text),
    lambda text: stardag.build("b", profile=text),
    lambda text: stardag.build("b", registry=text),
    lambda text: stardag.active_profile(organization=text),
    lambda text: stardag.active_profile(workspace=text),
    lambda text: stardag.active_profile().target_root(text),
    stardag.target_root,
    lambda text: stardag.target_root(profile=text),
    stardag.task_outputs,
    lambda text: stardag.task_outputs("t", root=text),
]


@pytest.mark.parametrize("given", [HALF_A_SURROGATE_PAIR, 3, ["x"], b"x"])
@pytest.mark.parametrize("call", NOT_TEXT)
def test_what_is_not_text_is_refused_as_a_value(
    call: Callable[[str], object], given: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STARDAG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with pytest.raises((InvalidName, InvalidValue)) as caught:
        call(cast("str", given))  # a type that nobody checks when it runs
    assert caught.value.message.isprintable()
    assert repr(given).replace("\\udc", "\\x") in caught.value.message


@pytest.mark.parametrize(
    ("call", "argument"),
    [
        (lambda: stardag.active_profile("missing"), "profile="),
        (lambda: stardag.active_profile(registry="missing"), "registry="),
        (lambda: stardag.target_root(profile="missing"), "profile="),
        (lambda: stardag.overlay(read_from="missing"), "read_from="),
        (lambda: stardag.validate_before_build("missing"), "profile="),
        (with_a_build, "profile="),
    ],
)
def test_an_error_names_the_argument_that_a_value_came_from(call: Callable[[], object], argument: str) -> None:
    with pytest.raises(stardag.errors.UnknownName, match=rf"\(named by the argument {argument}\)"):
        call()


def test_values_of_arguments_say_so_in_their_origins() -> None:
    with stardag.use(organization="a"):
        profile = stardag.active_profile(workspace="b")
    assert str(profile.organization.origin) == "the argument organization="
    assert str(profile.workspace.origin) == "the argument workspace="


def test_parameters_that_cannot_be_are_told_in_english() -> None:
    with pytest.raises(InvalidValue, match=r"^Invalid parameters: they are no mapping\.\n"):
        stardag.task_outputs("t", 3)  # type: ignore[arg-type]  # which nobody checks when it runs
    with pytest.raises(InvalidValue, match=r"^Invalid parameters: they hold what JSON cannot say\.\n"):
        stardag.task_outputs("t", {"a": float("nan")})
