"""One database of each kind that the registry knows, new and empty."""

import shutil
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal, cast

import pytest

from stardag_registry.adapters.database import DATABASE_FILE, SqlDatabase, open_database
from stardag_registry.app.ports import Database
from tests.registry.in_memory import InMemoryDatabase

Kind = Literal["in memory", "SQLite", "PostgreSQL"]


@contextmanager
def new_database(kind: Kind, request: pytest.FixtureRequest) -> Generator[Database]:
    """A database of that kind."""
    if kind == "in memory":
        yield InMemoryDatabase()
    else:
        with new_sql_database(kind, request) as opened:
            yield opened


@contextmanager
def new_sql_database(kind: Kind, request: pytest.FixtureRequest) -> Generator[SqlDatabase]:
    """A real one of that kind."""
    with closing(open_database(new_place(kind, request))) as opened:
        yield opened


def new_place(kind: Kind, request: pytest.FixtureRequest) -> Path | str:
    """Where a new one of that kind is, with the tables and nothing in them: a path, or a URL."""
    if kind == "PostgreSQL":
        return cast("str", request.getfixturevalue("postgresql_url"))
    path = cast("Path", request.getfixturevalue("tmp_path")) / DATABASE_FILE
    shutil.copy(cast("Path", request.getfixturevalue("migrated")), path)
    return path
