"""Closed and full streams, narrow encodings, and bytes that are no text."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.end_to_end.machine import PROGRAM, TIMEOUT_SECONDS, Machine
from tests.end_to_end.registries import NOWHERE

NOT_UTF8 = b"caf\xe9"
FULL = Path("/dev/full")

needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")


def in_shell(
    machine: Machine,
    redirection: str,
    *words: str | bytes,
    env: Mapping[str, str] = {},
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run the installed program with its streams as a line for the shell leads them."""
    return subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {redirection}', PROGRAM, *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=machine.environment(**env),
        cwd=cwd or machine.work,
        timeout=TIMEOUT_SECONDS,
    )


EVERYTHING_CLOSED = "<&- >&- 2>&-"
CLOSED = ["<&-", "2>&-", "<&- 2>&-", EVERYTHING_CLOSED]


class TestClosedStreams:
    @pytest.mark.parametrize("redirection", CLOSED)
    def test_a_command_that_is_run_has_the_null_device_there_and_no_other_file(
        self, machine: Machine, redirection: str
    ) -> None:
        found = machine.work / "found"
        script = (
            "import os, sys; print(*[os.readlink(f'/proc/self/fd/{n}') for n in range(3)], file=open(sys.argv[1], 'w'))"
        )
        ran = in_shell(machine, redirection, "exec", "--", sys.executable, "-c", script, str(found))
        assert ran.returncode == 0
        files = found.read_text().split()
        for number, closed in enumerate(("<&-" in redirection, ">&- " in redirection, "2>&-" in redirection)):
            assert (files[number] == os.devnull) is (closed or number == 0)

    @pytest.mark.parametrize("redirection", CLOSED)
    def test_editing_is_done_all_the_same(self, machine: Machine, redirection: str) -> None:
        ran = in_shell(machine, redirection, "registry", "add", "r", "--url", NOWHERE, "--offline")
        assert ran.returncode == 0
        assert tomllib.loads(machine.config.read_text())["registry"] == {"r": {"url": NOWHERE}}

    def test_what_would_be_asked_for_or_read_is_missing(self, machine: Machine) -> None:
        assert in_shell(machine, EVERYTHING_CLOSED, "registry", "add", "r").returncode == 2
        ran = in_shell(machine, "<&-", "auth", "login", "--with-token")
        assert ran.returncode == 4
        assert b"refresh token from standard input" in ran.stderr

    @pytest.mark.parametrize(("words", "code"), [(["version"], 0), (["--help"], 0), (["nosuch"], 2)])
    def test_an_answer_or_an_error_that_nobody_hears_changes_no_exit_code(
        self, machine: Machine, words: Sequence[str], code: int
    ) -> None:
        assert in_shell(machine, EVERYTHING_CLOSED, *words).returncode == code


@needs_full
class TestAFullStandardError:
    def test_a_warning_that_cannot_be_written_changes_no_answer(self, machine: Machine) -> None:
        ran = in_shell(machine, f"2>{FULL}", "config", "show", env={"STARDAG_NONSENSE": "1"})
        assert ran.returncode == 0
        assert ran.stdout.startswith(b"KEY")

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (["nosuch"], 2),
            (["config", "show", "-p", "nosuch"], 2),
            (["target-roots", "sync", "--format", "json"], 2),
            (["exec", "--", "sh", "-c", "exit 7"], 7),
        ],
    )
    def test_nor_does_it_change_an_exit_code(self, machine: Machine, words: Sequence[str], code: int) -> None:
        assert in_shell(machine, f"2>{FULL}", *words, env={"STARDAG_NONSENSE": "1"}).returncode == code


class TestNarrowEncodings:
    NAME = "größe-日本-🙂"

    def check(self, machine: Machine, **variables: str) -> None:
        folder = machine.work / self.NAME
        folder.mkdir()
        (folder / "pyproject.toml").write_text("[tool.stardag]\n")
        for words in (["config", "path"], ["config", "path", "--format", "json"], ["profile", "use", self.NAME]):
            ran = in_shell(machine, "", *words, cwd=folder, env=variables)
            assert ran.returncode == (2 if "use" in words else 0)
            assert b"not foreseen" not in ran.stderr
            if words == ["config", "path"]:
                assert b"\\u65e5\\u672c" in ran.stdout

    def test_what_standard_output_cannot_show_is_escaped(self, machine: Machine) -> None:
        self.check(machine, PYTHONIOENCODING="latin-1", LC_ALL="C.UTF-8")

    def test_also_where_it_is_said_to_be_strict(self, machine: Machine) -> None:
        self.check(machine, PYTHONIOENCODING="ascii:strict", LC_ALL="C.UTF-8")


class TestBytesThatAreNoText:
    @pytest.mark.parametrize(
        ("words", "named"),
        [
            (["profile", "use", NOT_UTF8], b"Invalid argument: 'caf\\xe9'"),
            ([NOT_UTF8], b"Invalid argument: 'caf\\xe9'"),
            (["workspaces", "list", "-o", NOT_UTF8], b"Invalid argument of -o: 'caf\\xe9'"),
            (["-p", NOT_UTF8, "workspaces", "list"], b"Invalid argument of -p: 'caf\\xe9'"),
            (["registry", "add", "r", b"--url=http://" + NOT_UTF8], b"Invalid argument of --url: "),
            (["exec", "--build", NOT_UTF8, "--", "true"], b"Invalid argument of --build: 'caf\\xe9'"),
        ],
    )
    def test_an_argument_is_named(self, machine: Machine, words: list[str | bytes], named: bytes) -> None:
        ran = in_shell(machine, "", *words)
        assert ran.returncode == 2
        assert named in ran.stderr
        assert b"UTF-8" in ran.stderr

    def test_the_words_of_a_command_that_is_run_are_passed_through(self, machine: Machine) -> None:
        ran = in_shell(machine, "", "exec", "--", "printf", "%s", NOT_UTF8)
        assert (ran.returncode, ran.stdout) == (0, NOT_UTF8)

    @pytest.mark.parametrize("variable", ["STARDAG_PROFILE", "STARDAG_API_KEY", "STARDAG_TARGET_ROOTS__DEFAULT"])
    def test_a_variable_is_named(self, machine: Machine, variable: str) -> None:
        ran = in_shell(machine, "", "config", "show", env={variable: os.fsdecode(NOT_UTF8)})
        assert ran.returncode == 2
        assert variable.encode() in ran.stderr

    def test_a_directory_works(self, machine: Machine) -> None:
        folder = machine.work / os.fsdecode(NOT_UTF8)
        (folder / ".stardag").mkdir(parents=True)
        (folder / ".stardag" / "config.toml").write_text(f'[registry.r]\nurl = "{NOWHERE}"\n')
        for words in (["config", "path"], ["trust"], ["registry", "add", "s", "--url", NOWHERE, "--offline"]):
            ran = in_shell(machine, "", *words, cwd=folder)
            assert (ran.returncode, b"caf\\xe9" in ran.stdout) == (0, True), ran

    def test_json_of_such_a_directory_has_no_half_of_a_surrogate_pair(self, machine: Machine) -> None:
        folder = machine.work / os.fsdecode(NOT_UTF8)
        (folder / ".stardag").mkdir(parents=True)
        (folder / ".stardag" / "config.toml").write_text(f'[registry.r]\nurl = "{NOWHERE}"\n')
        ran = in_shell(machine, "", "config", "path", "--format", "json", cwd=folder)
        assert (ran.returncode, b"\\ud" in ran.stdout, b"/caf\\\\xe9/.stardag" in ran.stdout) == (0, False, True), ran
        json.loads(ran.stdout)

    def test_a_command_that_is_not_there_is_named_in_the_same_way(self, machine: Machine) -> None:
        ran = in_shell(machine, "", "exec", "--", NOT_UTF8)
        assert (ran.returncode, b"command 'caf\\xe9' to run" in ran.stderr) == (127, True), ran

    def test_outputs_go_to_a_home_of_such_a_name_also_from_a_command_that_is_run(self, machine: Machine) -> None:
        home = machine.root / os.fsdecode(NOT_UTF8)
        home.mkdir()
        code = "import stardag; (stardag.target_root() / 'x').write_text('1')"
        ran = in_shell(machine, "", "exec", "--", sys.executable, "-c", code, env={"HOME": str(home)})
        assert ran.returncode == 0, ran.stderr
        assert (home / ".stardag/local-target-roots/default/default/x").read_text() == "1"
