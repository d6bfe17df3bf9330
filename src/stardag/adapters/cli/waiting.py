"""Telling a person at a terminal what is being waited for, once it takes longer than a moment."""

import sys
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager

PATIENCE = 1.0
"""Seconds that nobody needs an explanation for."""


def waiting_for(quiet: bool) -> Callable[[str], AbstractContextManager[None]]:
    """A context manager that shows what is being done, where standard error is a terminal and `quiet` is not set."""

    @contextmanager
    def waiting(what: str) -> Generator[None]:
        if quiet or not sys.stderr.isatty():
            yield
            return
        stop = threading.Event()
        thread = threading.Thread(target=_show, args=(what, stop), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    return waiting


def _show(what: str, stop: threading.Event) -> None:
    if stop.wait(PATIENCE):
        return
    from rich.console import Console

    with Console(stderr=True).status(what):
        stop.wait()
