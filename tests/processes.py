"""Programs in processes of their own: forked from a server that has imported everything, or started anew.

A forked process has its own streams, environment, working directory, signals and exit code, and answers in a fraction
of the time. It does not show how a process starts: tests of that, and of what Python itself reads from its environment,
start the program anew.
"""

import io
import multiprocessing
import os
import pkgutil
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Lock
from typing import NamedTuple, Protocol

import stardag
import stardag_registry

Main = Callable[[Sequence[str]], int]
"""A program, from its arguments to its exit code. A module defines it, so that another process finds it."""

_LIBRARIES = ("authlib.oauth2.rfc6749", "boto3", "httpx", "pydantic", "questionary", "rich.progress", "tomlkit")
_RUN_WHEN_IMPORTED = (".__main__", ".migrations.env")
_READ_BY_PYTHON = ("PYTHON", "LC_", "LANG")


class Ended(NamedTuple):
    """The result of a run: its exit code, or the negative number of the signal that ended it, and what it wrote."""

    code: int
    out: bytes
    err: bytes


class _Process(Protocol):
    """What `subprocess` and `multiprocessing` have in common, once both are asked in the same way."""

    @property
    def pid(self) -> int: ...

    def ends_within(self, seconds: float) -> int | None:
        """The exit code; None if it runs on."""


class Running:
    """One process. What it writes goes to the files `out` and `err`."""

    def __init__(self, process: _Process, out: Path, err: Path) -> None:
        self.out, self.err = out, err
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def send_signal(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        if self._process.ends_within(0) is None:
            with suppress(ProcessLookupError):  # it has, and its exit code is on the way
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float) -> int:
        """Wait for the exit code.

        Raises:
            TimeoutError: it did not end within so many seconds.
        """
        code = self._process.ends_within(timeout)
        if code is None:
            raise TimeoutError(f"it runs on:\n{self.out.read_text()}\n{self.err.read_text()}")
        return code

    def ended(self, timeout: float) -> Ended:
        """The same, and what it wrote."""
        return Ended(self.wait(timeout), self.out.read_bytes(), self.err.read_bytes())

    def reads(self, pattern: str, file: Path, timeout: float) -> re.Match[str] | None:
        """Wait until a pattern stands in one of its files; None if it ends before, or never writes it."""
        deadline = time.monotonic() + timeout
        while True:
            is_last = self._process.ends_within(0.01) is not None or time.monotonic() > deadline
            if (found := re.search(pattern, file.read_text())) or is_last:
                return found


class _Started:
    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self.pid = process.pid

    def ends_within(self, seconds: float) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None


_CHILDREN = Lock()
"""For one thread at a time: starting a child also polls all others, and an exit code can be read only once."""


class _Forked:
    def __init__(self, process: BaseProcess) -> None:
        self._process = process
        with _CHILDREN:
            process.start()
        assert process.pid is not None
        self.pid = process.pid

    def ends_within(self, seconds: float | None) -> int | None:
        if not wait([self._process.sentinel], seconds):
            return None
        with _CHILDREN:
            return self._process.exitcode

    def end(self) -> None:
        """Kill it, if it runs."""
        self._process.kill()
        self.ends_within(None)
        with _CHILDREN:
            self._process.close()


@contextmanager
def started(
    command: Sequence[str | Path], env: Mapping[str, str], directory: Path, umask: int = -1
) -> Generator[Running]:
    """A program, started anew, for the length of a `with` block; it is killed at the end. What it writes goes to files
    in `directory`."""
    out, err = _streams(directory)
    with out.open("wb") as out_file, err.open("wb") as err_file:
        process = subprocess.Popen(
            command, env=dict(env), stdin=subprocess.DEVNULL, stdout=out_file, stderr=err_file, umask=umask
        )
    with process:
        try:
            yield Running(_Started(process), out, err)
        finally:
            process.kill()


@contextmanager
def forked(
    main: Main, words: Sequence[str], env: Mapping[str, str], cwd: Path, directory: Path, given: bytes = b""
) -> Generator[Running]:
    """A program in a process that has imported everything, with `given` on standard input, for the length of a `with`
    block; it is killed at the end. What it writes goes to files in `directory`."""
    read_by_python = {
        name for name, value in env.items() if name.startswith(_READ_BY_PYTHON) and _is_changed(name, value)
    }
    assert not read_by_python, f"Python reads {read_by_python} only when it starts"
    out, err = _streams(directory)
    given_file = out.with_suffix(".in")
    given_file.write_bytes(given)
    streams = (given_file, out, err)
    process = _Forked(_fork_server().Process(target=_become, args=(main, list(words), dict(env), cwd, streams)))
    try:
        yield Running(process, out, err)
    finally:
        process.end()


def _is_changed(variable: str, value: str) -> bool:
    return os.environ.get(variable) != value


def _streams(directory: Path) -> tuple[Path, Path]:
    """New files for standard output and standard error."""
    name = os.urandom(4).hex()
    out, err = (directory / f"{name}.{end}" for end in ("out", "err"))
    out.touch()
    err.touch()
    return out, err


@cache
def _fork_server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    ours = [
        module.name
        for package in (stardag, stardag_registry)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        if not module.name.endswith(_RUN_WHEN_IMPORTED)
    ]
    context.set_forkserver_preload(["__main__", *_LIBRARIES, *ours])
    return context


def _become(main: Main, words: Sequence[str], env: dict[str, str], cwd: Path, streams: Sequence[Path]) -> None:
    """In the new process: the program with its own surroundings."""
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(cwd)
    for number, path in enumerate(streams):
        opened = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    # multiprocessing has put the null device there.
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
    sys.argv[1:] = words
    sys.exit(main(words))


def stardag_program(words: Sequence[str]) -> int:
    """The `stardag` program."""
    from stardag.__main__ import make_container
    from stardag.adapters.cli.program import run
    from stardag.adapters.cli.streams import prepare_streams

    prepare_streams()
    return run(words, make_container)


def python_program(words: Sequence[str]) -> int:
    """A Python program, whose text is the only argument."""
    (text,) = words
    exec(compile(text, "<program>", "exec"), {"__name__": "__main__"})
    return 0
