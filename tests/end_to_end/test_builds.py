"""Builds from Python against a real registry: started, joined, ended, and told of later where it does not answer."""

import asyncio
import os
import pickle
import shutil
import signal
import threading
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import stardag
from stardag.domain.errors import InvalidValue, UnknownTargetRoot
from stardag.domain.output_errors import TaskNotRunning
from stardag.domain.refusals import BuildEnded, RefusedValue
from stardag.domain.registry_errors import RegistryUnreachable
from tests.end_to_end.builds import Workspace, run, start
from tests.end_to_end.front import Front, Passage, registry_behind_a_front
from tests.end_to_end.machine import TIMEOUT_SECONDS, Machine
from tests.end_to_end.registries import NOWHERE, Place
from tests.registry.running import RunningRegistry


class Interrupted(Exception):
    """Something of a program's own."""


def enter(monkeypatch: pytest.MonkeyPatch, machine: Machine, variables: Mapping[str, str]) -> None:
    """Let this very process be one on the machine, with nothing of the real one's."""
    for name in [name for name in os.environ if name.startswith("STARDAG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(machine.home))
    monkeypatch.chdir(machine.work)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def nightly(work: Callable[[stardag.Build], object]) -> stardag.Build:
    """A build that does this."""
    with stardag.build("nightly") as build:
        work(build)
    return build


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, machine: Machine, place: Place) -> Workspace:
    """A workspace whose target roots are synced, and this process building there."""
    enter(monkeypatch, machine, place.variables)
    stardag.sync_target_roots()
    return Workspace(place.url, place.workspace_id, place.key)


# Beginning and ending


def test_a_build_is_registered_and_completed_with_its_tasks(here: Workspace) -> None:
    with stardag.build("nightly", description="every night", commit="abc123") as build:
        running = here.build(build.id)
        assert (running.status, running.name, running.description, running.commit) == (
            "running",
            "nightly",
            "every night",
            "abc123",
        )
        with build.task("split", {"parts": 2}) as split:
            split.output("part-0.txt").write_text("0")
        with build.task("train", {"lr": 0.1}) as train:
            train.output("model.pkl").write_bytes(split.output("part-0.txt").read_bytes())
    assert here.build(build.id).status == "completed"
    assert here.tasks(build.id) == {"split": "completed", "train": "completed"}
    recorded = here.api.task(here.id, train.id).task
    assert recorded.output is not None
    assert (recorded.output.root, recorded.output.path) == ("default", f"train/{train.id}")
    assert (stardag.target_root() / recorded.output.path / "model.pkl").read_bytes() == b"0"


@pytest.mark.parametrize(
    ("raised", "status", "error"),
    [
        (Interrupted("hunter2"), "failed", f"{__name__}.Interrupted"),
        (ValueError("hunter2"), "failed", "ValueError"),
        (KeyboardInterrupt(), "cancelled", None),
        (SystemExit(0), "completed", None),
        (SystemExit(3), "failed", "SystemExit"),
    ],
)
def test_what_is_raised_out_of_a_build_says_how_it_ended_and_goes_on(
    here: Workspace, raised: BaseException, status: str, error: str | None
) -> None:
    build = stardag.build("nightly")

    def work() -> None:
        with build, build.task("train"):
            raise raised

    with pytest.raises(type(raised)) as caught:
        work()
    assert caught.value is raised
    ended = here.build(build.id)
    assert (ended.status, ended.error) == (status, error)


def test_a_task_is_skipped_only_where_the_code_says_so(here: Workspace) -> None:
    for attempt in range(3):
        with stardag.build("nightly") as build:
            train = build.task("train", {"lr": 0.1})
            if not train.complete:
                with train:
                    train.output("model.pkl").write_text(str(attempt))
            with build.task("report", {"of": train.id}) as report:
                if not report.complete:
                    report.output("report.md").write_text(train.output("model.pkl").read_text())
            with build.task("always") as always:
                always.output("time").write_text(str(attempt))
        expected = {"report": "reused" if attempt else "completed", "always": "completed"}
        assert here.tasks(build.id) == ({"train": "completed"} if not attempt else {}) | expected
    assert stardag.task_outputs("train", {"lr": 0.1}).output("model.pkl").read_text() == "0"
    assert stardag.task_outputs("always").output("time").read_text() == "2"


def test_a_build_cannot_be_used_before_it_begins_nor_twice(here: Workspace) -> None:
    build = stardag.build("nightly")
    with pytest.raises(RuntimeError, match="has not begun"):
        build.task("train")
    with build:
        pass
    with pytest.raises(RuntimeError, match="begun already"):
        build.__enter__()
    assert len(here.builds()) == 1


def test_after_its_end_no_task_is_run(here: Workspace) -> None:
    with stardag.build("nightly") as build:
        task = build.task("train")
    with pytest.raises(RuntimeError, match="has ended"), task:
        pass
    assert here.tasks(build.id) == {}
    with pytest.raises(RuntimeError, match="has ended"), build.task("train"):
        pass


def test_builds_and_tasks_are_not_sent_to_other_processes(here: Workspace) -> None:
    with stardag.build("nightly") as build:
        for what in (build, build.task("train")):
            with pytest.raises(TypeError, match=r"build\.environment\(\)"):
                pickle.dumps(what)


def test_what_cannot_be_is_refused_with_nothing_changed(here: Workspace) -> None:
    with pytest.raises(RefusedValue, match="name"), stardag.build("two\nlines"):
        pass
    assert here.builds() == ()
    with stardag.build("nightly") as build:
        with pytest.raises(UnknownTargetRoot, match="it has: default"):
            build.task("train", root="archive")
        with pytest.raises(InvalidValue, match="task name"):
            build.task("../train")
        with pytest.raises(InvalidValue, match="parameters"):
            build.task("train", {"x": float("inf")})
        with pytest.raises(TaskNotRunning):
            build.task("train").output("x").write_text("x")
    assert here.tasks(build.id) == {}


def test_a_build_is_the_current_one_in_its_block_alone(here: Workspace, place: Place, tmp_path: Path) -> None:
    with stardag.build("nightly") as build:
        place.change("default", str(tmp_path / "moved"))
        inside = str(stardag.target_root())
        assert inside == str(build.target_root())
        stardag.sync_target_roots()
        assert str(stardag.target_root()) == inside, "pinned, whatever has changed since"
    assert str(stardag.target_root()).rstrip("/") == str(tmp_path / "moved")
    assert len(here.builds()) == 1


def test_code_that_builds_in_a_build_belongs_to_it(here: Workspace) -> None:
    def library() -> str | None:
        with stardag.build("inner") as inner, inner.task("inner"):
            return inner.id

    with stardag.build("outer") as outer:
        assert library() == outer.id
        assert here.build(outer.id).status == "running"
        with pytest.raises(Interrupted), stardag.build("fails"):
            raise Interrupted
        assert here.build(outer.id).status == "running", "whoever catches an error has built on"
        with stardag.build("another", workspace=here.id) as another:
            assert another.id != outer.id, "another selection is another build"
    assert {build.name: build.status for build in here.builds()} == {"outer": "completed", "another": "completed"}
    assert here.tasks(outer.id) == {"inner": "completed"}
    assert library() != outer.id


# With asyncio


def test_a_build_and_its_tasks_are_there_for_asyncio(here: Workspace) -> None:
    async def part(build: stardag.Build, number: int) -> None:
        async with build.task("part", {"number": number}) as task:
            await asyncio.sleep(0)
            task.output("part").write_text(str(number))

    async def work() -> stardag.Build:
        async with stardag.build("nightly") as build:
            await asyncio.gather(*(part(build, number) for number in range(5)))
            assert str(stardag.target_root()) == str(build.target_root())
        return build

    build = asyncio.run(work())
    assert here.build(build.id).status == "completed"
    assert all(stardag.task_outputs("part", {"number": number}).complete for number in range(5))


def test_an_asyncio_task_that_is_cancelled_cancels_its_build(here: Workspace) -> None:
    begun = asyncio.Event()
    build = stardag.build("nightly")

    async def work() -> None:
        async with build, build.task("wait"):
            begun.set()
            await asyncio.Event().wait()

    async def cancel() -> None:
        task = asyncio.ensure_future(work())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert here.build(build.id).status == "cancelled"
    assert here.tasks(build.id) == {"wait": "cancelled"}


# Without configuration, and offline


def test_without_configuration_a_build_stays_on_this_machine_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, machine: Machine
) -> None:
    enter(monkeypatch, machine, {"HTTPS_PROXY": NOWHERE})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with stardag.build("nightly") as build, build.task("train") as task:
            task.output("model.pkl").write_bytes(b"model")
    assert [warning.category for warning in caught] == [stardag.StardagWarning]
    assert "stays on this machine" in str(caught[0].message)
    assert caught[0].filename == __file__
    assert build.id is None
    assert stardag.task_outputs("train").outputs() == ("model.pkl",)
    out, _ = run(
        "import stardag; print(stardag.task_outputs('train').output('model.pkl').read_text())",
        machine.environment(),
        machine.work,
    )
    assert out == "model\n", "and another program finds it"


def test_offline_outputs_are_read_and_no_build_is_begun(here: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with stardag.build("nightly") as build, build.task("train") as task:
        task.output("model.pkl").write_bytes(b"model")
    monkeypatch.setenv("STARDAG_OFFLINE", "1")
    assert stardag.task_outputs("train").complete
    assert not stardag.task_outputs("train", {"lr": 1}).complete
    with pytest.raises(RegistryUnreachable, match="STARDAG_OFFLINE"), stardag.build("nightly"):
        pass
    assert len(here.builds()) == 1


# Other processes


def test_a_process_that_dies_in_a_task_leaves_it_incomplete(here: Workspace, machine: Machine, place: Place) -> None:
    program = """
import os, signal, stardag
with stardag.build("nightly") as build, build.task("train") as task:
    task.output("first").write_text("1")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    environment = {**machine.environment(), **place.variables}
    run(program, environment, machine.work, exits=-signal.SIGKILL)
    assert not stardag.task_outputs("train").complete
    assert stardag.task_outputs("train").output("first").read_text() == "1"
    run(program.replace("os.kill(os.getpid(), signal.SIGKILL)", ""), environment, machine.work)
    assert stardag.task_outputs("train").complete
    assert [build.status for build in here.builds()] == ["completed", "running"], "one that died is lost, in a while"


WORKER = """
import sys, stardag
for number in sys.stdin.readline().split():
    with stardag.build("in a worker") as build:
        with build.task("part", {"number": int(number)}) as task:
            task.output("part").write_text(str(stardag.target_root()))
print(build.id, build.name)
"""


def test_workers_that_are_given_the_environment_belong_to_the_build(
    here: Workspace, machine: Machine, place: Place, tmp_path: Path
) -> None:
    with stardag.build("nightly") as build:
        place.change("default", str(tmp_path / "moved"))  # which nobody in this build sees
        environment = {"PATH": os.environ["PATH"], **build.environment(), "STARDAG_API_KEY": place.key}
        environment |= {"HOME": str(tmp_path / "empty")}
        workers = [start(WORKER, environment, machine.work) for _ in range(2)]
        ended = [
            worker.communicate(f"{number} {number + 10}\n", TIMEOUT_SECONDS) for number, worker in enumerate(workers)
        ]
        assert [out for out, _ in ended] == [f"{build.id} nightly\n"] * 2, ended
        root = str(build.target_root())
        assert {build.task("part", {"number": number}).output("part").read_text() for number in (0, 1, 10, 11)} == {
            root
        }
        assert here.build(build.id).status == "running"
    assert [(each.id, each.status) for each in here.builds()] == [(build.id, "completed")]
    assert here.tasks(build.id) == {"part": "completed"}
    assert not (tmp_path / "empty").exists(), "nothing was written there"


def test_a_worker_cannot_join_a_build_that_has_ended(
    here: Workspace, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stardag.build("nightly") as build:
        variables = build.environment()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BuildEnded, match="has ended already"), stardag.build("late"):
        pass
    assert len(here.builds()) == 1


def test_a_forked_process_neither_tells_of_the_build_nor_ends_it(
    here: Workspace, machine: Machine, place: Place
) -> None:
    program = """
import os, sys, warnings, stardag
warnings.simplefilter("ignore", DeprecationWarning)  # of forking a process with threads
with stardag.build("nightly") as build:
    process = os.fork()
    if process == 0:
        try:
            with build, build.task("child"):
                pass
        except RuntimeError:
            pass
        with build.task("in the child"):
            pass
        raise SystemExit(5)  # through the end of the block
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 5
    with build.task("parent"):
        pass
print(build.id)
"""
    program = program.replace('"in the child"', '"in-the-child"')
    out, err = run(program, {**machine.environment(), **place.variables}, machine.work)
    assert "forked process" in err
    (build,) = here.builds()
    assert (build.id, build.status) == (out.strip(), "completed")
    assert here.tasks(build.id) == {"parent": "completed"}


def test_a_production_worker_needs_three_variables_and_no_home(machine: Machine, place: Place, here: Workspace) -> None:
    program = """
import stardag
with stardag.build("production") as build, build.task("train") as task:
    task.output("model.pkl").write_bytes(b"model")
"""
    environment = {**place.variables, "PATH": os.environ["PATH"], "HOME": "/proc/nowhere", "STARDAG_HOME": ""}
    _, err = run(program, environment, machine.work)
    assert "StardagWarning" in err, "that nothing could be cached is said"
    assert [build.status for build in here.builds()] == ["completed"]


# A registry that goes away


@pytest.fixture(scope="module")
def fronted(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[RunningRegistry, Front]]:
    with registry_behind_a_front(tmp_path_factory.mktemp("fronted") / "data") as both:
        yield both


class Door:
    """A registry that can be made to go away, its one workspace, and a machine that builds there."""

    def __init__(self, registry: RunningRegistry, front: Front, machine: Machine) -> None:
        self.front = front
        self.machine = machine
        self.variables = {
            "STARDAG_REGISTRY_URL": front.url,
            "STARDAG_API_KEY": registry.owner_key,
            "STARDAG_WORKSPACE": "default",
        }

    def workspace(self) -> Workspace:
        identity = stardag.active_profile().identity
        assert identity is not None
        return Workspace(self.front.url, identity.workspace_id, self.variables["STARDAG_API_KEY"])

    def go_away(self) -> None:
        self.front.treatment = lambda passage: None

    def come_back(self) -> None:
        self.front.harmless()

    def command(self, *words: str) -> str:
        ran = self.machine.run(*words, env=self.variables)
        return ran.err

    def kept(self) -> list[Path]:
        return sorted(self.machine.directory.glob("build-outcomes/*.json"))


@pytest.fixture
def door(fronted: tuple[RunningRegistry, Front], machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    registry, front = fronted
    front.harmless()
    door = Door(registry, front, machine)
    enter(monkeypatch, machine, door.variables)
    stardag.sync_target_roots()
    front.harmless()
    yield door
    front.harmless()


def methods(door: Door) -> list[str]:
    return [request.split()[0] for request in door.front.requests]


def test_with_warm_caches_a_build_takes_two_requests_to_start_and_one_to_end(door: Door) -> None:
    with stardag.build("nightly"):
        workspace_id = door.workspace().id
        path = f"/api/v1/workspaces/{workspace_id}"
        assert door.front.requests == [f"GET {path}/target-roots", f"POST {path}/builds"]
        door.front.requests.clear()
    assert methods(door) == ["PATCH"]


def test_a_registration_whose_answer_is_lost_makes_one_build(door: Door) -> None:
    workspace = door.workspace()
    before = len(workspace.builds())
    lost: list[int] = []

    def lose_the_first(passage: Passage) -> None:
        if passage.name.startswith("POST") and not lost:
            lost.append(passage.forward().status)
        else:
            passage.pass_on()

    door.front.treatment = lose_the_first
    with stardag.build("nightly") as build:
        assert lost == [201]
        assert workspace.builds()[0].id == build.id
        assert len(workspace.builds()) == before + 1


def interrupted_build(door: Door) -> stardag.Build:
    """A build whose registry goes away while it runs: the work goes on, and the outcome is kept."""

    def work(build: stardag.Build) -> None:
        door.go_away()
        with build.task("train", {"build": build.id}) as task:
            task.output("model.pkl").write_bytes(b"model")

    with pytest.warns(stardag.StardagWarning, match="The registry has not heard how build"):
        build = nightly(work)
    assert stardag.task_outputs("train", {"build": build.id}).complete
    assert len(door.kept()) == 1
    assert door.kept()[0].stat().st_mode & 0o777 == 0o600
    return build


def test_a_registry_that_goes_away_stops_no_build_and_hears_of_it_once_from_the_next_command(door: Door) -> None:
    build = interrupted_build(door)
    door.come_back()
    said = door.command("builds", "list")
    assert f"That build {build.id} ended as completed at" in said
    assert methods(door).count("PATCH") == 1
    assert "was delivered" not in door.command("builds", "list")
    assert methods(door).count("PATCH") == 1
    assert door.kept() == []
    assert door.workspace().build(build.id).status == "completed"
    assert door.workspace().tasks(build.id) == {"train": "completed"}


def test_the_next_build_delivers_it_too(door: Door) -> None:
    build = interrupted_build(door)
    door.come_back()
    with pytest.warns(stardag.StardagWarning, match=f"That build {build.id} ended as completed"):
        nightly(lambda build: None)
    assert door.kept() == []
    assert {door.workspace().build(build.id).status} == {"completed"}


def fail_without(door: Door, builds: list[stardag.Build]) -> Callable[[stardag.Build], None]:
    """Work that fails once the registry is away; it notes its build."""

    def work(build: stardag.Build) -> None:
        builds.append(build)
        door.go_away()
        raise Interrupted("hunter2")

    return work


def test_a_failure_is_a_failure_whoever_hears_of_it(door: Door) -> None:
    builds: list[stardag.Build] = []
    with pytest.warns(stardag.StardagWarning, match="has not heard"), pytest.raises(Interrupted):
        nightly(fail_without(door, builds))
    assert "hunter2" not in door.kept()[0].read_text()
    door.come_back()
    door.command("builds", "list")
    ended = door.workspace().build(builds[0].id)
    assert (ended.status, ended.error) == ("failed", f"{__name__}.Interrupted")


def test_where_warnings_are_errors_none_at_the_end_hides_what_was_raised(door: Door) -> None:
    with pytest.raises(Interrupted):
        nightly(fail_without(door, []))


def test_where_warnings_are_errors_one_at_the_start_fails_the_build(door: Door) -> None:
    shutil.rmtree(door.machine.directory)  # so that the target roots are new here
    with pytest.raises(stardag.StardagWarning, match="is new in the registry"):
        nightly(lambda build: None)
    newest = door.workspace().builds()[0]
    assert (newest.status, newest.error) == ("failed", "stardag.StardagWarning")


def test_where_nothing_can_be_kept_it_is_said_that_the_build_will_look_lost(door: Door) -> None:
    def work(build: stardag.Build) -> None:
        door.go_away()
        door.machine.directory.rename(door.machine.home / "elsewhere")
        door.machine.directory.write_text("no directory")

    with pytest.warns(stardag.StardagWarning, match="will show it as lost"):
        nightly(work)


def test_a_process_that_is_killed_while_it_delivers_leaves_it_to_the_next(door: Door) -> None:
    build = interrupted_build(door)
    arrived = threading.Event()

    def hang(passage: Passage) -> None:
        if passage.name.startswith("PATCH"):
            passage.forward()
            arrived.set()
            door.front.hang(passage)
        passage.pass_on()

    door.front.treatment = hang
    environment = {**door.machine.environment(), **door.variables, "STARDAG_TIMEOUT": "300"}
    killed = start("import stardag; stardag.build('killed').__enter__()", environment, door.machine.work)
    assert arrived.wait(TIMEOUT_SECONDS)
    assert "was delivered" not in door.command("builds", "list"), "as long as somebody else delivers it"
    killed.kill()
    killed.communicate()
    assert len(door.kept()) == 1
    door.come_back()
    assert f"That build {build.id} ended as completed" in door.command("builds", "list")
    assert door.kept() == []


def test_of_many_processes_at_once_one_delivers_it(door: Door) -> None:
    interrupted_build(door)
    door.come_back()
    with ThreadPoolExecutor(4) as pool:
        commands = [pool.submit(door.command, "builds", "list") for _ in range(4)]
        said = [command.result() for command in commands]
    assert sum("was delivered" in each for each in said) == 1
    assert methods(door).count("PATCH") == 1
    assert door.kept() == []


def test_a_worker_whose_registry_goes_away_has_its_tasks_told_of_later(door: Door) -> None:
    with stardag.build("nightly") as build:
        environment = {"PATH": os.environ["PATH"], "HOME": str(door.machine.home), **build.environment()}
        environment |= {"STARDAG_API_KEY": door.variables["STARDAG_API_KEY"]}
        program = """
import stardag
with stardag.build("in a worker") as build:
    input()
    with build.task("part"):
        pass
"""
        worker = start(program, environment, door.machine.work)
        assert worker.stdin is not None
        while not any(request.endswith(str(build.id)) for request in list(door.front.requests)):
            assert worker.poll() is None
        door.go_away()
        _, err = worker.communicate("\n", TIMEOUT_SECONDS)
        assert "has not heard how it went with tasks" in err
        door.come_back()
        assert f"tasks of build {build.id}" in door.command("builds", "list")
        assert door.workspace().tasks(build.id) == {"part": "completed"}
        assert door.workspace().build(build.id).status == "running"


def test_somebody_who_cancels_a_build_is_heard_at_its_end(door: Door) -> None:
    def work(build: stardag.Build) -> None:
        assert not build.is_cancelled
        door.command("builds", "cancel", str(build.id))

    with pytest.warns(stardag.StardagWarning, match="has ended already"):
        build = nightly(work)
    assert door.workspace().build(build.id).status == "cancelled"


def test_the_program_still_ends_where_ctrl_c_comes_while_the_registry_is_told(door: Door) -> None:
    arrived = threading.Event()

    def hang(passage: Passage) -> None:
        if passage.name.startswith("PATCH"):
            arrived.set()
            door.front.hang(passage)
        passage.pass_on()

    door.front.treatment = hang
    environment = {**door.machine.environment(), **door.variables, "STARDAG_TIMEOUT": "300"}
    program = "import stardag\nwith stardag.build('nightly'): pass"
    process = start(program, environment, door.machine.work)
    assert arrived.wait(TIMEOUT_SECONDS)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=TIMEOUT_SECONDS)
    assert "KeyboardInterrupt" in err
    assert len(door.kept()) == 1
    door.come_back()
    assert "was delivered" in door.command("builds", "list")
