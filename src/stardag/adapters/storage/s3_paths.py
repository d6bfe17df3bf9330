"""Paths below a target root on S3: `cloudpathlib`'s own, which never leave it and see what is on S3 now (ADR 0049).

`cloudpathlib` keeps a cache of files that it compares with S3 by their times, uploads what was written when the file is
closed, however that comes about, and takes an object that it may not see for one that is not there. None of this is
used: what is read is copied into a file without a name, and what is written is uploaded once a with-block has ended
well. The classes are known to no registry of `cloudpathlib`'s, so that `CloudPath("s3://…")` of other people stays
what it is.
"""

import errno
import mimetypes
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, Literal, Self

from botocore.config import Config
from cloudpathlib import CloudPath, S3Client, S3Path
from cloudpathlib.cloudpath import CloudImplementation

from stardag.adapters.storage.globbing import Child, select
from stardag.adapters.storage.replacing import Reading
from stardag.adapters.storage.s3_objects import Kind, LocalCopies, S3Objects, joined, objects_of
from stardag.adapters.storage.s3_session import S3Session
from stardag.adapters.storage.s3_writing import open_object
from stardag.domain.outputs import TASK_RECORD, TASK_RECORD_MAX_BYTES, RootPlace

if TYPE_CHECKING:
    from os import PathLike

NO_CACHE = Path(os.devnull, "no-cache")

# What `cloudpathlib` says of its types is incomplete, which is all that the ignores for pyright below are about.


class _Implementation(CloudImplementation):
    """Which classes belong together, as `cloudpathlib` asks it; it registers those that it makes objects of itself."""

    name = "s3"

    def validate_completeness(self) -> None:
        """It is complete."""

    @property
    def client_class(self) -> "type[S3OutputClient]":
        return S3OutputClient

    @property
    def path_class(self) -> "type[S3OutputPath]":
        return S3OutputPath


class S3Roots:
    """Opens target roots on S3, all with one session, client and directory of copies."""

    def __init__(self) -> None:
        self._session = S3Session(Config(max_pool_connections=32))
        self._copies = LocalCopies()

    def open(self, root: RootPlace) -> "S3OutputPath":
        """A target root as a path."""
        return path_at(objects_of(root, self._session, self._copies))

    def task_files(self, root: RootPlace, directory: str) -> "S3TaskFiles":
        """The directory of a task."""
        return S3TaskFiles(objects_of(root, self._session, self._copies), directory)


class S3OutputClient(S3Client):
    """What `cloudpathlib`'s paths ask of S3, for one target root."""

    _cloud_meta = _Implementation()

    def __init__(self, objects: S3Objects) -> None:
        """`cloudpathlib`'s own would make a session, a client and a cache."""
        self.objects = objects
        self.file_cache_mode = None
        self.content_type_method = mimetypes.guess_type
        self._local_cache_dir = NO_CACHE

    def _get_metadata(self, cloud_path: S3Path) -> dict[str, object]:
        head = self.objects.head(cloud_path.key)
        if head is None:
            raise self.objects.missing(cloud_path.key)
        return {"last_modified": head["LastModified"], "size": head["ContentLength"], "etag": head["ETag"]}

    def _is_file_or_dir(self, cloud_path: S3Path) -> Kind | None:
        return self.objects.kind(cloud_path.key)

    def _exists(self, cloud_path: S3Path) -> bool:
        return self._is_file_or_dir(cloud_path) is not None

    def _list_dir(self, cloud_path: S3Path, recursive: bool = False) -> Iterator[tuple[S3Path, bool]]:
        seen: set[str] = set()
        for found in self.objects.list(cloud_path.key, recursive=recursive):
            for directory in reversed(PurePosixPath(found.path).parents[:-1]):
                if str(directory) not in seen:
                    seen.add(str(directory))
                    yield self._at(cloud_path, str(directory)), True
            yield self._at(cloud_path, found.path), found.is_directory

    def _at(self, cloud_path: S3Path, relative: str) -> S3Path:
        return S3OutputPath(self.objects.uri(joined(cloud_path.key, relative)), client=self)

    def _download_file(self, cloud_path: S3Path, local_path: "str | PathLike[str]") -> Path:
        with Path(local_path).open("wb") as file:
            self.objects.read(cloud_path.key, file)
        return Path(local_path)

    def _upload_file(self, local_path: "str | PathLike[str]", cloud_path: S3Path) -> S3Path:
        return S3OutputPath(str(cloud_path), client=self).upload_from(local_path)

    def _move_file(self, src: S3Path, dst: S3Path, remove_src: bool = True) -> S3Path:
        self.objects.begin_writing(dst.key)
        self.objects.copy(src.key, dst.key)
        if remove_src and src != dst:
            self.objects.delete(src.key)
        return dst

    def _remove(self, cloud_path: S3Path, missing_ok: bool = True) -> None:
        self.objects.begin_writing(cloud_path.key)
        kind = self.objects.kind(cloud_path.key)
        if kind == "dir":
            self.objects.delete_all(cloud_path.key)
        elif kind == "file":
            self.objects.delete(cloud_path.key)
        elif not missing_ok:
            raise self.objects.missing(cloud_path.key)

    def _generate_presigned_url(self, cloud_path: S3Path, expire_seconds: int = 60 * 60) -> str:
        return self.objects.url(cloud_path.key, expire_seconds)

    def _get_public_url(self, cloud_path: S3Path) -> str:
        return self.objects.url(cloud_path.key, 1).partition("?")[0]


class S3OutputPath(S3Path):
    """A path at or below the root that its client is made for."""

    _cloud_meta = _Implementation()

    def __init__(self, cloud_path: "str | S3Path", *parts: str, client: S3OutputClient | None = None) -> None:
        super().__init__(str(cloud_path).rstrip("/"), *parts, client=client)  # pyright: ignore[reportUnknownMemberType]  # see above
        self.objects.check_uri(str(self))

    @property
    def output_client(self) -> S3OutputClient:
        """The client of the root, which is the only one that a path is made with."""
        client: object = self.client
        assert isinstance(client, S3OutputClient)
        return client

    @property
    def objects(self) -> S3Objects:
        """The objects of the root."""
        return self.output_client.objects

    def below(self, relative: str) -> Self:
        """A path below this one by a relative one, which was checked or is the name of what is there."""
        if not relative:
            return self
        return type(self)(self.objects.uri(joined(self.key, relative)), client=self.output_client)

    def __reduce__(self) -> tuple[Callable[..., "S3OutputPath"], tuple[RootPlace, str, str]]:
        """A path in another process asks S3 with that one's session; whom to tell of writing, it does not know."""
        objects = self.objects
        directory = objects.top[len(objects.prefix) :].strip("/")
        return _reopen, (objects.place, directory, self.key[len(objects.top) :].strip("/"))

    def __fspath__(self) -> str:
        """The path of a copy on this machine of what the object is now, to be read."""
        return self.objects.local_copy(self.key)

    # Making paths out of paths

    def __truediv__(self, other: str | PurePosixPath) -> Self:
        return self.joinpath(other)

    def joinpath(self, *pathsegments: "str | PathLike[str]") -> Self:
        path = self
        for segment in pathsegments:
            relative = str(segment) if isinstance(segment, str | PurePath | CloudPath) else os.fspath(segment)
            path = path.below(self.objects.check_relative(relative))
        return path

    def with_name(self, name: str) -> Self:
        return self._sibling(PurePosixPath(self.key).with_name(name))

    def with_stem(self, stem: str) -> Self:
        return self._sibling(PurePosixPath(self.key).with_stem(stem))

    def with_suffix(self, suffix: str) -> Self:
        return self._sibling(PurePosixPath(self.key).with_suffix(suffix))

    def _sibling(self, path: PurePosixPath) -> Self:
        if self.key == self.objects.top:
            raise self.objects.outside(str(path), "it stands beside the root")
        return self.parent / path.name

    @property
    def parent(self) -> Self:
        return self if self.key == self.objects.top else super().parent

    @property
    def parents(self) -> tuple[Self, ...]:
        found: list[Self] = []
        path = self
        while path.key != self.objects.top:
            path = path.parent
            found.append(path)
        return tuple(found)

    # Looking at what is there

    def stat(self, follow_symlinks: bool = True) -> os.stat_result:  # noqa: ARG002  # there are none
        """Mode, size and time; S3 knows no more of what a file system tells."""
        head = self.objects.head(self.key)
        if head is None:
            raise self.objects.missing(self.key)
        changed = head["LastModified"].timestamp()
        return os.stat_result((stat.S_IFREG | 0o600, 0, 0, 1, 0, 0, head["ContentLength"], changed, changed, changed))

    def iterdir(self) -> Generator[Self]:
        for found in self.objects.list(self.key, recursive=False):
            yield self.below(found.path)

    def glob(self, pattern: str) -> Generator[Self]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # without options that S3 has no use for
        relative = self.objects.check_relative(pattern)
        if not relative:
            raise ValueError(f"Unacceptable pattern: {pattern!r}")
        for found in select(relative, _Tree(self.objects, self.key, recursive="/" in relative or "**" in relative)):
            path = self.below(found)
            if not pattern.endswith("/") or path.is_dir():
                yield path

    def rglob(self, pattern: str) -> Generator[Self]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # as above
        self.objects.check_relative(pattern)
        return self.glob(f"**/{pattern}")

    # Writing

    def mkdir(self, *_: object, **__: object) -> None:
        """Nothing but a look at whether it may be: S3 has no directories."""
        self.objects.begin_writing(self.key)

    def touch(self, exist_ok: bool = True, mode: object = None) -> None:  # noqa: ARG002  # objects have none
        """Make an empty object; one that is there stays as it is."""
        self.objects.begin_writing(self.key)
        try:
            with self.objects.copies.file() as empty:
                self.objects.write(self.key, empty, is_new=True)
        except FileExistsError:
            if not exist_ok:
                raise

    def unlink(self, missing_ok: bool = False) -> None:
        self.objects.begin_writing(self.key)
        if self.objects.head(self.key) is not None:
            self.objects.delete(self.key)
        elif not missing_ok:
            raise self.objects.missing(self.key)

    def rename(self, target: "str | CloudPath") -> Self:
        """As `replace`."""
        return self.replace(target)

    def replace(self, target: "str | CloudPath") -> Self:
        """Give the object another key below the same root. It is there under both, for a moment.

        Raises:
            OutsideTargetRoot: the target is not spelled as a path below this root.
        """
        top = f"{self.objects.uri(self.objects.top)}/"
        if not str(target).startswith(top):
            raise self.objects.outside(str(target), "both names of an object lie below the same root")
        new = path_at(self.objects) / str(target)[len(top) :]
        self.objects.begin_writing(self.key)
        if new != self:
            self.objects.copy(self.key, new.key)
            self.objects.delete(self.key)
        return type(self)(str(new), client=self.output_client)

    @contextmanager
    def replacing(self) -> Generator[Path]:
        """A plain path for a library that opens files by itself; see `OutputPath.replacing`."""
        self.objects.begin_writing(self.key)
        directory = Path(self.objects.copies.directory(), secrets.token_hex(16))
        directory.mkdir(0o700)
        try:
            written = directory / self.name
            yield written
            if not stat.S_ISREG(written.lstat().st_mode):
                raise IsADirectoryError(errno.EISDIR, "what was written in its place is no file", str(self))
            with written.open("rb") as file:
                self.objects.write(self.key, file, mimetypes.guess_type(self.name)[0])
        finally:
            shutil.rmtree(directory, ignore_errors=True)

    def upload_from(self, source: "str | PathLike[str]", force_overwrite_to_cloud: bool | None = None) -> Self:
        """Upload a file or a directory; what is there is replaced, whatever its time."""
        if Path(source).is_dir():
            for child in Path(source).iterdir():
                (self / child.name).upload_from(child, force_overwrite_to_cloud)
            return self
        self.objects.begin_writing(self.key)
        with Path(source).open("rb") as file:
            self.objects.write(self.key, file, mimetypes.guess_type(self.name)[0])
        return self

    if not TYPE_CHECKING:  # with the types that cloudpathlib gives it, by seven overloads

        def open(self, mode="r", buffering=-1, encoding=None, errors=None, newline=None, **_):
            return open_object(self.objects, self.key, mode, Reading(buffering, encoding, errors, newline))


class S3TaskFiles:
    """The port `TaskFiles` for S3. The record is Stardag's own, so no path leads to it but here."""

    def __init__(self, root: S3Objects, directory: str) -> None:
        self._objects = root.below(directory, None)
        self._directory = directory
        self._root = root
        self._record = joined(self._objects.top, TASK_RECORD)

    def sizes(self) -> Mapping[str, int]:
        """All outputs below the directory (relative path to bytes), without what is Stardag's own; one LIST of them."""
        found = self._objects.list(self._objects.top, recursive=True)
        return {each.path: each.size for each in found if not each.is_directory}

    def read_record(self) -> bytes | None:
        """The task's record; None where there is none."""
        return self._objects.read_small(self._record, TASK_RECORD_MAX_BYTES)

    def write_record(self, content: bytes) -> None:
        """Put the record in place."""
        self._objects.begin_writing(self._record)
        self._objects.write_small(self._record, content)

    def remove_record(self) -> None:
        """Remove the record, if there is one."""
        self._objects.begin_writing(self._record)
        self._objects.delete(self._record)

    def path(self, relative: str, before_writing: Callable[[], None] | None = None) -> S3OutputPath:
        """A path in the directory, which it never leaves."""
        return path_at(self._root.below(self._directory, before_writing)) / relative


class _Tree:
    """What lies below a directory, as patterns look at it: one listing, of all of it or of that directory alone."""

    def __init__(self, objects: S3Objects, key: str, *, recursive: bool) -> None:
        self._objects = objects
        self._key = key
        self._recursive = recursive
        self._children: dict[str, dict[str, Child]] = {}
        self._is_listed = False

    def __call__(self, directory: str) -> list[Child]:
        if not self._is_listed:
            self._list(directory)
        return sorted(self._children.get(directory, {}).values())

    def _list(self, directory: str) -> None:
        self._is_listed = True
        for found in self._objects.list(joined(self._key, directory), recursive=self._recursive):
            self._add(joined(directory, found.path), "directory" if found.is_directory else "file")

    def _add(self, path: str, kind: Literal["file", "directory"]) -> None:
        parent, _, name = path.rpartition("/")
        siblings = self._children.setdefault(parent, {})
        if name in siblings:
            return
        siblings[name] = Child(name, kind)
        if parent:
            self._add(parent, "directory")


def path_at(objects: S3Objects) -> S3OutputPath:
    """The path of the directory that no path leads out of."""
    return S3OutputPath(objects.uri(objects.top), client=S3OutputClient(objects))


def _reopen(place: RootPlace, directory: str, relative: str) -> S3OutputPath:
    """A path that was pickled."""
    return path_at(_roots_of_this_process().open(place).objects.below(directory, None)).below(relative)


@cache
def _roots_of_this_process() -> S3Roots:
    return S3Roots()
