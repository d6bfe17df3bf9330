"""`stardag version`."""

from stardag.adapters.cli.answers import Answer
from stardag.adapters.cli.session import DEFAULTS, Options, SessionArgument
from stardag.domain.version import VERSION


def version(*, options: Options = DEFAULTS, session: SessionArgument) -> Answer:
    """Print the version."""
    return Answer({"version": VERSION}, VERSION)
