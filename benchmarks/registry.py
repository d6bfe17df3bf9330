"""The registry's speed: one server on one core, load from another, on SQLite and on PostgreSQL."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.crowd import fill
from benchmarks.load import Served, load, load_on_all, request, rush
from benchmarks.report import Report
from stardag.domain.target_roots import TargetRoot
from stardag_registry.adapters.database import DATABASE_FILE, SqlDatabase, open_database
from stardag_registry.adapters.system import now, random_bytes
from stardag_registry.app.creation import Create
from stardag_registry.domain.api_keys import ApiKeySecret, make_secret
from tests.registry.postgresql import NoPostgresql, running_postgresql

PROJECT = Path(__file__).resolve().parent.parent

CONNECTIONS = 16
SECONDS = 4.0
ROOTS = 20
"""Target roots of the workspace that is asked for."""

TURNS = 3
"""How often a measure and the one beside it are taken in turns; the median counts."""

CLIENTS = 1000


def measure(folder: Path, report: Report) -> None:
    """Measure everything on both databases."""
    OnOneDatabase(report, folder / "sqlite", "-", at_least=0.25, milliseconds=30).measure()
    try:
        # As durable as one is by default; the disk is the machine's.
        with running_postgresql(durable=True) as server:
            url = server.url(server.new_database())
            OnOneDatabase(report, folder / "postgresql", url, at_least=0.2, milliseconds=60).measure()
    except NoPostgresql as error:
        print(f"\nNOTHING IS MEASURED ON POSTGRESQL: {error}")


@dataclass(frozen=True, slots=True)
class Server:
    """One that runs."""

    port: int

    def asking(self, path: str, key: ApiKeySecret, **headers: str) -> bytes:
        """A request with a key."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return request(path, {"Host": f"127.0.0.1:{self.port}", "Authorization": f"Bearer {key.text}", **more})


class OnOneDatabase:
    """The measures on one kind of database."""

    def __init__(self, report: Report, data: Path, database_url: str, *, at_least: float, milliseconds: float) -> None:
        self.report, self.data, self.database_url = report, data, database_url
        self.at_least, self.milliseconds = at_least, milliseconds
        data.mkdir(mode=0o700)
        self.database: SqlDatabase = open_database(data / DATABASE_FILE if database_url == "-" else database_url)
        self.name = "PostgreSQL" if self.database.is_shared else "SQLite"
        self.workspace, self.key = self._workspace()

    def measure(self) -> None:
        """Measure everything."""
        print(f"\nThe registry on {self.name}, {CONNECTIONS} connections, {ROOTS} target roots")
        with self._serving() as server:
            alone = self._target_roots(server)
            self._wrong_key(server)
            self._rush(server)
        if not self.database.is_shared:
            self._two_processes()
        begun = time.perf_counter()
        crowd = fill(self.database, self.workspace)
        print(f"  with 1,000,000 builds and the rest (made in {time.perf_counter() - begun:.0f} s)")
        with self._serving() as server:
            self._crowded(server, crowd, alone)
        self.database.close()

    def _target_roots(self, server: Server) -> float:
        """Returns the rate of reading the roots, as a part of the rate of nothing."""
        roots = server.asking(self._path("target-roots"), self.key)
        unchanged = server.asking(self._path("target-roots"), self.key, If_None_Match="*")
        nothing = server.asking("/nothing", self.key)
        served = _in_turns(server, {"nothing": (nothing, 200), "roots": (roots, 200), "304": (unchanged, 304)})
        part = served["roots"].rate / served["nothing"].rate
        self.report.note("a route that does nothing", "requests/s", served["nothing"].rate)
        self.report.note("GET target-roots with an API key", "requests/s", served["roots"].rate)
        self.report.at_least("  against a route that does nothing", "rate", part, self.at_least)
        self.report.at_most("  99 in 100 are faster than", "milliseconds", served["roots"].p99 * 1e3, self.milliseconds)
        self.report.at_least("  answered 304, against 200", "rate", served["304"].rate / served["roots"].rate, 1.3)
        return part

    def _wrong_key(self, server: Server) -> None:
        wrong = make_secret("build", bytes(32))
        right = server.asking(self._path("target-roots"), self.key)
        served = _in_turns(
            server, {"right": (right, 200), "wrong": (server.asking(self._path("target-roots"), wrong), 401)}
        )
        self.report.at_most("a wrong key, against a right one", "time", served["right"].rate / served["wrong"].rate, 1)

    def _rush(self, server: Server) -> None:
        """A thousand clients that each read the roots and register a build, all at once."""
        roots = server.asking(self._path("target-roots"), self.key)
        body = '{"target_roots": {"root-0": "s3://bucket/0/"}}'
        build = server.asking(
            self._path("builds"), self.key, Content_Type="application/json", Content_Length=str(len(body))
        ).replace(b"GET ", b"POST ", 1)
        seconds = rush(server.port, [(roots, 200), (build + body.encode(), 201)], clients=CLIENTS)
        self.report.at_most("1,000 clients start a build at once", "seconds", seconds, 5)

    def _two_processes(self) -> None:
        """Two servers on two cores, against one. Where there are but two, the load shares one of them."""
        if (os.cpu_count() or 1) < 2:
            print("  two processes: not measured, there is one core")
            return
        with self._serving(core=0) as first, self._serving(core=1) as second:
            asked = [(each.port, each.asking(self._path("target-roots"), self.key)) for each in (first, second)]
            one, two = list[float](), list[float]()
            for _ in range(TURNS):
                for servers, rates in ((asked[:1], one), (asked, two)):
                    served = load_on_all(servers, connections=CONNECTIONS, seconds=SECONDS, status=200)
                    rates.append(served.rate)
        self.report.at_least("two processes, against one", "rate", statistics.median(two) / statistics.median(one), 1.6)

    def _crowded(self, server: Server, crowd: list[tuple[ApiKeySecret, str]], alone: float) -> None:
        nothing = server.asking("/nothing", self.key)
        asked = [server.asking(f"/api/v1/workspaces/{workspace}/target-roots", key) for key, workspace in crowd]
        parts = list[float]()
        for _ in range(TURNS):
            rates = [
                load(server.port, requests, connections=CONNECTIONS, seconds=SECONDS, status=200).rate
                for requests in ([nothing], asked)
            ]
            parts.append(rates[1] / rates[0])
        part = statistics.median(parts)
        self.report.at_least("  GET target-roots, against an empty database", "rate", part / alone, 0.9)
        page = server.asking(self._path("builds"), self.key)
        served = load(server.port, [page], connections=1, seconds=SECONDS, status=200)
        self.report.at_most("  the newest 100 of 100,000 builds", "milliseconds", served.p99 * 1e3, 20)

    def _path(self, what: str) -> str:
        return f"/api/v1/workspaces/{self.workspace}/{what}"

    def _workspace(self) -> tuple[str, ApiKeySecret]:
        create = Create(now, random_bytes)
        with self.database.transaction() as transaction:
            organization = create.organization(transaction, "default", "Default")
            workspace = create.workspace(transaction, organization.id, "default", "Default")
            for number in range(ROOTS):
                transaction.add_target_root(workspace.id, TargetRoot(f"root-{number}", f"s3://bucket/{number}/"))
            return workspace.id, create.api_key(transaction, workspace.id, "CI")[1]

    @contextmanager
    def _serving(self, core: int = 0) -> Generator[Server]:
        """A server on a core of its own; this process stays on another, if there is one."""
        words = (sys.executable, "-m", "benchmarks.serving", str(self.data), self.database_url, "0", str(core))
        cores = os.sched_getaffinity(0)
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        try:
            assert process.stdout is not None
            yield Server(int(process.stdout.readline().rpartition(":")[2]))
        finally:
            os.sched_setaffinity(0, cores)
            process.terminate()
            process.communicate()


def _in_turns(server: Server, asked: dict[str, tuple[bytes, int]]) -> dict[str, Served]:
    """What each gets, the median of several turns; of the slowest in a hundred too."""
    taken: dict[str, list[Served]] = {name: [] for name in asked}
    for _ in range(TURNS):
        for name, (what, status) in asked.items():
            taken[name].append(load(server.port, [what], connections=CONNECTIONS, seconds=SECONDS, status=status))
    return {
        name: Served(statistics.median(one.rate for one in many), statistics.median(one.p99 for one in many))
        for name, many in taken.items()
    }
