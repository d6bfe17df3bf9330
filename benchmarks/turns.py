"""Measuring several things in turns, so that whatever else the machine does affects them alike."""

import gc
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def take_turns(rounds: int, *measures: Callable[[], T]) -> list[list[T]]:
    """Call each function once a round; return the results of each. The order is reversed in every other round."""
    results: list[list[T]] = [[] for _ in measures]
    for number in range(rounds):
        pairs = list(zip(measures, results, strict=True))
        for measure, measured in reversed(pairs) if number % 2 else pairs:
            measured.append(measure())
    return results


def paired_ratios(measured: Sequence[float], reference: Sequence[float]) -> list[float]:
    """The ratio of both in each turn."""
    return [one / other for one, other in zip(measured, reference, strict=True)]


def cpu_time_ratios(rounds: int, reference: Callable[[], object], *others: Callable[[], object]) -> list[float]:
    """The CPU time of functions as multiples of the reference's: the smallest of many rounds taken in turns."""
    gc.disable()
    try:
        seconds = take_turns(rounds, *(_timed(function) for function in (reference, *others)))
    finally:
        gc.enable()
    return [min(taken) / min(seconds[0]) for taken in seconds[1:]]


def _timed(function: Callable[[], object]) -> Callable[[], float]:
    def cpu_seconds() -> float:
        start = time.thread_time()
        function()
        return time.thread_time() - start

    return cpu_seconds
