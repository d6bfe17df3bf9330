"""A thousand clients that start a build in the same second: all are served, by one server process on one core."""

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx
import pytest

from tests.registry.postgresql import Postgresql
from tests.registry.running import RunningRegistry, running_registry

LIMIT = 5.0
"""Seconds from the first request until the last of a thousand clients has its build."""

BUILDS = b'{"target_roots": {"default": "/data/default/"}, "description": "one of many"}'


TRIES = 3
"""What else runs on the machine only ever makes it slower, so the best of a few tries is the figure."""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="NO PROCESS CAN BE KEPT ON ONE CORE HERE")
@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
def test_a_thousand_clients_that_start_a_build_in_the_same_second_are_served_within_five(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    database, database_processes = None, list[int]()
    if kind == "PostgreSQL":
        database = cast("str", request.getfixturevalue("postgresql_url"))
        service = cast("Postgresql", request.getfixturevalue("postgresql")).service
        assert service.process is not None
        database_processes.append(service.process.pid)
    best = LIMIT
    # The limit that a shell gives a program, where nobody has thought of it.
    with running_registry(tmp_path / "data", database=database, open_files=(256, 4096)) as registry:
        keep_on_one_core(registry.process.pid)
        for number in range(TRIES):
            with going_before_others(registry.process.pid, *database_processes):
                seconds, builds = rush(registry, f"rush-{number}", clients=1000)
            assert len(set(builds)) == 1000
            sys.stdout.write(f"{kind}: the last of a thousand clients was served after {max(seconds):.2f} s\n")
            best = min(best, max(seconds))
            if best < LIMIT:
                break
    assert best < LIMIT


def test_more_clients_than_the_open_files_that_a_shell_allows_are_served(tmp_path: Path) -> None:
    with running_registry(tmp_path / "data", open_files=(64, 4096)) as registry:
        _, builds = rush(registry, "rush", clients=100)
    assert len(set(builds)) == 100


def keep_on_one_core(pid: int) -> None:
    """All threads of a process; those to come take after the first."""
    for thread in threads_of(pid):
        os.sched_setaffinity(int(thread.name), {min(os.sched_getaffinity(0))})


@contextmanager
def going_before_others(*pids: int) -> Generator[None]:
    """Let these processes, what they started and this one go before what else runs on the machine, other tests most of
    all; where that is allowed. Being nice counts only within a session."""
    here = threading.get_native_id()
    threads = [int(path.name) for pid in pids for each in (pid, *children_of(pid)) for path in threads_of(each)]
    with suppress(PermissionError):
        for thread in (here, *threads):
            os.sched_setscheduler(thread, os.SCHED_RR, os.sched_param(1))
    try:
        yield
    finally:
        with suppress(PermissionError, ProcessLookupError):
            for thread in (here, *threads):
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))


def threads_of(pid: int) -> Sequence[Path]:
    return list(Path(f"/proc/{pid}/task").iterdir())


def children_of(pid: int) -> Sequence[int]:
    return [int(child) for thread in threads_of(pid) for child in (thread / "children").read_text().split()]


def rush(registry: RunningRegistry, name: str, clients: int) -> tuple[Sequence[float], Sequence[str]]:
    """Let so many clients, each with a connection of its own, look at the target roots and register a build, all at
    once; the second at which each was served, and the builds."""
    headers = {"Authorization": f"Bearer {registry.owner_key}"}
    workspace = httpx.get(f"{registry.url}/api/v1/me", headers=headers).json()["workspace"]["id"]
    client = Client(registry.port, registry.owner_key, f"/api/v1/workspaces/{workspace}")

    async def all_at_once() -> Sequence[tuple[float, str]]:
        begun = time.monotonic()
        return await asyncio.gather(*(client.start_a_build(f"{name}-{number}", begun) for number in range(clients)))

    done = asyncio.run(all_at_once())
    return [second for second, _ in done], [build for _, build in done]


@dataclass(frozen=True, slots=True)
class Client:
    """Speaks no more HTTP than it has to: a thousand of them share a core with nobody."""

    port: int
    key: str
    workspace: str

    async def start_a_build(self, name: str, begun: float) -> tuple[float, str]:
        """When it was served, in seconds from `begun`, and the id of the build."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        await self.ask(reader, writer, "GET", "target-roots", 200)
        answer = await self.ask(reader, writer, "POST", "builds", 201, f"Idempotency-Key: {name}\r\n")
        served = time.monotonic() - begun
        writer.close()
        await writer.wait_closed()
        build: str = json.loads(answer)["id"]
        return served, build

    async def ask(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        method: str,
        what: str,
        expected: int,
        headers: str = "",
    ) -> bytes:
        body = BUILDS if method == "POST" else b""
        writer.write(
            f"{method} {self.workspace}/{what} HTTP/1.1\r\nHost: localhost:{self.port}\r\n"
            f"Authorization: Bearer {self.key}\r\n{headers}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(f"HTTP/1.1 {expected} ".encode()), head
        length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        return await reader.readexactly(int(length.partition(b":")[2]))
