"""The ports to files below target roots as copying and listing see them: whole files, whatever they are outputs of."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from stardag.domain.outputs import RootPlace


class StoredFile(NamedTuple):
    """A file as its storage lists it: its path below the target root, its size in bytes, when it was last changed (in
    seconds since 1970), and what tells this content from any other that the file has at another time.

    Two files of one size and one version have the same content, wherever they are.
    """

    path: str
    size: int
    modified: float
    version: str


class StoredFiles(Protocol):
    """The files below one target root. Every call may raise StorageFailed. Thread-safe."""

    def find(self, path: str) -> Iterator[StoredFile]:
        """The file at a path and all files below it, in the order of the bytes of their paths; all there are for "".

        Everything is listed, Stardag's own and what no output can be called; directories are not.

        Raises:
            OutsideTargetRoot: a link leads out of the root.
        """
        ...

    def read(self, file: StoredFile, limit: int) -> bytes | None:
        """The content of a small file; None where it is larger than `limit` bytes, or not there any more."""
        ...


class TargetFiles(StoredFiles, Protocol):
    """The files below a target root that is copied to."""

    def obstacle(self, path: str) -> str | None:
        """What stands there so that no file can be put at a path, as a phrase; files may be replaced."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file, if there is one."""
        ...


class Transfers(Protocol):
    """The way from one target root to another. Every call may raise StorageFailed. Thread-safe.

    Nobody ever sees half a file at the target, and what a killed process began there is removed by the next one.
    """

    @property
    def source(self) -> StoredFiles: ...

    @property
    def target(self) -> TargetFiles: ...

    def begin(self) -> None:
        """Make ready to copy: what killed processes left behind goes, at the latest when its place is written to."""
        ...

    def is_same(self, original: StoredFile, other: StoredFile) -> bool:
        """Whether the file at the target has the content of one at the source; reads them where nothing else tells.

        Raises:
            GivenUp: `give_up` was called.
        """
        ...

    def copy(self, original: StoredFile, moved: Callable[[int], None]) -> None:
        """Put a copy at the target, in place of any file there, and make sure that it has the original's content.

        `moved` hears of every few bytes on their way. A copy that is not as the original never stays.

        Raises:
            GivenUp: `give_up` was called; nothing was put in place.
            StateNotWritable: it cannot be noted what would be left behind.
        """
        ...

    def give_up(self) -> None:
        """End the copies that are being made, as soon as each can; call it from any thread."""
        ...


class GivenUp(Exception):
    """A copy ended before it was done, since it was told to."""


class FileStorage(Protocol):
    """Local directories and S3. Every call may raise StorageFailed. Thread-safe."""

    def files(self, root: RootPlace) -> StoredFiles:
        """The files below a target root; nothing is looked at yet."""
        ...

    def overlap(self, first: RootPlace, second: RootPlace) -> bool:
        """Whether two target roots are the same place, or one lies inside the other."""
        ...

    def transfers(self, source: RootPlace, target: RootPlace) -> AbstractContextManager[Transfers]:
        """The way from a target root to another, open for the length of a `with` block."""
        ...
