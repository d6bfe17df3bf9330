"""A look at the world after each call that a function makes of the operating system."""

import sys
from collections.abc import Callable
from types import FrameType


def watched(act: Callable[[], object], look: Callable[[], None]) -> None:
    """Do something, and have a look after each of its calls of the operating system.

    What the look itself calls is not watched; what it raises ends it all.
    """

    def profile(_: FrameType, event: str, called: object) -> None:
        if event == "c_return" and getattr(called, "__module__", None) in ("posix", "fcntl"):
            look()

    previous = sys.getprofile()
    sys.setprofile(profile)
    try:
        act()
    finally:
        sys.setprofile(previous)
