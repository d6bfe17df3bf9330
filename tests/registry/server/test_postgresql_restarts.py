"""PostgreSQL goes away under a running server, and comes back: the server says so meanwhile, and needs no restart."""

import json
import threading
import time
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from stardag_registry.adapters.database.postgresql import IDLE
from tests.registry.postgresql import NoPostgresql, Postgresql, running_postgresql
from tests.registry.running import running_registry
from tests.registry.server.ledger import check_ledger
from tests.registry.server.writers import ROOTS_OF_A_BUILD, Answered, Writer, asking, client_of, workspace_of

UNAVAILABLE = "The registry's database cannot be used at the moment. Try again later."


@pytest.fixture(scope="module")
def own_postgresql() -> Generator[Postgresql]:
    """One that no other module uses, and that waits for the disk."""
    try:
        with running_postgresql(durable=True) as server:
            yield server
    except NoPostgresql as error:
        pytest.skip(f"NO POSTGRESQL IS RESTARTED: {error}")


def test_while_postgresql_is_away_answers_are_503_and_afterwards_all_works_again(
    tmp_path: Path, own_postgresql: Postgresql
) -> None:
    url = own_postgresql.url(own_postgresql.new_database())
    with (
        running_registry(tmp_path / "data", database=url, log_format="json") as registry,
        client_of(registry.url, registry.owner_key) as client,
    ):
        workspace = f"/api/v1/workspaces/{workspace_of(client)}"
        reads = ("/health", f"{workspace}/target-roots", f"{workspace}/builds", "/api/v1/me")
        assert {client.get(path).status_code for path in reads} == {200}
        with own_postgresql.away():
            for path in reads:
                answer = client.get(path)
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
                assert answer.json()["detail"] == UNAVAILABLE
                assert answer.headers["Retry-After"] == "1"
            body = {"target_roots": ROOTS_OF_A_BUILD}
            assert client.post(f"{workspace}/builds", json=body).status_code == 503
            assert client.post("/sign-in", data={"name": "owner@localhost", "password": "x"}).status_code < 504
            assert client.get("/health/live").json()["status"] == "ok"
            assert 'route="/health",status="503"' in client.get("/metrics").text
        assert {client.get(path).status_code for path in reads} == {200}, "the first requests, too"
        assert client.post(f"{workspace}/builds", json=body).status_code == 201
        said = registry.said()
        assert registry.stop() == 0
    lines = [json.loads(line) for line in said.splitlines()]
    failures = [line for line in lines if line["logger"] == "stardag_registry.database"]
    assert failures
    assert all(line["request_id"] for line in failures)
    assert own_postgresql.password not in said


def test_a_server_that_nobody_asked_meanwhile_does_not_notice_a_restart(
    tmp_path: Path, own_postgresql: Postgresql
) -> None:
    url = own_postgresql.url(own_postgresql.new_database())
    with (
        running_registry(tmp_path / "data", database=url) as registry,
        client_of(registry.url, registry.owner_key) as client,
    ):
        workspace_of(client)
        before, asked_at = registry.said(), time.monotonic()
        while time.monotonic() < asked_at + 2 * IDLE:  # a restart may be quicker than that
            with own_postgresql.away():
                pass
        assert workspace_of(client)
        assert registry.said() == before


def test_what_was_answered_survives_a_crash_of_postgresql(tmp_path: Path, own_postgresql: Postgresql) -> None:
    url = own_postgresql.url(own_postgresql.new_database())
    answered, noted = Answered(), threading.Semaphore(0)
    with (
        running_registry(tmp_path / "data", database=url) as registry,
        client_of(registry.url, registry.owner_key) as client,
    ):
        ask = asking(client, workspace_of(client))

        def write() -> None:
            with pytest.raises(AssertionError, match="unavailable"):
                Writer(ask, answered, noted).write()

        writing = threading.Thread(target=write)
        writing.start()
        for _ in range(30):
            assert noted.acquire(timeout=60)
        with own_postgresql.away(crashed=True):
            writing.join(60)
        assert client.get("/health").status_code == 200
    check_ledger(url, answered)


def test_a_server_starts_only_where_its_database_answers(tmp_path: Path, own_postgresql: Postgresql) -> None:
    url = own_postgresql.url(own_postgresql.new_database())
    with running_registry(tmp_path / "data", database=url):
        pass
    with own_postgresql.away(), pytest.raises(Exception, match="unusable-database") as refusal:
        running_registry(tmp_path / "data", database=url).__enter__()
    assert own_postgresql.password not in str(refusal.value)
    with running_registry(tmp_path / "data", database=url) as registry:
        assert httpx.get(f"{registry.url}/health", trust_env=False).status_code == 200
