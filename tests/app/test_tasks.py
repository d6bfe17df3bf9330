"""Tasks of builds: complete only once all that a run wrote is there, whatever happens on the way."""

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag.app.builds.running_build import RunningBuild
from stardag.app.builds.task_outputs import TaskOutputs
from stardag.app.builds.task_run import TaskRun
from stardag.domain.builds import Output, TaskRecord
from stardag.domain.completion import read_completion
from stardag.domain.errors import InvalidValue
from stardag.domain.output_errors import (
    BuildCancelled,
    OutsideTargetRoot,
    StorageFailed,
    TaskNotRunning,
    TooManyOutputs,
)
from stardag.domain.outputs import TASK_RECORD, RootPlace, task_directory
from stardag.domain.profile import NO_SELECTION
from stardag.domain.tasks import Json, task_id
from tests.app.world import World
from tests.fakes.output_storage import FakeOutputStorage, failing_at

ROOT = RootPlace("default", "/roots/default/")


class TellingBuild(RunningBuild):
    """A local build that notes what is told of its tasks."""

    def __init__(self) -> None:
        world = World()
        world.files.user, world.environment.api_key = None, None
        profile = world.resolve(NO_SELECTION)
        super().__init__("nightly", profile, None, world.machine, None)
        self.world = world
        self.told: list[TaskRecord] = []

    def record(self, task_id: str, record: TaskRecord) -> None:
        self.told.append(record)

    @property
    def statuses(self) -> list[str]:
        return [record.status for record in self.told]


class Scene:
    """A storage, a build, and its tasks."""

    def __init__(self) -> None:
        self.storage = FakeOutputStorage()
        self.build = TellingBuild()

    def task(self, name: str = "train", parameters: Mapping[str, Json] | None = None) -> TaskRun:
        parameters = {"lr": 0.1} if parameters is None else parameters
        files = self.storage.task_files(ROOT, task_directory(name, task_id(name, parameters)))
        return TaskRun(name, parameters, files, ROOT.name, self.build)

    def found(self, name: str = "train", parameters: Mapping[str, Json] | None = None) -> TaskOutputs:
        """The same task as somebody else sees it."""
        parameters = {"lr": 0.1} if parameters is None else parameters
        files = self.storage.task_files(ROOT, task_directory(name, task_id(name, parameters)))
        return TaskOutputs(name, parameters, files)

    def run(self, *writes: tuple[str, bytes], raised: BaseException | None = None) -> TaskRun:
        """One run from its beginning to its end."""
        task = self.task()
        task.start()
        for path, content in writes:
            task.output(path).write_bytes(content)
        task.finish(raised)
        return task

    def record(self) -> bytes | None:
        return self.storage.files.get((ROOT.uri_prefix, f"train/{self.found().id}/{TASK_RECORD}"))


@pytest.fixture
def scene() -> Scene:
    return Scene()


MODEL = ("model.pkl", b"model")


def test_a_run_makes_a_task_complete_with_all_that_it_wrote(scene: Scene) -> None:
    assert not scene.found().complete
    task = scene.run(MODEL, ("plots/loss.png", b""))
    assert task.complete
    found = scene.found()
    assert (found.complete, found.outputs()) == (True, ("model.pkl", "plots/loss.png"))
    assert found.output("model.pkl").read_bytes() == b"model"
    assert found.id == task.id == task_id("train", {"lr": 0.1})
    completion = read_completion(scene.record() or b"")
    assert completion is not None
    assert completion.outputs == {"model.pkl": 5, "plots/loss.png": 0}
    assert completion.completed_at == datetime.fromtimestamp(scene.build.world.now, UTC)


def test_of_a_run_the_registry_hears_when_it_begins_and_how_it_ends(scene: Scene) -> None:
    task = scene.task()
    task.start()
    began = scene.build.now()
    scene.build.world.now += 60
    task.finish(None)
    output = Output("default", f"train/{task.id}")
    assert scene.build.told == [
        TaskRecord("train", {"lr": 0.1}, "running", output, began),
        TaskRecord("train", {"lr": 0.1}, "completed", output, began, scene.build.now()),
    ]


def test_while_it_runs_a_task_is_not_complete(scene: Scene) -> None:
    task = scene.task()
    task.start()
    task.output("model.pkl").write_bytes(b"model")
    assert not task.complete
    assert task.outputs() == ()
    task.finish(None)
    assert task.complete


@pytest.mark.parametrize(
    ("raised", "status", "error"),
    [
        (ValueError("hunter2"), "failed", "ValueError"),
        (KeyboardInterrupt(), "cancelled", None),
        (SystemExit(0), "cancelled", None),
        (SystemExit(2), "failed", "SystemExit"),
    ],
)
def test_a_run_that_something_was_raised_out_of_leaves_it_incomplete(
    scene: Scene, raised: BaseException, status: str, error: str | None
) -> None:
    task = scene.run(MODEL, raised=raised)
    assert not task.complete
    assert (scene.build.told[-1].status, scene.build.told[-1].error) == (status, error)
    assert scene.run(MODEL).complete


def test_a_complete_task_that_a_run_does_not_touch_is_reused_whatever_happens(scene: Scene) -> None:
    scene.run(MODEL)
    before = scene.record()
    task = scene.task()
    task.start()
    assert task.complete
    assert task.output("model.pkl").read_bytes() == b"model"
    task.finish(None)
    assert scene.build.statuses[-2:] == ["running", "reused"]
    assert scene.record() == before
    scene.run(raised=ValueError())
    assert scene.found().complete
    assert scene.build.statuses[-1] == "failed"


def test_a_run_that_writes_something_again_begins_anew(scene: Scene) -> None:
    scene.run(MODEL)
    task = scene.task()
    task.start()
    task.output("model.pkl").write_bytes(b"better")
    assert not scene.found().complete
    task.finish(None)
    assert task.complete
    assert scene.build.statuses[-1] == "completed"


def test_removing_an_output_counts_as_writing(scene: Scene) -> None:
    scene.run(MODEL, ("other", b"x"))
    task = scene.task()
    task.start()
    task.output("other").unlink()
    assert not scene.found().complete
    task.finish(None)
    assert task.outputs() == ("model.pkl",)


def test_what_was_written_to_a_plain_path_unseen_is_listed_too(scene: Scene) -> None:
    scene.run(MODEL)
    task = scene.task()
    task.start()
    scene.storage.files[ROOT.uri_prefix, f"train/{task.id}/unseen.npy"] = b"array"
    task.finish(None)
    assert scene.found().outputs() == ("model.pkl", "unseen.npy")
    assert scene.build.statuses[-1] == "completed"


def test_a_run_that_writes_nothing_completes_an_incomplete_task(scene: Scene) -> None:
    task = scene.run()
    assert (task.complete, task.outputs()) == (True, ())
    assert scene.build.statuses == ["running", "completed"]


def test_a_task_may_run_any_number_of_times_one_after_the_other(scene: Scene) -> None:
    task = scene.task()
    for content in (b"1", b"22", b"22"):
        task.start()
        task.output("n").write_bytes(content)
        task.finish(None)
        assert task.complete
    assert scene.build.statuses == ["running", "completed"] * 3


def test_a_task_does_not_run_twice_at_once(scene: Scene) -> None:
    task = scene.task()
    task.start()
    with pytest.raises(RuntimeError, match="running already"):
        task.start()
    task.finish(None)
    assert task.complete


@pytest.mark.parametrize("change", ["missing", "shorter", "longer"])
def test_a_task_whose_output_is_gone_or_has_another_size_is_not_complete(scene: Scene, change: str) -> None:
    task = scene.run(MODEL)
    place = (ROOT.uri_prefix, f"train/{task.id}/model.pkl")
    if change == "missing":
        del scene.storage.files[place]
    else:
        scene.storage.files[place] = b"mod" if change == "shorter" else b"modelled"
    assert not scene.found().complete
    assert scene.found().outputs() == ()


def test_a_record_of_another_task_does_not_count_nor_does_a_broken_one(scene: Scene) -> None:
    task = scene.run(MODEL)
    record = scene.record()
    assert record is not None
    other = task_id("train", {"lr": 0.2})
    scene.storage.files[ROOT.uri_prefix, f"train/{other}/{TASK_RECORD}"] = record
    scene.storage.files[ROOT.uri_prefix, f"train/{other}/model.pkl"] = b"model"
    assert not scene.found(parameters={"lr": 0.2}).complete
    scene.storage.files[ROOT.uri_prefix, f"train/{task.id}/{TASK_RECORD}"] = record[:-4]
    assert not scene.found().complete
    scene.run()
    assert scene.found().complete


def test_outputs_are_written_in_a_run_alone(scene: Scene) -> None:
    task = scene.run(MODEL)
    kept = task.output("model.pkl")
    for path in (kept, task.output("new"), scene.found().output("model.pkl"), scene.found().output("") / "deep" / "x"):
        with pytest.raises(TaskNotRunning, match="cannot be written here"):
            path.write_bytes(b"other")
    assert kept.read_bytes() == b"model"
    with pytest.raises(TaskNotRunning, match=r"model\.pkl"):
        kept.unlink()
    assert scene.found().complete


def test_outputs_never_leave_the_tasks_directory(scene: Scene) -> None:
    task = scene.task()
    for path in ("../x", "/etc/passwd", "a/../../x", TASK_RECORD, "%2e%2e/x"):
        with pytest.raises(OutsideTargetRoot):
            task.output(path)
    scene.run(MODEL)
    assert (task.output("model.pkl").parent.parent.parent / "model.pkl").read_bytes() == b"model"


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("", {}), ("a/b", {}), ("../x", {}), ("x", {"y": float("nan")}), ("x", {"y": "z" * 20_000}), ("x", {"y": {1, 2}})],
)
def test_what_cannot_be_a_task_is_refused(scene: Scene, name: str, parameters: Mapping[str, Json]) -> None:
    with pytest.raises(InvalidValue):
        scene.task(name, parameters)
    with pytest.raises(InvalidValue):
        TaskOutputs(name, parameters, scene.storage.task_files(ROOT, "x"))
    assert scene.build.told == []


def test_parameters_that_are_changed_afterwards_change_no_task(scene: Scene) -> None:
    layers: list[Json] = [1, 2]
    task = scene.task(parameters={"layers": layers})
    layers.append(3)
    task.start()
    task.finish(None)
    assert scene.found(parameters={"layers": [1, 2]}).complete
    assert scene.build.told[-1].parameters == {"layers": [1, 2]}


def test_no_task_of_a_build_that_was_cancelled_is_begun(scene: Scene) -> None:
    def refuse() -> None:
        raise BuildCancelled("1", "cancelled")

    scene.build.check_goes_on = refuse  # type: ignore[method-assign]  # a build that was ended meanwhile
    task = scene.task()
    with pytest.raises(BuildCancelled):
        task.start()
    assert scene.build.told == []
    with pytest.raises(TaskNotRunning):
        task.output("model.pkl").write_bytes(b"model")


def test_a_record_that_cannot_be_written_fails_the_task(scene: Scene) -> None:
    task = scene.task()
    task.start()
    task.output("model.pkl").write_bytes(b"model")
    scene.storage.before_change = failing_at(0, StorageFailed("/roots/default", "it is full"))
    with pytest.raises(StorageFailed, match="it is full"):
        task.finish(None)
    assert not task.complete
    assert scene.build.told[-1].error == "stardag.errors.StorageFailed"


def test_a_record_that_cannot_be_removed_lets_nothing_be_written(scene: Scene) -> None:
    scene.run(MODEL)
    task = scene.task()
    task.start()
    scene.storage.before_change = failing_at(0, StorageFailed("/roots/default", "it is read-only"))
    with pytest.raises(StorageFailed, match="read-only"):
        task.output("model.pkl").write_bytes(b"other")
    assert task.output("model.pkl").read_bytes() == b"model"
    assert scene.found().complete


def test_more_outputs_than_a_record_can_list_are_an_error(scene: Scene) -> None:
    task = scene.task()
    task.start()
    for number in range(9000):
        scene.storage.files[ROOT.uri_prefix, f"train/{task.id}/{number:0100d}"] = b""
    with pytest.raises(TooManyOutputs, match="9000 outputs"):
        task.finish(None)
    assert not task.complete


def test_many_threads_may_write_the_outputs_of_one_run(scene: Scene) -> None:
    scene.run(MODEL)
    changes: list[str] = []
    scene.storage.before_change = changes.append
    task = scene.task()
    task.start()
    start = threading.Barrier(8)

    def write(number: int) -> None:
        start.wait()
        task.output(f"part-{number}").write_bytes(b"x" * number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    task.finish(None)
    assert changes[0].startswith("remove")
    assert changes[0].endswith(TASK_RECORD)
    assert sum(change.startswith("remove") for change in changes) == 1
    assert changes[-1].endswith(TASK_RECORD)
    assert len(scene.found().outputs()) == 9


# Whatever a run writes, and wherever it dies


class Died(BaseException):
    """The process is no more: nothing that comes later happens."""


class Run(NamedTuple):
    """What a run writes (None removes), whether an error ends it, and after how many changes its process dies."""

    writes: Sequence[tuple[str, bytes | None]]
    fails: bool
    dies_after: int | None


names = st.sampled_from(["a", "b", "deep/c"])
contents = st.none() | st.binary(max_size=3)
runs = st.lists(
    st.builds(Run, st.lists(st.tuples(names, contents), max_size=4), st.booleans(), st.none() | st.integers(0, 6)),
    max_size=5,
)


@given(runs)
def test_complete_is_true_only_where_everything_of_the_last_completed_run_is_there(plan: Sequence[Run]) -> None:
    scene = Scene()
    completed: dict[str, bytes] | None = None
    for run in plan:
        scene.storage.before_change = failing_at(10**9 if run.dies_after is None else run.dies_after, Died())
        ended = play(scene, run)
        there = dict(scene.storage.below(ROOT, f"train/{scene.found().id}"))
        if ended:
            assert scene.found().complete
            completed = there
        if scene.found().complete:
            assert completed is not None or there == {}
            assert there == completed, "complete, and yet not what the last completed run has left"
            assert scene.found().outputs() == tuple(sorted(there))
    scene.storage.before_change = failing_at(10**9, Died())
    assert play(scene, Run([], fails=False, dies_after=None)), "whatever was left, it can be completed"
    assert scene.found().complete


def play(scene: Scene, run: Run) -> bool:
    """Run it, and say whether it came to a good end."""
    task = scene.task()
    task.start()
    try:
        for path, content in run.writes:
            if content is None:
                task.output(path).unlink(missing_ok=True)
            else:
                task.output(path).write_bytes(content)
                assert not scene.found().complete
        task.finish(ValueError() if run.fails else None)
    except Died:
        return False
    return not run.fails
