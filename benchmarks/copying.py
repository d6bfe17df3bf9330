"""Copying outputs between target roots, against `aws s3 cp`, with one server in one run.

The server (ministack) takes most of the time, and both programs share it with nobody: what is compared is the whole of
a command, from its start to its end, by the clock. Alone: `python -m benchmarks.copying`.
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.report import Report
from tests.s3_server import REGION, ROOT, S3Server, running_s3_server
from tests.two_profiles import COPY, write_two_profiles

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

SMALL = 10_000
MIB = 1024 * 1024
LARGE = 1024 * MIB
MEMORY = 200.0
"""MiB that a copy may have in memory, whatever it copies."""

TURNS_OF_SMALL, TURNS_OF_LARGE = 3, 5
"""How often a measure and the one beside it are taken in turns; the median counts. With a large object the server takes
nearly all of the time, so that the difference is small."""


class Ran(NamedTuple):
    """How long a program ran, in seconds, and how much memory it had at most, in MiB."""

    seconds: float
    memory: float


def main() -> int:
    """Measure copying alone."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="stardag-bench-copying-") as folder:
        measure(Path(folder), report, Path(sys.executable))
    return 1 if report.is_broken else 0


def measure(folder: Path, report: Report, python: Path) -> None:
    """Copy many small objects and a large one, with `stardag outputs copy` and with `aws s3 cp`."""
    print("\nCopying, against `aws s3 cp` on the same server")
    if shutil.which("aws") is None:
        print("  aws is not installed: copying is not measured.")
        return
    place = folder / "copying"
    (place / "server").mkdir(parents=True)
    with running_s3_server(place / "server") as server:
        bench = _Bench(place, report, str(python), server)
        bench.many_small()
        bench.one_large()


class _Bench:
    """Two buckets and a directory with something large in it."""

    def __init__(self, place: Path, report: Report, python: str, server: S3Server) -> None:
        self._place = place
        self._report = report
        self._python = python
        self._client = server.client()
        self._source, self._target = server.make_bucket(), server.make_bucket()
        self._variables = {
            "HOME": str(place),
            "PATH": os.environ["PATH"],
            "STARDAG_HOME": str(place / "home"),
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": ROOT.access,
            "AWS_SECRET_ACCESS_KEY": ROOT.secret,
            "AWS_DEFAULT_REGION": REGION,
        }

    def many_small(self) -> None:
        """Many objects of a few bytes, from one bucket to the other."""
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(self._put_small, range(SMALL)))
        source, target = f"s3://{self._source}/small", f"s3://{self._target}/small"
        self._compare(f"{SMALL:,} small objects, S3 to S3", source, target, TURNS_OF_SMALL)
        self._empty(self._source, self._target)

    def one_large(self) -> None:
        """One file of 1 GiB: up to S3, within it, and down from it."""
        up, down = self._place / "up", self._place / "down"
        up.mkdir()
        with (up / "large").open("wb") as file:
            for _ in range(LARGE // MIB):
                file.write(os.urandom(MIB))
        name = "1 GiB"
        self._compare(f"{name}, directory to S3", str(up), f"s3://{self._source}/large", TURNS_OF_LARGE)
        self._empty(self._source)
        self._client.upload_file(str(up / "large"), self._source, "large/large")
        source, target = f"s3://{self._source}/large", f"s3://{self._target}/large"
        self._compare(f"{name}, S3 to S3", source, target, TURNS_OF_LARGE)
        self._empty(self._target)
        self._compare(f"{name}, S3 to directory", source, str(down), TURNS_OF_LARGE)

    def _compare(self, name: str, source: str, target: str, turns: int) -> None:
        """Both programs in turns, each to a place of its own that is emptied afterwards. Who comes first changes, after
        a turn that does not count: the server takes memory at first that it uses again later."""
        runs: dict[str, list[Ran]] = {"ours": [], "theirs": []}
        programs = {"ours": self._stardag, "theirs": self._aws}
        for turn in range(turns + 1):
            for whose in sorted(programs, reverse=bool(turn % 2)):
                ran = programs[whose](source, f"{target}-{whose}")
                self._clear(f"{target}-{whose}")
                if turn:
                    runs[whose].append(ran)
        ours, theirs = runs["ours"], runs["theirs"]
        seconds, others = (statistics.median(ran.seconds for ran in runs) for runs in (ours, theirs))
        self._report.at_least(name, "rate", others / seconds, 1.0)
        self._report.at_most("", "memory in MiB", max(ran.memory for ran in ours), MEMORY)
        print(f"    {seconds:.1f} s, aws {others:.1f} s and {max(ran.memory for ran in theirs):.0f} MiB")

    def _stardag(self, source: str, target: str) -> Ran:
        write_two_profiles(self._place / "home", source, target)
        return self._run((self._python, "-m", "stardag", *COPY, "."))

    def _aws(self, source: str, target: str) -> Ran:
        return self._run(("aws", "s3", "cp", "--recursive", "--only-show-errors", source, target))

    def _put_small(self, number: int) -> None:
        self._client.put_object(Bucket=self._source, Key=f"small/{number % 100}/{number}", Body=b"%d" % number)

    def _clear(self, place: str) -> None:
        if place.startswith("s3://"):
            self._empty(place.split("/")[2])
        else:
            shutil.rmtree(place)

    def _empty(self, *buckets: str) -> None:
        for bucket in buckets:
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
                keys: list[ObjectIdentifierTypeDef] = [
                    {"Key": each.get("Key", "")} for each in page.get("Contents", [])
                ]
                if keys:
                    self._client.delete_objects(Bucket=bucket, Delete={"Objects": keys})

    def _run(self, command: Sequence[str]) -> Ran:
        """Run a Python program; how much memory it had, it says itself at its end."""
        watch = self._place / "watch"
        watch.mkdir(exist_ok=True)
        said = watch / "status"
        (watch / "sitecustomize.py").write_text(
            "import atexit\n"
            f"atexit.register(lambda: open({str(said)!r}, 'w').write(open('/proc/self/status').read()))\n"
        )
        start = time.perf_counter()
        subprocess.run(
            command, env={**self._variables, "PYTHONPATH": str(watch)}, stdout=subprocess.DEVNULL, check=True
        )
        seconds = time.perf_counter() - start
        (line,) = (line for line in said.read_text().splitlines() if line.startswith("VmHWM:"))
        return Ran(seconds, float(line.split()[1]) / 1024)


if __name__ == "__main__":
    sys.exit(main())
