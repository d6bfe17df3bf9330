"""`stardag exec`: any command, run as if nothing stood between it and whoever started it (readings, section 6)."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.end_to_end.machine import PATIENCE, PROGRAM, Machine, check_promises, write
from tests.end_to_end.machine import Ran as Ran
from tests.end_to_end.registries import NOWHERE

WAYS = [(), ("--build", "nightly")]
"""In the place of the program, and below it. Nothing names a registry, so that a build stays on this machine."""

TRAPPING = """
import os, signal, sys
counts = {}
def note(number, frame):
    counts[number] = counts.get(number, 0) + 1
    os.write(1, signal.Signals(number).name.encode() + b"\\n")
trapped = [signal.Signals[name] for name in sys.argv[1:]]
for number in trapped:
    signal.signal(number, note)
print("ready", os.getpid(), flush=True)
while signal.SIGUSR2 not in counts:
    signal.pause()
print(" ".join(f"{signal.Signals(number).name}={count}" for number, count in sorted(counts.items())), flush=True)
"""
"""A command that says which signals reach it, and how often, until the last."""

RELAYED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGWINCH"]


@pytest.fixture(params=WAYS, ids=["replacing", "below"])
def way(request: pytest.FixtureRequest) -> Sequence[str]:
    words: Sequence[str] = request.param
    return words


class Command:
    """A command under way."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def says(self) -> str:
        """Its next line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate(timeout=PATIENCE)
        return line.strip()

    def ended(self) -> int:
        """The exit code, or minus the signal."""
        out, err = self.process.communicate(timeout=PATIENCE)
        check_promises(Ran(("exec",), self.process.returncode, out, err), {})
        self.err = err
        return self.process.returncode


@contextmanager
def under_way(machine: Machine, *words: str, before: str = "", **variables: str) -> Generator[Command]:
    """`stardag exec` under way; `before` is what a shell does first."""
    line = f"{before} exec {shlex.join([str(PROGRAM), 'exec', *words])}"
    process = subprocess.Popen(
        ["/bin/sh", "-c", line],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=machine.environment(**variables),
        cwd=machine.work,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield Command(process)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def trapping(*names: str) -> list[str]:
    return ["--", sys.executable, "-c", TRAPPING, *names, "SIGUSR2"]


class TestEnding:
    @pytest.mark.parametrize("code", [0, 1, 77, 255])
    def test_it_exits_as_the_command_does(self, machine: Machine, way: Sequence[str], code: int) -> None:
        ran = machine.run("exec", *way, "--", "sh", "-c", f"echo out; echo err >&2; exit {code}", exits=code)
        assert ran.out == "out\n"
        assert "err\n" in ran.err

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV, signal.SIGUSR1])
    def test_it_dies_of_the_signal_that_the_command_died_of(
        self, machine: Machine, way: Sequence[str], number: signal.Signals
    ) -> None:
        ran = machine.run("exec", *way, "--", "sh", "-c", f"kill -{number.value} $$", exits=None)
        assert ran.code == -number

    def test_input_goes_to_the_command_and_its_words_are_its_own(self, machine: Machine, way: Sequence[str]) -> None:
        words = ["--profile", "x", "--", "-q", "--help", "", "two words", "@file", "--format", "json"]
        script = "import sys; print(sys.argv[1:], sys.stdin.read())"
        ran = machine.run("exec", *way, "--", sys.executable, "-c", script, *words, given="given")
        assert ran.out == f"{words!r} given\n"

    def test_the_command_finds_signals_as_they_were(self, machine: Machine, way: Sequence[str]) -> None:
        words = ("sed", "-nE", "s/^Sig(Blk|Ign|Cgt).*(.{7})$/\\1 \\2/p", "/proc/self/status")  # the first 28
        direct = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        assert len(direct.splitlines()) == 3
        assert machine.run("exec", *way, "--", *words).out == direct

    def test_quiet_and_json_leave_standard_output_to_the_command(self, machine: Machine) -> None:
        for options in (["-q"], ["--format", "json"]):
            assert machine.run("exec", "--build", "x", *options, "--", "echo", "out").out == "out\n"
        assert machine.run("exec", "--build", "x", "-q", "--", "true").err == ""

    def test_a_local_build_says_that_it_stays_here_and_a_command_alone_does_not(self, machine: Machine) -> None:
        assert "this build stays on this machine" in machine.run("exec", "--build", "x", "--", "true").err
        assert machine.run("exec", "--", "true").err == ""


class TestCommandsThatAreNone:
    @pytest.fixture(autouse=True)
    def unreachable(self, machine: Machine) -> None:
        """Whatever is wrong with a command is said before a registry is asked, which here would take its time."""
        machine.variables["STARDAG_REGISTRY_URL"] = NOWHERE

    def test_one_that_is_not_there(self, machine: Machine, way: Sequence[str]) -> None:
        error = machine.ask("exec", *way, exits=2).error
        assert error["code"] == "no-command"
        ran = machine.run("exec", *way, "--", "nonesuch", exits=127)
        assert "There is no command 'nonesuch'" in ran.err
        assert "it is no file" in machine.run("exec", *way, "--", "./none", exits=127).err
        assert "There is no command ''" in machine.run("exec", *way, "--", "", exits=127).err

    def test_one_that_may_not_be_run(self, machine: Machine, way: Sequence[str]) -> None:
        script = write(machine.work / "pipeline.sh", "#!/bin/sh\n")
        assert "it is not executable" in machine.run("exec", *way, "--", "./pipeline.sh", exits=126).err
        assert "it is a directory" in machine.run("exec", *way, "--", str(script.parent), exits=126).err

    @pytest.mark.parametrize("words", ["python -c x", "python --profile x", "-q python", "--build x python -v"])
    def test_one_that_is_not_set_off_is_refused_with_an_example(self, machine: Machine, words: str) -> None:
        ran = machine.run("exec", *words.split(), exits=2)
        assert "the command to run goes behind `--`" in ran.err
        assert "For example: stardag exec" in ran.err

    def test_words_before_the_dashes_are_no_part_of_it(self, machine: Machine) -> None:
        assert "'python' is no option of exec" in machine.run("exec", "python", "--", "x", exits=2).err

    def test_a_description_wants_a_build(self, machine: Machine) -> None:
        assert "--build" in machine.run("exec", "--description", "x", "--", "true", exits=2).err

    @pytest.mark.parametrize("first", ["#!/no/such/interpreter\n", "\0\1\2"])
    def test_one_that_the_system_cannot_run(self, machine: Machine, way: Sequence[str], first: str) -> None:
        write(machine.work / "program", first).chmod(0o755)
        del machine.variables["STARDAG_REGISTRY_URL"]
        assert "cannot be run" in machine.run("exec", *way, "--", "./program", exits=126).err


class TestSignals:
    def test_each_is_passed_on_once(self, machine: Machine, way: Sequence[str]) -> None:
        with under_way(machine, *way, *trapping(*RELAYED)) as command:
            assert command.says().startswith("ready")
            for name in RELAYED:
                command.process.send_signal(signal.Signals[name])
                assert command.says() == name
            command.process.send_signal(signal.SIGUSR2)
            assert command.says() == "SIGUSR2"
            assert sorted(command.says().split()) == sorted(f"{name}=1" for name in [*RELAYED, "SIGUSR2"])
            assert command.ended() == 0

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    def test_one_that_ends_the_command_ends_it_the_same_way(
        self, machine: Machine, way: Sequence[str], number: signal.Signals
    ) -> None:
        with under_way(machine, *way, "--", "sh", "-c", "echo ready; exec sleep 60") as command:
            assert command.says() == "ready"
            command.process.send_signal(number)
            assert command.ended() == -number

    def test_one_that_is_ignored_stays_ignored(self, machine: Machine, way: Sequence[str]) -> None:
        """As under `nohup`."""
        before = "trap '' HUP;"
        with under_way(machine, *way, *trapping("SIGUSR1"), before=before) as command:
            assert command.says().startswith("ready")
            command.process.send_signal(signal.SIGHUP)
            command.process.send_signal(signal.SIGUSR1)
            assert command.says() == "SIGUSR1"
            command.process.send_signal(signal.SIGUSR2)
            assert [command.says(), command.says()] == ["SIGUSR2", "SIGUSR1=1 SIGUSR2=1"]

    def test_a_command_that_was_stopped_by_somebody_goes_on(self, machine: Machine) -> None:
        with under_way(machine, "--build", "x", *trapping("SIGCONT", "SIGUSR1")) as command:
            process = int(command.says().split()[1])
            os.kill(process, signal.SIGSTOP)
            os.kill(process, signal.SIGCONT)
            assert command.says() == "SIGCONT"
            command.process.send_signal(signal.SIGUSR1)
            assert command.says() == "SIGUSR1"
            command.process.send_signal(signal.SIGKILL)
            command.process.wait(PATIENCE)
            os.kill(process, signal.SIGKILL)


@pytest.mark.filterwarnings("ignore:.*forkpty.*:DeprecationWarning")
class TestAtATerminal:
    @contextmanager
    def terminal(self, machine: Machine, script: str) -> Generator[Any]:
        spawned: pexpect.spawn[str] = pexpect.spawn(
            "/bin/bash",
            ["--norc", "-c", script],
            env=machine.environment(TERM="xterm"),
            cwd=str(machine.work),
            encoding="utf-8",
            timeout=PATIENCE,
        )
        spawned.delaybeforesend = None
        try:
            yield spawned
        finally:
            spawned.close(force=True)

    def line(self, way: Sequence[str], *names: str) -> str:
        return shlex.join([str(PROGRAM), "exec", *way, *trapping(*names)])

    def test_what_its_keys_send_reaches_the_command_once(self, machine: Machine, way: Sequence[str]) -> None:
        with self.terminal(machine, f"exec {self.line(way, 'SIGINT', 'SIGQUIT', 'SIGWINCH')}") as person:
            person.expect("ready")
            person.send("\x03")
            person.expect("SIGINT")
            person.send("\x1c")
            person.expect("SIGQUIT")
            person.setwinsize(30, 100)
            person.expect("SIGWINCH")
            os.kill(person.pid, signal.SIGUSR2)
            person.expect("SIGUSR2")
            person.expect("SIGINT=1 SIGQUIT=1 SIGUSR2=1 SIGWINCH=1")

    def test_it_is_stopped_and_goes_on_as_one_job(self, machine: Machine, way: Sequence[str]) -> None:
        script = f"set -m; {self.line(way, 'SIGCONT')}; echo stopped=$?; fg >/dev/null; echo ended=$?"
        with self.terminal(machine, script) as person:
            person.expect(r"ready (\d+)")
            process = int(person.match[1])
            person.send("\x1a")
            person.expect(f"stopped={128 + signal.SIGTSTP}|stopped={128 + signal.SIGSTOP}")
            person.expect("SIGCONT")
            os.kill(process, signal.SIGUSR2)
            person.expect("SIGUSR2")
            person.expect("ended=0")

    def test_another_process_may_send_the_same(self, machine: Machine, way: Sequence[str]) -> None:
        with self.terminal(machine, f"exec {self.line(way, 'SIGINT')}") as person:
            person.expect("ready")
            os.kill(person.pid, signal.SIGINT)
            person.expect("SIGINT")
            os.kill(person.pid, signal.SIGUSR2)
            person.expect("SIGINT=1 SIGUSR2=1")


def test_it_can_be_run_within_itself(machine: Machine, tmp_path: Path) -> None:
    words = ["exec", "--build", "outer", "--", str(PROGRAM), "exec", "-q", "--", "env"]
    out = machine.run(*words, env={"STARDAG_TARGET_ROOTS__ARCHIVE": str(tmp_path)}).out
    variables = dict(line.split("=", 1) for line in out.splitlines() if line.startswith("STARDAG_"))
    assert sorted(variables) == ["STARDAG_TARGET_ROOTS"]
    assert str(tmp_path) in variables["STARDAG_TARGET_ROOTS"]
