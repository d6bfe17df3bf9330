"""Builds and their tasks: registered, kept alive, ended, and found again."""

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from stardag.domain.names import is_id
from stardag.domain.target_roots import TargetRoot
from stardag.domain.tasks import Json, canonical_json, is_task_id, is_task_name
from stardag_registry.app.authorization import authorized_workspace
from stardag_registry.app.changes import Changes, WorkspaceChange, name_of
from stardag_registry.app.paging import Page, PageRequest, Position, page_of_rows, position_in
from stardag_registry.app.ports import BuildFilter, Clock, Database, Randomness, TaskFilter
from stardag_registry.domain.builds import (
    MAX_RECORDS,
    Build,
    BuildEnd,
    BuildStatus,
    KeptStatus,
    Task,
    TaskRecord,
    TaskRun,
    checked_roots,
)
from stardag_registry.domain.errors import AlreadyExists, IdempotencyKeyReused, InvalidField, NotFound
from stardag_registry.domain.permissions import ApiKeyCaller, MemberCaller
from stardag_registry.domain.texts import check_line

IDEMPOTENCY_KEY_MAX_LENGTH = 200
RUNS_SHOWN = 100
"""How many of a task's builds come with it; the list of builds, filtered by task, gives all."""


@dataclass(frozen=True, slots=True)
class NewBuild:
    """What a build is registered with."""

    target_roots: Mapping[str, str]
    commit: str | None = None
    description: str | None = None
    name: str | None = None

    @property
    def digest(self) -> str:
        """What tells two registrations apart that come with one Idempotency-Key. Without a name it is what it was
        before builds had any, and so the same in what is kept since then."""
        whole: dict[str, Json] = {
            "target_roots": dict(self.target_roots),
            "commit": self.commit,
            "description": self.description,
            **({} if self.name is None else {"name": self.name}),
        }
        return hashlib.sha256(canonical_json(whole).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ShownBuild:
    """A build, and what it is at this moment."""

    build: Build
    status: BuildStatus


@dataclass(frozen=True, slots=True)
class RegisterBuild:
    """Registers builds."""

    database: Database
    changes: Changes
    randomness: Randomness

    def __call__(
        self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, new: NewBuild, idempotency_key: str | None
    ) -> tuple[ShownBuild, bool]:
        """The build, and whether it is new: the same request with the same key gives the build that it made before.

        Raises:
            InvalidField, InvalidName, InvalidValue: what is given cannot be a build's.
            IdempotencyKeyReused: the key came with another request.
            and what Changes raises.
        """
        if idempotency_key is not None:
            check_line("header.idempotency-key", idempotency_key, IDEMPOTENCY_KEY_MAX_LENGTH)
        roots = checked_roots(new.target_roots)
        try:
            return self._register(caller, workspace_id, new, roots, idempotency_key)
        except AlreadyExists:  # by a request that came at the same moment, and is committed now
            return self._register(caller, workspace_id, new, roots, idempotency_key)

    def _register(
        self,
        caller: ApiKeyCaller | MemberCaller,
        workspace_id: str,
        new: NewBuild,
        roots: Sequence[TargetRoot],
        idempotency_key: str | None,
    ) -> tuple[ShownBuild, bool]:
        with self.changes.beside_others(caller, "build", workspace_id) as change:
            build = Build(
                str(uuid.UUID(bytes=self.randomness(16), version=4)),
                change.workspace.id,
                "running",
                change.at,
                change.at,
                name_of(change.caller),
                new.description,
                new.commit,
                name=new.name,
            )
            if idempotency_key is not None:
                known = change.transaction.build_by_idempotency_key(change.workspace.id, idempotency_key)
                if known is not None:
                    before, digest = known
                    if digest != new.digest:
                        raise IdempotencyKeyReused
                    return ShownBuild(before, before.status_at(change.at)), False
            change.transaction.add_build(build, roots, idempotency_key, new.digest)
            change.record("build.registered", build.id)
        return ShownBuild(build, "running"), True


class RecordedTasks(NamedTuple):
    """The ids of tasks that were recorded, in order, and what their build is kept as."""

    ids: Sequence[str]
    build_status: KeptStatus


@dataclass(frozen=True, slots=True)
class RunBuild:
    """Keeps builds alive and ends them. Every operation raises NotFound where there is no such build in the workspace,
    and what Changes raises."""

    changes: Changes

    def heartbeat(self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, build_id: str) -> ShownBuild:
        """Say that a build still runs. One that has ended stays so, which the answer tells. The audit has no entry of
        heartbeats: nothing is changed but a time."""
        with self.changes.beside_others(caller, "build", workspace_id) as change:
            build = _build(change, build_id)
            if build.kept_status == "running":
                build = replace(build, heartbeat_at=max(build.heartbeat_at, change.at))
                change.transaction.change_build(build)
        return ShownBuild(build, build.kept_status)

    def end(
        self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, build_id: str, end: BuildEnd, error: str | None
    ) -> ShownBuild:
        """Complete, fail or cancel a build; lost ones too. The same end once more changes nothing.

        Raises:
            BuildEnded: it has another end already.
            InvalidField: the error cannot be kept, or comes with a build that did not fail.
        """
        if error is not None and end != "failed":
            raise InvalidField("body.error", "only a build that failed has one")
        with self.changes.beside_others(caller, "build", workspace_id) as change:
            build = _build(change, build_id)
            if build.check_may_end(end):
                build = replace(build, kept_status=end, ended_at=change.at, error=error)
                change.transaction.change_build(build)
                change.record(f"build.{end}", build.id)
        return ShownBuild(build, build.kept_status)

    def record_tasks(
        self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, build_id: str, records: Sequence[TaskRecord]
    ) -> RecordedTasks:
        """Keep what a build says of its tasks, all of it or nothing. What was said of the same task of the same build
        before is replaced. A build that has ended may still say it, and hears of its end.

        Raises:
            InvalidField: there are none, or too many.
        """
        if not 1 <= len(records) <= MAX_RECORDS:
            raise InvalidField("body.tasks", f"there are 1 to {MAX_RECORDS} at once")
        with self.changes.beside_others(caller, "build", workspace_id) as change:
            build = _build(change, build_id)
            # In one order everywhere, so that two builds with the same tasks never wait for each other in a ring.
            in_order = sorted(records, key=lambda each: each.id)
            change.transaction.record_tasks(build, in_order, change.at)
            change.record("tasks.recorded", build.id, count=len(records))
        return RecordedTasks([record.id for record in records], build.kept_status)


def _build(change: WorkspaceChange, build_id: str) -> Build:
    wanted = build_id.lower()
    build = change.transaction.build_to_change(change.workspace.id, wanted) if is_id(wanted) else None
    if build is None:
        raise NotFound("build")
    return build


@dataclass(frozen=True, slots=True)
class FindBuilds:
    """Finds builds and tasks of a workspace. Every operation raises NotFound where it is not the caller's workspace,
    InvalidField for a cursor that is no good, and DatabaseUnavailable."""

    database: Database
    clock: Clock

    def builds(
        self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, wanted: BuildFilter, request: PageRequest
    ) -> Page[ShownBuild]:
        """One page of builds, by the time that they started."""
        after, now = position_in(request), self.clock()
        if wanted.task_id is not None and not is_task_id(wanted.task_id):
            raise InvalidField("query.task", "it is no task's id")
        with self.database.reading() as reading:
            workspace = authorized_workspace(reading, caller, "read", workspace_id)
            builds = reading.builds(workspace.id, wanted, now, after, request.limit + 1)
        shown = [ShownBuild(build, build.status_at(now)) for build in builds]
        return page_of_rows(shown, lambda each: str(Position(each.build.started_at, each.build.id)), request)

    def build(
        self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, build_id: str
    ) -> tuple[ShownBuild, Sequence[TargetRoot]]:
        """A build and its target roots. Raises NotFound, too, where there is no such build."""
        wanted = build_id.lower()
        with self.database.reading() as reading:
            workspace = authorized_workspace(reading, caller, "read", workspace_id)
            build = reading.build(workspace.id, wanted) if is_id(wanted) else None
            if build is None:
                raise NotFound("build")
            return ShownBuild(build, build.status_at(self.clock())), reading.target_roots_of_build(build.id)

    def tasks(
        self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, wanted: TaskFilter, request: PageRequest
    ) -> Page[Task]:
        """One page of tasks, by the time that they were recorded first."""
        after = position_in(request, is_task_id)
        if wanted.name is not None and not is_task_name(wanted.name):
            raise InvalidField("query.name", "it is no task's name")
        if wanted.build_id is not None and not is_id(wanted.build_id):
            raise InvalidField("query.build", "it is no build's id")
        with self.database.reading() as reading:
            workspace = authorized_workspace(reading, caller, "read", workspace_id)
            tasks = reading.tasks(workspace.id, wanted, after, request.limit + 1)
        return page_of_rows(tasks, lambda task: str(Position(task.recorded_at, task.id)), request)

    def task(
        self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, task_id: str
    ) -> tuple[Task, Sequence[TaskRun]]:
        """A task and the newest of its runs. Raises NotFound, too, where there is no such task."""
        with self.database.reading() as reading:
            workspace = authorized_workspace(reading, caller, "read", workspace_id)
            task = reading.task(workspace.id, task_id.lower()) if is_task_id(task_id.lower()) else None
            if task is None:
                raise NotFound("task")
            return task, reading.runs_of(workspace.id, task.id, RUNS_SHOWN)


def parsed_parameters(texts: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The parameters to search for, given as `name=value`: names, and values as canonical JSON. A value that is no JSON
    is a text.

    Raises:
        InvalidField: one has no name, or no value.
    """
    return tuple(_parsed_parameter(text) for text in texts)


def _parsed_parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise InvalidField("query.parameter", "it is name=value")
    try:
        canonical = canonical_json(json.loads(value))
        canonical.encode()  # half a surrogate pair cannot be
    except (ValueError, RecursionError):
        return name, canonical_json(value)
    return name, canonical
