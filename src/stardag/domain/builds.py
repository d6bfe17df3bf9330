"""Builds and the tasks in them, as a registry tells of them (readings, section 7)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, NamedTuple

from stardag.domain.tasks import Json

BuildStatus = Literal["running", "completed", "failed", "cancelled", "lost"]
"""`lost` is one that runs, and of which nothing has been heard for minutes."""

BuildEnd = Literal["completed", "failed", "cancelled"]

TaskStatus = Literal["running", "completed", "failed", "cancelled"]

RunStatus = Literal["running", "completed", "failed", "cancelled", "reused"]
"""How it went with a task in one build; `reused` is one whose output an earlier build had made."""


class Build(NamedTuple):
    """One run of somebody's code in a workspace. `maker` is what whoever registered it was called."""

    id: str
    status: BuildStatus
    description: str | None
    commit: str | None
    started_at: datetime
    heartbeat_at: datetime
    ended_at: datetime | None
    error: str | None
    maker: str
    name: str | None = None


class BuildDetail(NamedTuple):
    """A build, and the target roots that it was validated with (name to URI prefix)."""

    build: Build
    target_roots: Mapping[str, str]


class BuildFilter(NamedTuple):
    """Which builds are wanted; None leaves a thing open. `started_after` includes that moment."""

    status: BuildStatus | None = None
    started_after: datetime | None = None


class Registration(NamedTuple):
    """What a build is registered with: its name, and the target roots that it was validated with (name to prefix)."""

    name: str
    target_roots: Mapping[str, str]
    description: str | None = None
    commit: str | None = None


class RegisteredBuild(NamedTuple):
    """A build that was just registered, and how often (in seconds) it is to say that it still runs."""

    build: Build
    heartbeat_seconds: float


class Output(NamedTuple):
    """Where the output of a task is: below which target root, at which path."""

    root: str
    path: str


class Task(NamedTuple):
    """A named step with parameters, in its latest state in a workspace."""

    id: str
    name: str
    parameters: Mapping[str, Json]
    status: TaskStatus
    output: Output | None
    recorded_at: datetime
    updated_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None


class TaskRecord(NamedTuple):
    """What a build says of a task in it. `error` is the type of what went wrong, where something did."""

    name: str
    parameters: Mapping[str, Json]
    status: RunStatus
    output: Output | None
    started_at: datetime
    ended_at: datetime | None = None
    error: str | None = None


class TaskRun(NamedTuple):
    """That a build ran a task, or reused what an earlier one had made."""

    build_id: str
    status: RunStatus
    at: datetime


class TaskDetail(NamedTuple):
    """A task, and the newest builds that ran or reused it."""

    task: Task
    runs: tuple[TaskRun, ...]


class TaskFilter(NamedTuple):
    """Which tasks are wanted; None leaves a thing open. `parameters` are `name=value`, the value JSON or else a text;
    `build` is the id of a build that ran or reused them."""

    name: str | None = None
    status: TaskStatus | None = None
    parameters: tuple[str, ...] = ()
    build: str | None = None
