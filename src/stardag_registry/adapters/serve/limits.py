"""The limits that the operating system sets to a server."""

import resource
from contextlib import suppress


def allow_many_connections() -> None:
    """Take as many open files as the system lets this program have: every connection is one, and the limit that a shell
    gives (often 256 or 1024) stands only for programs that ask for no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(OSError, ValueError):  # macOS names no limit and yet has one; the old one stays then
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
