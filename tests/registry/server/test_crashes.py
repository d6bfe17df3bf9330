"""A server that is killed: what it answered with a 2xx is there, once, with its history; nothing is half there."""

import threading
from contextlib import closing
from pathlib import Path
from queue import SimpleQueue

import httpx
import pytest

from stardag_registry.adapters.database import open_database
from stardag_registry.domain.api_keys import ApiKeySecret
from tests.registry.running import RunningRegistry, running_registry


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_whatever_was_answered_survives_being_killed(tmp_path: Path, kills: int) -> None:
    data_dir = tmp_path / "data"
    answered: list[str] = []
    key = ""
    for round_number in range(kills):
        with running_registry(data_dir) as registry:
            key = registry.owner_key
            answered += add_until_killed(registry, round_number, after=10 + 3 * round_number)
    check_that_they_are_there_once(data_dir, key, answered)


def add_until_killed(registry: RunningRegistry, round_number: int, after: int) -> list[str]:
    """Two clients add roots as fast as they can, until the server is killed; the names that it took."""
    names: SimpleQueue[str] = SimpleQueue()
    enough = threading.Semaphore(0)
    headers = {"Authorization": f"Bearer {registry.owner_key}"}

    def add(client_number: int) -> None:
        with httpx.Client(base_url=registry.url, headers=headers, timeout=20) as client:
            workspace = client.get("/api/v1/me").json()["workspace"]["id"]
            for number in range(10_000):
                name = f"root-{round_number}-{client_number}-{number}"
                body = {"name": name, "uri_prefix": f"/data/{name}/"}
                try:
                    answer = client.post(f"/api/v1/workspaces/{workspace}/target-roots", json=body)
                except httpx.TransportError:
                    return
                assert answer.status_code == 201
                names.put(name)
                enough.release()

    threads = [threading.Thread(target=add, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(after):
        assert enough.acquire(timeout=20)
    registry.process.kill()
    for thread in threads:
        thread.join()
    return [names.get() for _ in range(names.qsize())]


def check_that_they_are_there_once(data_dir: Path, key: str, answered: list[str]) -> None:
    assert answered
    with closing(open_database(data_dir / "registry.sqlite3")) as database, database.transaction() as transaction:
        caller = transaction.caller_by_fingerprint(ApiKeySecret(key).fingerprint)
        assert caller is not None
        roots = [root.name for root in transaction.target_roots(caller.workspace.id)]
        history = [revision.name for revision in transaction.target_root_revisions(caller.workspace.id)]
    assert set(answered) <= set(roots)
    assert len(roots) == len(set(roots))
    assert sorted(roots) == sorted(history)
