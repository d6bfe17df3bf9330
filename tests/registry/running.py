"""The real server in a process of its own, as a person would run it: on a free port, with SIGTERM at the end."""

import json
import os
import signal
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.processes import Running, forked, started
from tests.registry import serving

DEADLINE = 60.0
"""Seconds until a server that says nothing, or does not end, is given up."""


class DidNotStart(Exception):
    """The server ended, or said nothing, before it answered. The message is what it wrote to standard error."""


@dataclass(frozen=True, slots=True)
class RunningRegistry:
    """A server that answers."""

    url: str
    data_dir: Path
    process: Running

    @property
    def owner_key(self) -> str:
        """The key that administers the first workspace."""
        return (self.data_dir / "owner-api-key").read_text().strip()

    @property
    def owner_password(self) -> str:
        """The password that its owner signs in with, as long as it is the first."""
        return (self.data_dir / "owner-password").read_text().strip()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def said(self) -> str:
        """What it has written to standard error so far."""
        return self.process.err.read_text()

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal and wait for the exit code."""
        self.process.send_signal(by)
        return self.process.wait(DEADLINE)


@contextmanager
def running_registry(
    data_dir: Path,
    *,
    host: str = "localhost",
    port: int = 0,
    local_target_roots: Path | None = None,
    database: str | None = None,
    umask: int = -1,
    environment: Mapping[str, str] = {},
    open_files: tuple[int, int] | None = None,
    in_new_process: bool = False,
    **more: str | Sequence[str],
) -> Generator[RunningRegistry]:
    """A server that answers, for the length of a `with` block. It is stopped at the end, if it still runs then.

    `local_target_roots` is a directory beside `data_dir` unless it is given; `environment` are variables beside those
    of this process; `open_files` are the soft and the hard limit that it starts with. It is forked, unless
    `in_new_process`, `umask` or `open_files` is given. `more` are other options of `serve`. What it writes goes to
    files beside `data_dir`.

    Raises:
        DidNotStart: it ended before it answered.
    """
    options = {
        "host": host,
        "port": port,
        "data_dir": str(data_dir),
        "local_target_roots": str(local_target_roots or data_dir.parent / "local-target-roots"),
        "database": database,
        **more,
    }
    variables = {**os.environ, **environment}
    with ExitStack() as stack:
        if in_new_process or umask >= 0 or open_files is not None:
            command = [*_limiting(open_files), sys.executable, serving.__file__, json.dumps(options)]
            process = stack.enter_context(started(command, variables, data_dir.parent, umask))
        else:
            words = [json.dumps(options)]
            process = stack.enter_context(forked(serving.main, words, variables, Path.cwd(), data_dir.parent))
        try:
            yield RunningRegistry(_first_line(process), data_dir, process)
        finally:
            _end(process)


def _limiting(open_files: tuple[int, int] | None) -> Sequence[str]:
    """The words that start a program with other limits."""
    if open_files is None:
        return ()
    soft, hard = open_files
    return ("sh", "-c", f'ulimit -S -n {soft} && ulimit -H -n {hard} && exec "$@"', "sh")


def _first_line(process: Running) -> str:
    found = process.reads(r"(.*)\n", process.out, DEADLINE)
    if not found:
        _end(process)
        raise DidNotStart(process.err.read_text())
    return found[1]


def _end(process: Running) -> None:
    """Stop it kindly; whatever still runs at the end of its block is killed."""
    process.send_signal(signal.SIGTERM)
    with suppress(TimeoutError):
        process.wait(DEADLINE)
