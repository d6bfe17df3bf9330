"""One at a time: among the threads of a process, and among the threads of all processes.

Threads settle among themselves who goes before anything is opened, so that a process needs a handful of descriptors,
however many of its threads want the same.
"""

import os
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from stardag.adapters.durable_files import lock_file
from stardag.domain.errors import StateNotWritable

_READING = ""
"""Stands where the path of a lock's file would."""

_thread_locks: dict[str, threading.Lock] = {}

os.register_at_fork(after_in_child=_thread_locks.clear)  # whoever held one does not live on in the child


def reading() -> threading.Lock:
    """What to hold, for as long as a small file takes, so that threads do not have a file open each."""
    return _thread_locks.setdefault(_READING, threading.Lock())


@contextmanager
def alone_with(path: str, timeout: float, prepare: Callable[[], None]) -> Generator[None]:
    """Hold the lock that this file stands for, in a directory that `prepare` makes; waits `timeout` seconds in all.

    The kernel gives it back when the process ends, however that ends. One thread cannot take it twice.

    Raises:
        StateNotWritable: the file cannot be written, or somebody else keeps the lock.
        and whatever `prepare` raises.
    """
    deadline = time.monotonic() + timeout
    lock = _thread_locks.setdefault(os.path.realpath(path), threading.Lock())
    if not lock.acquire(timeout=timeout):
        reason = f"another thread has kept the lock {path} for {timeout:g} seconds"
        raise StateNotWritable(os.path.dirname(path), reason, "Try again once it is done.")
    try:
        prepare()
        with lock_file(path, max(0.0, deadline - time.monotonic())):
            yield
    finally:
        lock.release()
