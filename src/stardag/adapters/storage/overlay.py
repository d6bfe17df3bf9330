"""One target root laid over another: reading looks here first and there second, writing is only done here (ADR 0050).

It knows paths by their port alone, so that either root may be local or on S3.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self, overload

from stardag.adapters.storage.output_storage import output_storage
from stardag.adapters.storage.replacing import Reading, mode_of
from stardag.app.outputs.ports import BinaryMode, OutputPath, TaskFiles, TextMode
from stardag.domain.outputs import RootPlace

COPIED_AT_ONCE = 1024 * 1024


@dataclass(frozen=True)
class OverlayPath:
    """A path in two roots. What is only in `source` is read there, or copied to `kept`, the path here once more, and
    read here. With `is_outdated`, what is here does not count for reading."""

    local: OutputPath
    source: OutputPath
    kept: OutputPath | None
    is_outdated: bool = field(default=False, kw_only=True)

    def __str__(self) -> str:
        return str(self.local)

    def __fspath__(self) -> str:
        """The file here, or else a file that can be read in its place.

        Raises:
            FileNotFoundError: there is neither.
        """
        return os.fspath(self._readable())

    @property
    def name(self) -> str:
        return self.local.name

    @property
    def parent(self) -> "OverlayPath":
        kept = self.kept and self.kept.parent
        return OverlayPath(self.local.parent, self.source.parent, kept, is_outdated=self.is_outdated)

    def __truediv__(self, other: str) -> "OverlayPath":
        kept = self.kept and self.kept / other
        return OverlayPath(self.local / other, self.source / other, kept, is_outdated=self.is_outdated)

    def exists(self) -> bool:
        return self._is_here() or self.source.exists()

    def is_file(self) -> bool:
        return self.local.is_file() if self._is_here() else self.source.is_file()

    def is_dir(self) -> bool:
        return self.local.is_dir() if self._is_here() else self.source.is_dir()

    def iterdir(self) -> Iterator["OverlayPath"]:
        """What either directory holds.

        Raises:
            FileNotFoundError: there is neither.
        """
        here, there = _listed(self.local), _listed(self.source)
        if here is None and there is None:
            raise self._missing()
        return (self / name for name in sorted({*(here or ()), *(there or ())}))

    def glob(self, pattern: str) -> Iterator["OverlayPath"]:
        """What matches a pattern in either root."""
        return self._both(self.local.glob(pattern), self.source.glob(pattern))

    def rglob(self, pattern: str) -> Iterator["OverlayPath"]:
        """As `glob` with "**/" before the pattern."""
        return self._both(self.local.rglob(pattern), self.source.rglob(pattern))

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
    def open(
        self,
        mode: TextMode | BinaryMode = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[str] | IO[bytes]:
        """Open the file here, or to read it, there. What changes a file begins with the one that would be read.

        Raises:
            FileNotFoundError: it is in neither root.
            FileExistsError: it was to be a new one, and is in one of them.
        """
        how = mode_of(mode, Reading(buffering, encoding, errors, newline))
        path = self.local
        if how.how == "x" and self.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(self))
        if how.keeps and not self._is_here() and self.source.is_file():
            self._copy(self.local)
        if not how.writes:
            path = self._readable()
        # Which overload it is depends on the mode, which is handed on as it came.
        if mode in ("rb", "wb", "xb", "ab") or "b" in mode:
            return path.open(_binary(mode), buffering)
        return path.open(_text(mode), buffering, encoding, errors, newline)

    def read_bytes(self) -> bytes:
        return self._readable().read_bytes()

    def read_text(self, encoding: str | None = None) -> str:
        return self._readable().read_text(encoding)

    def write_bytes(self, data: bytes) -> int:
        return self.local.write_bytes(data)

    def write_text(self, data: str, encoding: str | None = None) -> int:
        return self.local.write_text(data, encoding)

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the file here; one that is there shows again."""
        self.local.unlink(missing_ok)

    def replacing(self) -> AbstractContextManager[Path]:
        return self.local.replacing()

    def _readable(self) -> OutputPath:
        """The path to read: here where there is anything, or else there."""
        return self.local if self._is_here() else self._elsewhere()

    def _is_here(self) -> bool:
        return not self.is_outdated and self.local.exists()

    def _elsewhere(self) -> OutputPath:
        if self.source.is_dir():
            return self.source
        if not self.source.is_file():
            raise self._missing()
        if self.kept is None:
            return self.source
        self._copy(self.kept)
        return self.local

    def _copy(self, target: OutputPath) -> None:
        """Copy the file there to here, which is there as a whole or not at all."""
        with self.source.open("rb") as original, target.open("wb") as copy:
            shutil.copyfileobj(original, copy, COPIED_AT_ONCE)

    def _missing(self) -> FileNotFoundError:
        return FileNotFoundError(errno.ENOENT, f"No such file or directory, nor is there {self.source}", str(self))

    def _both(self, here: Iterable[OutputPath], there: Iterable[OutputPath]) -> Iterator["OverlayPath"]:
        relative = {_relative(path, self.local) for path in here} | {_relative(path, self.source) for path in there}
        return (self / path if path else self for path in sorted(relative))


@dataclass(frozen=True)
class OverlayRoot(OverlayPath):
    """A whole root laid over another one, in which there are tasks."""

    local_place: RootPlace
    source_place: RootPlace

    @classmethod
    def of(cls, local: RootPlace, source: RootPlace, *, keep: bool) -> Self:
        """`local` laid over `source`, which is only read."""
        storage, source = output_storage(), source._replace(is_read_only=True)
        here = storage.open_root(local)
        return cls(here, storage.open_root(source), here if keep else None, local, source)

    def task_files(self, directory: str) -> TaskFiles:
        """The directory of a task: that of the root that says by its record that the task is complete, else here."""
        storage = output_storage()
        here = storage.task_files(self.local_place, directory)
        return OverlayTaskFiles(here, storage.task_files(self.source_place, directory), keep=self.kept is not None)


@dataclass(frozen=True)
class OverlayTaskFiles:
    """The port `TaskFiles` for a task in two roots, of which one decides: the one here if it has the record."""

    local: TaskFiles
    source: TaskFiles
    keep: bool

    def sizes(self) -> Mapping[str, int]:
        """The outputs in the root that decides."""
        return self._deciding()[0].sizes()

    def read_record(self) -> bytes | None:
        """The record here, or else there."""
        return self._deciding()[1]

    def write_record(self, content: bytes) -> None:
        """Put a record in place, here."""
        self.local.write_record(content)

    def remove_record(self) -> None:
        """Remove the record here."""
        self.local.remove_record()

    def path(self, relative: str, before_writing: Callable[[], None] | None = None) -> OutputPath:
        """A path to read in the root that decides, and to write here."""
        here = self.local.path(relative, before_writing)
        if self._deciding()[0] is self.local:
            return here
        # Keeping a copy is no writing that anybody would want to be told of: the output is the same.
        kept = self.local.path(relative) if self.keep else None
        return OverlayPath(here, self.source.path(relative), kept, is_outdated=not self.keep or self._is_torso(here))

    def _is_torso(self, path: OutputPath) -> bool:
        """Whether something here, at the path or below it, is no copy of what is there: a run that died has left it."""
        relative = _relative(path, self.local.path(""))
        there = self.source.sizes()
        differing = (name for name, size in self.local.sizes().items() if there.get(name) != size)
        return any(f"{name}/".startswith(f"{relative}/" if relative else "") for name in differing)

    def _deciding(self) -> tuple[TaskFiles, bytes | None]:
        here = self.local.read_record()
        if here is not None:
            return self.local, here
        there = self.source.read_record()
        return (self.local, None) if there is None else (self.source, there)


def _listed(directory: OutputPath) -> list[str] | None:
    try:
        return [path.name for path in directory.iterdir()]
    except FileNotFoundError:
        return None


def _relative(path: OutputPath, directory: OutputPath) -> str:
    return str(path)[len(str(directory)) :].lstrip("/")


def _binary(mode: TextMode | BinaryMode) -> BinaryMode:
    return mode  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # it has a "b", which was looked at


def _text(mode: TextMode | BinaryMode) -> TextMode:
    return mode  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # it has no "b", which was looked at
