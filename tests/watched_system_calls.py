"""A look at the world after each call that a function makes of the operating system."""

import sys
from collections.abc import Callable
from types import FrameType


def watched(act: Callable[[], object], look: Callable[[], None], *, before: bool = False) -> None:
    """Do something, and have a look after each of its calls of the operating system (`before`: also before each).

    What the look itself calls is not watched; what it raises ends it all.
    """
    events = ("c_call", "c_return") if before else ("c_return",)

    def profile(_: FrameType, event: str, called: object) -> None:
        if event in events and getattr(called, "__module__", None) in ("posix", "fcntl"):
            look()

    previous = sys.getprofile()
    sys.setprofile(profile)
    try:
        act()
    finally:
        sys.setprofile(previous)
