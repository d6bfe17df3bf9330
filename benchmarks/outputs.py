"""Opening outputs below a local target root, links checked, against `open()` on the plain path."""

import gc
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from benchmarks.report import Report

ROUNDS = 25
OPENED = 400


def measure(folder: Path, report: Report) -> None:
    """What opening, and asking for the path, costs for a task's output."""
    from stardag.adapters.storage.output_storage import output_storage
    from stardag.domain.outputs import RootPlace

    print("\nOpening an output below a local root, links checked, against `open()` on the plain path")
    root = output_storage().open_root(RootPlace("default", str(folder / "outputs")))
    path = root / "train" / ("0" * 64) / "model.pkl"
    path.write_bytes(b"model")
    name = str(path)

    def opened(open_it: Callable[[], IO[bytes]]) -> Callable[[], None]:
        def many() -> None:
            for _ in range(OPENED):
                open_it().close()

        return many

    builtin = opened(lambda: open(name, "rb"))  # noqa: SIM115  # `opened` closes it
    by_name = opened(lambda: open(path, "rb"))  # noqa: SIM115
    ratios = _ratios(builtin, opened(lambda: path.open("rb")), by_name)
    report.at_most("path.open('rb')", "time", ratios[0], 5)
    report.at_most("open(path, 'rb')", "time", ratios[1], 5)


def _ratios(first: Callable[[], None], *others: Callable[[], None]) -> list[float]:
    """How long the others take, best of many rounds in turns, as multiples of the first."""
    functions = (first, *others)
    taken: list[list[float]] = [[] for _ in functions]
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for function, times in zip(functions, taken, strict=True):
                start = time.perf_counter()
                function()
                times.append(time.perf_counter() - start)
    finally:
        gc.enable()
    return [min(times) / min(taken[0]) for times in taken[1:]]
