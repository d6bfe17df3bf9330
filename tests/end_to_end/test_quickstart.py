"""`stardag quickstart`: the guide's main job in one command, which leaves nothing behind unless asked to."""

import os
import re
import shlex
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.end_to_end.machine import PROGRAM, Machine, files_below, write
from tests.registry.running import running_registry

URL = re.compile(r"http://localhost:(\d+)")


@pytest.fixture
def temporary(machine: Machine) -> Path:
    """Where the program's temporary directories go: below a home with a blank in its name."""
    directory = machine.home / "my files"
    directory.mkdir()
    machine.variables["TMPDIR"] = str(directory)
    return directory


CONFIGURATION = '[registry.r]\nurl = "https://r.example"\n[profile.p]\nregistry = "r"\n[default]\nprofile = "p"\n'


def test_the_quickstart_does_the_main_job_and_leaves_nothing_behind(machine: Machine, temporary: Path) -> None:
    """Below a home and in a project with a configuration, and with variables that choose another place."""
    machine.configure(CONFIGURATION)
    machine.project(CONFIGURATION)
    write(temporary / ".stardag" / "config.toml", "broken = ")
    before = files_below(machine.root)
    elsewhere = {"STARDAG_PROFILE": "nosuch", "STARDAG_HOME": "relative", "STARDAG_REGISTRY_URL": "http://x", "CI": "1"}
    ran = machine.ask("quickstart", env=elsewhere)
    commands = {step["command"]: step["exit_code"] for step in ran.data["commands"]}
    assert commands["stardag config show"] == 0
    assert [step["exit_code"] for step in ran.data["commands"]].count(3) == 1
    assert ran.data["directory"] is None
    assert not re.search(r"stardag_(admin|build)_[A-Za-z0-9]", ran.said), "an API key was shown"
    assert is_free(ran.out), "the registry still runs"
    assert files_below(machine.root) == before


def test_a_quickstart_that_is_kept_shows_each_step_and_can_be_gone_on_with_as_it_says(
    machine: Machine, temporary: Path
) -> None:
    project = machine.project(CONFIGURATION)
    ran = machine.installed.run("quickstart", "--keep")
    for promise in (
        "$ stardag registry add quickstart --url http://localhost:",
        "$ stardag profile add quickstart",
        "$ stardag config show",
        "$ stardag target-roots sync",
        "$ stardag target-roots validate",
        "is new in the registry, and was synced",
        "Target root mismatch",
        "(exit code 3)",
        "made while the registry ran",
    ):
        assert promise in ran.out, f"{promise!r} is missing in:\n{ran.out}"
    assert not re.search(r"stardag_(admin|build)_[A-Za-z0-9]", ran.said), "an API key was shown"
    assert ran.out.index("Target root mismatch") < ran.out.rindex("valid: a build may start")

    kept = machine.work / "stardag-quickstart"
    assert str(kept) in ran.out
    assert project.read_text() == CONFIGURATION
    assert f"  cd /  # {project} would count here instead\n" in ran.out
    assert (kept / "README").read_text().strip() in ran.out
    serve = re.findall(r"stardag (registry serve .*)", ran.out)[-1]
    exports = dict(re.findall(r"export (\w+)=(.*)", ran.out.partition("and in another")[2]))
    options = shlex.split(serve)
    with running_registry(kept / "registry", port=int(options[options.index("--port") + 1])) as registry:
        variables = {"STARDAG_HOME": exports["STARDAG_HOME"], "STARDAG_API_KEY": registry.owner_key}
        assert machine.run("target-roots", "validate", env=variables, cwd=Path("/")).code == 0
    assert machine.run("quickstart", "--keep", exits=2).err.startswith("error: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_quickstart_that_is_ended_early_leaves_nothing_behind(
    machine: Machine, temporary: Path, number: signal.Signals
) -> None:
    with subprocess.Popen(
        [PROGRAM, "quickstart"],
        env=machine.environment(),
        cwd=machine.work,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        seen = ""
        while "Name the registry" not in seen:
            line = process.stdout.readline()
            assert line, "it ended before it was told to"
            seen += line
        os.kill(process.pid, number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Traceback" not in errors
    assert is_free(seen), "the registry still runs"
    assert list(temporary.iterdir()) == []


def is_free(output: str) -> bool:
    """Whether nothing listens any more at the address that the quickstart showed."""
    found = URL.search(output)
    assert found, output
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(found[1]))) != 0
