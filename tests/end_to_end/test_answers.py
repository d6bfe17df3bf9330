"""How every command answers: exit codes, the two formats and streams, help, and what is asked where nobody is."""

import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.machine import PROGRAM, TIMEOUT_SECONDS, Machine, Ran, check_promises
from tests.end_to_end.registries import NOWHERE, Place
from tests.fakes.http_server import ScriptedServer, response

COMMANDS = (
    "registry list",
    "registry add",
    "registry remove",
    "registry serve",
    "profile list",
    "profile show",
    "profile add",
    "profile use",
    "profile remove",
    "organizations list",
    "workspaces list",
    "target-roots list",
    "target-roots sync",
    "target-roots validate",
    "config show",
    "config explain",
    "config path",
    "config validate",
    "trust",
    "version",
)
SHARED_OPTIONS = ("--profile", "-p", "--format", "--quiet", "-q", "--verbose", "-v", "--no-input", "--offline")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_names_the_shared_options(machine: Machine, command: str) -> None:
    helped = machine.run(*command.split(), "--help")
    assert f"Usage: stardag {command}" in helped.out
    for option in SHARED_OPTIONS:
        assert option in helped.out
    assert helped.err == ""


def test_the_program_and_its_groups_show_their_commands_where_none_is_named(machine: Machine) -> None:
    for group in ("", "registry", "profile", "organizations", "workspaces", "target-roots", "config"):
        ran = machine.run(*group.split())
        assert f"Usage: stardag {group}".strip() in ran.out
        for command in COMMANDS:
            if command.startswith(f"{group} "):
                assert command.split()[1] in ran.out
    assert machine.run("--help").out == machine.run().out


def test_help_shows_the_short_options_of_the_guide(machine: Machine) -> None:
    helped = machine.run("profile", "add", "--help").out
    for option in ("-r", "--registry", "-o", "--organization", "-w", "--workspace"):
        assert option in helped


def test_the_version_is_the_same_whichever_way_it_is_asked_for(machine: Machine) -> None:
    version = machine.run("version").out
    assert machine.run("--version").out == version
    assert machine.ask("version").data == {"version": version.strip()}


def test_the_guides_slip_works_and_the_right_spelling_is_said(machine: Machine) -> None:
    slip = machine.run("stardag", "profile", "list")
    assert slip.code == 0
    assert "The command is: stardag profile list" in slip.err
    asked = machine.ask("stardag", "stardag", "version")
    assert asked.envelope["schema"] == "stardag.version/1"
    assert "The command is: stardag version" in asked.warnings["misspelt-command"]


def test_the_guides_slip_is_also_corrected_where_the_command_fails(machine: Machine) -> None:
    slip = machine.run("stardag", "target-roots", "sync", exits=2)
    assert "The command is: stardag target-roots sync" in slip.err


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["profil", "list"], "profile"),
        (["profile", "lst"], "list"),
        (["profile", "list", "--ofline"], "--offline"),
        (["target-root", "sync"], "target-roots"),
    ],
)
def test_a_misspelt_word_exits_2_and_the_nearest_right_one_is_named(
    machine: Machine, words: list[str], meant: str
) -> None:
    error = machine.ask(*words, exits=2).error
    assert error["code"] == "usage"
    assert meant in error["message"]
    assert "--help" in error["fix"]


def test_a_format_that_is_neither_text_nor_json_exits_2(machine: Machine) -> None:
    assert '"xml"' in machine.run("profile", "list", "--format", "xml", exits=2).err


def test_json_goes_by_the_agreed_schemas(machine: Machine, place: Place) -> None:
    machine.configure(place.profile())
    env = {"STARDAG_API_KEY": place.key}
    agreed: dict[str, tuple[str, set[str], set[str]]] = {
        "registry list": ("registries", {"name", "url", "active"}, set()),
        "profile list": ("profiles", {"name", "registry", "organization", "workspace", "active"}, set()),
        "organizations list": ("organizations", {"id", "slug", "name", "role"}, set()),
        "workspaces list": ("workspaces", {"id", "slug", "name"}, set()),
        "target-roots sync": ("added", {"name", "old", "new"}, {"added", "modified", "deleted", "applied"}),
        "target-roots list": ("roots", {"name", "uri_prefix", "origin"}, set()),
        "target-roots validate": ("added", set(), {"added", "modified", "deleted", "applied"}),
        "config show": ("values", {"key", "value", "origin", "overridden"}, set()),
    }
    for command, (name, fields, others) in agreed.items():
        ran = machine.ask(*command.split(), env=env)
        assert ran.envelope["schema"] == f"stardag.{command.replace(' ', '.')}/1"
        assert ran.err == "", "in JSON, warnings are in the answer"
        assert {name} | others <= ran.data.keys()
        for item in ran.data[name]:
            assert fields <= item.keys(), command
    keys = machine.values(env=env).keys()
    expected = {"profile", "registry", "registry_url", "organization", "workspace", "api_key", "target_roots.default"}
    assert set(keys) == expected
    for value in machine.values(env=env).values():
        assert {"layer", "path", "line", "variable"} <= value["origin"].keys()


def test_the_answers_to_programs_hold_what_the_registry_holds(machine: Machine, place: Place) -> None:
    env = place.variables
    (organization,) = machine.ask("organizations", "list", env=env).data["organizations"]
    assert (organization["id"], organization["slug"]) == (place.organization_id, place.organization)
    (workspace,) = machine.ask("workspaces", "list", env=env).data["workspaces"]
    assert (workspace["id"], workspace["slug"]) == (place.workspace_id, place.workspace)
    assert place.workspace in machine.run("workspaces", "list", env=env).out


def test_standard_output_carries_the_answer_alone(machine: Machine) -> None:
    machine.configure('[registry.here]\nurl = "https://here.example"\nurll = "x"\n')
    ran = machine.run("registry", "list", env={"STARDAG_NONSENSE": "1"})
    assert len(ran.out.splitlines()) == 3  # titles, central, here
    assert "warning" not in ran.out
    assert ran.err.count("warning: ") == 2
    quiet = machine.run("registry", "list", "--quiet", env={"STARDAG_NONSENSE": "1"})
    assert (quiet.out, quiet.err) == (ran.out, "")
    warned = machine.ask("registry", "list", env={"STARDAG_NONSENSE": "1"})
    assert set(warned.warnings) == {"unknown-key", "unknown-variable"}
    assert warned.err == ""


def test_an_error_says_what_is_wrong_where_it_came_from_and_what_to_type_next(machine: Machine) -> None:
    machine.configure('[profile.production]\nregistry = "central"\n')
    text = machine.run("config", "show", "-p", "prodction", exits=2)
    assert text.out == ""
    what, then = text.err.splitlines()
    assert what == "error: There is no profile 'prodction' (named by --profile). Did you mean 'production'?"
    assert "stardag profile add" in then
    error = machine.ask("config", "show", "--profile", "prodction", exits=2).error
    assert error["code"] == "unknown-name"
    assert f"error: {error['message']}\n{error['fix']}\n" == text.err


def test_quiet_keeps_errors(machine: Machine) -> None:
    assert "There is no profile 'x'" in machine.run("config", "show", "-q", "-p", "x", exits=2).err


def test_verbose_says_what_is_asked_on_standard_error_and_no_secret(machine: Machine, place: Place) -> None:
    ran = machine.run("organizations", "list", "--verbose", env=place.variables)
    assert f"{place.url}/api/v1/organizations" in ran.err
    assert ran.out == machine.run("organizations", "list", env=place.variables).out


def test_where_nobody_can_be_asked_what_is_missing_is_an_error_that_names_the_option(machine: Machine) -> None:
    for words, option in (
        (["registry", "add", "mine"], "--url"),
        (["profile", "add", "mine"], "--registry"),
        (["profile", "add", "mine", "-r", "central"], "--organization"),
        (["profile", "add", "mine", "-r", "central", "-o", "org"], "--workspace"),
    ):
        error = machine.ask(*words, exits=2).error
        assert error["code"] == "input-needed"
        assert option in error["fix"]
    assert not machine.directory.exists(), "nothing is written by a command that fails"


def test_the_exit_codes_tell_the_failures_apart(machine: Machine, place: Place) -> None:
    """1 failed, 2 configuration, 3 roots differ (elsewhere), 4 sign in first, 5 not known, 6 out of reach."""
    env = place.variables
    not_writable = machine.root / "file"
    not_writable.write_text("")
    failed = machine.ask(
        "target-roots", "validate", env={**env, "STARDAG_TARGET_ROOTS__DEFAULT": f"{not_writable}/below"}, exits=1
    ).error
    assert failed["code"] == "storage-unavailable"
    wrong_key = f"stardag_admin_{'0' * 34}"
    cases: tuple[tuple[int, str, tuple[str, ...], dict[str, str]], ...] = (
        (2, "missing-setting", ("target-roots", "sync"), {}),
        (4, "no-credential", ("organizations", "list"), {**env, "STARDAG_API_KEY": ""}),
        (4, "refused-credential", ("organizations", "list"), {**env, "STARDAG_API_KEY": wrong_key}),
        (4, "malformed-credential", ("organizations", "list"), {**env, "STARDAG_API_KEY": "two words"}),
        (5, "not-known", ("workspaces", "list", "-o", "nobody"), env),
        (6, "registry-unreachable", ("organizations", "list"), {**env, "STARDAG_REGISTRY_URL": NOWHERE}),
    )
    for code, word, words, variables in cases:
        assert machine.ask(*words, env=variables, exits=code).error["code"] == word


def test_what_is_not_allowed_exits_7(machine: Machine) -> None:
    problem = b'{"code": "forbidden", "title": "Forbidden", "detail": "Your role may not do this."}'
    with ScriptedServer(response(403, problem, {"Content-Type": "application/problem+json"})) as server:
        env = {"STARDAG_REGISTRY_URL": server.url, "STARDAG_API_KEY": "some-key", "STARDAG_WORKSPACE": "w"}
        error = machine.ask("organizations", "list", env=env, exits=7).error
    assert error["code"] == "not-allowed"
    assert "Your role may not do this" in error["message"]


def test_ctrl_c_while_a_registry_is_waited_for_exits_130(machine: Machine) -> None:
    asked = threading.Event()

    def silent(connection: Any, request: Any) -> None:
        asked.set()
        server.stopped.wait()

    with ScriptedServer(silent) as server:
        env = {"STARDAG_REGISTRY_URL": server.url, "STARDAG_API_KEY": "some-key", "STARDAG_TIMEOUT": "60"}
        with subprocess.Popen(
            [PROGRAM, "organizations", "list"],
            env=machine.environment(**env),
            cwd=machine.work,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert asked.wait(TIMEOUT_SECONDS)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    check_promises(Ran(("organizations",), process.returncode, out.decode(), err.decode()), env)
    assert (process.returncode, out) == (130, b"")


@pytest.mark.parametrize("words", [["--help"], ["version"], ["config", "show", "--format", "json"], ["profile"]])
def test_a_reader_who_has_gone_is_no_reason_to_complain(machine: Machine, words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [PROGRAM, *words], stdout=writing, stderr=subprocess.PIPE, env=machine.environment(), cwd=machine.work
        )
    finally:
        os.close(writing)
    assert ended.stderr == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("words", [["--help"], ["version"]])
def test_an_answer_that_cannot_be_written_is_one_clear_error(machine: Machine, words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [PROGRAM, *words], stdout=full, stderr=subprocess.PIPE, env=machine.environment(), cwd=machine.work
        )
    assert ended.returncode == 1
    assert b"no space left on device" in ended.stderr.lower()
    assert ended.stderr.count(b"\n") == 2
    assert b"not foreseen" not in ended.stderr


def test_bytes_that_are_no_text_are_refused_like_any_other_name(machine: Machine) -> None:
    ended = subprocess.run(
        [PROGRAM, "config", "show", "-p", b"\xff\x1b[31m"],
        capture_output=True,
        env=machine.environment(),
        cwd=machine.work,
    )
    assert ended.returncode == 2
    assert b"\x1b" not in ended.stderr
    assert b"Traceback" not in ended.stderr
