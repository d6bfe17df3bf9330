"""What the end-to-end tests share: a machine of one's own, and one registry for all tests of a process."""

import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from stardag.adapters.storage.output_storage import output_storage
from stardag_registry.adapters.database import DATABASE_FILE, open_database
from tests.end_to_end.machine import Machine
from tests.end_to_end.registries import Place, Registry
from tests.registry.running import running_registry


@pytest.fixture(autouse=True, scope="session")
def _signals_that_are_heard() -> None:  # pyright: ignore[reportUnusedFunction]  # pytest uses it
    """What a shell runs in the background ignores these, and so would every process that a test starts."""
    for number in (signal.SIGINT, signal.SIGQUIT):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _storage_of_its_own() -> Generator[None]:  # pyright: ignore[reportUnusedFunction]  # pytest uses it
    """No test meets the S3 session of another one, which a process keeps as long as it lives."""
    yield
    output_storage.cache_clear()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with nothing on it but the program."""
    machine = Machine(tmp_path)
    machine.home.mkdir()
    machine.work.mkdir()
    return machine


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Generator[Registry]:
    """The real server in a process of its own."""
    directory = tmp_path_factory.mktemp("registry") / "data"
    with running_registry(directory) as running:
        database = open_database(directory / DATABASE_FILE)
        try:
            yield Registry(running, database)
        finally:
            database.close()


@pytest.fixture
def place(registry: Registry, tmp_path: Path) -> Place:
    """A workspace of the real registry with one target root, a directory that can be written."""
    return registry.place({"default": str(tmp_path / "roots" / "default")})
