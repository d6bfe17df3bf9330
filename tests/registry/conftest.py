"""What the tests of the registry share."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from stardag_registry.adapters.database import DATABASE_FILE, open_database
from stardag_registry.domain.api_keys import ApiKeySecret
from stardag_registry.domain.organizations import Organization, Workspace
from tests.registry.databases import Kind, new_place
from tests.registry.in_process import InProcess, in_process
from tests.registry.postgresql import Postgresql


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty database, made once: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / DATABASE_FILE
    open_database(path).close()
    return path


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: Postgresql) -> str:
    """The name of an empty database, made once, to make others from."""
    name = postgresql.new_database()
    open_database(postgresql.url(name)).close()
    return name


@pytest.fixture
def new_postgresql_url(postgresql: Postgresql, migrated_postgresql: str) -> Generator[str]:
    """A new database on PostgreSQL, with the tables and nothing in them, for tests that change more than rows."""
    name = postgresql.new_database(migrated_postgresql)
    yield postgresql.url(name)
    postgresql.drop_database(name)


@pytest.fixture(scope="session")
def reused_postgresql(postgresql: Postgresql, migrated_postgresql: str) -> str:
    """The name of a database that every test leaves empty."""
    return postgresql.new_database(migrated_postgresql)


@pytest.fixture
def postgresql_url(postgresql: Postgresql, reused_postgresql: str) -> Generator[str]:
    """A database on PostgreSQL, with the tables and nothing in them. It is emptied afterwards, which takes a tenth of
    the time that a new one takes."""
    yield postgresql.url(reused_postgresql)
    postgresql.empty(reused_postgresql)


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[InProcess]:
    """The application on a new database with nothing in it, of either kind."""
    with registry_on(request.param, request, tmp_path) as running:
        yield running


@contextmanager
def registry_on(kind: Kind, request: pytest.FixtureRequest, directory: Path) -> Generator[InProcess]:
    """The same of one kind."""
    place = new_place(kind, request)
    with in_process(directory, database_url=place if isinstance(place, str) else None) as running:
        yield running


@pytest.fixture
def registry_on_sqlite(tmp_path: Path, migrated: Path) -> Generator[InProcess]:
    """The same on SQLite alone, for what is the same on both: how requests are read and answers written."""
    shutil.copy(migrated, tmp_path / DATABASE_FILE)
    with in_process(tmp_path) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Home:
    """A workspace, its organization, a key of each purpose, and the address of its target roots."""

    organization: Organization
    workspace: Workspace
    administering: ApiKeySecret
    building: ApiKeySecret

    @property
    def target_roots(self) -> str:
        return f"/api/v1/workspaces/{self.workspace.id}/target-roots"


@pytest.fixture
def home(registry: InProcess) -> Home:
    """A furnished workspace."""
    return home_in(registry)


@pytest.fixture
def home_on_sqlite(registry_on_sqlite: InProcess) -> Home:
    """A furnished workspace on SQLite."""
    return home_in(registry_on_sqlite)


def home_in(registry: InProcess) -> Home:
    """Furnish a workspace."""
    organization = registry.furnish.organization()
    workspace = registry.furnish.workspace(organization)
    return Home(
        organization,
        workspace,
        registry.furnish.api_key(workspace, "administer"),
        registry.furnish.api_key(workspace, "build"),
    )
