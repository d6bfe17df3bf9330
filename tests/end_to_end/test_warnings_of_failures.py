"""A command that fails still says what it would have warned of: of variables, files, state and its own words."""

from collections.abc import Sequence

import pytest

from tests.end_to_end.machine import Machine, write
from tests.end_to_end.registries import NOWHERE, Place

UNKNOWN = {"STARDAG_PROFILEE": "x"}
FILE = f'[registry.r]\nurl = "{NOWHERE}"\nurll = "x"\n[profile.p]\nregistry = "r"\n'


def check(machine: Machine, words: Sequence[str], codes: Sequence[str], env: dict[str, str], exits: int) -> None:
    """The same warnings in JSON beside the error, in text before it and once, and none with --quiet."""
    asked = machine.ask(*words, env=env, exits=exits)
    assert asked.error
    assert sorted(asked.warnings) == sorted(codes)
    said = machine.run(*words, env=env, exits=exits).err
    assert said.startswith("warning: ")
    assert said.count("warning: ") == len(codes)
    assert said.index("error: ") > said.rindex("warning: ")
    assert "warning" not in machine.run(*words, "-q", env=env, exits=exits).err


@pytest.mark.parametrize(
    ("line", "exits"),
    [
        ("config show -p nosuch", 2),
        ("exec -p nosuch -- true", 2),
        ("target-roots sync -r nosuch", 2),
        ("workspaces list -p p", 4),
        ("profile use nosuch", 2),
        ("auth login -r r --with-token", 4),
    ],
)
def test_warnings_of_variables_and_of_the_file_come_before_the_error(machine: Machine, line: str, exits: int) -> None:
    machine.configure(FILE)
    head, *tail = line.split(" -- ")
    words, behind = head.split(), ["--", *tail] if tail else []
    codes = ["unknown-variable"] if words[0] == "auth" else ["unknown-variable", "unknown-key"]
    asked = machine.run(*words, "--format", "json", *behind, env=UNKNOWN, exits=exits)
    assert sorted(asked.warnings) == sorted(codes)
    said = machine.run(*words, *behind, env=UNKNOWN, exits=exits).err
    assert said.count("warning: ") == len(codes)
    assert said.index("error: ") > said.rindex("warning: ")
    assert "warning" not in machine.run(*words, "-q", *behind, env=UNKNOWN, exits=exits).err


def test_a_variable_that_is_not_known_is_said_where_another_is_invalid(machine: Machine) -> None:
    check(machine, ["config", "show"], ["unknown-variable"], {**UNKNOWN, "STARDAG_TIMEOUT": "soon"}, 2)


def test_a_variable_that_is_not_known_is_said_where_the_file_is_invalid(machine: Machine) -> None:
    machine.configure("[registry\n")
    check(machine, ["registry", "list"], ["unknown-variable"], UNKNOWN, 2)


def test_a_key_that_is_not_known_is_said_where_the_file_has_an_error(machine: Machine) -> None:
    machine.configure(f'{FILE}[profile.q]\nregistry = "nosuch"\n')
    check(machine, ["config", "show"], ["unknown-key"], {}, 2)


def test_state_that_does_not_count_is_said_where_the_registry_is_out_of_reach(machine: Machine) -> None:
    machine.configure(FILE)
    write(machine.directory / "id-cache.json", "[")
    env = {"STARDAG_API_KEY": "stardag_build_" + "x" * 43}
    check(machine, ["target-roots", "sync", "-r", "r"], ["state-set-aside", "unknown-key"], env, 6)


def test_a_misspelt_command_is_said_where_it_fails_or_is_no_command(machine: Machine) -> None:
    check(machine, ["stardag", "profile", "use", "nosuch"], ["misspelt-command"], {}, 2)
    check(machine, ["stardag", "nosuch"], ["misspelt-command"], {}, 2)


@pytest.mark.parametrize(
    "line", ["nosuch", "workspaces list --bad", "registry add", "registry backup", "-p version", "--quite version"]
)
def test_a_variable_that_is_not_known_is_said_where_the_command_line_cannot_be_understood(
    machine: Machine, line: str
) -> None:
    check(machine, line.split(), ["unknown-variable"], UNKNOWN, 2)


def test_a_root_that_was_synced_is_said_where_its_storage_fails(machine: Machine, place: Place) -> None:
    write(machine.root / "file", "")
    place.add("broken", str(machine.root / "file" / "below"))
    words = ["target-roots", "validate"]
    asked = machine.ask(*words, env=place.variables, exits=1)
    assert "root-added" in asked.warnings


def test_a_command_that_reads_no_variables_warns_of_them_as_well(machine: Machine) -> None:
    machine.configure(FILE)
    assert "unknown-variable" in machine.ask("profile", "use", "p", env=UNKNOWN).warnings
    assert machine.run("profile", "use", "p", env=UNKNOWN).err.count("STARDAG_PROFILEE") == 1


def test_no_warning_of_a_command_that_is_run_is_said_twice(machine: Machine) -> None:
    said = machine.run("stardag", "exec", "--", "true", env=UNKNOWN).err
    assert said.count("warning: ") == 2
    assert "The command is: stardag exec" in said
