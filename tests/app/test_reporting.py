"""What a registry is told of a running build, step by step, with a clock that stands still until it is moved."""

import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from stardag.app.builds.reporting import FLUSH_SECONDS, RETRY_SECONDS, Reporter
from stardag.app.sign_in.fixed_credential import FixedCredential
from stardag.domain.builds import BuildEnd, BuildStatus, Output, RunStatus, TaskRecord
from stardag.domain.refusals import RefusedValue
from stardag.domain.registry_errors import RegistryUnreachable
from stardag.domain.tasks import task_id
from tests.fakes.registry import FakeRegistry, FakeRegistryApi

AT = datetime(2026, 11, 26, tzinfo=UTC)


class RefusingApi(FakeRegistryApi):
    """A registry that does not accept what is said of tasks called "poison"."""

    def record_tasks(self, workspace_id: str, build_id: str, records: Sequence[TaskRecord]) -> None:
        if any(record.name == "poison" for record in records):
            self._send(f"POST /workspaces/{workspace_id}/builds/{build_id}/tasks")
            raise RefusedValue(self.registry.url, "the parameters: they are poison")
        super().record_tasks(workspace_id, build_id, records)


class Scene:
    """A build that runs at a registry, and who tells of it."""

    def __init__(self, api: type[FakeRegistryApi] = FakeRegistryApi, heartbeat: float | None = 30.0) -> None:
        self.registry = FakeRegistry.first_start()
        self.workspace_id = next(iter(self.registry.workspaces))
        self.build_id = self.registry.register_build(self.workspace_id)
        self.now = 1000.0
        self.heard: list[BuildStatus] = []
        self.opened = 0
        credential = FixedCredential(self.registry.owner_key)

        def open_api() -> FakeRegistryApi:
            self.opened += 1
            return api(self.registry, credential)

        self.reporter = Reporter(
            open_api, self.workspace_id, self.build_id, heartbeat, lambda: self.now, self.heard.append
        )

    def tell(self, name: str, status: RunStatus = "completed", **parameters: int) -> str:
        record = TaskRecord(name, parameters, status, Output("default", f"{name}/x"), AT)
        wanted = task_id(name, parameters)
        self.reporter.add(wanted, record)
        return wanted

    def after(self, seconds: float) -> float | None:
        """What the next step says, so many seconds later."""
        self.now += seconds
        return self.reporter.step()

    @property
    def requests(self) -> list[str]:
        return [request.rpartition("/")[2] for request in self.registry.requests]

    def statuses(self) -> dict[str, str]:
        return {detail.task.name: detail.task.status for detail in self.registry.tasks.values()}


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_build_that_does_nothing_says_every_half_a_minute_that_it_runs(scene: Scene) -> None:
    assert scene.after(0) == 30
    assert scene.requests == []
    assert scene.after(29) == 1
    assert scene.after(1) == 30
    assert scene.after(30) == 30
    assert scene.requests == ["heartbeat", "heartbeat"]


def test_tasks_are_told_of_together_about_a_second_later(scene: Scene) -> None:
    scene.tell("split")
    scene.tell("train")
    assert scene.after(0) == FLUSH_SECONDS
    scene.after(FLUSH_SECONDS)
    assert scene.requests == ["tasks"]
    assert scene.statuses() == {"split": "completed", "train": "completed"}
    assert scene.reporter.waiting == ()
    scene.after(10)
    assert scene.requests == ["tasks"]


def test_of_a_task_only_the_latest_is_told() -> None:
    told: list[str] = []

    class Noting(FakeRegistryApi):
        def record_tasks(self, workspace_id: str, build_id: str, records: Sequence[TaskRecord]) -> None:
            told.extend(record.status for record in records)

    scene = Scene(Noting)
    statuses: tuple[RunStatus, ...] = ("running", "failed", "running", "completed")
    for status in statuses:
        scene.tell("train", status)
    scene.after(FLUSH_SECONDS)
    assert told == ["completed"]


def test_what_changes_while_it_is_told_is_told_again(scene: Scene) -> None:
    class Changing(FakeRegistryApi):
        def record_tasks(self, workspace_id: str, build_id: str, records: Sequence[TaskRecord]) -> None:
            super().record_tasks(workspace_id, build_id, records)
            if records[0].status == "running":
                scene.tell("train", "completed")

    scene = Scene(Changing)
    scene.tell("train", "running")
    scene.after(FLUSH_SECONDS)
    assert scene.statuses() == {"train": "running"}
    scene.after(FLUSH_SECONDS)
    assert scene.statuses() == {"train": "completed"}


def test_very_many_tasks_are_told_of_in_batches(scene: Scene) -> None:
    for number in range(1201):
        scene.tell("part", number=number)
    scene.reporter.finish(None, None)
    assert scene.requests == ["tasks", "tasks", "tasks"]
    assert len(scene.registry.tasks) == 1201


def test_what_does_not_go_at_once_follows_at_once(scene: Scene) -> None:
    for number in range(1100):
        scene.tell("part", number=number)
    assert scene.after(FLUSH_SECONDS) == 0
    assert scene.after(0) == FLUSH_SECONDS
    assert len(scene.registry.tasks) == 1000
    scene.after(FLUSH_SECONDS)
    assert len(scene.registry.tasks) == 1100


def test_trouble_is_said_once_and_everything_is_tried_again(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "stardag")
    scene.registry.down = "nothing listens there"
    scene.tell("train")
    assert scene.after(FLUSH_SECONDS) == RETRY_SECONDS
    scene.after(RETRY_SECONDS)
    scene.after(RETRY_SECONDS)
    scene.after(RETRY_SECONDS)
    assert len(scene.reporter.waiting) == 1
    scene.registry.down = None
    scene.after(RETRY_SECONDS)
    assert scene.statuses() == {"train": "completed"}
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "nothing listens there" in caplog.text
    assert "again" in caplog.text


def test_after_a_heartbeat_that_failed_tasks_are_not_tried_at_once(scene: Scene) -> None:
    scene.now += 29.5
    scene.tell("train")
    scene.registry.down = "nothing listens there"
    assert scene.after(1) == RETRY_SECONDS


def test_what_is_not_foreseen_does_not_end_the_telling(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeRegistryApi):
        def heartbeat(self, workspace_id: str, build_id: str) -> BuildStatus:
            raise ZeroDivisionError("hunter2")

    scene = Scene(Broken)
    scene.tell("train")
    scene.after(30)
    scene.after(RETRY_SECONDS)
    assert scene.statuses() == {"train": "completed"}
    assert "ZeroDivisionError" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("status", ["cancelled", "completed", "failed"])
def test_an_end_that_somebody_else_has_made_is_heard_once(scene: Scene, status: BuildEnd) -> None:
    scene.registry.end_build(scene.workspace_id, scene.build_id, status)
    assert scene.after(30) is None
    assert scene.reporter.ended_as == status
    assert scene.heard == [status]
    scene.after(30)
    scene.tell("train")
    scene.after(FLUSH_SECONDS)
    assert scene.requests == ["heartbeat", "tasks"], "tasks are told of all the same"


def test_an_end_is_heard_with_the_answer_to_what_is_told_of_tasks_as_well() -> None:
    scene = Scene(heartbeat=None)
    scene.registry.end_build(scene.workspace_id, scene.build_id, "cancelled")
    scene.tell("train")
    assert scene.after(FLUSH_SECONDS) is None
    assert (scene.reporter.ended_as, scene.heard) == ("cancelled", ["cancelled"])
    assert scene.statuses() == {"train": "completed"}
    scene.tell("evaluate")
    scene.after(FLUSH_SECONDS)
    assert scene.heard == ["cancelled"], "once"


def test_one_that_is_heard_with_the_last_tasks_is_not_followed_by_another(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.registry.end_build(scene.workspace_id, scene.build_id, "cancelled")
    scene.tell("train")
    scene.reporter.stop()
    scene.reporter.finish("completed", None)
    assert (scene.reporter.ended_as, scene.requests) == ("cancelled", ["tasks"])
    assert caplog.records == [], "whoever ends it says it"


def test_a_registry_that_does_not_tell_what_it_has_the_build_for_ends_nothing() -> None:
    class Older(FakeRegistryApi):
        def record_tasks(self, workspace_id: str, build_id: str, records: Sequence[TaskRecord]) -> None:
            super().record_tasks(workspace_id, build_id, records)

    scene = Scene(Older)
    scene.tell("train")
    scene.after(FLUSH_SECONDS)
    assert (scene.reporter.ended_as, scene.statuses()) == (None, {"train": "completed"})


def test_one_task_that_is_not_accepted_does_not_hold_up_the_others(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene(RefusingApi)
    for number in range(7):
        scene.tell("poison" if number == 3 else f"task-{number}", number=number)
    scene.after(FLUSH_SECONDS)
    assert len(scene.statuses()) == 6
    assert scene.reporter.waiting == ()
    assert "does not accept" in caplog.text


def test_a_worker_says_nothing_but_its_tasks_and_opens_nothing_before() -> None:
    scene = Scene(heartbeat=None)
    assert scene.after(1000) is None
    assert scene.opened == 0
    scene.tell("train")
    scene.after(FLUSH_SECONDS)
    scene.after(1000)
    scene.reporter.finish(None, None)
    assert (scene.requests, scene.opened) == (["tasks"], 1)


def test_at_the_end_everything_is_told(scene: Scene) -> None:
    scene.tell("train")
    scene.reporter.finish("failed", "ValueError")
    ended = scene.registry.builds[scene.build_id].detail.build
    assert (ended.status, ended.error) == ("failed", "ValueError")
    assert scene.requests == ["tasks", scene.build_id]


def test_at_the_end_what_could_not_be_told_is_still_there(scene: Scene) -> None:
    scene.tell("train")
    scene.registry.down = "nothing listens there"
    with pytest.raises(RegistryUnreachable):
        scene.reporter.finish("completed", None)
    assert [record.name for record in scene.reporter.waiting] == ["train"]


def test_a_thread_tells_as_soon_as_there_is_something_and_ends_when_it_is_told_to() -> None:
    told = threading.Event()

    class Telling(FakeRegistryApi):
        def record_tasks(self, workspace_id: str, build_id: str, records: Sequence[TaskRecord]) -> None:
            super().record_tasks(workspace_id, build_id, records)
            told.set()

    scene = Scene(Telling, heartbeat=None)
    scene.reporter = Reporter(
        lambda: Telling(scene.registry, FixedCredential(scene.registry.owner_key)),
        scene.workspace_id,
        scene.build_id,
        None,
        iter(range(0, 10_000, 5)).__next__,  # a clock by which the second is over as soon as it is looked at
    )
    thread = threading.Thread(target=scene.reporter.run, daemon=True)
    thread.start()
    scene.tell("train")
    assert told.wait(30)
    scene.reporter.stop()
    thread.join(30)
    assert not thread.is_alive()
