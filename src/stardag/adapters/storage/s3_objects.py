"""What paths and tasks ask of S3 below one target root, with its failures turned into those that the ports promise."""

import atexit
import errno
import hashlib
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, NamedTuple, Self

from botocore.exceptions import ClientError

from stardag.adapters.storage.local_failures import storage_failures
from stardag.adapters.storage.s3_failures import FAILURES, MISSING, code_of, storage_failed
from stardag.adapters.storage.s3_session import S3Session
from stardag.domain.output_errors import OutsideTargetRoot, ReadOnlyTargetRoot, StorageFailed
from stardag.domain.outputs import OWN_PREFIX, RootPlace, check_output_path

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import HeadObjectOutputTypeDef, ObjectIdentifierTypeDef

COPIED_AT_ONCE = 1024 * 1024
IN_PARTS_FROM = 64 * 1024 * 1024
"""Bytes. What is larger is read over several connections, and was put in parts."""

PUT_WHOLE_MAX = 5 * 1024 * 1024 * 1024
DELETED_AT_ONCE = 1000

Kind = Literal["file", "dir"]


class Listed(NamedTuple):
    """An object, or with `is_directory` what several keys begin with; `path` is relative to what was listed."""

    path: str
    size: int
    is_directory: bool = False


class LocalCopies:
    """A private directory of this process for copies of objects, made when it is first needed and removed at its end.

    A copy is named for the object's version, so that it is either right or not there.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = 0
        self._directory = ""

    def directory(self) -> str:
        """The directory, open to this user alone."""
        with self._lock:
            if self._process != os.getpid():  # a process that was forked must not remove the other one's
                self._process, self._directory = os.getpid(), tempfile.mkdtemp(prefix="stardag-")
                atexit.register(_remove_own, self._directory, self._process)
            return self._directory

    def file(self) -> IO[bytes]:
        """A file without a name, which goes with the last one who holds it."""
        return tempfile.TemporaryFile(dir=self.directory())

    def path_for(self, *version: str, name: str) -> Path:
        """Where the copy of one version of an object is."""
        digest = hashlib.sha256("\n".join(version).encode()).hexdigest()[:32]
        return Path(self.directory(), digest, name)


@dataclass(frozen=True, slots=True)
class S3Objects:
    """The objects of a target root. `bucket` and `prefix` are the root's, and `top` the prefix at or below it that no
    path leads out of, both without a slash at their end; `before_writing` is called before anything there is written.

    Every call raises:
        StorageFailed: S3 refuses, or is out of reach.
    """

    place: RootPlace
    bucket: str
    prefix: str
    top: str
    session: S3Session
    copies: LocalCopies
    before_writing: Callable[[], None] | None = None

    def below(self, directory: str, before_writing: Callable[[], None] | None) -> Self:
        """The same, of a directory that no path leads out of.

        Raises:
            OutsideTargetRoot: it is none below the root.
        """
        relative = check_output_path(self.place, directory)
        return replace(self, top=joined(self.prefix, relative), before_writing=before_writing)

    def check_uri(self, uri: str) -> None:
        """Make sure that an object is at or below `top`, and can be an output.

        Raises:
            OutsideTargetRoot: it cannot.
        """
        top = self.uri(self.top).rstrip("/")
        if uri != top and not uri.startswith(f"{top}/"):
            raise self.outside(uri, "it lies elsewhere")
        if not is_spelled(uri[len(top) :].strip("/")):
            raise self.outside(uri, "no path is spelled like that")

    def check_relative(self, path: str) -> str:
        """The one spelling of a path below another one here.

        Raises:
            OutsideTargetRoot: it is none, by its spelling.
        """
        relative = check_output_path(self.place, path)
        try:
            relative.encode()
        except UnicodeEncodeError:
            raise self.outside(path, "no object can have such a name") from None
        return relative

    def outside(self, path: str, problem: str) -> OutsideTargetRoot:
        """The error for a path that does not stay here."""
        return OutsideTargetRoot(self.place.name, self.place.uri_prefix, path, problem)

    def uri(self, key: str) -> str:
        """What people call an object."""
        return f"s3://{self.bucket}/{key}"

    def begin_writing(self, key: str) -> None:
        """What comes before any writing: whether it may be, and telling whoever wants to know of it.

        Raises:
            ReadOnlyTargetRoot: the root was opened for reading alone.
        """
        if self.place.is_read_only:
            raise ReadOnlyTargetRoot(self.place.name, self.uri(key))
        if self.before_writing is not None:
            self.before_writing()

    def head(self, key: str) -> "HeadObjectOutputTypeDef | None":
        """What S3 knows of an object; None where there is none."""
        try:
            with self._asking(key) as client:
                try:
                    return client.head_object(Bucket=self.bucket, Key=key)
                except ClientError as error:
                    if code_of(error) in MISSING:
                        return None
                    # The answer has no body that could say what is wrong; that to a GET has one.
                    with closing(client.get_object(Bucket=self.bucket, Key=key, Range="bytes=0-0")["Body"]):
                        raise
        except MissingObject:  # removed between the two
            return None

    def kind(self, key: str) -> Kind | None:
        """Whether there is an object, or any below; None where there is neither."""
        if key and self.head(key) is not None:
            return "file"
        directory = f"{key}/" if key else ""
        with self._asking(key) as client:
            found = client.list_objects_v2(Bucket=self.bucket, Prefix=directory, MaxKeys=1)
        return "dir" if found.get("Contents") or key == self.prefix else None

    def read(self, key: str, file: IO[bytes]) -> None:
        """Copy an object into a file, and stand at its beginning: one version of it, whole.

        Raises:
            FileNotFoundError, IsADirectoryError: there is none.
        """
        try:
            with storage_failures(self.uri(key)), self._asking(key) as client:
                answer = client.get_object(Bucket=self.bucket, Key=key)
                with closing(answer["Body"]) as body:
                    if answer["ContentLength"] < IN_PARTS_FROM:
                        shutil.copyfileobj(body, file, COPIED_AT_ONCE)
                if answer["ContentLength"] >= IN_PARTS_FROM:
                    client.download_fileobj(self.bucket, key, file)  # asks each part of the same version
        except MissingObject:
            raise self.missing(key) from None
        file.seek(0)

    def read_small(self, key: str, limit: int) -> bytes | None:
        """An object of at most `limit` bytes; None where there is none."""
        try:
            with self._asking(key) as client, closing(client.get_object(Bucket=self.bucket, Key=key)["Body"]) as body:
                content = body.read(limit + 1)
        except MissingObject:
            return None
        if len(content) > limit:
            raise StorageFailed(self.uri(key), f"it is larger than {limit} bytes")
        return content

    def write(self, key: str, file: IO[bytes], content_type: str | None = None, *, is_new: bool = False) -> None:
        """Put an object, which is there as a whole or not at all.

        Raises:
            FileExistsError: it is to be a new one, and is there.
        """
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        kind = content_type or "binary/octet-stream"
        if is_new and size <= PUT_WHOLE_MAX and self._write_new(key, file, kind):
            return
        if is_new and self.head(key) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self.uri(key))
        file.seek(0)
        with self._asking(key) as client:
            client.upload_fileobj(file, self.bucket, key, ExtraArgs={"ContentType": kind})

    def _write_new(self, key: str, file: IO[bytes], kind: str) -> bool:
        """Put an object unless there is one; False where this S3 cannot do that as one step."""
        with self._asking(key) as client:
            try:
                client.put_object(Bucket=self.bucket, Key=key, Body=file, ContentType=kind, IfNoneMatch="*")
            except ClientError as error:
                if code_of(error) in ("PreconditionFailed", "ConditionalRequestConflict"):
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self.uri(key)) from None
                if code_of(error) == "NotImplemented":
                    return False
                raise
        return True

    def write_small(self, key: str, content: bytes) -> None:
        """Put an object."""
        with self._asking(key) as client:
            client.put_object(Bucket=self.bucket, Key=key, Body=content, ContentType="application/json")

    def url(self, key: str, seconds: int) -> str:
        """The object's URL, good for as many seconds for whoever has it."""
        with self._asking(key) as client:
            of_object = {"Bucket": self.bucket, "Key": key}
            return client.generate_presigned_url("get_object", Params=of_object, ExpiresIn=seconds)

    def copy(self, key: str, new: str) -> None:
        """Copy an object within the root.

        Raises:
            FileNotFoundError, IsADirectoryError: there is none.
        """
        try:
            with self._asking(key) as client:
                client.copy({"Bucket": self.bucket, "Key": key}, self.bucket, new)
        except MissingObject:
            raise self.missing(key) from None

    def delete(self, key: str) -> None:
        """Delete an object; fine where there is none."""
        with self._asking(key) as client:
            client.delete_object(Bucket=self.bucket, Key=key)

    def delete_all(self, key: str) -> None:
        """Delete all objects below a key, Stardag's own as well."""
        directory = f"{key}/" if key else ""
        batch: list[ObjectIdentifierTypeDef] = []
        for found, _ in self._keys(directory, recursive=True):
            batch.append({"Key": found})
            if len(batch) == DELETED_AT_ONCE:
                self._delete(key, batch)
                batch = []
        if batch:
            self._delete(key, batch)

    def list(self, key: str, *, recursive: bool) -> Iterator[Listed]:
        """What lies in a directory, or with `recursive` all objects below it, by name; without Stardag's own, and what
        no path is spelled like (a key may hold ".." or "//")."""
        directory = f"{key}/" if key else ""
        for found, size in self._keys(directory, recursive=recursive):
            path = found[len(directory) :]
            is_directory = size is None or (size == 0 and path.endswith("/"))  # as consoles make empty ones
            path = path.removesuffix("/") if is_directory else path
            if path and is_spelled(path):
                yield Listed(path, size or 0, is_directory)

    def missing(self, key: str) -> OSError:
        """The error of whoever reads what is no object."""
        if self.kind(key) == "dir":
            return IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self.uri(key))
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), self.uri(key))

    def local_copy(self, key: str) -> str:
        """The path of a copy on this machine of what the object is now, for whoever only reads it.

        Raises:
            FileNotFoundError, IsADirectoryError: there is none.
        """
        head = self.head(key)
        if head is None:
            raise self.missing(key)
        copy = self.copies.path_for(self.uri(key), head["ETag"], str(head["LastModified"]), name=key.rpartition("/")[2])
        if not copy.exists():
            with storage_failures(self.uri(key)):
                copy.parent.mkdir(mode=0o700, exist_ok=True)
                temporary = copy.with_name(f"{OWN_PREFIX}{secrets.token_hex(8)}.tmp")
                with temporary.open("xb") as file:
                    self.read(key, file)
                temporary.chmod(0o400)  # what is written here would be lost
                temporary.replace(copy)
        return str(copy)

    @contextmanager
    def _asking(self, key: str) -> "Generator[S3Client]":
        try:
            yield self.session.client()
        except FAILURES as error:
            if isinstance(error, ClientError) and code_of(error) in MISSING:
                raise MissingObject from None
            raise storage_failed(error, self.uri(key), self.bucket, self.session) from None

    def _keys(self, directory: str, *, recursive: bool) -> Iterator[tuple[str, int | None]]:
        """Keys below a directory and their sizes, Stardag's own as well; the size of a directory is None."""
        with self._asking(directory) as client:
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=directory, Delimiter="" if recursive else "/"
            )
            found = iter(pages)
        while True:
            with self._asking(directory):
                page = next(found, None)
            if page is None:
                return
            for common in page.get("CommonPrefixes", []):
                yield common.get("Prefix", ""), None
            for each in page.get("Contents", []):
                yield each.get("Key", ""), each.get("Size", 0)

    def _delete(self, key: str, batch: "Iterable[ObjectIdentifierTypeDef]") -> None:
        with self._asking(key) as client:
            done = client.delete_objects(Bucket=self.bucket, Delete={"Objects": [*batch], "Quiet": True})
        for error in done.get("Errors", []):
            raise StorageFailed(self.uri(error.get("Key", key)), f"S3 does not delete it ({error.get('Code')})")


class MissingObject(Exception):
    """S3 has no such object."""


def objects_of(place: RootPlace, session: S3Session, copies: LocalCopies) -> S3Objects:
    """The objects of a target root `s3://bucket/prefix/`; nothing is asked yet."""
    bucket, _, prefix = place.uri_prefix.partition("://")[2].partition("/")
    prefix = prefix.strip("/")
    return S3Objects(place, bucket, prefix, prefix, session, copies)


def joined(key: str, relative: str) -> str:
    """The key of a path below another."""
    return "/".join(filter(None, (key, relative)))


def is_spelled(path: str) -> bool:
    """Whether a relative path is in its one spelling, and not Stardag's own."""
    return not path or all(step not in ("", ".", "..") and not step.startswith(OWN_PREFIX) for step in path.split("/"))


def _remove_own(directory: str, process: int) -> None:
    if process == os.getpid():
        with suppress(OSError):
            shutil.rmtree(directory)
