"""Which failure ends the program with which exit code (readings, section 6)."""

from stardag.domain.errors import (
    ConfigurationError,
    NotAllowed,
    NotFound,
    OutOfReach,
    SignInNeeded,
    StardagError,
    TargetRootsDiffer,
)

DONE = 0
FAILED = 1
USAGE = 2
TARGET_ROOTS_DIFFER = 3
INTERRUPTED = 130

_BY_KIND: tuple[tuple[type[StardagError], int], ...] = (
    (ConfigurationError, USAGE),
    (TargetRootsDiffer, TARGET_ROOTS_DIFFER),
    (SignInNeeded, 4),
    (NotFound, 5),
    (OutOfReach, 6),
    (NotAllowed, 7),
)

_BY_CODE = {
    "interrupted": INTERRUPTED,
    "no-home-directory": USAGE,
    "command-not-runnable": 126,
    "command-not-found": 127,
}
"""Those of single commands, by code, since their classes are in modules that few commands need; 126 and 127 are what a
shell and `env` exit with."""


def exit_code_of(error: StardagError) -> int:
    """The exit code that stands for a failure; 1 for those that have no code of their own."""
    return next((code for kind, code in _BY_KIND if isinstance(error, kind)), _BY_CODE.get(error.code, FAILED))
