"""Ratios that mean something only on an idle machine: the turns are judged in which other processes took little CPU.

Programs that use all cores at once, and a program that waits for a server beside it, are slowed down by other processes
in different ways, so that turns do not help.
"""

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.report import Report

IDLE_CORES = 0.15
"""Cores that other processes may keep busy in a turn that counts."""

MIN_IDLE_TURNS = 3
"""With fewer of them, there is no verdict."""


class Turn(NamedTuple):
    """A ratio, and how many cores other processes kept busy while it was measured, such as 0.5."""

    ratio: float
    others: float


class _CpuSeconds(NamedTuple):
    everyone: float
    ours: float


def take_idle_turns(turns: int, measure_ratio: Callable[[], float]) -> list[Turn]:
    """Measure until so many turns were idle, for at most half as many turns more."""
    taken: list[Turn] = []
    while sum(turn.others <= IDLE_CORES for turn in taken) < turns and len(taken) < turns + turns // 2:
        begun, before = time.perf_counter(), _cpu_seconds()
        ratio = measure_ratio()
        after = _cpu_seconds()
        others = (after.everyone - before.everyone) - (after.ours - before.ours)
        taken.append(Turn(ratio, max(0.0, others / (time.perf_counter() - begun))))
    return taken


def report_idle_turns(report: Report, name: str, measure: str, turns: list[Turn], at_least: float) -> None:
    """Judge the median of the idle turns: it is kept, or broken if all of them are below the limit.

    Without enough idle turns, or if they disagree, print the median without a verdict.
    """
    idle = [turn.ratio for turn in turns if turn.others <= IDLE_CORES]
    if len(idle) < MIN_IDLE_TURNS:
        others = statistics.median(turn.others for turn in turns)
        ratio = statistics.median(turn.ratio for turn in turns)
        reason = f"other processes took {others:.1f} cores"
    else:
        ratio = statistics.median(idle)
        reason = f"idle turns from {min(idle):.2f} to {max(idle):.2f}"
        if ratio >= at_least or max(idle) < at_least:
            report.at_least(name, measure, ratio, at_least)
            return
    report.note(name, measure, ratio, f"no verdict: {reason} (at least {at_least:.2f} when idle)")


def _cpu_seconds() -> _CpuSeconds:
    """CPU time of all processes and stolen time; and that of this process and its descendants. See proc(5)."""
    first, *_ = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    user, nice, system, _idle, _iowait, _irq, _softirq, stolen, *_ = map(int, first.split()[1:])
    tick = os.sysconf("SC_CLK_TCK")
    return _CpuSeconds((user + nice + system + stolen) / tick, _own_ticks() / tick)


def _own_ticks() -> int:
    """Ticks of this process, of its children, also those that have ended, and of theirs."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:  # the process has ended
            continue
        process = int(path.parent.name)
        parents[process] = int(fields[1])
        ticks[process] = sum(map(int, fields[11:15]))
    own = {os.getpid()}
    while children := {process for process, parent in parents.items() if parent in own} - own:
        own |= children
    return sum(ticks[process] for process in own)
