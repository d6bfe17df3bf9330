"""The ports to where outputs are stored.

A path below a target root is a path of the standard library's kind: `pathlib` for local roots, `cloudpathlib` for S3.
`OutputPath` says what both of them, and an overlay of two, offer alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import IO

    from stardag.domain.outputs import RootPlace

TextMode = Literal["r", "w", "x", "a", "r+", "w+", "x+", "a+"]
BinaryMode = Literal["rb", "wb", "xb", "ab", "r+b", "w+b", "x+b", "a+b", "rb+", "wb+", "xb+", "ab+"]


class OutputPath(Protocol):
    """A path below a target root, which it never leaves.

    Writing makes the directories above and is atomic: whoever reads sees all of it or what was there before. Whatever
    the storage refuses is a StorageFailed; a missing file is a FileNotFoundError, as everywhere in Python.

    Every step raises:
        OutsideTargetRoot: the path would leave the root, by its spelling or through a link.
    and all that writes raises:
        ReadOnlyTargetRoot: the root was opened for reading alone.
    """

    @property
    def name(self) -> str: ...
    @property
    def parent(self) -> OutputPath: ...
    def __truediv__(self, other: str, /) -> OutputPath: ...
    def __fspath__(self) -> str: ...
    def exists(self) -> bool: ...
    def is_file(self) -> bool: ...
    def is_dir(self) -> bool: ...
    def iterdir(self) -> Iterator[OutputPath]: ...
    def glob(self, pattern: str) -> Iterator[OutputPath]: ...
    def rglob(self, pattern: str) -> Iterator[OutputPath]: ...
    @overload
    def open(
        self,
        mode: TextMode = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[str]: ...
    @overload
    def open(self, mode: BinaryMode, buffering: int = -1) -> IO[bytes]: ...
    def read_bytes(self) -> bytes: ...
    def read_text(self, encoding: str | None = None) -> str: ...
    def write_bytes(self, data: bytes) -> int: ...
    def write_text(self, data: str, encoding: str | None = None) -> int: ...
    def unlink(self, missing_ok: bool = False) -> None: ...

    def replacing(self) -> AbstractContextManager[Path]:
        """A plain path for a library that opens files by itself. What it wrote there is put in place as one step when
        the block ends, and thrown away where the block fails."""
        ...


class TaskFiles(Protocol):
    """The directory of one task, as Stardag itself sees it: with the record that says what is complete."""

    def sizes(self) -> Mapping[str, int]:
        """All outputs below the directory (relative path to bytes), without what is Stardag's own."""
        ...

    def read_record(self) -> bytes | None:
        """The task's record, 1 MiB at most; None where there is none."""
        ...

    def write_record(self, content: bytes) -> None:
        """Put the record in place, atomically and durably."""
        ...

    def remove_record(self) -> None:
        """Remove the record, if there is one."""
        ...

    def path(self, relative: str, before_writing: Callable[[], None] | None = None) -> OutputPath:
        """A path in the directory, which it never leaves. `before_writing` is called before anything there, or below,
        is written by this path or one made from it."""
        ...


class OutputStorage(Protocol):
    """Local directories and S3. Every call may raise StorageFailed. Thread-safe."""

    def open_root(self, root: RootPlace) -> OutputPath:
        """A target root as a path; nothing is looked at yet."""
        ...

    def task_files(self, root: RootPlace, directory: str) -> TaskFiles:
        """The directory of a task, by its path below the root."""
        ...
