"""The scene of the use cases, on the database in memory."""

import pytest

from tests.registry.app.scene import Team
from tests.registry.in_memory import InMemoryDatabase


@pytest.fixture
def team() -> Team:
    """An organization with a workspace, and nobody in it yet."""
    return Team(InMemoryDatabase())
