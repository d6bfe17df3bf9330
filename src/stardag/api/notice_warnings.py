"""Notices as Python warnings."""

import warnings
from collections.abc import Iterable
from inspect import currentframe

from stardag.domain.layers import Notice


class StardagWarning(UserWarning):
    """Something to hear of that stops nothing, such as an unknown key in a configuration file."""


StardagWarning.__module__ = "stardag"  # where it is imported from


def warn_of(notices: Iterable[Notice]) -> None:
    """Make Python warnings of notices, which point at the code that called the library."""
    for notice in notices:
        warnings.warn(notice.message, StardagWarning, stacklevel=_own_frames())


def _own_frames() -> int:
    """How many of the innermost frames are of this package."""
    count, frame = 0, currentframe()
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "stardag":
        count, frame = count + 1, frame.f_back
    return count
