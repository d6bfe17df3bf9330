"""What goes over the wire about builds and tasks. Fields may be added, none renamed."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from stardag.domain.errors import InvalidName, InvalidValue
from stardag.domain.target_roots import TargetRoot
from stardag.domain.tasks import TASK_NAME_MAX_LENGTH, TASK_NAME_PATTERN
from stardag_registry.adapters.http.messages import Cursor, Id, RootName, UriPrefix
from stardag_registry.adapters.http.team_messages import Body, Moment
from stardag_registry.app.builds import NewBuild, ShownBuild
from stardag_registry.domain.builds import (
    BUILD_NAME_MAX_LENGTH,
    COMMIT_MAX_LENGTH,
    DESCRIPTION_MAX_LENGTH,
    ERROR_MAX_LENGTH,
    HEARTBEAT_INTERVAL,
    MAX_RECORDS,
    BuildEnd,
    BuildStatus,
    KeptStatus,
    RecordedStatus,
    Task,
    TaskRecord,
    TaskRun,
    TaskStatus,
)
from stardag_registry.domain.errors import InvalidField

TaskId = Annotated[
    str, Field(description="The SHA-256 of name and parameters.", examples=["9f86d081884c7d659a2feaa0c55ad015" * 2])
]
Error = Annotated[str | None, Field(json_schema_extra={"maxLength": ERROR_MAX_LENGTH})]


class NewBuildBody(Body):
    """A build to register."""

    target_roots: Annotated[
        dict[str, UriPrefix],
        Field(
            description="The roots that it was validated with, by name.",
            json_schema_extra={"examples": [{"default": "s3://company-bucket/stardag/prod/"}]},
        ),
    ]
    name: Annotated[
        str | None, Field(json_schema_extra={"maxLength": BUILD_NAME_MAX_LENGTH, "examples": ["nightly"]})
    ] = None
    commit: Annotated[str | None, Field(json_schema_extra={"maxLength": COMMIT_MAX_LENGTH})] = None
    description: Annotated[str | None, Field(json_schema_extra={"maxLength": DESCRIPTION_MAX_LENGTH})] = None

    def to_domain(self) -> NewBuild:
        """The build to register."""
        return NewBuild(self.target_roots, self.commit, self.description, self.name)


class EndedBuild(Body):
    """How a build has ended."""

    status: BuildEnd
    error: Annotated[Error, Field(description="Only with `failed`.")] = None


class BuildItem(BaseModel):
    """A build."""

    id: Id
    status: Annotated[BuildStatus, Field(description="`lost` is one that runs, and whose heart has stopped.")]
    name: str | None
    description: str | None
    commit: str | None
    started_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None
    error: str | None
    maker: Annotated[str, Field(description="What whoever registered it was called.")]

    @classmethod
    def of(cls, shown: ShownBuild) -> "BuildItem":
        """The message about a build."""
        return cls(**cls.fields_of(shown))

    @staticmethod
    def fields_of(shown: ShownBuild) -> dict[str, Any]:
        """What every message about a build says."""
        build = shown.build
        return {
            "id": build.id,
            "status": shown.status,
            "name": build.name,
            "description": build.description,
            "commit": build.commit,
            "started_at": build.started_at,
            "heartbeat_at": build.heartbeat_at,
            "ended_at": build.ended_at,
            "error": build.error,
            "maker": build.maker,
        }


class RegisteredBuild(BuildItem):
    """A build that has been registered."""

    heartbeat_seconds: Annotated[int, Field(description="How often it is to say that it still runs.")]

    @classmethod
    def of_registered(cls, shown: ShownBuild) -> "RegisteredBuild":
        """The message about it."""
        seconds = int(HEARTBEAT_INTERVAL.total_seconds())
        return cls(**cls.fields_of(shown), heartbeat_seconds=seconds)


class BuildDetail(BuildItem):
    """A build and what it was validated with."""

    target_roots: dict[str, UriPrefix]

    @classmethod
    def of_build(cls, shown: ShownBuild, roots: Sequence[TargetRoot]) -> "BuildDetail":
        """The message about it."""
        return cls(**cls.fields_of(shown), target_roots={root.name: root.uri_prefix for root in roots})


class BuildPage(BaseModel):
    """Builds, by the time that they started."""

    items: list[BuildItem]
    next_cursor: Cursor


class Output(Body):
    """Where a task's output is."""

    root: RootName
    path: Annotated[str, Field(description="Below the root.", json_schema_extra={"maxLength": 1024})]


class TaskRecordBody(Body):
    """What a build says of one of its tasks."""

    name: Annotated[
        str,
        Field(
            json_schema_extra={
                "pattern": f"^{TASK_NAME_PATTERN}$",
                "maxLength": TASK_NAME_MAX_LENGTH,
                "examples": ["train"],
            }
        ),
    ]
    parameters: Annotated[dict[str, Any], Field(json_schema_extra={"examples": [{"lr": 0.1}]})]
    status: RecordedStatus
    output: Output | None = None
    started_at: Annotated[Moment | None, Field(strict=False)] = None
    ended_at: Annotated[Moment | None, Field(strict=False)] = None
    error: Error = None

    def to_domain(self) -> TaskRecord:
        """The record; raises what its constructor raises."""
        return TaskRecord(
            self.name,
            self.parameters,
            self.status,
            None if self.output is None else self.output.root,
            None if self.output is None else self.output.path,
            self.started_at,
            self.ended_at,
            self.error,
        )


_FIELDS: Mapping[str, str] = {"task name": "name", "parameters": "parameters", "target root": "output.root"}
"""Where a value of a kind that the vocabulary refuses stands in a record."""


class TaskRecords(Body):
    """What a build says of many tasks at once."""

    tasks: Annotated[list[TaskRecordBody], Field(json_schema_extra={"minItems": 1, "maxItems": MAX_RECORDS})]

    def to_domain(self) -> list[TaskRecord]:
        """The records, in order.

        Raises:
            InvalidField: one cannot be; it is named by its place.
        """
        records: list[TaskRecord] = []
        for place, task in enumerate(self.tasks):
            here = f"body.tasks.{place}"
            try:
                records.append(task.to_domain())
            except InvalidField as error:
                raise InvalidField(error.field.replace("body.tasks", here, 1), error.problem) from error
            except (InvalidName, InvalidValue) as error:
                raise InvalidField(f"{here}.{_FIELDS[error.kind]}", error.message.removesuffix(".")) from error
        return records


class RecordedTasks(BaseModel):
    """The ids of the tasks that were recorded, in order, and how it goes with their build."""

    ids: list[TaskId]
    build_status: Annotated[KeptStatus, Field(description="`running`, or how somebody has ended the build meanwhile.")]


class TaskItem(BaseModel):
    """A task in its latest state."""

    id: TaskId
    name: str
    parameters: dict[str, Any]
    status: TaskStatus
    output: Output | None
    recorded_at: Annotated[datetime, Field(description="When a build told of it first.")]
    updated_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None

    @classmethod
    def of(cls, task: Task) -> "TaskItem":
        """The message about a task."""
        return cls(**cls.fields_of(task))

    @staticmethod
    def fields_of(task: Task) -> dict[str, Any]:
        """What every message about a task says."""
        there = task.output_root is not None and task.output_path is not None
        return {
            "id": task.id,
            "name": task.name,
            "parameters": json.loads(task.parameters),
            "status": task.status,
            "output": {"root": task.output_root, "path": task.output_path} if there else None,
            "recorded_at": task.recorded_at,
            "updated_at": task.updated_at,
            "started_at": task.started_at,
            "ended_at": task.ended_at,
            "error": task.error,
        }


class TaskRunItem(BaseModel):
    """That a build ran a task, or reused what an earlier one had made."""

    build_id: Id
    status: RecordedStatus
    at: datetime

    @classmethod
    def of(cls, run: TaskRun) -> "TaskRunItem":
        """The message about a run."""
        return cls(build_id=run.build_id, status=run.status, at=run.at)


class TaskDetail(TaskItem):
    """A task and the newest builds that ran or reused it."""

    builds: Annotated[
        list[TaskRunItem], Field(description="The newest hundred; the list of builds takes the task as a filter.")
    ]

    @classmethod
    def of_task(cls, task: Task, runs: Sequence[TaskRun]) -> "TaskDetail":
        """The message about it."""
        return cls(**cls.fields_of(task), builds=[TaskRunItem.of(run) for run in runs])


class TaskPage(BaseModel):
    """Tasks, by the time that they were recorded first."""

    items: list[TaskItem]
    next_cursor: Cursor
