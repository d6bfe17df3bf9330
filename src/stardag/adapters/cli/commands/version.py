"""`stardag version`."""

from stardag.adapters.cli.answers import Answer
from stardag.adapters.cli.session import DEFAULTS, Options, SessionArgument


def program_version() -> str:
    """The version of the installed distribution."""
    from importlib.metadata import version

    return version("stardag")


def version(*, options: Options = DEFAULTS, session: SessionArgument) -> Answer:
    """Print the version."""
    number = program_version()
    return Answer({"version": number}, number)
