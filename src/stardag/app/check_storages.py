"""Checking the storage of many target roots at once, under one deadline."""

import threading
from collections.abc import Mapping
from queue import SimpleQueue

from stardag.app.ports import StorageCheck


def check_storages(storage: StorageCheck, roots: Mapping[str, str], timeout: float) -> dict[str, str]:
    """What is wrong with the storage of which root (name to phrase); empty where all can be written.

    Every root (name to URI prefix) is checked on a thread of its own. One that has given no answer `timeout` seconds
    after all were begun counts as failed, and its thread is left behind: it holds nothing up, not even the exit.
    """
    answers: SimpleQueue[tuple[str, str | None]] = SimpleQueue()

    def check(name: str, uri_prefix: str) -> None:
        try:
            answers.put((name, storage.check(uri_prefix, timeout)))
        except BaseException as error:  # noqa: BLE001  # a thread that dies silently would look like a storage that hangs
            answers.put((name, f"its check failed ({type(error).__name__})"))

    for name, uri_prefix in roots.items():
        threading.Thread(target=check, args=(name, uri_prefix), daemon=True).start()
    return _collect(answers, set(roots), timeout)


def _collect(answers: "SimpleQueue[tuple[str, str | None]]", waiting: set[str], timeout: float) -> dict[str, str]:
    problems: dict[str, str] = {}
    timer = threading.Timer(timeout, lambda: answers.put(("", None)))
    timer.daemon = True
    timer.start()
    while waiting:
        name, problem = answers.get()
        if not name:
            break
        waiting.discard(name)
        if problem is not None:
            problems[name] = problem
    timer.cancel()
    problems.update((name, f"it gave no answer within {timeout:g} seconds") for name in waiting)
    return dict(sorted(problems.items()))
