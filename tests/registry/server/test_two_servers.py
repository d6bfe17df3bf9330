"""Two servers on one PostgreSQL. One is killed, over and over: clients go on with the other; nothing is lost, nor is
anything there twice."""

import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.registry.running import DEADLINE, RunningRegistry, running_registry
from tests.registry.server.ledger import check_ledger
from tests.registry.server.writers import Load

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
                killed.process.wait(DEADLINE)
                again = running_registry(killed.data_dir, port=killed.port, database=postgresql_url)
                servers[kill % 2] = stack.enter_context(again)
        check_no_mistakes(servers)
    sys.stdout.write(f"{kills} kills of one of two servers: {load.answered.count} changes were answered\n")
    assert load.answered.count >= 2 * CHANGES * kills
    assert not load.answered.lost_keys
    check_ledger(postgresql_url, load.answered)


def check_no_mistakes(servers: Sequence[RunningRegistry]) -> None:
    for server in servers:
        assert "Traceback" not in server.said()
        assert "database failed" not in server.said()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port
