"""Benchmarks of the client and the library (`make bench`).

Instructions are counted with valgrind's cachegrind, so that they are the same on a busy machine. Programs run in two
virtual environments that are made first: one with the client's packages alone, one with the registry's as well.
"""

import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import stardag
from benchmarks import outputs
from benchmarks.command_costs import CommandCosts
from benchmarks.environments import make_environment
from benchmarks.program import Announcement, Requirement, has_program, run
from benchmarks.relay import Relay
from benchmarks.report import Report
from benchmarks.turns import cpu_time_ratios, take_turns
from stardag.app.check_storages import check_storages

PEERS = (("aws", "configure", "list"), ("git", "config", "-l"), ("gh", "config", "list"))

RESOLUTION_ROUNDS, STORAGE_ROUNDS = 50, 3
"""How many turns a measure and its reference take."""


def announcement() -> Announcement:
    """What this benchmark takes and needs."""
    return Announcement(
        module="benchmarks.client",
        measures="Benchmarks of the client and the library",
        minutes=1,
        disk_gb=0.1,
        written_gb=0.1,
        memory_gb=0.5,
        requirements=(
            Requirement("valgrind", has_program("valgrind"), "CPU time is measured instead of instructions"),
            *(Requirement(name, has_program(name), "not compared with") for name, *_ in PEERS),
        ),
    )


def measure(folder: Path, report: Report) -> None:
    """Measure everything."""
    report.progress("Making two virtual environments")
    bench = ClientBenchmark(folder, report)
    bench.start_up()
    bench.resolution()
    bench.validation()
    bench.storages()
    outputs.measure(folder, report)
    bench.peers()


class ClientBenchmark:
    """The client in its two environments, with a state directory that has one profile."""

    def __init__(self, folder: Path, report: Report) -> None:
        self.folder = folder
        self.report = report
        self.client = make_environment(folder / "client", extra=None)
        self.everything = make_environment(folder / "everything", extra="registry")
        home = folder / "home"
        home.mkdir()
        (home / "config.toml").write_text(
            '[registry.local]\nurl = "http://localhost:8000"\n\n[profile.local]\nregistry = "local"\n'
            'organization = "default"\nworkspace = "default"\n\n[default]\nprofile = "local"\n'
        )
        self.variables = {"HOME": str(folder), "STARDAG_HOME": str(home), "PATH": os.environ["PATH"]}
        self.costs = CommandCosts(folder, self.variables, self.client)

    def start_up(self) -> None:
        """Instructions and peak memory of short commands, against an empty program."""
        self.report.section("Start-up, against `python -c pass`")
        programs: list[tuple[str, Path, Sequence[str], float]] = [
            ("stardag profile list", self.client, ("-m", "stardag", "profile", "list"), 17),
            ("  with the registry installed", self.everything, ("-m", "stardag", "profile", "list"), 17),
            ("stardag --help", self.client, ("-m", "stardag", "--help"), 17),
            ("  with the registry installed", self.everything, ("-m", "stardag", "--help"), 17),
            ("stardag version", self.client, ("-m", "stardag", "version"), 12),
            ("import stardag", self.client, ("-c", "import stardag"), 2),
            ("  and stardag.active_profile()", self.client, ("-c", "import stardag; stardag.active_profile()"), 10),
        ]
        for name, python, words, limit in programs:
            self.report.at_most(name, self.costs.measure, self.costs.ratio((str(python), *words)), limit)
        for name, python in (("stardag profile list", self.client), ("  with the registry installed", self.everything)):
            ratio = self.costs.peak_memory_ratio((str(python), "-m", "stardag", "profile", "list"))
            self.report.at_most(name, "peak memory", ratio, 2.8)

    def resolution(self) -> None:
        """Resolving with a thousand profiles, against parsing that file."""
        self.report.section("Resolving with 1,000 profiles in the file, against `tomllib.loads` of it")
        text = '[registry.local]\nurl = "http://localhost:8000"\n\n[default]\nprofile = "profile-0500"\n' + "".join(
            f'\n[profile.profile-{number:04}]\nregistry = "local"\norganization = "my-org"\nworkspace = "w-{number}"\n'
            for number in range(1000)
        )
        home = self.folder / "thousand"
        home.mkdir()
        (home / "config.toml").write_text(text)
        os.chdir(self.folder)
        with mock.patch.dict(os.environ, STARDAG_HOME=str(home)):
            assert stardag.active_profile().workspace.value == "w-500"
            (ratio,) = cpu_time_ratios(RESOLUTION_ROUNDS, lambda: tomllib.loads(text), stardag.active_profile)
        self.report.at_most("stardag.active_profile()", "CPU time", ratio, 1.3)

    def validation(self) -> None:
        """Requests of a validation with unchanged roots, counted by a proxy."""
        self.report.section("Validation with unchanged roots, against a registry")
        data = self.folder / "registry"
        with self._registry(data) as url, Relay(url) as relay:
            key = (data / "owner-api-key").read_text().strip()
            variables = {**self.variables, "STARDAG_REGISTRY_URL": relay.url, "STARDAG_API_KEY": key}
            variables["STARDAG_WORKSPACE"] = "default"
            validate = (str(self.everything), "-m", "stardag", "target-roots", "validate")
            subprocess.run(validate, env=variables, check=True, capture_output=True)
            relay.statuses.clear()
            subprocess.run(validate, env=variables, check=True, capture_output=True)
            statuses = list(relay.statuses)
        self.report.at_most("stardag target-roots validate", "requests", len(statuses), 1)
        self.report.at_most("  responses other than 304", "responses", sum(status != 304 for status in statuses), 0)

    def storages(self) -> None:
        """Checking many storages at once, against one of them."""
        self.report.section("Checking 20 storages that take 300 ms each to answer, against one of them")

        class Slow:
            def check(self, uri_prefix: str, timeout: float) -> str | None:
                time.sleep(0.3)
                return None

        def checked(number: int) -> float:
            start = time.perf_counter()
            check_storages(Slow(), {f"root-{each}": f"/root-{each}" for each in range(number)}, 10.0)
            return time.perf_counter() - start

        many, one = take_turns(STORAGE_ROUNDS, lambda: checked(20), lambda: checked(1))
        self.report.at_most("check_storages", "time", min(many) / min(one), 2.0)

    def peers(self) -> None:
        """The same measure for programs that people compare with, where they are installed."""
        self.report.section("Other programs, against `python -c pass` as well")
        for peer in PEERS:
            name = " ".join(peer)
            if has_program(peer[0]):
                self.report.progress(f"Measuring {name}")
                self.report.note(name, self.costs.measure, self.costs.ratio(peer, may_fail=True))
            else:
                print(f"  {name:46} not found", flush=True)

    @contextmanager
    def _registry(self, data: Path) -> Generator[str]:
        """Run a registry with a data directory for the length of a `with` block; yields its URL."""
        command = (str(self.everything), "-m", "stardag", "registry", "serve", "--port", "0", "--data-dir", str(data))
        with subprocess.Popen(
            command, env=self.variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as server:
            try:
                assert server.stdout is not None
                yield server.stdout.readline().strip()
            finally:
                server.terminate()


if __name__ == "__main__":
    sys.exit(run(announcement(), measure, sys.argv[1:]))
