"""The port `Commands` in memory: programs that are functions of their environment."""

import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NoReturn

from stardag.app.child_processes import Result
from stardag.domain.command_errors import CommandNotFound, CommandNotRunnable
from stardag.domain.ended_command import EndedCommand

Program = Callable[["FakeCommand", Mapping[str, str]], EndedCommand]


class Replaced(Exception):
    """A command has taken the place of this process; `ended` is how it ended itself."""

    def __init__(self, environment: Mapping[str, str], ended: EndedCommand) -> None:
        super().__init__("replaced")
        self.environment = dict(environment)
        self.ended = ended


class EndedAs(Exception):
    """This process has ended."""

    def __init__(self, ended: EndedCommand) -> None:
        super().__init__("ended")
        self.ended = ended


@dataclass
class FakeCommand:
    """A command whose program is a function; `words` are its own."""

    program: Program
    words: Sequence[str]
    is_held: bool = False
    terminated: threading.Event = field(default_factory=threading.Event)
    environment: dict[str, str] = field(default_factory=dict[str, str])

    def replace(self, environment: Mapping[str, str]) -> NoReturn:
        raise Replaced(environment, self.program(self, environment))

    @contextmanager
    def holding_signals(self) -> Generator[None]:
        self.is_held = True
        try:
            yield
        finally:
            self.is_held = False

    def run(self, environment: Mapping[str, str]) -> EndedCommand:
        assert self.is_held, "signals are held for the command beforehand"
        self.environment = dict(environment)
        ended = self.program(self, environment)
        return ended._replace(stopped_by=ended.stopped_by or (15 if self.terminated.is_set() else None))

    def terminate(self) -> None:
        self.terminated.set()


@dataclass
class FakeCommands:
    """Programs by name; those that are None may not be run. `variables` are the whole environment of this process."""

    programs: dict[str, Program | None] = field(
        default_factory=lambda: {"true": ending(0), "false": ending(1), "notes.txt": None}
    )
    variables: dict[str, str] = field(default_factory=lambda: {"PATH": "/bin"})
    found: list[FakeCommand] = field(default_factory=list[FakeCommand])

    def find(self, words: Sequence[str]) -> FakeCommand:
        if words[0] not in self.programs:
            raise CommandNotFound(words[0])
        program = self.programs[words[0]]
        if program is None:
            raise CommandNotRunnable(words[0], "it is not executable")
        self.found.append(FakeCommand(program, words))
        return self.found[-1]

    def inherited(self) -> Mapping[str, str]:
        return self.variables

    def without_signals(self, work: Callable[[], Result]) -> Result:
        return work()

    def end_as(self, ended: EndedCommand) -> NoReturn:
        raise EndedAs(ended)


def ending(exit_code: int) -> Program:
    """A program that does nothing but end."""
    return lambda _command, _environment: EndedCommand(exit_code)
