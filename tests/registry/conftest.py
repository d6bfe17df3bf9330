"""What the tests of the registry share."""

import shutil
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from stardag_registry.adapters.database import DATABASE_FILE, open_database
from stardag_registry.domain.api_keys import ApiKeySecret
from stardag_registry.domain.organizations import Organization, Workspace
from tests.registry.in_process import InProcess, in_process


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty database, made once: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / DATABASE_FILE
    open_database(path).close()
    return path


@pytest.fixture
def registry(tmp_path: Path, migrated: Path) -> Generator[InProcess]:
    """The application on a new database with nothing in it."""
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
    organization = registry.furnish.organization()
    workspace = registry.furnish.workspace(organization)
    return Home(
        organization,
        workspace,
        registry.furnish.api_key(workspace, "administer"),
        registry.furnish.api_key(workspace, "build"),
    )
