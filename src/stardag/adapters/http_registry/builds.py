"""The calls about builds and the tasks in them."""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import NamedTuple

from stardag.adapters.http_registry.answers import Page
from stardag.adapters.http_registry.asking import Asking, Sought
from stardag.adapters.http_registry.build_answers import (
    BuildDetailMessage,
    BuildMessage,
    RecordedTasksMessage,
    RegisteredBuildMessage,
    TaskDetailMessage,
    TaskMessage,
)
from stardag.adapters.http_registry.calling import Calls
from stardag.app.registry_ports import Excerpt
from stardag.domain.builds import (
    Build,
    BuildDetail,
    BuildEnd,
    BuildFilter,
    BuildStatus,
    RegisteredBuild,
    Registration,
    Task,
    TaskDetail,
    TaskFilter,
    TaskRecord,
)
from stardag.domain.registry_errors import UnexpectedAnswer
from stardag.domain.tasks import Json, canonical_json, is_task_id, task_id

BATCH_MAX_RECORDS = 500
BATCH_MAX_BYTES = 900_000
"""A registry takes a message of a mebibyte."""


class _Recorded(NamedTuple):
    """A task's id, and what is said of it."""

    id: str
    message: dict[str, Json]


class BuildsCalls(Calls):
    """Keeps the promises of `BuildsApi`."""

    def builds(self, workspace_id: str, wanted: BuildFilter, at_most: int) -> Excerpt[Build]:
        """The builds that a filter lets through, the newest first."""
        sought = Sought("workspace", workspace_id)
        path = f"/workspaces/{self._segment(sought)}/builds"
        parameters: dict[str, str] = {}
        if wanted.status is not None:
            parameters["status"] = wanted.status
        if wanted.started_after is not None:
            parameters["started_after"] = wanted.started_after.isoformat()
        found = self._ask(
            lambda asking: asking.excerpt(path, Page[BuildMessage], sought, parameters, at_most), has_input=True
        )
        return Excerpt(tuple(item.to_domain() for item in found.items), found.is_whole)

    def build(self, workspace_id: str, build_id: str) -> BuildDetail:
        """One build."""
        sought, path = self._build(workspace_id, build_id)
        return self._ask(lambda asking: asking.parse(BuildDetailMessage, asking.get(path, {}, sought))).to_detail()

    def register_build(self, workspace_id: str, registration: Registration, idempotency_key: str) -> RegisteredBuild:
        """Register a build that begins now."""
        sought = Sought("workspace", workspace_id)
        path = f"/workspaces/{self._segment(sought)}/builds"
        message: dict[str, Json] = {"target_roots": dict(registration.target_roots), "name": registration.name}
        message |= _without_none(description=registration.description, commit=registration.commit)

        def send(asking: Asking) -> RegisteredBuildMessage:
            answer = asking.send("POST", path, message, sought, None, HTTPStatus.CREATED, idempotency_key)
            return asking.parse(RegisteredBuildMessage, answer)

        return self._ask(send, has_input=True).to_registered()

    def heartbeat(self, workspace_id: str, build_id: str) -> BuildStatus:
        """Say that a build still runs, and hear what the registry has it for."""
        sought, path = self._build(workspace_id, build_id)

        def send(asking: Asking) -> BuildMessage:
            return asking.parse(BuildMessage, asking.send("POST", f"{path}/heartbeat", None, sought))

        return self._ask(send).status

    def end_build(self, workspace_id: str, build_id: str, end: BuildEnd, error: str | None = None) -> Build:
        """Complete, fail or cancel a build."""
        sought, path = self._build(workspace_id, build_id)
        message = {"status": end, **_without_none(error=error)}

        def send(asking: Asking) -> BuildMessage:
            return asking.parse(BuildMessage, asking.send("PATCH", path, message, sought))

        return self._change(send).to_domain()

    def record_tasks(self, workspace_id: str, build_id: str, records: Sequence[TaskRecord]) -> BuildStatus | None:
        """Say how it goes with tasks of a build, and hear what the registry has it for."""
        sought, path = self._build(workspace_id, build_id)
        batches = [*_batches_of(records)]

        def send(asking: Asking) -> BuildStatus | None:
            status: BuildStatus | None = None
            for batch in batches:
                message = {"tasks": [each.message for each in batch]}
                recorded = asking.parse(RecordedTasksMessage, asking.send("POST", f"{path}/tasks", message, sought))
                if recorded.ids != [each.id for each in batch]:
                    raise UnexpectedAnswer(self._url, "it knows the tasks by other ids than theirs")
                status = recorded.build_status
            return status

        return self._ask(send, has_input=True)

    def tasks(self, workspace_id: str, wanted: TaskFilter, at_most: int) -> Excerpt[Task]:
        """The tasks that a filter lets through, those first that were recorded last."""
        sought = Sought("workspace", workspace_id)
        path = f"/workspaces/{self._segment(sought)}/tasks"
        given = {"name": wanted.name, "status": wanted.status, "build": wanted.build}
        parameters: dict[str, str | Sequence[str]] = {key: value for key, value in given.items() if value is not None}
        if wanted.parameters:
            parameters["parameter"] = wanted.parameters
        found = self._ask(
            lambda asking: asking.excerpt(path, Page[TaskMessage], sought, parameters, at_most), has_input=True
        )
        return Excerpt(tuple(item.to_domain() for item in found.items), found.is_whole)

    def task(self, workspace_id: str, task_id: str) -> TaskDetail:
        """One task."""
        sought = Sought("task", task_id.lower())
        if not is_task_id(sought.value):
            raise self._not_known(sought)
        path = f"/workspaces/{self._segment(Sought('workspace', workspace_id))}/tasks/{sought.value}"
        return self._ask(lambda asking: asking.parse(TaskDetailMessage, asking.get(path, {}, sought))).to_detail()

    def _build(self, workspace_id: str, build_id: str) -> tuple[Sought, str]:
        sought = Sought("build", build_id)
        within = self._segment(Sought("workspace", workspace_id))
        return sought, f"/workspaces/{within}/builds/{self._segment(sought)}"


def _batches_of(records: Sequence[TaskRecord]) -> Iterator[list[_Recorded]]:
    """The records, in messages that a registry takes."""
    batch: list[_Recorded] = []
    size = 0
    for record in records:
        recorded = _Recorded(task_id(record.name, record.parameters), _message_of(record))
        length = len(canonical_json(recorded.message).encode(errors="replace")) + 1
        if batch and (len(batch) == BATCH_MAX_RECORDS or size + length > BATCH_MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(recorded)
        size += length
    if batch:
        yield batch


def _message_of(record: TaskRecord) -> dict[str, Json]:
    output = None if record.output is None else {"root": record.output.root, "path": record.output.path}
    ended_at = None if record.ended_at is None else record.ended_at.isoformat()
    return {
        "name": record.name,
        "parameters": record.parameters,
        "status": record.status,
        "started_at": record.started_at.isoformat(),
        **_without_none(output=output, ended_at=ended_at, error=record.error),
    }


def _without_none(**fields: Json) -> dict[str, Json]:
    return {name: value for name, value in fields.items() if value is not None}
