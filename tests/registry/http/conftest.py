"""What the tests of the registry over HTTP share."""

import pytest

from tests.registry.http.team import Team, team_in
from tests.registry.in_process import InProcess


@pytest.fixture
def team(registry: InProcess) -> Team:
    """An organization with people in it, on either database."""
    return team_in(registry)


@pytest.fixture
def team_on_sqlite(registry_on_sqlite: InProcess) -> Team:
    """The same on SQLite alone."""
    return team_in(registry_on_sqlite)
