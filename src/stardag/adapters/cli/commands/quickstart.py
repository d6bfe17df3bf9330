"""`stardag quickstart`: the guide's main job on this machine, through the very commands that a person types."""

import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, NoReturn

from cyclopts import Parameter

from stardag.adapters.cli.answers import Answer
from stardag.adapters.cli.commands.quickstart_steps import Quickstart
from stardag.adapters.cli.session import DEFAULTS, Options, SessionArgument
from stardag.domain.errors import ConfigurationError, StardagError

KEPT_NAME = "stardag-quickstart"


class QuickstartExists(ConfigurationError):
    """There is one that was kept already."""

    code = "quickstart-exists"

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is there already.", f"Go on with it as {path}/README says, or remove it first.")


def quickstart(
    *,
    keep: Annotated[
        bool, Parameter(negative="", help=f"Leave the setup behind, in ./{KEPT_NAME}, and say how to go on.")
    ] = False,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Show all of it on this machine: a registry, a profile, a sync, a validation, and what a changed root does.

    Runs for some ten seconds in a directory of its own, and touches nothing else.
    """
    is_silent = options.format == "json"
    ending = _Ending()
    with ending.listening(), _directory(keep) as directory:
        tour = Quickstart(directory, is_silent=is_silent, shield=ending.shield)
        try:
            tour.run()
        finally:
            tour.stop()
        how_to_go_on = tour.how_to_go_on() if keep else ""
        if keep:
            with open(os.path.join(directory, "README"), "w", encoding="utf-8") as readme:
                readme.write(how_to_go_on + "\n")
    return Answer(
        data={"directory": directory if keep else None, "commands": tour.commands},
        text=how_to_go_on or "That was all of it; everything that it made has been removed again.",
        remarks=() if keep else ["Keep a setup like this one to play with: stardag quickstart --keep"],
    )


@contextmanager
def _directory(keep: bool) -> Generator[str]:
    """A directory of the quickstart's own, which goes with it unless it is to be kept and all went well."""
    import shutil
    import tempfile

    directory = KEPT_NAME
    try:
        if keep:
            directory = os.path.join(os.getcwd(), KEPT_NAME)
            os.mkdir(directory, 0o700)
        else:
            directory = tempfile.mkdtemp(prefix="stardag-quickstart-")
    except FileExistsError:
        raise QuickstartExists(directory) from None
    except OSError as error:
        fix = "Run it in another directory." if keep else "Name a directory for temporary files in TMPDIR."
        raise StardagError(f"The directory {directory} cannot be made: {error.strerror}.", fix) from None
    try:
        yield os.path.realpath(directory)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    if not keep:
        shutil.rmtree(directory, ignore_errors=True)


class _Ending:
    """Ends the quickstart on SIGINT and SIGTERM such that no process and no directory is left: a signal that comes
    while a process is being started is heard once that process is known, so that it can be stopped."""

    def __init__(self) -> None:
        self._is_shielded = False
        self._waiting: int | None = None

    @contextmanager
    def listening(self) -> Generator[None]:
        """Hear the signals in this block."""
        before = {number: signal.signal(number, self._hear) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def shield(self) -> Generator[None]:
        """Let a signal wait until the end of this block."""
        self._is_shielded = True
        try:
            yield
        finally:
            self._is_shielded = False
        if self._waiting is not None:
            _end(self._waiting)

    def _hear(self, number: int, _frame: object) -> None:
        if self._is_shielded:
            self._waiting = number
        else:
            _end(number)


def _end(number: int) -> NoReturn:
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)
