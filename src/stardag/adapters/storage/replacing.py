"""Files that are put in place whole when they are closed, and thrown away where anything went wrong before.

A with-block that fails throws them away, and so does whoever loses a file without having closed it. What they are
kept in meanwhile, and how that is put in place, a `Replacement` says: a file beside the one it replaces, or one that
is uploaded.
"""

import fcntl
import io
import os
import warnings
from contextlib import suppress
from types import TracebackType
from typing import IO, TYPE_CHECKING, Literal, NamedTuple, Protocol

from stardag.adapters.storage.local_failures import failure_of

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

BUFFER_SIZE = 128 * 1024


class Replacement(Protocol):
    """The new content of a file, which nobody sees until it is put in place."""

    @property
    def place(self) -> str:
        """What the file is called to people."""
        ...

    @property
    def descriptor(self) -> int:
        """Open for reading and writing; whoever closes it, closes it once it is settled."""
        ...

    def put_in_place(self) -> None:
        """Make it the file that everyone sees, durably."""
        ...

    def discard(self) -> None:
        """Leave nothing of it; fine if there is nothing left."""
        ...


class Mode(NamedTuple):
    """What the mode of `open` asks for: how, with reading as well as writing, and as text or bytes."""

    how: Literal["r", "w", "x", "a"]
    updates: bool
    is_text: bool

    @property
    def writes(self) -> bool:
        """Whether anything can be written."""
        return self.updates or self.how != "r"

    @property
    def keeps(self) -> bool:
        """Whether writing begins with what is there."""
        return self.how == "a" or (self.how == "r" and self.updates)


class Reading(NamedTuple):
    """How a text is read and written: as the arguments of `open` of these names say."""

    buffering: int = -1
    encoding: str | None = None
    errors: str | None = None
    newline: str | None = None


def mode_of(mode: str, reading: Reading = Reading()) -> Mode:  # noqa: B008  # frozen, as every named tuple
    """The mode, understood as `open` understands it.

    Raises:
        ValueError: it is none, or does not go with the other arguments.
    """
    letters = set(mode)
    hows: tuple[Literal["r", "w", "x", "a"], ...] = ("r", "w", "x", "a")
    how: list[Literal["r", "w", "x", "a"]] = [letter for letter in hows if letter in letters]
    if len(how) != 1 or len(letters) != len(mode) or letters - set("rwxabt+") or {"b", "t"} <= letters:
        raise ValueError(f"invalid mode: {mode!r}")
    is_text = "b" not in letters
    if not is_text and (reading.encoding, reading.errors, reading.newline) != (None, None, None):
        raise ValueError("binary mode takes no encoding, errors or newline")
    if is_text and reading.buffering == 0:
        raise ValueError("text cannot be written without a buffer")
    return Mode(how[0], "+" in letters, is_text)


def open_replacement(replacement: Replacement, mode: Mode, reading: Reading) -> IO[str] | IO[bytes]:
    """A file that writes to the replacement, and puts it in place when it is closed."""
    try:
        raw = _Raw(replacement, mode)
    except BaseException:
        replacement.discard()
        os.close(replacement.descriptor)
        raise
    try:
        if reading.buffering == 0:
            return raw
        size = reading.buffering if reading.buffering > 1 else BUFFER_SIZE
        buffered = _Random(raw, size) if mode.updates else _Writer(raw, size)
        if not mode.is_text:
            return buffered
        return _Text(raw, buffered, reading)
    except BaseException:
        raw.discard()
        raw.close()
        raise


class _Raw(io.FileIO):
    """The file itself; what is above it are buffers."""

    def __init__(self, replacement: Replacement, mode: Mode) -> None:
        super().__init__(replacement.descriptor, mode.how + ("+" if mode.updates else ""))
        if mode.how == "a":  # wherever a reader has gone meanwhile
            flags = fcntl.fcntl(replacement.descriptor, fcntl.F_GETFL)
            fcntl.fcntl(replacement.descriptor, fcntl.F_SETFL, flags | os.O_APPEND)
        self.name = replacement.place
        self._replacement: Replacement | None = replacement
        self._process = os.getpid()

    def discard(self) -> None:
        """Never put in place what was written."""
        replacement, self._replacement = self._replacement, None
        if replacement is not None and self._is_ours():
            replacement.discard()

    def write(self, data: "ReadableBuffer", /) -> int:
        if not self._is_ours():
            return memoryview(data).nbytes
        try:
            return super().write(data)
        except OSError as error:
            raise failure_of(error, str(self.name)) from error

    def close(self) -> None:
        if self.closed:
            return
        replacement = self._replacement
        try:
            if replacement is not None and self._is_ours():
                replacement.put_in_place()
                self._replacement = None
        except OSError as error:
            self.discard()
            raise failure_of(error, str(self.name)) from error
        except BaseException:
            self.discard()
            raise
        finally:
            super().close()

    def _is_ours(self) -> bool:
        """False in a process that was forked meanwhile: it has what the other one has not yet written once more."""
        return self._process == os.getpid()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _leave(self, self, kind)

    def __del__(self) -> None:
        _abandon(self, self)


class _Buffer(io.IOBase):
    """What is the same for every buffer above the file: whatever ends it settles what becomes of the file."""

    _raw: _Raw

    def close(self) -> None:
        if not self.closed:
            try:
                self.flush()
            except BaseException:  # what could not be written must not be missing from a file that is put in place
                self._raw.discard()
                with suppress(Exception):
                    super().close()
                raise
        super().close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _leave(self, self._raw, kind)

    def __del__(self) -> None:
        _abandon(self, self._raw)


class _Writer(_Buffer, io.BufferedWriter):
    def __init__(self, raw: _Raw, size: int) -> None:
        self._raw = raw
        super().__init__(raw, size)


class _Random(_Buffer, io.BufferedRandom):
    def __init__(self, raw: _Raw, size: int) -> None:
        self._raw = raw
        super().__init__(raw, size)


class _Text(_Buffer, io.TextIOWrapper):
    def __init__(self, raw: _Raw, buffered: _Writer | _Random, reading: Reading) -> None:
        self._raw = raw
        is_by_line = reading.buffering == 1
        super().__init__(buffered, reading.encoding, reading.errors, reading.newline, line_buffering=is_by_line)


def _leave(file: io.IOBase, raw: _Raw, kind: type[BaseException] | None) -> None:
    """The end of a with-block, which `kind` says failed."""
    if kind is None:
        file.close()
        return
    raw.discard()
    with suppress(Exception):  # of what would be thrown away anyway; the block's own error is the one to hear of
        file.close()


def _abandon(file: io.IOBase, raw: _Raw) -> None:
    """The end of a file that nobody closed, nor can any more."""
    if raw.closed:
        return
    raw.discard()
    with suppress(Exception):
        file.close()
    message = f"{raw.name} was not closed: what was written to it is thrown away"
    warnings.warn(message, ResourceWarning, stacklevel=2, source=file)
