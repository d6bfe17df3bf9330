"""The databases that the contract is about: the one in memory, and both real ones."""

from collections.abc import Generator
from typing import cast

import pytest

from stardag_registry.adapters.database import SqlDatabase
from stardag_registry.app.ports import Database
from tests.registry.databases import Kind, new_database, new_sql_database


@pytest.fixture(params=["in memory", "SQLite", "PostgreSQL"])
def database(request: pytest.FixtureRequest) -> Generator[Database]:
    """An empty database of every kind."""
    with new_database(cast("Kind", request.param), request) as opened:
        yield opened


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def sql_database(request: pytest.FixtureRequest) -> Generator[SqlDatabase]:
    """An empty database of every kind that keeps anything."""
    with new_sql_database(cast("Kind", request.param), request) as opened:
        yield opened
