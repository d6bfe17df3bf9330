"""What the tests of the registry over HTTP share."""

import shutil
from collections.abc import Generator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import cast

import pytest

from stardag_registry.adapters.database import DATABASE_FILE, open_database
from tests.registry.conftest import registry_on
from tests.registry.http.policy_scene import Scene, scene_in
from tests.registry.http.team import Team, team_in
from tests.registry.in_process import InProcess, in_process
from tests.registry.postgresql import Postgresql
from tests.registry.rehearsing import Rehearsal


@pytest.fixture(params=["SQLite", pytest.param("PostgreSQL", marks=pytest.mark.slow)])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[InProcess]:
    """The application on a new database with nothing in it. What a database answers is the contract of its port, held
    on both with every change; what is made of it over HTTP, on PostgreSQL now and then."""
    with registry_on(request.param, request, tmp_path) as running:
        yield running


@pytest.fixture
def team(registry: InProcess) -> Team:
    """An organization with people in it, on either database."""
    return team_in(registry)


@pytest.fixture
def team_on_sqlite(registry_on_sqlite: InProcess) -> Team:
    """The same on SQLite alone."""
    return team_in(registry_on_sqlite)


@pytest.fixture(scope="session", params=["SQLite", "PostgreSQL"])
def scene(request: pytest.FixtureRequest, migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Scene]:
    """The scene, set once: no request of anybody changes it."""
    directory = tmp_path_factory.mktemp("policy")
    with ExitStack() as stack:
        url = None
        if request.param == "PostgreSQL":
            server = cast("Postgresql", request.getfixturevalue("postgresql"))
            name = server.new_database(cast("str", request.getfixturevalue("migrated_postgresql")))
            stack.callback(server.drop_database, name)
            url = server.url(name)
        else:
            shutil.copy(migrated, directory / DATABASE_FILE)
        database = stack.enter_context(closing(open_database(url or directory / DATABASE_FILE)))
        rehearsal = Rehearsal(database)
        registry = stack.enter_context(in_process(directory, rehearsal, url))
        made = scene_in(registry)
        rehearsal.set_scene()
        yield made
