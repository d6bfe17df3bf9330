"""The port to other programs on this machine: one command, found, and run in the place of this process or below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from stardag.domain.ended_command import EndedCommand

Result = TypeVar("Result")


class Command(Protocol):
    """One command that is there, to be run once. Its standard input, output and error are those of this process.

    Whatever runs it raises:
        CommandNotFound, CommandNotRunnable: the system does not run it after all.
    """

    def replace(self, environment: Mapping[str, str]) -> NoReturn:
        """Run it in the place of this process, so that nothing stands between it and whoever waits for this process."""
        ...

    def holding_signals(self) -> AbstractContextManager[None]:
        """Keep signals for the command, from before it runs until after it has ended: none ends this process, which has
        something to do when the command has ended. On the main thread, and where no other takes signals."""
        ...

    def run(self, environment: Mapping[str, str]) -> EndedCommand:
        """Run it below this process until it ends; while `holding_signals`. Signals are passed on to it, except those
        that a terminal has sent to it as well; where it is stopped at a terminal, this process stops with it."""
        ...

    def terminate(self) -> None:
        """Ask it to end (SIGTERM), as soon as it runs. For any thread, at any time."""
        ...


class Commands(Protocol):
    """The commands of this machine."""

    def find(self, words: Sequence[str]) -> Command:
        """The command that these words are, the program first.

        Raises:
            CommandNotFound: there is no such program.
            CommandNotRunnable: there is, and it may not be run.
        """
        ...

    def inherited(self) -> Mapping[str, str]:
        """The whole environment of this process."""
        ...

    def without_signals(self, work: Callable[[], Result]) -> Result:
        """What some work returns. It is done on a thread that takes no signals, and neither do those that it starts,
        however long these stay; whoever waits for it can be interrupted."""
        ...

    def end_as(self, ended: EndedCommand) -> NoReturn:
        """End this process as a command has ended: with its exit code, or by its signal."""
        ...
