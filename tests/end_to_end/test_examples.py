"""The examples run as they are printed, each with one build registered and all of its tasks in it."""

import json
import os
import socket
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.machine import Machine
from tests.end_to_end.registries import Place

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-examples" / "bin" / "python"
TIMEOUT_SECONDS = 240.0
REPORT = "A degree more sells 3.0 more; at 0 degrees it is 20.\n"

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason="THE EXAMPLES' ENVIRONMENT IS NOT THERE: make .venv-examples/.installed"
)


def variables(machine: Machine, place: Place) -> dict[str, str]:
    """What production gives a worker, and a home of its own."""
    alone = {"PREFECT_HOME": str(machine.root / "prefect"), "DO_NOT_TRACK": "1"}
    return {**machine.environment(), **place.variables, **alone}


def run(example: str, machine: Machine, place: Place, env: Mapping[str, str] = {}) -> str:
    """The output of an example."""
    ended = subprocess.run(
        [PYTHON, ROOT / "examples" / example],
        env={**variables(machine, place), **env},
        cwd=machine.work,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert place.key not in ended.stdout + ended.stderr
    return ended.stdout


def listed(machine: Machine, place: Place, *words: str) -> Any:
    return machine.ask(*words, env=place.variables).data


def check_one_build(machine: Machine, place: Place, description: str) -> None:
    """That one build was registered, has completed, and has all six tasks, complete where the roots say."""
    [build] = listed(machine, place, "builds", "list")["builds"]
    assert (build["name"], build["status"], build["description"]) == ("nightly", "completed", description)
    tasks = listed(machine, place, "tasks", "list", "--build", build["id"])["tasks"]
    assert sorted(task["name"] for task in tasks) == [*["features"] * 4, "report", "train"]
    assert {task["status"] for task in tasks} == {"completed"}
    roots = listed(machine, place, "builds", "show", build["id"])["target_roots"]
    for task in tasks:
        assert task["output"]["root"] == "default"
        record = Path(roots["default"], task["output"]["path"], ".stardag-task.json")
        assert json.loads(record.read_text())["parameters"] == task["parameters"]


@contextmanager
def prefect_server(machine: Machine) -> Generator[str]:
    """The URL of a Prefect server's API; each process of a flow would else start one of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words: list[str | Path] = [
        PYTHON,
        "-m",
        "prefect",
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-ui",
    ]
    quiet = {"PREFECT_HOME": str(machine.root / "prefect"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    environment = {**machine.environment(), **quiet, "DO_NOT_TRACK": "1"}
    with open(machine.root / "prefect.log", "w+") as log:
        server = subprocess.Popen(words, env=environment, cwd=machine.work, stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}/api"
            transport = httpx.HTTPTransport(retries=0)
            with httpx.Client(transport=transport, trust_env=False) as client:
                wait_for(client, f"{url}/health", server, Path(log.name))
            yield url
        finally:
            server.terminate()
            server.wait(TIMEOUT_SECONDS)


def wait_for(client: httpx.Client, url: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until a server answers; it tells nobody when it is ready."""
    while True:
        assert server.poll() is None, log.read_text()
        try:
            if client.get(url).is_success:
                return
        except httpx.TransportError:
            try:
                server.wait(0.2)
            except subprocess.TimeoutExpired:
                continue


def test_the_plain_script_builds_everything_and_then_nothing_again(machine: Machine, place: Place) -> None:
    assert run("plain.py", machine, place) == REPORT
    check_one_build(machine, place, "As a plain script")
    assert run("plain.py", machine, place) == REPORT
    again, _ = listed(machine, place, "builds", "list")["builds"]
    runs = [
        listed(machine, place, "tasks", "show", task["id"])["builds"][0]
        for task in listed(machine, place, "tasks", "list", "--build", again["id"])["tasks"]
    ]
    assert {(run["build_id"], run["status"]) for run in runs} == {(again["id"], "reused")}


def test_on_dask_every_worker_joins_the_drivers_build(machine: Machine, place: Place) -> None:
    assert run("with_dask.py", machine, place) == REPORT
    check_one_build(machine, place, "On a Dask cluster")


@pytest.mark.slow
def test_under_prefect_every_worker_joins_the_flows_build(machine: Machine, place: Place) -> None:
    with prefect_server(machine) as url:
        said = run("with_prefect.py", machine, place, {"PREFECT_API_URL": url})
    assert said.endswith(REPORT)
    check_one_build(machine, place, "Under Prefect")


def test_the_roots_of_the_drivers_build_hold_for_workers_whatever_changes(machine: Machine, place: Place) -> None:
    """As `exec --build` starts it, so that even the script itself is a worker."""
    moved = str(machine.root / "elsewhere")
    script = machine.work / "script.py"
    script.write_text(
        "import os, sys, subprocess, httpx\n"
        f"sys.path.insert(0, {str(ROOT / 'examples')!r})\n"
        "import stardag\n"
        "workspace, key = os.environ['STARDAG_WORKSPACE_ID'], os.environ['STARDAG_API_KEY']\n"
        "url = os.environ['STARDAG_REGISTRY_URL'] + f'/api/v1/workspaces/{workspace}/target-roots/default'\n"
        f"answer = httpx.patch(url, json={{'uri_prefix': {moved!r}}}, headers={{'Authorization': f'Bearer {{key}}'}})\n"
        "assert answer.is_success, answer.text\n"
        f"subprocess.run([sys.executable, {str(ROOT / 'examples' / 'plain.py')!r}], check=True)\n"
    )
    environment = {"PATH": os.environ["PATH"], **place.variables}
    ran = machine.run("exec", "--build", "nightly", "--", str(PYTHON), str(script), env=environment)
    assert ran.out == REPORT
    [build] = listed(machine, place, "builds", "list")["builds"]
    assert (build["name"], build["status"]) == ("nightly", "completed")
    assert not Path(moved).exists()
    assert len(listed(machine, place, "tasks", "list", "--build", build["id"])["tasks"]) == 6
