"""Builds and the tasks in them, as the registry keeps them (readings, section 7)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from stardag.domain.errors import InvalidName, InvalidValue
from stardag.domain.target_roots import TargetRoot
from stardag.domain.tasks import Json, check_parameters, task_id
from stardag_registry.domain.errors import BuildEnded, InvalidField
from stardag_registry.domain.target_roots import MAX_TARGET_ROOTS
from stardag_registry.domain.texts import check_line, check_text

HEARTBEAT_INTERVAL = timedelta(seconds=30)
"""How often a running build is to say that it still runs."""

LOST_AFTER = timedelta(minutes=2)
"""Without a heartbeat, a running build is shown as lost; one more, and it runs again."""

BUILD_NAME_MAX_LENGTH = 100
DESCRIPTION_MAX_LENGTH = 2000
COMMIT_MAX_LENGTH = 200
ERROR_MAX_LENGTH = 4000
PATH_MAX_LENGTH = 1024
MAX_RECORDS = 500
"""How many tasks are recorded at once."""

BuildEnd = Literal["completed", "failed", "cancelled"]
KeptStatus = Literal["running", "completed", "failed", "cancelled"]
BuildStatus = Literal["running", "completed", "failed", "cancelled", "lost"]
TaskStatus = Literal["running", "completed", "failed", "cancelled"]
RecordedStatus = Literal["running", "completed", "failed", "cancelled", "reused"]

BUILD_STATUSES: tuple[BuildStatus, ...] = get_args(BuildStatus)


@dataclass(frozen=True, slots=True)
class Build:
    """One run of somebody's code in a workspace, with the target roots that it was validated with.

    Raises:
        InvalidField, InvalidName, InvalidValue: on construction from what cannot be one.
    """

    id: str
    workspace_id: str
    kept_status: KeptStatus
    started_at: datetime
    heartbeat_at: datetime
    maker: str
    description: str | None = None
    commit: str | None = None
    ended_at: datetime | None = None
    error: str | None = None
    name: str | None = None

    def __post_init__(self) -> None:
        if self.name is not None:
            check_line("body.name", self.name, BUILD_NAME_MAX_LENGTH)
        if self.description is not None:
            check_text("body.description", self.description, DESCRIPTION_MAX_LENGTH)
        if self.commit is not None:
            check_line("body.commit", self.commit, COMMIT_MAX_LENGTH)
        if self.error is not None:
            check_text("body.error", self.error, ERROR_MAX_LENGTH)

    def status_at(self, moment: datetime) -> BuildStatus:
        """What it is shown as: a running one whose heart has stopped is lost."""
        if self.kept_status == "running" and moment - self.heartbeat_at > LOST_AFTER:
            return "lost"
        return self.kept_status

    def check_may_end(self, end: BuildEnd) -> bool:
        """Whether ending it so would change anything; a second time, it does not.

        Raises:
            BuildEnded: it has another end already.
        """
        if self.kept_status == "running":
            return True
        if self.kept_status != end:
            raise BuildEnded(self.kept_status)
        return False


def checked_roots(roots: Mapping[str, str]) -> tuple[TargetRoot, ...]:
    """The target roots of a build, sorted by name.

    Raises:
        InvalidField: they cannot be.
    """
    if len(roots) > MAX_TARGET_ROOTS:
        raise InvalidField("body.target_roots", f"there are more than {MAX_TARGET_ROOTS}")
    try:
        return tuple(TargetRoot(name, roots[name]) for name in sorted(roots))
    except (InvalidName, InvalidValue) as error:
        raise InvalidField("body.target_roots", error.message.removesuffix(".")) from error


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """What a build says of one of its tasks.

    Raises:
        InvalidValue, InvalidName, InvalidField: on construction from what cannot be one.
    """

    name: str
    parameters: Mapping[str, Json]
    status: RecordedStatus
    output_root: str | None = None
    output_path: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    error: str | None = None

    def __post_init__(self) -> None:
        task_id(self.name, self.parameters)
        if (self.output_root is None) != (self.output_path is None):
            raise InvalidField("body.tasks.output", "root and path belong together")
        if self.output_root is not None:
            TargetRoot(self.output_root, "/")
        if self.output_path is not None:
            check_line("body.tasks.output.path", self.output_path, PATH_MAX_LENGTH)
            if self.output_path.startswith("/") or ".." in self.output_path.split("/"):
                raise InvalidField("body.tasks.output.path", "it is relative to the root, and stays below it")
        if self.error is not None:
            check_text("body.tasks.error", self.error, ERROR_MAX_LENGTH)

    @property
    def id(self) -> str:
        """The task's id, made of name and parameters."""
        return task_id(self.name, self.parameters)

    @property
    def canonical_parameters(self) -> str:
        """The parameters as canonical JSON."""
        return check_parameters(self.parameters)


@dataclass(frozen=True, slots=True)
class Task:
    """A named step with parameters, in its latest state in a workspace. `parameters` is canonical JSON."""

    id: str
    name: str
    parameters: str
    status: TaskStatus
    recorded_at: datetime
    updated_at: datetime
    output_root: str | None
    output_path: str | None
    started_at: datetime | None
    ended_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class TaskRun:
    """That a build ran a task, or reused what an earlier one had made."""

    build_id: str
    status: RecordedStatus
    at: datetime
