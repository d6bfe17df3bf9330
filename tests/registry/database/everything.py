"""Rows for every table that there is, made from what the tables say of themselves."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Integer, Table, insert, select
from sqlalchemy.types import TypeEngine

from stardag_registry.adapters.database.tables import Instant, metadata

ROWS = 3
"""In each table."""

NOW = datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC)

_CHOSEN: Mapping[str, Sequence[str]] = {
    "role": ("owner", "admin", "member"),
    "purpose": ("administer", "build", "build"),
    "status": ("running", "completed", "failed"),
    "slug": ("personal-a", "b", "c_d"),
}
"""Where not every text will do."""


def fill(connection: Connection) -> None:
    """Put rows into every table. Every other one has no value where it need not have one."""
    for table in metadata.sorted_tables:
        connection.execute(insert(table), [_row(table, number) for number in range(ROWS)])


def rows_of(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """All that is in the database, by table.

    The version of a workspace's target roots is left out: roots that are copied into a database are new there.
    """
    return {
        table.name: sorted(
            (
                {name: value for name, value in row.items() if name != "target_roots_version"}
                for row in connection.execute(select(table)).mappings()
            ),
            key=repr,
        )
        for table in metadata.sorted_tables
    }


def _row(table: Table, number: int) -> dict[str, Any]:
    return {column.name: _value(column, number) for column in table.columns if not _is_numbered(table, column)}


def _is_numbered(table: Table, column: Column[Any]) -> bool:
    return column.primary_key and len(table.primary_key.columns) == 1 and isinstance(column.type, Integer)


def _value(column: Column[Any], number: int) -> Any:
    if column.nullable and number == 1 and column.name not in {"signed_in_at", "new_uri_prefix"}:
        return None
    if column.name in _CHOSEN:
        return _CHOSEN[column.name][number]
    if column.foreign_keys:
        (key,) = column.foreign_keys
        return _value(key.column, number)
    return _value_of(column.type, f"{column.name} {number}", number)


def _value_of(kind: TypeEngine[Any], name: str, number: int) -> Any:
    if isinstance(kind, Instant):
        return NOW + timedelta(days=number, microseconds=number)
    if isinstance(kind, Boolean):
        return number % 2 == 0
    if isinstance(kind, Integer):
        return 2**31 - 1 - number
    text = f"{name} ü\U0001f600'\"\\n"
    return text[: getattr(kind, "length", None) or 1000]
