"""What has to be true of a registry's tables, whatever happened to the servers on it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, select

from stardag_registry.adapters.database import open_database
from stardag_registry.adapters.database.tables import (
    audit,
    build_target_roots,
    builds,
    metadata,
    target_root_revisions,
    target_roots,
    task_parameters,
    task_runs,
    tasks,
)
from tests.registry.server.writers import ROOTS_OF_A_BUILD, TASKS_AT_ONCE, Answered

Row = Mapping[str, Any]


def check_ledger(place: str | Path, answered: Answered | None = None) -> int:
    """That every transaction is there whole or not at all, with its entry of the audit and its history; and once, if
    it was answered. How many builds there are is returned."""
    with closing(open_database(place)) as database, database.engine.connect() as connection:
        rows = {table.name: _rows_of(connection, table) for table in metadata.sorted_tables}
    _check_references(rows)
    _check_roots(rows)
    _check_builds(rows)
    _check_tasks(rows, repeated=set() if answered is None else answered.repeated)
    if answered is not None:
        _check_answered(rows, answered)
    return len(rows[builds.name])


def _rows_of(connection: Connection, table: Table) -> Sequence[Row]:
    found = connection.execute(select(table)).mappings()
    return [{column.name: row[column] for column in table.columns} for row in found]


def _check_references(rows: Mapping[str, Sequence[Row]]) -> None:
    """Every foreign key leads somewhere."""
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            there = {row[key.column.name] for row in rows[key.column.table.name]}
            here = {row[key.parent.name] for row in rows[table.name]} - {None}
            assert here <= there, f"{table.name}.{key.parent.name}"


def _check_roots(rows: Mapping[str, Sequence[Row]]) -> None:
    """A root that somebody added has one line of history and one entry of the audit."""
    names = _once(row["name"] for row in rows[target_roots.name])
    added = _once(row["name"] for row in rows[target_root_revisions.name] if row["old_uri_prefix"] is None)
    assert names == added
    assert names - {"default"} == _once(_subjects(rows, "target-root.added"))


def _check_builds(rows: Mapping[str, Sequence[Row]]) -> None:
    """A build has its roots; it was registered once, and ended once where it has ended."""
    ids = _once(row["id"] for row in rows[builds.name])
    assert ids == _once(_subjects(rows, "build.registered"))
    roots = Counter(row["build_id"] for row in rows[build_target_roots.name])
    assert roots == dict.fromkeys(ids, len(ROOTS_OF_A_BUILD))
    ended = {row["id"] for row in rows[builds.name] if row["status"] == "completed"}
    assert ended == {row["id"] for row in rows[builds.name] if row["ended_at"] is not None}
    assert ended == _once(_subjects(rows, "build.completed"))


def _check_tasks(rows: Mapping[str, Sequence[Row]], repeated: set[str]) -> None:
    """Tasks that were recorded at once are all there, each with its parameters. The audit tells of recording them again
    as well, where a client had to."""
    subjects = list(_subjects(rows, "tasks.recorded"))
    recorded = _once(subject for subject in subjects if subject not in repeated) | set(subjects)
    runs = Counter(row["build_id"] for row in rows[task_runs.name])
    assert runs == dict.fromkeys(recorded, TASKS_AT_ONCE)
    ids = _once(row["id"] for row in rows[tasks.name])
    assert ids == _once(row["task_id"] for row in rows[task_runs.name])
    parameters = Counter(row["task_id"] for row in rows[task_parameters.name])
    assert parameters == dict.fromkeys(ids, len(("build", "fold", "number")))


def _check_answered(rows: Mapping[str, Sequence[Row]], answered: Answered) -> None:
    assert set(answered.roots) <= {row["name"] for row in rows[target_roots.name]}
    by_key = {row["idempotency_key"]: row["id"] for row in rows[builds.name]}
    assert len(by_key) == len(rows[builds.name]), "every build came with a key of its own"
    assert answered.builds.items() <= by_key.items()
    runs = {(row["build_id"], row["task_id"]) for row in rows[task_runs.name]}
    assert {(build, task) for build, tasks_of_it in answered.tasks for task in tasks_of_it} <= runs
    ended = {row["id"] for row in rows[builds.name] if row["status"] == "completed"}
    assert set(answered.ended) <= ended


def _subjects(rows: Mapping[str, Sequence[Row]], action: str) -> Iterable[str]:
    return (row["subject"] for row in rows[audit.name] if row["action"] == action)


def _once(values: Iterable[str]) -> set[str]:
    """The values, each of which is there once."""
    counted = Counter(values)
    assert not (twice := [value for value, times in counted.items() if times > 1]), twice
    return set(counted)
