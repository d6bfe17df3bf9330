"""Objects below a target root on S3 as open files: read as they are now, and written whole when they are closed."""

import errno
import mimetypes
import os
from typing import IO

from stardag.adapters.storage.replacing import Reading, mode_of, open_replacement
from stardag.adapters.storage.s3_objects import S3Objects


class S3Replacement:
    """The port `Replacement` with a file without a name, which is uploaded."""

    def __init__(self, objects: S3Objects, key: str, *, is_new: bool, keep: bool, make: bool) -> None:
        self._objects = objects
        self._key = key
        self._is_new = is_new
        if is_new and objects.head(key) is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), objects.uri(key))
        with objects.copies.file() as file:
            if keep:
                self._begin_with_what_is_there(file, make=make)
            self.descriptor = os.dup(file.fileno())

    @property
    def place(self) -> str:
        """What the object is called to people."""
        return self._objects.uri(self._key)

    def put_in_place(self) -> None:
        """Upload it."""
        content_type = mimetypes.guess_type(self._key)[0]
        with open(os.dup(self.descriptor), "rb") as file:
            self._objects.write(self._key, file, content_type, is_new=self._is_new)

    def discard(self) -> None:
        """Nothing: no name leads to it."""

    def _begin_with_what_is_there(self, file: IO[bytes], *, make: bool) -> None:
        try:
            self._objects.read(self._key, file)
        except FileNotFoundError:
            if not make:
                raise


def open_object(objects: S3Objects, key: str, mode: str, reading: Reading) -> IO[str] | IO[bytes]:
    """Open an object: to read what it is now, to write what is uploaded when the file is closed.

    Raises:
        FileNotFoundError, FileExistsError, IsADirectoryError: as `open` does.
        ReadOnlyTargetRoot, StorageFailed: as `OutputPath` says.
    """
    how = mode_of(mode, reading)
    if how.writes:
        objects.begin_writing(key)
        new = S3Replacement(objects, key, is_new=how.how == "x", keep=how.keeps, make=how.how != "r")
        return open_replacement(new, how, reading)
    with objects.copies.file() as file:
        objects.read(key, file)
        file.flush()
        opened = open(os.dup(file.fileno()), mode, *reading)  # noqa: SIM115  # whoever called closes it
    opened.seek(0)
    return opened
