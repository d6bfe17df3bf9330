"""What a registry may answer about builds and tasks."""

from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, Field, JsonValue

from stardag.adapters.http_registry.answers import Id, Label, Message, Name, Text, UriPrefix
from stardag.domain.builds import (
    Build,
    BuildDetail,
    BuildStatus,
    Output,
    RegisteredBuild,
    RunStatus,
    Task,
    TaskDetail,
    TaskRun,
    TaskStatus,
)
from stardag.domain.errors import InvalidValue
from stardag.domain.tasks import check_task_name, is_task_id

HEARTBEAT_MAX_SECONDS = 3600


def _check_task_id(value: str) -> str:
    if not is_task_id(value):
        raise ValueError("it is no id of a task")
    return value


def _check_task_name(value: str) -> str:
    try:
        return check_task_name(value)
    except InvalidValue:
        raise ValueError("it is no name of a task") from None


TaskId = Annotated[str, AfterValidator(_check_task_id)]
TaskName = Annotated[str, AfterValidator(_check_task_name)]


class BuildMessage(Message):
    """A build."""

    id: Id
    status: BuildStatus
    name: Label | None = None
    description: Text | None = None
    commit: Label | None = None
    started_at: AwareDatetime
    heartbeat_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    error: Text | None = None
    maker: Label

    def to_domain(self) -> Build:
        """The build."""
        return Build(
            self.id,
            self.status,
            self.description,
            self.commit,
            self.started_at,
            self.heartbeat_at,
            self.ended_at,
            self.error,
            self.maker,
            self.name,
        )


class RegisteredBuildMessage(BuildMessage):
    """A build that has been registered, and how often it is to say that it still runs."""

    heartbeat_seconds: Annotated[float, Field(ge=1, le=HEARTBEAT_MAX_SECONDS)]

    def to_registered(self) -> RegisteredBuild:
        """The build and the interval."""
        return RegisteredBuild(self.to_domain(), self.heartbeat_seconds)


class BuildDetailMessage(BuildMessage):
    """A build and what it was validated with."""

    target_roots: dict[Name, UriPrefix]

    def to_detail(self) -> BuildDetail:
        """The build and its target roots."""
        return BuildDetail(self.to_domain(), self.target_roots)


class RecordedTasksMessage(Message):
    """The ids of the tasks that were recorded, in order, and how it goes with their build, which an older registry does
    not tell."""

    ids: list[TaskId]
    build_status: BuildStatus | None = None


class OutputMessage(Message):
    """Where the output of a task is."""

    root: Name
    path: Text


class TaskMessage(Message):
    """A task in its latest state."""

    id: TaskId
    name: TaskName
    parameters: dict[str, JsonValue]
    status: TaskStatus
    output: OutputMessage | None = None
    recorded_at: AwareDatetime
    updated_at: AwareDatetime
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    error: Text | None = None

    def to_domain(self) -> Task:
        """The task."""
        return Task(
            self.id,
            self.name,
            self.parameters,
            self.status,
            None if self.output is None else Output(self.output.root, self.output.path),
            self.recorded_at,
            self.updated_at,
            self.started_at,
            self.ended_at,
            self.error,
        )


class TaskRunMessage(Message):
    """That a build ran a task, or reused it."""

    build_id: Id
    status: RunStatus
    at: AwareDatetime

    def to_domain(self) -> TaskRun:
        """The run."""
        return TaskRun(self.build_id, self.status, self.at)


class TaskDetailMessage(TaskMessage):
    """A task and the newest builds that ran or reused it."""

    builds: list[TaskRunMessage]

    def to_detail(self) -> TaskDetail:
        """The task and its runs."""
        return TaskDetail(self.to_domain(), tuple(run.to_domain() for run in self.builds))
