"""`stardag quickstart`: the guide's main job on this machine, through the very commands that a person types."""

import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated

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
    with _directory(keep) as directory, _ending_on_sigterm():
        tour = Quickstart(directory, is_silent=is_silent)
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

    if keep:
        directory = os.path.join(os.getcwd(), KEPT_NAME)
        try:
            os.mkdir(directory, 0o700)
        except FileExistsError:
            raise QuickstartExists(directory) from None
        except OSError as error:
            raise StardagError(
                f"{directory} cannot be made: {error.strerror}.", "Run it in another directory."
            ) from None
    else:
        directory = tempfile.mkdtemp(prefix="stardag-quickstart-")
    try:
        yield os.path.realpath(directory)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    if not keep:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _ending_on_sigterm() -> Generator[None]:
    """Let SIGTERM end the program like an interruption does, so that no process and no directory is left."""

    def end(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
