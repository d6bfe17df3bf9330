"""The program, run again and again by a process that has imported it once, and killed at any moment.

Whoever wants that writes lines of JSON to this module's standard input, each the words of a command and the seconds
after which it is killed (null: never), and reads its exit code on a line of its own.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from importlib import import_module

from stardag.__main__ import make_container
from stardag.adapters.cli.program import run


def main() -> None:
    """Run what is asked for, one after the other. The only thread there is; so it may fork."""
    import_module("stardag.adapters.storage.s3_transfers")  # and with it boto3, so that no child has to
    for line in sys.stdin:
        words, seconds = json.loads(line)
        sys.stdout.write(f"{_run(words, seconds)}\n")
        sys.stdout.flush()


def _run(words: Sequence[str], seconds: float | None) -> int:
    process = os.fork()
    if process == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = run(words, make_container)
        sys.stdout.flush()
        os._exit(code)
    if seconds is not None:
        time.sleep(seconds)  # the moment of the kill is what matters here
        os.kill(process, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


if __name__ == "__main__":
    main()
