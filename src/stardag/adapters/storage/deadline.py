"""A bound on work that has none itself: system calls on a dead network drive, name look-ups, credential processes."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait


def within(timeout: float, work: Callable[[], str | None]) -> str | None:
    """What `work` returns, or a phrase that it took too long.

    Work that is given up goes on by itself, as long as the process lives; it keeps nothing from exiting.
    """
    future: Future[str | None] = Future()
    threading.Thread(target=_perform, args=(work, future), daemon=True).start()
    if wait((future,), timeout).not_done:
        return f"it gave no answer within {timeout:g} seconds"
    return future.result()


def _perform(work: Callable[[], str | None], future: "Future[str | None]") -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001  # a thread that dies silently would look like a storage that hangs
        future.set_exception(error)
