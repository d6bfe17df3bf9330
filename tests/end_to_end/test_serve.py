"""`stardag registry serve`: a registry of one's own, as a person runs it."""

import os
import select
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from tests.end_to_end.machine import PROGRAM, TIMEOUT_SECONDS, Machine


@contextmanager
def serving(machine: Machine, *words: str) -> Generator[tuple[subprocess.Popen[bytes], str]]:
    """The program with `registry serve` until the block ends, and the first line that it printed."""
    errors = (machine.root / "serve.stderr").open("wb")
    with (
        errors,
        subprocess.Popen(
            [PROGRAM, "registry", "serve", "--port", "0", *words],
            env=machine.environment(),
            cwd=machine.work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], TIMEOUT_SECONDS)
            assert ready, "it says its address once it answers"
            yield process, process.stdout.readline().decode().strip()
        finally:
            process.kill()


def test_the_guide_runs_on_one_machine_from_registry_serve_to_a_build(machine: Machine) -> None:
    """The owner's key is kept and shown once; the served root is the guide's local-target-roots/default/default/."""
    with serving(machine) as (process, address):
        assert address.startswith("http://localhost:")
        key_file = machine.directory / "registry" / "owner-api-key"
        key = key_file.read_text().strip()
        assert key_file.stat().st_mode & 0o777 == 0o600
        assert (machine.root / "serve.stderr").read_text().count(key) == 1
        env = {"STARDAG_API_KEY": key, "STARDAG_PROFILE": "local"}
        machine.run("registry", "add", "local", "--url", address)
        machine.run("profile", "add", "local", "-r", "local", "-o", "default", "-w", "default", env=env)
        (added,) = machine.ask("target-roots", "validate", env=env).data["added"]
        assert added["new"] == f"{machine.directory}/local-target-roots/default/default/"
        process.send_signal(signal.SIGINT)
        assert process.wait(TIMEOUT_SECONDS) == 130
    with serving(machine) as (process, again):
        assert key not in (machine.root / "serve.stderr").read_text(), "it is shown only once"
        env["STARDAG_REGISTRY_URL"] = again
        assert machine.ask("organizations", "list", env=env).data["organizations"][0]["slug"] == "default"
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_SECONDS) == 0


@pytest.mark.slow
def test_a_data_directory_of_ones_own_holds_everything(machine: Machine) -> None:
    data = machine.root / "data"
    with serving(machine, "--data-dir", str(data)) as (_, address):
        env = {"STARDAG_REGISTRY_URL": address, "STARDAG_API_KEY": (data / "owner-api-key").read_text().strip()}
        (root,) = machine.ask("target-roots", "list", env=env).data["roots"]
    assert root["uri_prefix"].startswith(str(data))
    assert not machine.directory.exists()


def test_a_port_that_is_taken_is_one_clear_error(machine: Machine) -> None:
    with serving(machine, "--data-dir", str(machine.root / "a")) as (_, address):
        port = address.rpartition(":")[2]
        ran = machine.ask("registry", "serve", "--port", port, "--data-dir", str(machine.root / "b"), exits=None)
        assert ran.code != 0
        assert port in ran.error["message"]
    assert os.path.exists(machine.root / "a")
