"""The files below a local target root, as copying and listing see them.

Links are followed as far as they stay below the root; one that leads out of it is an error, whichever way it is met.
"""

import os
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from stardag.adapters.storage.local_directory import Unusable, directory_of
from stardag.adapters.storage.local_failures import phrase_of
from stardag.adapters.storage.local_writing import LocalReplacement, sync_directory
from stardag.app.outputs.copying_ports import StoredFile
from stardag.domain.output_errors import OutsideTargetRoot, StorageFailed
from stardag.domain.outputs import RootPlace

BLOCK = 1024 * 1024
"""Bytes that are read at once."""


class _Entry(NamedTuple):
    """What a directory holds: its name, its path in the file system, and whether it is a directory, as links lead."""

    name: str
    path: str
    is_directory: bool
    is_link: bool

    @property
    def order(self) -> bytes:
        """Where it comes among all paths, by their bytes."""
        return os.fsencode(self.name) + (b"/" if self.is_directory else b"")


class LocalFiles:
    """Keeps the promises of `StoredFiles` for a directory, and writes there for `Transfers`."""

    def __init__(self, root: RootPlace) -> None:
        self._root = root
        try:
            self.directory = str(directory_of(root.uri_prefix))
        except Unusable as problem:
            raise StorageFailed(root.uri_prefix, str(problem)) from None

    @property
    def real_directory(self) -> str:
        """The directory as links lead."""
        return os.path.realpath(self.directory)

    def place(self, path: str) -> str:
        """Where a path below the root is in the file system."""
        return os.path.join(self.directory, path) if path else self.directory

    def find(self, path: str) -> Iterator[StoredFile]:
        """The file at a path and all below it."""
        place = self.place(path)
        real_root = self.real_directory
        with self._failing(place):
            mode = _mode_of(place)
            if mode is None:
                return
            self._check_inside(path, os.path.realpath(place), real_root)
            if stat.S_ISDIR(mode):
                yield from self._walk(path, place, real_root)
            else:
                yield _stored(path, place, os.stat(place))

    def read(self, file: StoredFile, limit: int) -> bytes | None:
        """The content of a small file."""
        place = self.place(file.path)
        if file.size > limit:
            return None
        with self._failing(place):
            try:
                with open(place, "rb") as opened:
                    content = opened.read(limit + 1)
            except FileNotFoundError:
                return None
        return content if len(content) <= limit else None

    @contextmanager
    def original(self, file: StoredFile) -> Generator[int]:
        """A descriptor of a file that was listed, to be read from.

        Raises:
            StorageFailed: it cannot be read, or was changed since, be it by the end of the block.
        """
        place = self.place(file.path)
        with self._failing(place):
            descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                self.check_unchanged(file, descriptor)
                yield descriptor
                self.check_unchanged(file, descriptor)
            finally:
                os.close(descriptor)

    def check_unchanged(self, file: StoredFile, descriptor: int) -> None:
        """Make sure that a descriptor still leads to a file as it was listed.

        Raises:
            StorageFailed: it does not.
        """
        now = os.fstat(descriptor)
        if (now.st_size, _version_of(now)) != (file.size, file.version):
            raise StorageFailed(self.place(file.path), "it was changed while it was copied")

    @contextmanager
    def new(self, path: str) -> Generator[int]:
        """A descriptor of a new file that stands at a path once the block ends, with the directories above it.

        Raises:
            StorageFailed: it cannot be written.
            OutsideTargetRoot: a link leads out of the root.
        """
        place = self.place(path)
        with self._failing(place):
            self._check_inside(path, os.path.realpath(place), self.real_directory)
            replacement = LocalReplacement(place)
            try:
                yield replacement.descriptor
                replacement.put_in_place()
            except BaseException:
                replacement.discard()
                raise
            finally:
                os.close(replacement.descriptor)

    def write(self, path: str, descriptor: int, block: bytes, offset: int) -> None:
        """Write all of a block at an offset of a new file.

        Raises:
            StorageFailed: it cannot be written.
        """
        rest = memoryview(block)
        with self._failing(self.place(path)):
            while rest:
                written = os.pwrite(descriptor, rest, offset)
                offset += written
                rest = rest[written:]

    def remove(self, path: str) -> None:
        """Remove a file, if there is one."""
        place = self.place(path)
        with self._failing(place), suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(place)
            sync_directory(os.path.dirname(place))

    def obstacle(self, path: str) -> str | None:
        """What stands so that no file can be put at a path."""
        place = self.place(path)
        if os.path.isdir(place):
            return f"{place} is a directory"
        while (place := os.path.dirname(place)) != os.path.dirname(place):
            if os.path.isdir(place):
                return None
            if os.path.lexists(place):
                return f"{place} is not a directory"
        return None

    def _walk(self, path: str, place: str, real_root: str) -> Iterator[StoredFile]:
        trail = [os.path.realpath(place)]  # the directories above what is looked at, so that no circle is walked
        steps = [(path, iter(_entries(place)))]
        while steps:
            above, entries = steps[-1]
            entry = next(entries, None)
            if entry is None:
                steps.pop()
                trail.pop()
                continue
            inner = f"{above}/{entry.name}" if above else entry.name
            real = os.path.join(trail[-1], entry.name)
            if entry.is_link:
                real = os.path.realpath(entry.path)
                self._check_inside(inner, real, real_root)
            if not entry.is_directory:
                yield from _file(inner, entry)
            elif real in trail:
                raise StorageFailed(entry.path, "its links lead in a circle")
            else:
                trail.append(real)
                steps.append((inner, iter(_entries(entry.path))))

    def _check_inside(self, path: str, real: str, real_root: str) -> None:
        if not is_inside(real, real_root):
            raise OutsideTargetRoot(self._root.name, self._root.uri_prefix, path, "a link leads out of the root")

    @contextmanager
    def _failing(self, place: str) -> Generator[None]:
        try:
            yield
        except OSError as error:
            raise StorageFailed(place, phrase_of(error)) from None


def is_inside(place: str, directory: str) -> bool:
    """Whether a real path is a directory or lies below it."""
    return place == directory or place.startswith(directory.rstrip("/") + "/")


def blocks_of(descriptor: int, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """What a file holds, or a part of it; one that ends early gives less."""
    while end is None or start < end:
        block = os.pread(descriptor, BLOCK if end is None else min(BLOCK, end - start), start)
        if not block:
            return
        start += len(block)
        yield block


def _entries(directory: str) -> list[_Entry]:
    """What a directory holds, in the order of paths; nothing where it has just gone."""
    try:
        with os.scandir(directory) as found:
            entries = [_Entry(each.name, each.path, each.is_dir(), each.is_symlink()) for each in found]
    except FileNotFoundError:
        return []
    return sorted(entries, key=lambda entry: entry.order)


def _file(path: str, entry: _Entry) -> Iterator[StoredFile]:
    """The file of an entry; none where it has just gone."""
    try:
        yield _stored(path, entry.path, os.stat(entry.path))
    except FileNotFoundError:
        if entry.is_link and os.path.islink(entry.path):
            raise StorageFailed(entry.path, "it is a link to what is not there") from None


def _stored(path: str, place: str, status: os.stat_result) -> StoredFile:
    if not stat.S_ISREG(status.st_mode):
        raise StorageFailed(place, "it is neither a file nor a directory")
    return StoredFile(path, status.st_size, status.st_mtime, _version_of(status))


def _version_of(status: os.stat_result) -> str:
    return f"{status.st_dev:x}.{status.st_ino:x}.{status.st_mtime_ns:x}"


def _mode_of(place: str) -> int | None:
    try:
        return os.stat(place).st_mode
    except (FileNotFoundError, NotADirectoryError):
        if os.path.islink(place):
            raise StorageFailed(place, "it is a link to what is not there") from None
        return None
