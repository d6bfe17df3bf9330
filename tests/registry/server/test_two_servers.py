"""Two servers on one PostgreSQL. One is killed, over and over: clients go on with the other; nothing is lost, nor is
anything there twice."""

import socket
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import pytest

from tests.registry.running import RunningRegistry, running_registry
from tests.registry.server.ledger import check_ledger
from tests.registry.server.writers import Answered, Writer, asking_either, client_of, workspace_of

CLIENTS = 4
CHANGES = 25
"""Between two kills."""


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_clients_go_on_with_the_other_server_when_one_is_killed(
    tmp_path: Path, postgresql_url: str, kills: int
) -> None:
    ports = [free_port(), free_port()]
    with ExitStack() as stack:
        servers = [
            stack.enter_context(running_registry(tmp_path / f"data-{port}", port=port, database=postgresql_url))
            for port in ports
        ]
        key = servers[0].owner_key
        assert not (servers[1].data_dir / "owner-api-key").exists()
        with Load([server.url for server in servers], key) as load:
            for kill in range(kills):
                load.wait_for(CHANGES)
                killed = servers[kill % 2]
                killed.process.kill()
                load.wait_for(CHANGES)  # by the other one
                killed.process.wait()
                again = running_registry(killed.data_dir, port=killed.port, database=postgresql_url)
                servers[kill % 2] = stack.enter_context(again)
        check_no_mistakes(servers)
    sys.stdout.write(f"{kills} kills of one of two servers: {load.answered.count} changes were answered\n")
    assert load.answered.count >= 2 * CHANGES * kills
    assert not load.answered.lost_keys
    check_ledger(postgresql_url, load.answered)


class Load:
    """Clients that write, each to whichever server answers, for the length of a `with` block."""

    def __init__(self, urls: Sequence[str], key: str) -> None:
        self.answered = Answered()
        self._urls = urls
        self._key = key
        self._noted = threading.Semaphore(0)
        self._enough = threading.Event()
        self._parts = [Answered() for _ in range(CLIENTS)]
        self._done: list[bool] = []
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()
        for part in self._parts:
            self.answered += part
        assert len(self._done) == CLIENTS, "a client was answered something else than it had to be"

    def wait_for(self, changes: int) -> None:
        """Return once so many more changes have been answered."""
        for _ in range(changes):
            assert self._noted.acquire(timeout=30)

    def _write(self, number: int) -> None:
        with ExitStack() as stack:
            clients = [stack.enter_context(client_of(url, self._key)) for url in self._urls]
            if number % 2:
                clients.reverse()
            ask = asking_either(clients, workspace_of(clients[0]))
            Writer(ask, self._parts[number], self._noted, self._enough).write()
            self._done.append(True)


def check_no_mistakes(servers: Sequence[RunningRegistry]) -> None:
    for server in servers:
        assert "Traceback" not in server.said()
        assert "database failed" not in server.said()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
