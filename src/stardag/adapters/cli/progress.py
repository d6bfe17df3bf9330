"""Showing a person at a terminal how far a copy is, once it takes longer than a moment."""

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stardag.adapters.cli.waiting import PATIENCE

if TYPE_CHECKING:
    from stardag.app.outputs.copy_outputs import Progress

_INTERVAL = 0.1
"""Seconds between two looks."""


@contextmanager
def showing(progress: "Progress", *, is_wanted: bool) -> Generator[None]:
    """Show it for the length of a block, where standard error is a terminal and it is wanted."""
    if not is_wanted or not sys.stderr.isatty():
        yield
        return
    stop = threading.Event()
    thread = threading.Thread(target=_show, args=(progress, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _show(progress: "Progress", stop: threading.Event) -> None:
    if stop.wait(PATIENCE):
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Comparing", total=None)
        while not stop.wait(_INTERVAL):
            if progress.files:
                description = f"Copying file {progress.files_done} of {progress.files}"
                bar.update(task, description=description, total=progress.size, completed=progress.size_done)
