"""Commands of a POSIX system: found on PATH, and run in the place of this process or below it.

Below it, the command stays in this process's group, so that a terminal treats both as one job: what its keys send
reaches both by themselves, and is not sent a second time.
"""

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import NoReturn, TypeVar

from stardag.domain.command_errors import CommandNotFound, CommandNotRunnable
from stardag.domain.ended_command import EndedCommand

Result = TypeVar("Result")

GLANCE = 1.0
"""Seconds after which a command is looked at without a signal, should another thread have taken the one of its end."""

_STOPS = frozenset((signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT))
"""What asks a process to stop."""

_OTHERS = frozenset((signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP))

_STOPPED_AT_A_TERMINAL = frozenset((signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU))

_OF_TERMINALS = frozenset((signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGWINCH))

_PYTHON_IGNORES = (signal.SIGPIPE, signal.SIGXFSZ)
"""What Python ignores, and would have a command ignore too."""


class SystemCommands:
    """Keeps the promises of `Commands`. `listening` lets a thread that is waited for hold signals in a block."""

    def __init__(self, listening: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
        self._listening = listening

    def find(self, words: Sequence[str]) -> "SystemCommand":
        """The command that these words are; see the port."""
        program = shutil.which(words[0])
        if program is not None:
            return SystemCommand(program, words)
        if shutil.which(words[0], os.F_OK) is not None:
            raise CommandNotRunnable(words[0], "it is not executable")
        if os.sep in words[0] and os.path.isdir(words[0]):
            raise CommandNotRunnable(words[0], "it is a directory")
        raise CommandNotFound(words[0])

    def inherited(self) -> Mapping[str, str]:
        """The environment of this process."""
        return os.environ

    def without_signals(self, work: Callable[[], Result]) -> Result:
        """What some work returns, done on a thread that takes no signals; see the port."""
        future: Future[Result] = Future()

        def perform() -> None:
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            try:
                future.set_result(work())
            except BaseException as error:  # noqa: BLE001  # whoever waits raises it
                future.set_exception(error)

        with self._listening():
            threading.Thread(target=perform, daemon=True).start()
            return future.result()

    def end_as(self, ended: EndedCommand) -> NoReturn:
        """End as a command has; see the port. The first process of a container, which its default signals do not end,
        exits with 128 and the signal's number, as a shell puts it."""
        sys.stdout.flush()
        sys.stderr.flush()
        if ended.signal is None:
            raise SystemExit(ended.exit_code)
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))  # its core is enough
        if ended.signal != signal.SIGKILL:
            signal.signal(ended.signal, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (ended.signal,))
        os.kill(os.getpid(), ended.signal)
        raise SystemExit(128 + ended.signal)


class SystemCommand:
    """Keeps the promises of `Command`."""

    def __init__(self, program: str, words: Sequence[str]) -> None:
        self._program = program
        self._words = list(words)
        self._mask: set[int] = set()
        self._waited_for: set[int] = set()
        self._lock = threading.Lock()
        self._process: int | None = None
        self._is_to_end = False

    def replace(self, environment: Mapping[str, str]) -> NoReturn:
        """Run it in the place of this process; see the port."""
        sys.stdout.flush()
        sys.stderr.flush()
        for number in _PYTHON_IGNORES:
            signal.signal(number, signal.SIG_DFL)
        try:
            os.execve(self._program, self._words, environment)  # noqa: S606  # a command that a person typed
        except OSError as error:
            raise self._not_run(error) from None

    @contextmanager
    def holding_signals(self) -> Generator[None]:
        """Keep signals for the command; see the port. What is ignored already stays ignored, as under `nohup`."""
        relayed = {number for number in _STOPS | _OTHERS if signal.getsignal(number) is not signal.SIG_IGN}
        self._waited_for = {*relayed, signal.SIGCHLD}
        before = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)  # an ignored one would never be seen
        self._mask = set(signal.pthread_sigmask(signal.SIG_BLOCK, self._waited_for))
        try:
            yield
        finally:
            while late := signal.sigpending() & self._waited_for:  # too late to mean anything but this command
                signal.sigwait(late)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL if before is None else before)

    def run(self, environment: Mapping[str, str]) -> EndedCommand:
        """Run it below this process until it ends; see the port."""
        early = signal.sigpending() & _STOPS
        if early:  # before there is anything to pass it on to
            return EndedCommand(signal=min(early), stopped_by=min(early))
        try:
            process = os.posix_spawn(
                self._program, self._words, environment, setsigmask=self._mask, setsigdef=_PYTHON_IGNORES
            )
        except OSError as error:
            raise self._not_run(error) from None
        with self._lock:
            self._process = process
        if self._is_to_end:
            self.terminate()
        return self._attend(process)

    def terminate(self) -> None:
        """Ask it to end; see the port."""
        self._is_to_end = True
        with self._lock:
            if self._process is not None:
                _send(self._process, signal.SIGTERM)

    def _attend(self, process: int) -> EndedCommand:
        """Pass signals on until the command has ended."""
        stopped_by: int | None = None
        ended: EndedCommand | None = None
        while ended is None:
            number, is_of_terminal = _next_signal(self._waited_for)
            if number == signal.SIGCHLD:
                ended = self._ended(process)
                continue
            if number in _STOPS:
                stopped_by = number
            if not (is_of_terminal and os.getpgid(process) == os.getpgrp()):
                _send(process, number)
        if self._is_to_end:
            stopped_by = stopped_by or signal.SIGTERM
        return ended._replace(stopped_by=stopped_by)

    def _ended(self, process: int) -> EndedCommand | None:
        """How the command ended, if it has. Where a terminal stopped it, be stopped as well, until both go on."""
        while True:
            with self._lock:
                found, status = os.waitpid(process, os.WNOHANG | os.WUNTRACED)
                if found == process and not os.WIFSTOPPED(status):
                    self._process = None  # its number is free for another from now on
                    if os.WIFSIGNALED(status):
                        return EndedCommand(signal=os.WTERMSIG(status))
                    return EndedCommand(os.WEXITSTATUS(status))
            if found != process:
                return None
            if os.WSTOPSIG(status) in _STOPPED_AT_A_TERMINAL:
                os.kill(os.getpid(), signal.SIGSTOP)

    def _not_run(self, error: OSError) -> CommandNotFound | CommandNotRunnable:
        if isinstance(error, FileNotFoundError) and not os.path.exists(self._program):
            return CommandNotFound(self._words[0])
        problem = "what its first line names is not there" if isinstance(error, FileNotFoundError) else error.strerror
        return CommandNotRunnable(self._words[0], (problem or str(error)).lower())


def _next_signal(numbers: set[int]) -> tuple[int, bool]:
    """The next of these signals, which are blocked, and whether a terminal sent it, to all of a process group."""
    if sys.platform == "darwin":  # which does not tell who sent a signal
        number = signal.sigwait(numbers)
        return number, number in _OF_TERMINALS and _is_in_foreground()
    received = signal.sigtimedwait(numbers, GLANCE)
    if received is None:
        return signal.SIGCHLD, False
    return received.si_signo, received.si_code > 0  # from the kernel, and not from a process


def _is_in_foreground() -> bool:
    """Whether a terminal's keys are for this process."""
    try:
        terminal = os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _send(process: int, number: int) -> None:
    with suppress(PermissionError):  # it runs as somebody else by now, as under sudo, and goes on
        os.kill(process, number)
