"""Many workers that start at once on one machine, with empty caches and no files: each at a workspace of its own, so
that what each learns has to survive what all others write beside it."""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.machine import PROGRAM, TIMEOUT_SECONDS, Machine, write
from tests.end_to_end.registries import Place, Registry, passing_on

READING = "import stardag; assert (stardag.target_root() / 'x').name == 'x'"


def places_of(registry: Registry, roots: Path, count: int) -> list[Place]:
    return [registry.place({"default": str(roots / str(number))}) for number in range(count)]


def start_at_once(machine: Machine, registry: Registry, count: int) -> None:
    places = places_of(registry, machine.root / "roots", count)
    with passing_on(registry.url) as door, ExitStack() as stack:
        given = [{**place.variables, "STARDAG_REGISTRY_URL": door.url, "STARDAG_TIMEOUT": "60"} for place in places]
        workers = [
            stack.enter_context(
                subprocess.Popen(
                    (PROGRAM, "exec", "-q", "--", sys.executable, "-c", READING),
                    env=machine.environment(**variables),
                    cwd=machine.work,
                    stderr=subprocess.PIPE,
                )
            )
            for variables in given
        ]
        said = [worker.communicate(timeout=20 * TIMEOUT_SECONDS)[1].decode() for worker in workers]
        assert said == [""] * count
        assert [worker.returncode for worker in workers] == [0] * count
        asked = [request.path for request in door.requests if "/target-roots" in request.path]
        assert len(asked) == len(set(asked)) == count, "one sync each"
    cached = json.loads((machine.directory / "target-root-cache.json").read_text())
    found = {entry["workspace_id"]: entry["target_roots"] for entry in cached}
    assert found == {
        place.workspace_id: {"default": str(machine.root / "roots" / str(number))}
        for number, place in enumerate(places)
    }, "no entry is lost"


def test_workers_that_start_at_once_sync_once_each_and_lose_nothing(machine: Machine, registry: Registry) -> None:
    start_at_once(machine, registry, 8)


@pytest.mark.slow
def test_two_hundred_workers_that_start_at_once_sync_once_each_and_lose_nothing(
    machine: Machine, registry: Registry
) -> None:
    start_at_once(machine, registry, 200)


def test_a_worker_needs_three_variables_and_neither_home_nor_files(machine: Machine, place: Place) -> None:
    """A home below a file can be written by nobody, whoever runs the tests."""
    nowhere = write(machine.root / "file", "")
    variables = {**place.variables, "HOME": str(nowhere / "home")}
    program = """
import stardag
with stardag.build("nightly") as build, build.task("train", {"lr": 0.1}) as task:
    task.output("model.txt").write_text("model")
assert stardag.task_outputs("train", {"lr": 0.1}).complete
print((stardag.target_root() / "other.txt").write_text("five!"))
"""
    for words in ((), ("--build", "outer")):
        ran = machine.run("exec", *words, "--", sys.executable, "-W", "ignore", "-c", program, env=variables)
        assert ran.out == "5\n"
    builds = machine.ask("builds", "list", env=place.variables).data["builds"]
    assert sorted((build["name"], build["status"]) for build in builds) == [
        ("nightly", "completed"),
        ("outer", "completed"),
    ]


WORKING_ON = """
import itertools, stardag
with stardag.build("in a worker") as build:
    for number in itertools.count():
        with build.task("part", {"number": number % 10}) as task:
            task.output("part.txt").write_text(str(number))
        if number == 0:
            print("ready", flush=True)
"""


def test_a_worker_of_a_build_that_is_cancelled_begins_no_more_tasks(machine: Machine, place: Place) -> None:
    registered = httpx.post(
        f"{place.url}/api/v1/workspaces/{place.workspace_id}/builds",
        json={"target_roots": {"default": str(machine.root / "outputs")}},
        headers={"Authorization": f"Bearer {place.key}"},
    )
    build_id = registered.raise_for_status().json()["id"]
    with subprocess.Popen(
        (sys.executable, "-c", WORKING_ON),
        env=machine.environment(**place.variables, STARDAG_BUILD_ID=build_id),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as worker:
        try:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
            machine.ask("builds", "cancel", build_id, env=place.variables)
            said = worker.communicate(timeout=TIMEOUT_SECONDS)[1]
        finally:
            worker.kill()
    assert worker.returncode == 1
    assert said.splitlines()[-2].startswith("stardag.errors.BuildCancelled: ")
    assert (machine.root / "outputs").exists()
