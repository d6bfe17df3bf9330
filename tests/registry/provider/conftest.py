"""What the tests of the provider share."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.registry.provider.scene import FirstStart, Scene


@pytest.fixture(scope="session")
def first_start(tmp_path_factory: pytest.TempPathFactory) -> FirstStart:
    """What a first start leaves."""
    return FirstStart.made_in(tmp_path_factory.mktemp("first-start") / "data")


@pytest.fixture
def scene(first_start: FirstStart, tmp_path: Path) -> Generator[Scene]:
    """A registry with an owner."""
    with first_start.scene(tmp_path / "data") as started:
        yield started
