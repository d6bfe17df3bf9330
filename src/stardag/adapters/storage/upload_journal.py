"""The uploads in parts that copies have open, written down so that those of a killed process are ended by the next.

Nobody sees an upload that was never completed, but its parts are kept and paid for. Each copy has a file of its own in
the user's stardag directory, with a line for each step of an upload, and holds the kernel's lock on it, which goes with
the process however that ends. A file whose lock is free tells what was left open.
"""

import fcntl
import itertools
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import NamedTuple, cast

from stardag.adapters.durable_files import FILE_MODE, make_directory, not_writable, prepare_user_directory

FOLDER = "uploads"

_SUFFIX = ".journal"
_SIZE_LIMIT = 64 * 1024 * 1024


class OpenUpload(NamedTuple):
    """An upload in parts that was begun: at which endpoint, of which object, at what time (in seconds since 1970), and
    its id; None where the process was killed before it had heard of one."""

    endpoint: str
    bucket: str
    key: str
    begun: float
    id: str | None


class UploadJournal:
    """The journal of one copy, kept below the user's stardag directory once there is something to keep."""

    def __init__(self, user_directory: str) -> None:
        self._user_directory = user_directory
        self._folder = os.path.join(user_directory, FOLDER)
        self._numbers = itertools.count()
        self._open: set[int] = set()
        self._lock = threading.Lock()
        self._path = ""
        self._descriptor: int | None = None

    def begin(self, endpoint: str, bucket: str, key: str) -> int:
        """Note that an upload is about to be begun, and return what it is called here.

        Raises:
            StateNotWritable: it cannot be noted.
        """
        number = next(self._numbers)
        begun = {"endpoint": endpoint, "bucket": bucket, "key": key, "begun": time.time()}
        self._write({"upload": number, **begun})
        self._open.add(number)
        return number

    def tell_id(self, number: int, upload_id: str) -> None:
        """Note the id that an upload has.

        Raises:
            StateNotWritable: it cannot be noted.
        """
        self._write({"upload": number, "id": upload_id})

    def end(self, number: int) -> None:
        """Note that an upload is not open any more.

        Raises:
            StateNotWritable: it cannot be noted.
        """
        self._open.discard(number)
        self._write({"upload": number, "ended": True})

    def close(self) -> None:
        """Remove the journal, if nothing in it is open; else leave it to the next copy."""
        if self._descriptor is not None:
            if not self._open:
                with suppress(OSError):
                    os.unlink(self._path)
            os.close(self._descriptor)
            self._descriptor = None

    def end_left_behind(self, end: Callable[[OpenUpload], bool]) -> None:
        """Let `end` end the uploads that killed processes left open. Where it says True of all in a journal, that is
        removed; else it stays for another time."""
        with suppress(OSError):
            for name in os.listdir(self._folder):
                if name.endswith(_SUFFIX):
                    _end(os.path.join(self._folder, name), end)

    def _write(self, step: dict[str, object]) -> None:
        with self._lock:
            try:
                if self._descriptor is None:
                    self._begin()
                assert self._descriptor is not None
                os.write(self._descriptor, (json.dumps(step) + "\n").encode())
                os.fsync(self._descriptor)
            except OSError as error:
                raise not_writable(self._folder, error) from error

    def _begin(self) -> None:
        prepare_user_directory(self._user_directory)
        make_directory(self._folder)
        self._path = os.path.join(self._folder, secrets.token_hex(8) + _SUFFIX)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, FILE_MODE)
        # Taken before anything is written: whoever comes between takes away an empty file, which is noticed here.
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        if not os.fstat(self._descriptor).st_nlink:
            os.close(self._descriptor)
            self._begin()


def _end(path: str, end: Callable[[OpenUpload], bool]) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ended = [end(upload) for upload in _left_open(os.pread(descriptor, _SIZE_LIMIT, 0))]
            if all(ended):
                os.unlink(path)
    finally:
        os.close(descriptor)


def _left_open(content: bytes) -> list[OpenUpload]:
    """The uploads whose end is not noted; the last line may have been cut short."""
    found: dict[int, OpenUpload] = {}
    for step in _steps(content):
        match step:
            case {"upload": int(number), "ended": True}:
                found.pop(number, None)
            case {"upload": int(number), "id": str(upload_id)} if number in found:
                found[number] = found[number]._replace(id=upload_id)
            case {
                "upload": int(number),
                "endpoint": str(endpoint),
                "bucket": str(bucket),
                "key": str(key),
                "begun": float(begun),
            }:
                found[number] = OpenUpload(endpoint, bucket, key, begun, None)
            case _:
                pass
    return list(found.values())


def _steps(content: bytes) -> Iterator[object]:
    for line in content.splitlines():
        with suppress(ValueError):
            yield cast("object", json.loads(line))
