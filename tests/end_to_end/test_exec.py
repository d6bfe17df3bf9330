"""`stardag exec`: any command, run as if nothing stood between it and whoever started it (readings, section 6)."""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.end_to_end.machine import PROGRAM, TIMEOUT_SECONDS, Machine, check_promises, write
from tests.end_to_end.machine import Ran as Ran
from tests.end_to_end.recorder import recording
from tests.end_to_end.registries import NOWHERE, Place
from tests.end_to_end.signing_in import CONFIGURATION, is_revealed, secrets_of, sign_in
from tests.registry.running import RunningRegistry, running_registry

WAYS = [(), ("--build", "nightly")]
"""In the place of the program, and below it. Nothing names a registry, so that a build stays on this machine."""

TRAPPING = """
import os, signal, sys
came, comes = os.pipe()
os.set_blocking(comes, False)
signal.set_wakeup_fd(comes)
counts = {}
def note(number, frame):
    counts[number] = counts.get(number, 0) + 1
    os.write(1, signal.Signals(number).name.encode() + b"\\n")
trapped = [signal.Signals[name] for name in sys.argv[1:]]
for number in trapped:
    signal.signal(number, note)
print("ready", os.getpid(), flush=True)
while signal.SIGUSR2 not in counts:
    os.read(came, 1)
print(" ".join(f"{signal.Signals(number).name}={count}" for number, count in sorted(counts.items())), flush=True)
"""
"""A command that says which signals reach it, and how often, until the last. It waits for bytes that signals leave:
one that comes just before a `signal.pause()` would not end it."""

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
        assert line, self.process.communicate(timeout=TIMEOUT_SECONDS)
        return line.strip()

    def ended(self) -> int:
        """The exit code, or minus the signal."""
        out, err = self.process.communicate(timeout=TIMEOUT_SECONDS)
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
    watchdog = threading.Timer(
        TIMEOUT_SECONDS, os.killpg, (process.pid, signal.SIGKILL)
    )  # what says nothing ends a test
    watchdog.start()
    with process:
        try:
            yield Command(process)
        finally:
            watchdog.cancel()
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
            command.process.wait(TIMEOUT_SECONDS)
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
            timeout=TIMEOUT_SECONDS,
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
    assert sorted(variables) == ["STARDAG_INHERITED", "STARDAG_TARGET_ROOTS", "STARDAG_TARGET_ROOTS__ARCHIVE"]
    assert variables["STARDAG_TARGET_ROOTS__ARCHIVE"] == str(tmp_path)


BUILDING = """
import os, stardag
with stardag.build("inner") as build:
    with build.task("train", {"lr": 0.1}) as task:
        task.output("model.txt").write_text("model")
    assert build.id == os.environ["STARDAG_BUILD_ID"]
"""
"""A program that builds; run as a build, it belongs to that one."""


def variables_of(ran: Ran) -> dict[str, str]:
    """What `env` printed of Stardag's variables."""
    return dict(line.split("=", 1) for line in ran.out.splitlines() if line.startswith("STARDAG_"))


QUIET_CHILD = f"""
import json, subprocess, warnings
import stardag
warnings.simplefilter("error")
stardag.active_profile()
assert stardag.validate_before_build().notices == ()
stardag.target_root()
with stardag.build("inner"):
    pass
for words in (["config", "show"], ["target-roots", "list"], ["target-roots", "validate"], ["target-roots", "sync"]):
    said = subprocess.run([{str(PROGRAM)!r}, *words, "--format", "json"], capture_output=True, check=True)
    assert json.loads(said.stdout)["warnings"] == [], said.stdout
"""
"""A command that fails if anything warns it."""


class TestWithAnApiKey:
    def test_a_command_hears_no_warning_of_what_was_set_for_it(
        self, machine: Machine, place: Place, way: Sequence[str]
    ) -> None:
        machine.run("exec", *way, "--", sys.executable, "-c", QUIET_CHILD, env=place.variables)

    def test_the_command_has_the_place_by_ids_and_no_token(
        self, machine: Machine, place: Place, way: Sequence[str]
    ) -> None:
        script = "env -u STARDAG_API_KEY; echo STARDAG_KEYS=$(env | grep -c ^STARDAG_API_KEY=stardag_)"
        variables = variables_of(machine.run("exec", *way, "--", "sh", "-c", script, env=place.variables))
        build, inherited = variables.pop("STARDAG_BUILD_ID", None), json.loads(variables.pop("STARDAG_INHERITED"))
        assert (build is not None) == bool(way)
        assert inherited == {
            "registry_url": place.url,
            "organization": place.organization_id,
            "organization_slug": place.organization,
            "workspace": place.workspace_id,
            "workspace_slug": place.workspace,
            "target_roots": json.loads(variables["STARDAG_TARGET_ROOTS"]),
        }
        assert variables == {
            "STARDAG_REGISTRY_URL": place.url,
            "STARDAG_KEYS": "1",
            "STARDAG_ORGANIZATION_ID": place.organization_id,
            "STARDAG_WORKSPACE_ID": place.workspace_id,
            "STARDAG_TARGET_ROOTS": variables["STARDAG_TARGET_ROOTS"],
        }

    @pytest.mark.parametrize(
        ("script", "exits", "status", "error"),
        [
            ("exit 0", 0, "completed", None),
            ("exit 3", 3, "failed", "exit code 3"),
            ("kill -KILL $$", -signal.SIGKILL, "failed", "killed by SIGKILL"),
        ],
    )
    def test_a_build_ends_as_its_command_does(
        self, machine: Machine, place: Place, script: str, exits: int, status: str, error: str | None
    ) -> None:
        words = ("exec", "--build", "nightly", "--description", "x", "--", "sh", "-c", script)
        machine.run(*words, exits=exits, env=place.variables)
        (build,) = machine.ask("builds", "list", env=place.variables).data["builds"]
        shown = [build[key] for key in ("name", "description", "status", "error")]
        assert shown == ["nightly", "x", status, error]

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_build_that_is_stopped_is_cancelled(self, machine: Machine, place: Place, number: signal.Signals) -> None:
        words = ("--build", "nightly", "--", "sh", "-c", "echo ready; exec sleep 60")
        with under_way(machine, *words, **place.variables) as command:
            assert command.says() == "ready"
            command.process.send_signal(number)
            assert command.ended() == -number
        (build,) = machine.ask("builds", "list", env=place.variables).data["builds"]
        assert (build["status"], build["error"]) == ("cancelled", None)

    def test_code_that_builds_in_a_build_belongs_to_it(self, machine: Machine, place: Place) -> None:
        words = ("exec", "--build", "outer", "--", sys.executable, "-c", BUILDING)
        machine.run(*words, env=place.variables)
        (build,) = machine.ask("builds", "list", env=place.variables).data["builds"]
        assert (build["name"], build["status"]) == ("outer", "completed")
        (task,) = machine.ask("tasks", "list", env=place.variables).data["tasks"]
        assert (task["name"], task["status"]) == ("train", "completed")

    def test_what_does_not_validate_is_not_run(self, machine: Machine, place: Place, way: Sequence[str]) -> None:
        machine.run("target-roots", "sync", env=place.variables)
        place.change("default", "/proc/nowhere")
        ran = machine.run("exec", *way, "--", "echo", "ran", exits=3, env=place.variables)
        assert "Target root mismatch" in ran.err
        assert ran.out == ""
        assert machine.ask("builds", "list", env=place.variables).data["builds"] == []


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningRegistry]:
    with running_registry(tmp_path_factory.mktemp("issuer") / "data") as running:
        yield running


class TestSignedIn:
    @pytest.fixture(autouse=True)
    def person(self, machine: Machine, issuer: RunningRegistry) -> None:
        """The owner has signed in."""
        machine.configure(CONFIGURATION.format(url=issuer.url))
        machine.directory.chmod(0o700)
        sign_in(machine, issuer)

    def test_a_command_hears_no_warning_of_what_was_set_for_it(self, machine: Machine, way: Sequence[str]) -> None:
        machine.run("exec", *way, "--", sys.executable, "-c", QUIET_CHILD)

    def elsewhere(self, machine: Machine, variables: dict[str, str]) -> dict[str, str]:
        """The variables of a command, on a machine that has nothing else."""
        return {**variables, "STARDAG_HOME": str(machine.root / "elsewhere")}

    def test_the_command_has_a_token_and_nothing_else_that_is_secret(
        self, machine: Machine, way: Sequence[str]
    ) -> None:
        ran = machine.run("exec", *way, "--", "env")
        assert variables_of(ran)["STARDAG_ACCESS_TOKEN"].startswith("stardag_access_")
        assert not any(is_revealed(secret, ran.said) for secret in secrets_of(machine.directory))

    def test_the_token_is_enough_where_there_is_no_home_and_ends_with_the_command(
        self, machine: Machine, way: Sequence[str], tmp_path: Path
    ) -> None:
        program = str(PROGRAM)
        script = f"env; echo ---; {program} auth status --format json; {program} target-roots sync >&2"
        words = ["env", f"STARDAG_HOME={tmp_path / 'elsewhere'}", "sh", "-c", script]
        ran = machine.run("exec", *way, "--", *words)
        shown, _, status = ran.out.partition("---")
        assert '"credential": "access-token"' in status
        assert '"verified": true' in status
        assert "synced" in ran.err or "up to date" in ran.err
        variables = variables_of(Ran((), 0, shown, ""))
        token = variables["STARDAG_ACCESS_TOKEN"]
        after = self.elsewhere(machine, variables)
        for command in (["target-roots", "sync"], ["auth", "status"]):
            error = machine.ask(*command, exits=4, env=after).error
            assert error["code"] == "access-token-ended"
            assert not is_revealed(token, str(error))

    def test_scripts_get_that_token_and_configuration_masks_it(self, machine: Machine) -> None:
        script = f'test "$({PROGRAM} auth token)" = "$STARDAG_ACCESS_TOKEN" && {PROGRAM} config show'
        out = machine.run("exec", "--", "sh", "-c", script).out
        assert "stardag_access_****" in out

    def test_it_reads_and_builds_and_administers_nothing(self, machine: Machine) -> None:
        words = ["exec", "--build", "outer", "--", "env", f"STARDAG_HOME={machine.root / 'elsewhere'}"]
        machine.run(*words, sys.executable, "-c", BUILDING)
        refused = machine.run(*words, str(PROGRAM), "api-keys", "create", "x", exits=7)
        assert "does not allow this" in refused.err

    def test_it_is_revoked_where_the_program_is_stopped(self, machine: Machine) -> None:
        with under_way(machine, "--", "sh", "-c", "env; echo ready; exec sleep 60") as command:
            said = [command.says()]
            while said[-1] != "ready":
                said.append(command.says())
            variables = variables_of(Ran((), 0, "\n".join(said), ""))
            after = self.elsewhere(machine, variables)
            machine.run("target-roots", "sync", env=after)
            command.process.send_signal(signal.SIGTERM)
            assert command.ended() == -signal.SIGTERM
        assert machine.ask("target-roots", "sync", exits=4, env=after).error["code"] == "access-token-ended"

    def test_a_command_whose_program_is_killed_goes_on_with_its_token(self, machine: Machine) -> None:
        with under_way(machine, "--build", "x", "--", "sh", "-c", "env; echo ready; exec sleep 60") as command:
            said = [command.says()]
            while said[-1] != "ready":
                said.append(command.says())
            command.process.kill()
            assert command.process.wait(TIMEOUT_SECONDS) == -signal.SIGKILL
            after = self.elsewhere(machine, variables_of(Ran((), 0, "\n".join(said), "")))
            machine.run("target-roots", "sync", env=after)
            assert machine.ask("builds", "list", env=after).data["builds"][0]["status"] == "running"
            os.killpg(command.process.pid, signal.SIGKILL)

    def test_the_token_goes_to_no_other_registry(self, machine: Machine, way: Sequence[str]) -> None:
        with recording() as thief:
            configuration = machine.config.read_text()
            machine.configure(f'{configuration}\n[registry.thief]\nurl = "{thief.url}"\n')
            commands = [
                f"{PROGRAM} {words} --registry thief"
                for words in ("auth status", "organizations list", "workspaces list -o default", "auth token")
            ]
            script = "; ".join([*commands, "echo $STARDAG_ACCESS_TOKEN"])
            ran = machine.run("exec", *way, "--", "sh", "-c", script)
            token = ran.out.splitlines()[-1]
            assert token.startswith("stardag_access_")
            assert "STARDAG_ACCESS_TOKEN is not used here: it is for the registry" in ran.err
            assert not any(is_revealed(token, received) for received in thief.received)
