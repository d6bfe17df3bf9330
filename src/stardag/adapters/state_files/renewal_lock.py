"""One at a time among the threads of all processes: first those of a process settle who goes, then the processes.

So a process opens the lock's file once, however many of its threads wait.
"""

import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from stardag.adapters.durable_files import lock_file
from stardag.domain.errors import StateNotWritable

_thread_locks: dict[str, threading.Lock] = {}

os.register_at_fork(after_in_child=_thread_locks.clear)  # whoever held one does not live on in the child


@contextmanager
def alone_with(path: str, timeout: float) -> Generator[None]:
    """Hold the lock that this file stands for, in a directory that is there; waits for `timeout` seconds in all.

    The kernel gives it back when the process ends, however that ends. One thread cannot take it twice.

    Raises:
        StateNotWritable: the file cannot be written, or somebody else keeps the lock.
    """
    deadline = time.monotonic() + timeout
    lock = _thread_locks.setdefault(os.path.realpath(path), threading.Lock())
    if not lock.acquire(timeout=timeout):
        reason = f"another thread has kept the lock {path} for {timeout:g} seconds"
        raise StateNotWritable(os.path.dirname(path), reason)
    try:
        with lock_file(path, max(0.0, deadline - time.monotonic())):
            yield
    finally:
        lock.release()
