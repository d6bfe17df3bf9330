"""Rows of many organizations in a registry's database, inserted without the registry."""

import secrets
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, cast

import psycopg
from psycopg import sql
from psycopg.rows import TupleRow

from stardag_registry.adapters.database import SqlDatabase
from stardag_registry.domain.api_keys import ApiKeySecret, make_secret
from stardag_registry.domain.made_secrets import ENTROPY_BYTES

RETURNED_KEYS = 100
START = datetime(2026, 1, 1, tzinfo=UTC)

Row = tuple[object, ...]


class Crowd(NamedTuple):
    """How many rows there are of each kind. A tenth of the builds belong to one workspace."""

    organizations: int
    workspaces: int
    api_keys: int
    builds: int


LARGE = Crowd(1_000, 10_000, 100_000, 1_000_000)
SMALL = Crowd(1, RETURNED_KEYS, RETURNED_KEYS, 0)


def fill(database: SqlDatabase, crowd: Crowd, busy_workspace: str) -> list[tuple[ApiKeySecret, str]]:
    """Insert a crowd; a tenth of its builds go to `busy_workspace`. Return 100 API keys, each with its workspace."""
    organizations = [str(uuid.uuid4()) for _ in range(crowd.organizations)]
    workspaces = [str(uuid.uuid4()) for _ in range(crowd.workspaces)]
    keys = [make_secret("build", secrets.token_bytes(ENTROPY_BYTES)) for _ in range(crowd.api_keys)]
    connection = database.engine.raw_connection()
    driver = connection.driver_connection

    def insert(table: str, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
        if isinstance(driver, sqlite3.Connection):
            _into_sqlite(driver, table, columns, rows)
        else:
            _into_postgresql(cast("psycopg.Connection[TupleRow]", driver), table, columns, rows)

    insert(
        "organizations",
        ("id", "slug", "name", "created_at"),
        ((id_, f"organization-{number}", "An organization", START) for number, id_ in enumerate(organizations)),
    )
    insert(
        "workspaces",
        ("id", "organization_id", "slug", "name", "created_at"),
        (
            (id_, organizations[number % crowd.organizations], f"workspace-{number}", "A workspace", START)
            for number, id_ in enumerate(workspaces)
        ),
    )
    insert(
        "target_roots",
        ("workspace_id", "name", "uri_prefix"),
        ((id_, f"root-{number}", f"s3://bucket/{id_}/{number}/") for id_ in workspaces for number in range(10)),
    )
    insert(
        "api_keys",
        ("id", "workspace_id", "name", "purpose", "fingerprint", "created_at"),
        (
            (str(uuid.uuid4()), workspaces[number % len(workspaces)], "CI", "build", key.fingerprint, START)
            for number, key in enumerate(keys)
        ),
    )
    insert(
        "builds",
        ("id", "workspace_id", "status", "started_at", "heartbeat_at", "ended_at", "maker", "digest"),
        _builds(crowd.builds, workspaces, busy_workspace),
    )
    connection.commit()
    connection.close()
    return [(key, workspaces[number % len(workspaces)]) for number, key in enumerate(keys[:RETURNED_KEYS])]


def _builds(builds: int, workspaces: list[str], busy_workspace: str) -> Iterator[Row]:
    for number in range(builds):
        workspace = busy_workspace if number % 10 == 0 else workspaces[number % len(workspaces)]
        at = START + timedelta(seconds=20 * number)
        status = "failed" if number % 7 == 0 else "completed"
        yield str(uuid.uuid4()), workspace, status, at, at, at, "API key CI", "0" * 64


def _into_sqlite(connection: sqlite3.Connection, table: str, columns: tuple[str, ...], rows: Iterable[Row]) -> None:
    if not connection.in_transaction:
        connection.execute("PRAGMA cache_size = -1000000")  # KiB: the indexes are filled in no order
        connection.execute("BEGIN IMMEDIATE")
    places = ", ".join("?" * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"
    connection.executemany(statement, (tuple(map(_as_text, row)) for row in rows))


def _as_text(value: object) -> object:
    """A value as SQLAlchemy stores it in SQLite, where a time is text."""
    return value.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(value, datetime) else value


def _into_postgresql(
    connection: psycopg.Connection[TupleRow], table: str, columns: tuple[str, ...], rows: Iterable[Row]
) -> None:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    connection.execute("SET LOCAL statement_timeout = 0")
    with connection.cursor() as cursor, cursor.copy(statement) as copying:
        for row in rows:
            copying.write_row(row)
