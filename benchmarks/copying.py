"""Benchmarks of copying outputs between target roots, against `aws s3 cp` on the same server (`make bench-copying`).

The server (ministack) keeps objects in memory. What is compared is the time of a whole command.
"""

import os
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.command_costs import run_with_peak_memory
from benchmarks.environments import make_environment
from benchmarks.idle import report_idle_turns, take_idle_turns
from benchmarks.program import Announcement, Requirement, has_program, run
from benchmarks.report import Report
from tests.s3_server import REGION, ROOT, S3Server, running_s3_server
from tests.two_profiles import COPY, write_two_profiles

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

SMALL = 4_000
"""Small objects, each of a few bytes."""

MIB = 1024 * 1024
LARGE, HUGE = 256 * MIB, 1024 * MIB
"""The object that both programs copy in turns, and the one that only shows that memory does not grow with it."""

MEMORY = 200.0
"""MiB of memory that a copy may take, whatever it copies."""

TURNS = 5


class Ran(NamedTuple):
    """How long a program ran and the CPU time that it took, in seconds, and its peak memory in MiB."""

    seconds: float
    cpu_seconds: float
    memory: float


def announcement() -> Announcement:
    """What this benchmark takes and needs."""
    return Announcement(
        module="benchmarks.copying",
        measures="Benchmarks of copying outputs between directories and S3, against aws-cli",
        minutes=4,
        disk_gb=1.5,
        written_gb=6,
        memory_gb=4,
        requirements=(Requirement("aws", has_program("aws"), "install awscli", is_optional=False),),
    )


def measure(folder: Path, report: Report) -> None:
    """Copy many small objects and a large one, with `stardag outputs copy` and with `aws s3 cp`."""
    (folder / "server").mkdir()
    with running_s3_server(folder / "server") as server:
        bench = CopyBenchmark(folder, report, server)
        bench.many_small()
        bench.one_large()
        bench.one_huge()


class CopyBenchmark:
    """Two buckets, and directories for local copies."""

    def __init__(self, folder: Path, report: Report, server: S3Server) -> None:
        self._folder = folder
        self._report = report
        self._python = str(make_environment(folder / "client", extra=None))
        self._client = server.client()
        self._source, self._target = server.make_bucket(), server.make_bucket()
        self._up, self._down = folder / "up", folder / "down"
        self._variables = {
            "HOME": str(folder),
            "PATH": os.environ["PATH"],
            "STARDAG_HOME": str(folder / "home"),
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": ROOT.access,
            "AWS_SECRET_ACCESS_KEY": ROOT.secret,
            "AWS_DEFAULT_REGION": REGION,
        }

    def many_small(self) -> None:
        """Many objects of a few bytes, from one bucket to the other."""
        self._report.section(f"{SMALL:,} small objects, against `aws s3 cp`")
        self._report.progress("Creating the objects")
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(self._put_small, range(SMALL)))
        pairs = self._compare("S3 to S3", f"s3://{self._source}/small", f"s3://{self._target}/small")
        ratio = statistics.median(theirs.seconds / ours.seconds for ours, theirs in pairs)
        self._report.at_least("S3 to S3", "rate", ratio, 1.0)
        self._report_runs(pairs)
        self._empty(self._source, self._target)

    def one_large(self) -> None:
        """One large file: up to S3, within it, and down from it."""
        self._report.section(f"One file of {LARGE // MIB} MiB, against `aws s3 cp`")
        self._up.mkdir()
        with (self._up / "large").open("wb") as file:
            for _ in range(LARGE // MIB):
                file.write(os.urandom(MIB))
        source, target = f"s3://{self._source}/large", f"s3://{self._target}/large"
        self._compare_when_idle("directory to S3", str(self._up), source)
        self._client.upload_file(str(self._up / "large"), self._source, "large/large")
        self._compare_when_idle("S3 to S3", source, target)
        self._compare_when_idle("S3 to directory", source, str(self._down))
        self._empty(self._source)
        shutil.rmtree(self._up)

    def one_huge(self) -> None:
        """Peak memory for a file that is several times larger than the limit: up to S3, within it, and down from it."""
        self._report.section(f"One file of {HUGE // MIB} MiB, by stardag alone")
        self._up.mkdir()
        with (self._up / "huge").open("wb") as file:
            file.truncate(HUGE)  # a hole: it is read as zeros, and takes no space
        source, target = f"s3://{self._source}/huge", f"s3://{self._target}/huge"
        for name, *places in (
            ("directory to S3", str(self._up), source),
            ("S3 to S3", source, target),
            ("S3 to directory", source, str(self._down)),
        ):
            self._report.progress(f"Copying from {name}")
            ran = self._stardag(*places)
            self._report.at_most(name, "memory in MiB", ran.memory, MEMORY)
            self._report.note("", "seconds", ran.seconds, "one run")
        self._empty(self._source, self._target)

    def _compare_when_idle(self, name: str, source: str, target: str) -> None:
        pairs: list[tuple[Ran, Ran]] = []

        def ratio() -> float:
            pairs.append(self._pair(name, source, target, len(pairs)))
            return pairs[-1][1].seconds / pairs[-1][0].seconds

        self._pair(name, source, target, 1)
        report_idle_turns(self._report, name, "rate", take_idle_turns(TURNS, ratio), 1.0)
        self._report_runs(pairs)

    def _compare(self, name: str, source: str, target: str) -> list[tuple[Ran, Ran]]:
        """Both programs in turns. A first turn does not count: the server takes memory in it that it uses again."""
        return [self._pair(name, source, target, turn) for turn in range(TURNS + 1)][1:]

    def _pair(self, name: str, source: str, target: str, turn: int) -> tuple[Ran, Ran]:
        """Both programs once, each to a place that is emptied afterwards; which is first depends on the turn."""
        self._report.progress(f"Copying from {name}, turn {turn}")
        programs = {"ours": self._stardag, "theirs": self._aws}
        ran: dict[str, Ran] = {}
        for whose in sorted(programs, reverse=bool(turn % 2)):
            ran[whose] = programs[whose](source, f"{target}-{whose}")
            self._clear(f"{target}-{whose}")
        return ran["ours"], ran["theirs"]

    def _report_runs(self, pairs: Sequence[tuple[Ran, Ran]]) -> None:
        ours, theirs = zip(*pairs, strict=True)
        self._report.at_most("", "memory in MiB", max(ran.memory for ran in ours), MEMORY)
        self._report.note(
            "  the client alone, against aws",
            "CPU time",
            statistics.median(a.cpu_seconds / b.cpu_seconds for a, b in pairs),
        )
        for name, runs in (("stardag", ours), ("aws", theirs)):
            seconds = statistics.median(ran.seconds for ran in runs)
            self._report.note(f"  {name}", "seconds", seconds, f"{max(ran.memory for ran in runs):.0f} MiB")

    def _stardag(self, source: str, target: str) -> Ran:
        write_two_profiles(self._folder / "home", source, target)
        return self._run((self._python, "-m", "stardag", *COPY, "."))

    def _aws(self, source: str, target: str) -> Ran:
        return self._run(("aws", "s3", "cp", "--recursive", "--only-show-errors", source, target))

    def _put_small(self, number: int) -> None:
        self._client.put_object(Bucket=self._source, Key=f"small/{number % 100}/{number}", Body=b"%d" % number)

    def _clear(self, place: str) -> None:
        if place.startswith("s3://"):
            bucket, _, prefix = place.removeprefix("s3://").partition("/")
            self._empty(bucket, prefix=f"{prefix}/")
        else:
            shutil.rmtree(place)

    def _empty(self, *buckets: str, prefix: str = "") -> None:
        for bucket in buckets:
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                keys: list[ObjectIdentifierTypeDef] = [
                    {"Key": each.get("Key", "")} for each in page.get("Contents", [])
                ]
                if keys:
                    self._client.delete_objects(Bucket=bucket, Delete={"Objects": keys})

    def _run(self, command: Sequence[str]) -> Ran:
        before, begun = _children_cpu_seconds(), time.perf_counter()
        memory = run_with_peak_memory(command, self._variables, self._folder) / 1024
        return Ran(time.perf_counter() - begun, _children_cpu_seconds() - before, memory)


def _children_cpu_seconds() -> float:
    """CPU time of child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(run(announcement(), measure, sys.argv[1:]))
