"""Writers that are killed in the middle of their work."""

import os
import random
import signal
import time
from collections.abc import Callable


def killed_writer(write: Callable[[int], object], last: int) -> int:
    """Let another process write on from the number `last` and kill it; return the last number that it acknowledged.

    Only for a process with one thread: the writer is forked.
    """
    receiving, sending = os.pipe()
    process = os.fork()
    if process == 0:
        for number in range(last + 1, last + 1000):
            write(number)
            os.write(sending, b".")
        os._exit(1)
    os.close(sending)
    time.sleep(random.uniform(0, 0.02))  # the moment of the kill is what is random here
    os.kill(process, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == -signal.SIGKILL
    with os.fdopen(receiving, "rb") as acknowledgements:
        return last + len(acknowledgements.read())
