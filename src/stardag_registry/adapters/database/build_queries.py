"""Builds, their target roots and their tasks: portable SQL, with the domain's values."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from itertools import groupby
from typing import Any, cast

from sqlalchemy import (
    Connection,
    Executable,
    RowMapping,
    Select,
    Table,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from stardag.domain.target_roots import TargetRoot
from stardag.domain.tasks import canonical_json
from stardag_registry.adapters.database.people_queries import refused_as
from stardag_registry.adapters.database.tables import (
    build_target_roots,
    builds,
    task_parameters,
    task_runs,
    tasks,
)
from stardag_registry.app.paging import Position
from stardag_registry.app.ports import BuildFilter, TaskFilter
from stardag_registry.domain.builds import (
    LOST_AFTER,
    Build,
    KeptStatus,
    RecordedStatus,
    Task,
    TaskRecord,
    TaskRun,
    TaskStatus,
)
from stardag_registry.domain.errors import AlreadyExists

Values = Mapping[str, object]


# Statements of every registration and end of a build, made once: making one costs as much as running it.
_BUILD_BY_KEY = select(builds).where(
    builds.c.workspace_id == bindparam("of"), builds.c.idempotency_key == bindparam("key")
)
_BUILD_TO_CHANGE = (
    select(builds).where(builds.c.id == bindparam("build"), builds.c.workspace_id == bindparam("of")).with_for_update()
)
_CHANGE_BUILD = update(builds).where(builds.c.id == bindparam("build"))

_TASK_KEY = ("workspace_id", "id")
_TASK_STATE = ("status", "output_root", "output_path", "updated_at", "started_at", "ended_at", "error")
"""What is replaced by what is said later."""

_COMPLETED_AMONG = select(tasks.c.id).where(
    tasks.c.workspace_id == bindparam("of"),
    tasks.c.id.in_(bindparam("wanted", expanding=True)),
    tasks.c.status == "completed",
)

# One that is completed stays as it is, and its row unlocked: builds that reuse it at once do not wait for each other.
_COMPLETE_TASK = (
    update(tasks)
    .where(
        tasks.c.workspace_id == bindparam("of"),
        tasks.c.id == bindparam("task"),
        tasks.c.status != "completed",
    )
    .values(status="completed", error=None)
)


class BuildReading:
    """What is committed of these."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def builds_using(self, workspace_id: str, root: TargetRoot) -> int:
        """How many builds were validated with this very root."""
        plain = root.uri_prefix.rstrip("/")
        counted = select(func.count()).where(
            build_target_roots.c.workspace_id == workspace_id,
            build_target_roots.c.name == root.name,
            build_target_roots.c.uri_prefix.in_([plain, f"{plain}/"]),
        )
        return self._connection.scalar(counted) or 0

    def build(self, workspace_id: str, build_id: str) -> Build | None:
        """The build with that id, if it is in the workspace."""
        return self._build(_build_there(workspace_id, build_id))

    def builds(
        self, workspace_id: str, wanted: BuildFilter, now: datetime, after: Position | None, limit: int
    ) -> Sequence[Build]:
        """By an index on the workspace and the time."""
        there = select(builds).where(builds.c.workspace_id == workspace_id)
        match wanted.status:
            case "lost":
                there = there.where(builds.c.status == "running", builds.c.heartbeat_at < now - LOST_AFTER)
            case "running":
                there = there.where(builds.c.status == "running", builds.c.heartbeat_at >= now - LOST_AFTER)
            case None:
                pass
            case status:
                there = there.where(builds.c.status == status)
        if wanted.started_after is not None:
            there = there.where(builds.c.started_at >= wanted.started_after)
        if wanted.started_before is not None:
            there = there.where(builds.c.started_at < wanted.started_before)
        if wanted.task_id is not None:
            ran = select(task_runs.c.build_id).where(
                task_runs.c.workspace_id == workspace_id, task_runs.c.task_id == wanted.task_id
            )
            there = there.where(builds.c.id.in_(ran))
        there = _from_position(there, builds.c.started_at, builds.c.id, after, newest_first=wanted.newest_first)
        return [_build_of(row) for row in self._connection.execute(there.limit(limit)).mappings()]

    def target_roots_of_build(self, build_id: str) -> Sequence[TargetRoot]:
        """What the build was validated with, sorted here."""
        there = select(build_target_roots.c.name, build_target_roots.c.uri_prefix).where(
            build_target_roots.c.build_id == build_id
        )
        rows = self._connection.execute(there)
        return sorted((TargetRoot(name, uri_prefix) for name, uri_prefix in rows), key=lambda root: root.name)

    def task(self, workspace_id: str, task_id: str) -> Task | None:
        """The task in its latest state."""
        there = select(tasks).where(tasks.c.workspace_id == workspace_id, tasks.c.id == task_id)
        row = self._connection.execute(there).mappings().first()
        return None if row is None else _task_of(row)

    def tasks(self, workspace_id: str, wanted: TaskFilter, after: Position | None, limit: int) -> Sequence[Task]:
        """By an index on the workspace and the time."""
        there = select(tasks).where(tasks.c.workspace_id == workspace_id)
        if wanted.name is not None:
            there = there.where(tasks.c.name == wanted.name)
        if wanted.status is not None:
            there = there.where(tasks.c.status == wanted.status)
        if wanted.build_id is not None:
            there = there.where(
                tasks.c.id.in_(
                    select(task_runs.c.task_id).where(
                        task_runs.c.build_id == wanted.build_id.lower(), task_runs.c.workspace_id == workspace_id
                    )
                )
            )
        for name, value in wanted.parameters:
            there = there.where(
                tasks.c.id.in_(
                    select(task_parameters.c.task_id).where(
                        task_parameters.c.workspace_id == workspace_id,
                        task_parameters.c.fingerprint == _fingerprint_of(name, value),
                    )
                )
            )
        there = _from_position(there, tasks.c.recorded_at, tasks.c.id, after, newest_first=wanted.newest_first)
        return [_task_of(row) for row in self._connection.execute(there.limit(limit)).mappings()]

    def runs_of(self, workspace_id: str, task_id: str, limit: int) -> Sequence[TaskRun]:
        """The newest runs of a task."""
        there = (
            select(task_runs)
            .where(task_runs.c.workspace_id == workspace_id, task_runs.c.task_id == task_id)
            .order_by(task_runs.c.at.desc(), task_runs.c.build_id.desc())
            .limit(limit)
        )
        return [
            TaskRun(row["build_id"], cast("RecordedStatus", row["status"]), row["at"])
            for row in self._connection.execute(there).mappings()
        ]

    def _build(self, there: Select[Any]) -> Build | None:
        row = self._connection.execute(there).mappings().first()
        return None if row is None else _build_of(row)


class BuildTransaction(BuildReading):
    """Changes of these."""

    def build_by_idempotency_key(self, workspace_id: str, key: str) -> tuple[Build, str] | None:
        """The build that was registered with that key, and the digest of that request."""
        row = self._connection.execute(_BUILD_BY_KEY, {"of": workspace_id, "key": key}).mappings().first()
        return None if row is None else (_build_of(row), row["digest"])

    def add_build(self, build: Build, roots: Sequence[TargetRoot], idempotency_key: str | None, digest: str) -> None:
        """Raises AlreadyExists where a build of the workspace has the key."""
        with refused_as(AlreadyExists("build", build.id)):
            self._connection.execute(
                insert(builds),
                {
                    "id": build.id,
                    "workspace_id": build.workspace_id,
                    "name": build.name,
                    "description": build.description,
                    "commit": build.commit,
                    "started_at": build.started_at,
                    "maker": build.maker,
                    "idempotency_key": idempotency_key,
                    "digest": digest,
                    **_state_of(build),
                },
            )
        if roots:
            self._connection.execute(
                insert(build_target_roots),
                [
                    {
                        "build_id": build.id,
                        "workspace_id": build.workspace_id,
                        "name": root.name,
                        "uri_prefix": root.uri_prefix,
                    }
                    for root in roots
                ],
            )

    def build_to_change(self, workspace_id: str, build_id: str) -> Build | None:
        """The build, its row locked where the database lets others write at the same time."""
        row = self._connection.execute(_BUILD_TO_CHANGE, {"of": workspace_id, "build": build_id}).mappings().first()
        return None if row is None else _build_of(row)

    def change_build(self, build: Build) -> None:
        """Give it the new state."""
        self._connection.execute(_CHANGE_BUILD, {"build": build.id, **_state_of(build)})

    def record_tasks(self, build: Build, records: Sequence[TaskRecord], at: datetime) -> None:
        """Keep the tasks' latest states, and the runs: few statements for many tasks. Who reuses a task has seen it
        complete, and says no more of it."""
        told = [(record.id, record) for record in records]
        done = self._completed_among(build.workspace_id, told)
        left = [each for each in told if each[0] not in done]
        # Each statement goes on where the one before has ended, so that rows are locked in the order that is given.
        for is_reused, some in groupby(left, lambda each: each[1].status == "reused"):
            if is_reused:
                for task_id, record in some:
                    self._reuse(build, task_id, record, at)
            else:
                self._put(tasks, _TASK_KEY, [_row_of(build, *each, at) for each in some], _TASK_STATE)
        parameters = [
            {
                "workspace_id": build.workspace_id,
                "fingerprint": _fingerprint_of(name, canonical_json(value)),
                "task_id": task_id,
            }
            for task_id, record in left
            for name, value in record.parameters.items()
        ]
        self._put(task_parameters, ("workspace_id", "fingerprint", "task_id"), parameters, ())
        runs = [
            {
                "build_id": build.id,
                "task_id": task_id,
                "workspace_id": build.workspace_id,
                "status": record.status,
                "at": at,
            }
            for task_id, record in told
        ]
        self._put(task_runs, ("build_id", "task_id"), runs, ("status", "at"))

    def _completed_among(self, workspace_id: str, told: Sequence[tuple[str, TaskRecord]]) -> frozenset[str]:
        """The tasks that are only reused, and are complete already: nothing has to be said of them. They are not
        locked, so that builds that reuse them at once do not wait for each other."""
        reused = {task_id for task_id, record in told if record.status == "reused"}
        wanted = reused - {task_id for task_id, record in told if record.status != "reused"}
        if not wanted:
            return frozenset()
        found = self._connection.scalars(_COMPLETED_AMONG, {"of": workspace_id, "wanted": sorted(wanted)})
        return frozenset(found)

    def _reuse(self, build: Build, task_id: str, record: TaskRecord, at: datetime) -> None:
        is_new = self._put(tasks, _TASK_KEY, [_row_of(build, task_id, record, at)], ())
        if not is_new:
            self._connection.execute(_COMPLETE_TASK, {"of": build.workspace_id, "task": task_id})

    def _put(self, table: Table, key: tuple[str, ...], rows: Sequence[Values], replaced: tuple[str, ...]) -> bool:
        """Insert rows, or replace some values of those that have the key. Whether any row was written."""
        if not rows:
            return False
        statement = _putting(self._connection.dialect.name, table, key, replaced)
        return self._connection.execute(statement, [dict(row) for row in rows]).rowcount > 0


@cache
def _putting(dialect_name: str, table: Table, key: tuple[str, ...], replaced: tuple[str, ...]) -> Executable:
    """The statement for that; both databases say it alike, in dialects of their own."""
    statement = (postgresql if dialect_name == "postgresql" else sqlite).insert(table)
    replacing = {name: statement.excluded[name] for name in replaced}
    whole: Executable = (
        statement.on_conflict_do_update(index_elements=key, set_=replacing)
        if replacing
        else statement.on_conflict_do_nothing(index_elements=key)
    )
    return whole


def _build_there(workspace_id: str, build_id: str) -> Select[Any]:
    return select(builds).where(builds.c.id == build_id, builds.c.workspace_id == workspace_id)


def _from_position(
    statement: Select[Any], moment: Any, item_id: Any, after: Position | None, *, newest_first: bool
) -> Select[Any]:
    """What comes after a place in a list that is sorted by time, then by id."""
    if after is not None:
        beyond = moment < after.at if newest_first else moment > after.at
        beyond_there = item_id < after.id if newest_first else item_id > after.id
        # The first condition alone lets an index be entered at the right place.
        reached = moment <= after.at if newest_first else moment >= after.at
        statement = statement.where(reached, or_(beyond, and_(moment == after.at, beyond_there)))
    order = (moment.desc(), item_id.desc()) if newest_first else (moment, item_id)
    return statement.order_by(*order)


def _fingerprint_of(name: str, value: str) -> str:
    """Of a parameter: its name, and its value as canonical JSON."""
    return hashlib.sha256(f"{canonical_json(name)}:{value}".encode()).hexdigest()


def _row_of(build: Build, task_id: str, record: TaskRecord, at: datetime) -> Values:
    """A task as a build tells of it first."""
    return {
        "workspace_id": build.workspace_id,
        "id": task_id,
        "name": record.name,
        "parameters": record.canonical_parameters,
        "status": "completed" if record.status == "reused" else record.status,
        "output_root": record.output_root,
        "output_path": record.output_path,
        "recorded_at": at,
        "updated_at": at,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "error": record.error,
    }


def _state_of(build: Build) -> dict[str, object]:
    return {
        "status": build.kept_status,
        "heartbeat_at": build.heartbeat_at,
        "ended_at": build.ended_at,
        "error": build.error,
    }


def _build_of(row: RowMapping) -> Build:
    return Build(
        row["id"],
        row["workspace_id"],
        cast("KeptStatus", row["status"]),
        row["started_at"],
        row["heartbeat_at"],
        row["maker"],
        row["description"],
        row["commit"],
        row["ended_at"],
        row["error"],
        row["name"],
    )


def _task_of(row: RowMapping) -> Task:
    return Task(
        row["id"],
        row["name"],
        row["parameters"],
        cast("TaskStatus", row["status"]),
        row["recorded_at"],
        row["updated_at"],
        row["output_root"],
        row["output_path"],
        row["started_at"],
        row["ended_at"],
        row["error"],
    )
