"""What went wrong with a local file system, as a phrase, and which of it is the storage's failure."""

import errno
from collections.abc import Generator
from contextlib import contextmanager

from stardag.domain.output_errors import StorageFailed

_PHRASES = {
    errno.EACCES: "permission denied",
    errno.EPERM: "it is not permitted",
    errno.EROFS: "the file system is read-only",
    errno.ENOSPC: "no space is left on the device",
    errno.EDQUOT: "the disk quota is used up",
    errno.ENAMETOOLONG: "a name in the path is too long",
    errno.ELOOP: "its symbolic links lead in a circle",
    errno.EMFILE: "too many files are open",
    errno.ENFILE: "too many files are open",
    errno.ESTALE: "the network drive is gone",
    errno.EIO: "the device reports an error",
}

_PATHLIBS_OWN = (FileNotFoundError, FileExistsError, IsADirectoryError, NotADirectoryError, PermissionError)
"""What whoever uses paths expects of them, and catches."""


def phrase_of(error: OSError) -> str:
    """What is wrong, without where."""
    return _PHRASES.get(error.errno or 0) or error.strerror or type(error).__name__


@contextmanager
def storage_failures(place: str) -> Generator[None]:
    """Turn what the storage at `place` fails of into StorageFailed; what pathlib's users expect stays as it is."""
    try:
        yield
    except OSError as error:
        raise failure_of(error, place) from error


def failure_of(error: OSError, place: str) -> Exception:
    """The error to raise for one of the system."""
    if isinstance(error, _PATHLIBS_OWN) or error.errno in (errno.ENOTEMPTY, errno.EINVAL):
        return error
    return StorageFailed(place, phrase_of(error))
