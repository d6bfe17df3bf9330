"""The standard streams of this process, prepared before anything else is opened.

A stream that whoever started the program has closed behaves like the null device, for this program and for a command
that it runs: otherwise the next file that is opened would take its number. What cannot be written to standard error
changes no answer and no exit code.
"""

import io
import os
import sys

_NUMBERS = range(3)


class _ErrorFile(io.FileIO):
    """Standard error, without a buffer; what cannot be written is dropped."""

    def write(self, data: "bytes | bytearray | memoryview", /) -> int:  # type: ignore[override]  # io allows any buffer
        """Write all of it, or as much as is taken."""
        left = memoryview(data)
        try:
            while left:
                left = left[super().write(left) or len(left) :]
        except OSError:
            pass
        return len(data)


def prepare_streams() -> None:
    """Open what is closed, and make sure that any text can be written."""
    for number in _NUMBERS:
        _open_if_closed(number)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115  # until the end
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  # until the end
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # pyright: ignore[reportUnknownMemberType]  # of any buffer
    encoding = "utf-8" if sys.stderr is None else sys.stderr.encoding
    sys.stderr = io.TextIOWrapper(
        _ErrorFile(2, "w", closefd=False), encoding, errors="backslashreplace", write_through=True
    )


def _open_if_closed(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free, which is this one
        os.set_inheritable(opened, True)
