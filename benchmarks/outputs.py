"""Opening outputs below a local target root, links checked, against `open()` on the plain path."""

from collections.abc import Callable
from pathlib import Path
from typing import IO

from benchmarks.report import Report
from benchmarks.turns import cpu_time_ratios
from stardag.adapters.storage.output_storage import output_storage
from stardag.domain.outputs import RootPlace

ROUNDS = 50
OPENED = 400


def measure(folder: Path, report: Report) -> None:
    """Measure what it costs to open a task's output, by its method and by its path."""
    report.section("Opening an output below a local root, links checked, against `open()` on the plain path")
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
    by_path = opened(lambda: open(path, "rb"))  # noqa: SIM115
    ratios = cpu_time_ratios(ROUNDS, builtin, opened(lambda: path.open("rb")), by_path)
    report.at_most("path.open('rb')", "CPU time", ratios[0], 5)
    report.at_most("open(path, 'rb')", "CPU time", ratios[1], 5)
