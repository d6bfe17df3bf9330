"""With no configuration at all: central as the registry, and outputs on this machine until something names one."""

import pytest

from tests.end_to_end.machine import Machine, files_below, plain
from tests.end_to_end.registries import NOWHERE


def test_the_defaults_are_central_and_one_local_target_root(machine: Machine) -> None:
    values = machine.values()
    assert plain(values) == {
        "profile": None,
        "registry": "central",
        "registry_url": "https://api.stardag.com",
        "organization": None,
        "workspace": None,
        "api_key": None,
        "target_roots.default": f"{machine.directory}/local-target-roots/default/default/",
    }
    assert {value["origin"]["layer"] for value in values.values()} == {"default"}
    assert files_below(machine.home) == {}, "looking writes nothing"


def test_the_local_root_lies_in_the_stardag_directory_in_force(machine: Machine) -> None:
    elsewhere = machine.root / "elsewhere"
    moved = machine.values(env={"STARDAG_HOME": str(elsewhere)})["target_roots.default"]["value"]
    assert moved == f"{elsewhere}/local-target-roots/default/default/"
    project = machine.project("").parent
    assert machine.values()["target_roots.default"]["value"] == f"{project}/local-target-roots/default/default/"


def test_a_build_with_no_configuration_is_local_and_says_so_once(machine: Machine) -> None:
    """No network either: this machine has no way to the default registry, and no credential for it."""
    ran = machine.ask("target-roots", "validate", env={"HTTPS_PROXY": NOWHERE})
    assert ran.warnings["local-build"].count("this build stays on this machine") == 1
    assert ran.data["applied"] is False
    assert machine.run("target-roots", "validate", "--offline").err.count("this build stays on this machine") == 1
    assert files_below(machine.home) == {}, "the check of the storage leaves nothing behind"
    (root,) = machine.ask("target-roots", "list").data["roots"]
    assert (root["name"], root["origin"]["layer"], root["status"]) == ("default", "default", "local")


@pytest.mark.parametrize(
    "env",
    [
        {"STARDAG_REGISTRY_URL": NOWHERE},
        {"STARDAG_REGISTRY_URL": "https://api.stardag.com"},
        {"STARDAG_WORKSPACE": "ws"},
        {"STARDAG_ORGANIZATION": "org"},
        {"STARDAG_PROFILE": "p"},
    ],
)
def test_local_roots_never_stand_in_once_anything_names_a_registry(machine: Machine, env: dict[str, str]) -> None:
    if "STARDAG_PROFILE" in env:
        machine.configure('[profile.p]\nregistry = "central"\n')
    assert not [key for key in machine.values(env=env) if key.startswith("target_roots")]
    assert machine.ask("target-roots", "validate", "--offline", env=env, exits=6).error["code"] == (
        "registry-unreachable"
    )


def test_a_flag_or_a_project_file_names_one_as_well(machine: Machine) -> None:
    machine.project('[profile.p]\nregistry = "central"\n[default]\nprofile = "p"\n')
    assert "target-roots sync" in machine.run("config", "show").err
    assert not [key for key in machine.values() if key.startswith("target_roots")]
    words = ("target-roots", "list", "-w", "ws", "--offline")
    assert machine.ask(*words, cwd=machine.home, exits=6).error["code"] == "registry-unreachable"
    words = ("target-roots", "list", "-r", "central", "--offline")
    assert machine.ask(*words, cwd=machine.home, exits=6).error["code"] == "registry-unreachable"


def test_a_sync_with_nothing_configured_says_that_there_is_nothing_to_sync(machine: Machine) -> None:
    error = machine.ask("target-roots", "sync", exits=2).error
    assert error["code"] == "missing-setting"
    assert "nothing to sync" in error["message"]


def test_central_may_be_given_another_address(machine: Machine) -> None:
    machine.configure('[registry.central]\nurl = "https://central.example"\n')
    (registry,) = machine.ask("registry", "list").data["registries"]
    assert registry == {"name": "central", "url": "https://central.example", "active": True}
