"""What `import stardag` offers, and the container that front ends and tests rewire."""

import importlib
import os
import sys
import warnings
from pathlib import Path
from typing import cast

import pytest
from dependency_injector import providers

import stardag
from stardag.adapters.cli.use_cases import UseCases
from stardag.container import Container
from tests.app.world import World, codes, sample

EXPORTED = """ActiveProfile Build Layer Notice Origin OutputPath Overridden RootChange RootChanges Setting
StardagError StardagWarning Synced Task TaskOutputs __version__ active_profile build overlay
sync_target_roots target_root task_outputs use validate_before_build"""


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
