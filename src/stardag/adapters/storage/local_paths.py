"""Paths below a local target root: `pathlib`'s own, which never leave it (ADR 0049).

Every system call of `pathlib`, of `open` and of other people's libraries asks a path for what `__fspath__` gives, and
there the path, and every link on it, is looked at. What `pathlib` does with the text of a path instead is done anew
here. Since `pathlib` makes paths out of paths by their class, every root has a class of its own.
"""

import os
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PosixPath, PurePosixPath
from typing import IO, TYPE_CHECKING, ClassVar, Literal, Self, TypeVar

from stardag.adapters.storage.globbing import Child, select
from stardag.adapters.storage.local_confinement import Confinement, confinement_of
from stardag.adapters.storage.local_failures import failure_of, storage_failures
from stardag.adapters.storage.local_writing import (
    LocalReplacement,
    NamedReplacement,
    make_directories,
    sync_directory,
)
from stardag.adapters.storage.replacing import Reading, mode_of, open_replacement
from stardag.domain.outputs import OWN_PREFIX, RootPlace

if TYPE_CHECKING:
    from os import PathLike

    from _typeshed import StrOrBytesPath


LocalPathType = TypeVar("LocalPathType", bound="LocalOutputPath")


class LocalOutputPath(PosixPath):
    """A path at or below the root that its class is made for; `open_local_root` makes one."""

    confinement: ClassVar[Confinement]

    def __fspath__(self) -> str:
        """The path, for a system call.

        Raises:
            OutsideTargetRoot: it lies elsewhere, or a link on it leads there.
        """
        path = str(self)
        self.confinement.check(path)
        return path

    def __reduce__(self) -> tuple[Callable[..., "LocalOutputPath"], tuple[RootPlace, str, str]]:
        """A copy, and one in another process, is confined as well; whom to tell of writing, it does not know."""
        confinement = self.confinement
        directory = confinement.top[len(confinement.root) :].lstrip("/")
        return _reopen, (confinement.place, directory, str(self)[len(confinement.top) :].lstrip("/"))

    # Making paths out of paths

    def __truediv__(self, other: "str | PathLike[str]") -> Self:
        return self.joinpath(other)

    def joinpath(self, *others: "str | PathLike[str]") -> Self:
        """A path below this one.

        Raises:
            OutsideTargetRoot: one that is not.
        """
        path = self
        for other in others:
            relative = other if isinstance(other, str) else os.fspath(other)
            path = below(path, self.confinement.check_relative(relative))
        return path

    def with_name(self, name: str) -> Self:
        return _checked(self, super().with_name(name))

    def with_stem(self, stem: str) -> Self:
        return _checked(self, super().with_stem(stem))

    def with_suffix(self, suffix: str) -> Self:
        return _checked(self, super().with_suffix(suffix))

    @property
    def parent(self) -> Self:
        """The directory that holds this path; the root's is the root, as that of "/" is "/"."""
        return self if str(self) == self.confinement.top else super().parent

    @property
    def parents(self) -> tuple[Self, ...]:
        """The directories that hold this path, up to the root."""
        found: list[Self] = []
        path = self
        while (parent := path.parent) != path:
            found.append(parent)
            path = parent
        return tuple(found)

    def relative_to(self, *other: "str | PathLike[str]") -> Path:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # a relative path is below no root
        """A plain path, which leads here from `other`."""
        return Path(PurePosixPath(str(self)).relative_to(*map(str, other)))

    def is_relative_to(self, *other: "str | PathLike[str]") -> bool:
        try:
            self.relative_to(*other)
        except ValueError:
            return False
        return True

    def resolve(self, strict: bool = False) -> Self:
        """The path without the links on it, all of which lead to where it is spelled below the root again."""
        real = os.path.realpath(os.fspath(self), strict=strict)
        relative = os.path.relpath(real, os.path.realpath(self.confinement.root))
        return type(self)(os.path.normpath(os.path.join(self.confinement.root, relative)))

    def readlink(self) -> Path:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # what a link says need not be below the root
        return Path(os.readlink(self))

    def expanduser(self) -> Self:
        return self

    # Looking at what is there

    def iterdir(self) -> Generator[Self]:
        """What the directory holds, but for what is Stardag's own."""
        with storage_failures(str(self)):
            names = os.listdir(self)
        for name in names:
            if not name.startswith(OWN_PREFIX):
                yield below(self, name)

    def glob(self, pattern: str) -> Generator[Self]:
        """The paths below this one that match a pattern.

        Raises:
            ValueError: it is empty.
            OutsideTargetRoot: it would lead out, or a link that it looks through does.
        """
        relative = self.confinement.check_relative(pattern)
        if not relative:
            raise ValueError(f"Unacceptable pattern: {pattern!r}")
        for found in select(relative, lambda directory: children_of(below(self, directory))):
            path = below(self, found)
            if not pattern.endswith("/") or path.is_dir():
                yield path

    def rglob(self, pattern: str) -> Generator[Self]:
        """As `glob` with "**/" before the pattern."""
        self.confinement.check_relative(pattern)
        return self.glob(f"**/{pattern}")

    def walk(
        self,
        top_down: bool = True,
        on_error: Callable[[OSError], object] | None = None,
        follow_symlinks: bool = False,
    ) -> Iterator[tuple[Self, list[str], list[str]]]:
        """All directories at and below this one, each with its directories and files; `pathlib`'s since Python 3.12."""
        try:
            children = scan(self)
        except OSError as error:
            if on_error is not None:
                on_error(error)
            return
        directories = [child.name for child in children if _is_walked(self, child, follow_symlinks)]
        files = [child.name for child in children if child.name not in directories]
        if top_down:
            yield self, directories, files
        for name in directories:
            yield from below(self, name).walk(top_down, on_error, follow_symlinks)
        if not top_down:
            yield self, directories, files

    # Writing

    def touch(self, mode: int = 0o666, exist_ok: bool = True) -> None:
        with _writing(self):
            super().touch(mode, exist_ok)
            sync_directory(os.path.dirname(str(self)))

    def mkdir(self, mode: int = 0o777, parents: bool = True, exist_ok: bool = False) -> None:  # noqa: ARG002  # pathlib gives it by place
        """Make the directory, and those above it, whatever `parents` says."""
        with _writing(self):
            super().mkdir(mode, parents=False, exist_ok=exist_ok)
            sync_directory(os.path.dirname(str(self)))

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the file, or the link, wherever that leads."""
        self.confinement.begin_writing(str(self))
        directory = os.fspath(self.parent)
        with storage_failures(str(self)):
            try:
                os.unlink(os.path.join(directory, self.name))
                sync_directory(directory)
            except FileNotFoundError:
                if not missing_ok:
                    raise

    def rmdir(self) -> None:
        self.confinement.begin_writing(str(self))
        with storage_failures(str(self)):
            super().rmdir()

    def chmod(self, mode: int, *, follow_symlinks: bool = True) -> None:
        self.confinement.begin_writing(str(self))
        with storage_failures(str(self)):
            super().chmod(mode, follow_symlinks=follow_symlinks)

    def rename(self, target: "str | PathLike[str]") -> Self:
        """As `replace`."""
        return self.replace(target)

    def replace(self, target: "str | PathLike[str]") -> Self:
        """Give the file another name below the same root, durably, and return that path.

        Raises:
            OutsideTargetRoot: the target is not spelled as a path below this root.
        """
        new = below(type(self)(self.confinement.top), self.confinement.below_top(str(target)))
        self.confinement.begin_writing(str(self))
        with _writing(new):
            os.replace(self, new)
            sync_directory(os.path.dirname(str(new)))
            sync_directory(os.path.dirname(str(self)))
        return new

    def symlink_to(self, target: "StrOrBytesPath", target_is_directory: bool = False) -> None:
        """Make a link to somewhere below this root; a relative target is taken from the link's directory.

        Raises:
            OutsideTargetRoot: the link would lead out.
        """
        path = os.fsdecode(target)
        if not self.confinement.is_within(os.path.join(os.path.dirname(str(self)), path)):
            raise self.confinement.outside(path, "a link to it would lead out")
        with _writing(self):
            super().symlink_to(path, target_is_directory)

    def hardlink_to(self, target: "StrOrBytesPath") -> None:
        """Make another name of a file below the same root.

        Raises:
            OutsideTargetRoot: the target is not spelled as a path below this root.
        """
        file = below(type(self)(self.confinement.top), self.confinement.below_top(os.fsdecode(target)))
        with _writing(self):
            os.link(file, self, follow_symlinks=False)

    @contextmanager
    def replacing(self) -> Generator[Path]:
        """A plain path for a library that opens files by itself; see `OutputPath.replacing`."""
        self.confinement.begin_writing(str(self))
        with storage_failures(str(self)):
            new = NamedReplacement(os.fspath(self))
        try:
            yield new.path
            with storage_failures(str(self)):
                new.put_in_place()
        finally:
            new.discard()

    if not TYPE_CHECKING:  # with the types that pathlib gives it, by seven overloads

        def open(self, mode="r", buffering=-1, encoding=None, errors=None, newline=None):
            return open_local(self, mode, Reading(buffering, encoding, errors, newline))

    if sys.version_info >= (3, 14):

        @property
        def info(self):  # type: ignore[no-untyped-def]  # its type is only there since Python 3.14
            """What kind of file it is, looked at once."""
            return Path(os.fspath(self)).info

        def move(self, *_: object, **__: object) -> Self:
            raise NotImplementedError("use replace, or shutil.copyfile into the path that replacing() gives")

        move_into = _copy_from = move


def open_local(path: LocalOutputPath, mode: str, reading: Reading) -> IO[str] | IO[bytes]:
    """Open a file: to read it as it is, to write what is put in place when it is closed.

    Raises:
        FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError: as `open` does.
        ReadOnlyTargetRoot, OutsideTargetRoot, StorageFailed: as `OutputPath` says.
    """
    if mode in ("r", "rb"):
        return _open_to_read(path, mode, reading)
    how = mode_of(mode, reading)
    if not how.writes:
        return _open_to_read(path, mode, reading)
    path.confinement.begin_writing(str(path))
    with storage_failures(str(path)):
        new = LocalReplacement(os.fspath(path), is_new=how.how == "x", keep=how.keeps, make=how.how != "r")
        return open_replacement(new, how, reading)


def _open_to_read(path: LocalOutputPath, mode: str, reading: Reading) -> IO[str] | IO[bytes]:
    try:
        return open(path, mode, *reading)
    except OSError as error:
        raise failure_of(error, str(path)) from None


def open_local_root(
    place: RootPlace, directory: str = "", before_writing: Callable[[], None] | None = None
) -> LocalOutputPath:
    """A local target root, or a directory below it, as a path; nothing is looked at yet.

    Raises:
        StorageFailed: the URI prefix means no directory.
        OutsideTargetRoot: the directory is none below it.
    """
    confinement = confinement_of(place, directory)
    if before_writing is None:
        return _class_of(confinement)(confinement.top)
    return _new_class(confinement.telling(before_writing))(confinement.top)


def scan(directory: LocalOutputPath) -> list[Child]:
    """What a directory holds, by name, but for what is Stardag's own."""
    with os.scandir(os.fspath(directory)) as entries:
        return sorted(Child(entry.name, _kind_of(entry)) for entry in entries if not entry.name.startswith(OWN_PREFIX))


def _kind_of(entry: "os.DirEntry[str]") -> Literal["file", "directory", "link"]:
    if entry.is_symlink():
        return "link"
    return "directory" if entry.is_dir(follow_symlinks=False) else "file"


def children_of(directory: LocalOutputPath) -> list[Child]:
    """What a directory holds; nothing where it is none, or not there."""
    with storage_failures(str(directory)):
        try:
            return scan(directory)
        except (FileNotFoundError, NotADirectoryError):
            return []


def _is_walked(directory: LocalOutputPath, child: Child, follow_symlinks: bool) -> bool:
    if child.kind == "link":
        return follow_symlinks and below(directory, child.name).is_dir()
    return child.kind == "directory"


def below(path: LocalPathType, relative: str) -> LocalPathType:
    """A path below another by a relative one, which was checked or is the name of what is there."""
    return type(path)(f"{str(path).rstrip('/')}/{relative}") if relative else path


def _checked(path: LocalPathType, sibling: LocalPathType) -> LocalPathType:
    if str(path) == path.confinement.top:
        raise path.confinement.outside(str(sibling), "it stands beside the root")
    path.confinement.check_relative(sibling.name)
    return sibling


@contextmanager
def _writing(path: LocalOutputPath) -> Generator[None]:
    """What comes before and around making something at a path: the directories above, and failures turned."""
    path.confinement.begin_writing(str(path))
    with storage_failures(str(path)):
        make_directories(os.path.dirname(os.fspath(path)))
        yield


@lru_cache(maxsize=1024)
def _class_of(confinement: Confinement) -> type[LocalOutputPath]:
    """The one class of a root's paths."""
    return _new_class(confinement)


def _new_class(confinement: Confinement) -> type[LocalOutputPath]:
    return type(LocalOutputPath.__name__, (LocalOutputPath,), {"confinement": confinement})


def _reopen(place: RootPlace, directory: str, relative: str) -> LocalOutputPath:
    """A path that was pickled, below the root as that is spelled here."""
    return below(open_local_root(place, directory), relative)
