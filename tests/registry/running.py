"""The real server in a process of its own, as a person would run it: on a free port, with SIGTERM at the end."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DEADLINE = 60.0
"""Seconds until a server that says nothing, or does not end, is given up."""

_PROGRAM = """
import json, sys
from stardag.domain.errors import StardagError
from stardag_registry.program import serve
try:
    sys.exit(serve(**json.loads(sys.argv[1])))
except StardagError as error:
    sys.stderr.write(f"{error.code}: {error.message}\\n{error.fix}\\n")
    sys.exit(1)
"""


class DidNotStart(Exception):
    """The server ended, or said nothing, before it answered. The message is what it wrote to standard error."""


@dataclass(frozen=True, slots=True)
class RunningRegistry:
    """A server that answers."""

    url: str
    data_dir: Path
    process: subprocess.Popen[bytes]
    standard_error: Path

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
        return self.standard_error.read_text()

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
    **more: str | Sequence[str],
) -> Generator[RunningRegistry]:
    """A server that answers, for the length of a `with` block. It is stopped at the end, if it still runs then.

    `local_target_roots` is a directory beside `data_dir` unless it is given; `environment` are variables beside those
    of this process; `open_files` are the soft and the hard limit that it starts with; `more` are other options of
    `serve`. What the server writes to standard error goes to a file beside `data_dir`.

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
    standard_error = data_dir.parent / f"{data_dir.name}.{os.urandom(4).hex()}.stderr"
    with standard_error.open("wb") as error_file:
        process = subprocess.Popen(
            [*_limiting(open_files), sys.executable, "-c", _PROGRAM, json.dumps(options)],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=error_file,
            umask=umask,
        )
    with process:
        try:
            yield RunningRegistry(_first_line(process, standard_error), data_dir, process, standard_error)
        finally:
            _end(process)


def _limiting(open_files: tuple[int, int] | None) -> Sequence[str]:
    """The words that start a program with other limits."""
    if open_files is None:
        return ()
    soft, hard = open_files
    return ("sh", "-c", f'ulimit -S -n {soft} && ulimit -H -n {hard} && exec "$@"', "sh")


def _first_line(process: subprocess.Popen[bytes], standard_error: Path) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], DEADLINE)
    line = process.stdout.readline().decode().strip() if ready else ""
    if not line:
        _end(process)
        raise DidNotStart(standard_error.read_text())
    return line


def _end(process: subprocess.Popen[bytes]) -> None:
    """Stop it kindly, else by force."""
    process.terminate()
    try:
        process.wait(DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
