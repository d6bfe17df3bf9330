"""What each benchmark program does first and last: announce its time and its requirements, and report the outcome."""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.report import Report

GB = 10**9
NOT_MEASURED = 2
"""Exit code when a requirement is missing."""


class Requirement(NamedTuple):
    """A program or package that a benchmark uses, and what happens without it."""

    name: str
    is_found: bool
    otherwise: str
    is_optional: bool = True


class Announcement(NamedTuple):
    """What a user should know before a benchmark starts. `minutes` is measured on an idle machine with two cores."""

    module: str
    measures: str
    minutes: float
    disk_gb: float
    """The most that is on the disk at one time."""
    written_gb: float
    memory_gb: float
    requirements: Sequence[Requirement]

    @property
    def time(self) -> str:
        """The time as it is printed, such as "2 minutes"."""
        return f"{self.minutes:g} minute{'' if self.minutes == 1 else 's'}"

    def text(self) -> str:
        """The announcement as it is printed."""
        place = tempfile.gettempdir()
        disk = (
            f"{self.disk_gb:g} GB in {place} ({_free_disk() / GB:.0f} GB free); {self.written_gb:g} GB written in all"
        )
        lines = [
            f"{self.measures}.",
            f"Takes about {self.time} on an idle machine with two cores, and longer on a busy one.",
            "",
            f"  {'disk':12} {disk}",
            f"  {'memory':12} {self.memory_gb:g} GB ({_free_memory() / GB:.0f} GB available)",
            *(
                f"  {each.name:12} {'found' if each.is_found else f'not found: {each.otherwise}'}"
                for each in self.requirements
            ),
            "",
            "Ratios of two things measured in turns, and counts, have limits: kept, or BROKEN with exit code 1.",
            "Other figures depend on the machine and have no verdict.",
        ]
        return "\n".join(lines)

    def missing(self) -> str | None:
        """Why nothing can be measured here, or None."""
        for each in self.requirements:
            if not (each.is_found or each.is_optional):
                return f"{each.name} not found: {each.otherwise}"
        if _free_disk() < self.disk_gb * GB:
            return (
                f"not enough space in {tempfile.gettempdir()}: {_free_disk() / GB:.1f} GB (set TMPDIR to another place)"
            )
        if _free_memory() < self.memory_gb * GB:
            return f"not enough memory: {_free_memory() / GB:.1f} GB available"
        return None


def run(announcement: Announcement, measure: Callable[[Path, Report], None], arguments: Sequence[str]) -> int:
    """Announce a benchmark, let it measure in a temporary directory, and return the exit code.

    The code is 0 if all limits are kept, 1 if one is broken, 2 if nothing can be measured. `--help` only announces.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {announcement.module}",
        description=announcement.text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(arguments)
    print(announcement.text(), flush=True)
    if missing := announcement.missing():
        print(f"\nNothing is measured: {missing}", file=sys.stderr)
        return NOT_MEASURED
    report, begun = Report(), time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="stardag-bench-", ignore_cleanup_errors=True) as folder:
        measure(Path(folder), report)
    print(f"\n{report.summary()}\nTook {time.perf_counter() - begun:.0f} seconds.")
    return 1 if report.broken else 0


def has_program(name: str) -> bool:
    """Whether a program is on the path."""
    return shutil.which(name) is not None


def _free_disk() -> int:
    return shutil.disk_usage(tempfile.gettempdir()).free


def _free_memory() -> int:
    """Bytes that are available without swapping; where the system does not say, all that there is."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    (available,) = (line.split()[1] for line in lines if line.startswith("MemAvailable:"))
    return int(available) * 1024
