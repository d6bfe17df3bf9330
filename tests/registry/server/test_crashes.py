"""A server that is killed: what it answered with a 2xx is there, once, with its history; nothing is half there."""

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stardag_registry.adapters.database import DATABASE_FILE
from tests.registry.postgresql import NoPostgresql, running_postgresql
from tests.registry.running import RunningRegistry, running_registry
from tests.registry.server.ledger import check_ledger
from tests.registry.server.writers import Answered, Writer, asking, client_of, workspace_of

CLIENTS = 4
KILLS = [2, pytest.param(50, marks=pytest.mark.slow)]


@pytest.mark.parametrize("kills", KILLS)
def test_whatever_was_answered_survives_being_killed_on_sqlite(tmp_path: Path, kills: int) -> None:
    answered = write_and_kill(tmp_path / "data", None, kills)
    check_ledger(tmp_path / "data" / DATABASE_FILE, answered)


@pytest.mark.parametrize("kills", KILLS)
def test_whatever_was_answered_survives_being_killed_on_postgresql(tmp_path: Path, kills: int) -> None:
    with durable_postgresql() as url:
        answered = write_and_kill(tmp_path / "data", url, kills)
        check_ledger(url, answered)


@contextmanager
def durable_postgresql() -> Generator[str]:
    """A new database on a PostgreSQL that waits for the disk."""
    try:
        with running_postgresql(durable=True) as server:
            yield server.url(server.new_database())
    except NoPostgresql as error:
        pytest.skip(f"NO SERVER IS KILLED ON POSTGRESQL: {error}")


def write_and_kill(data_dir: Path, database: str | None, kills: int) -> Answered:
    """Start a server, let clients write, kill it; over and over. What the clients were answered."""
    answered, lost = Answered(), 0
    for kill in range(kills):
        with running_registry(data_dir, database=database) as registry:
            lost += retry(registry, answered)
            answered += write_until_killed(registry, after=10 + 3 * kill % 17)
    with running_registry(data_dir, database=database) as registry:
        lost += retry(registry, answered)
    assert answered.count >= 10 * kills
    sys.stdout.write(f"{kills} kills: {answered.count} changes were answered; {lost} builds were not, and sent again\n")
    return answered


def write_until_killed(registry: RunningRegistry, after: int) -> Answered:
    """Clients write as fast as they can, until the server is killed with requests in progress."""
    noted = threading.Semaphore(0)
    answered = [Answered() for _ in range(CLIENTS)]

    def write(mine: Answered) -> None:
        with client_of(registry.url, registry.owner_key) as client:
            Writer(asking(client, workspace), mine, noted).write()

    with client_of(registry.url, registry.owner_key) as client:
        workspace = workspace_of(client)
    threads = [threading.Thread(target=write, args=(mine,)) for mine in answered]
    for thread in threads:
        thread.start()
    for _ in range(after):
        assert noted.acquire(timeout=60)
    registry.process.kill()
    for thread in threads:
        thread.join()
    whole = Answered()
    for mine in answered:
        whole += mine
    return whole


def retry(registry: RunningRegistry, answered: Answered) -> int:
    """Register the builds again that nothing came back for, and some that were answered: none may be made twice. How
    many there were of the former."""
    with client_of(registry.url, registry.owner_key) as client:
        writer = Writer(asking(client, workspace_of(client)), answered, threading.Semaphore(0))
        lost = list(answered.lost_keys)
        answered.lost_keys.clear()
        for key in [*lost, *list(answered.builds)[-CLIENTS:]]:
            writer.register(key)
    return len(lost)
