"""How a file below a local root is put in place: whole or not at all, and on the disk when that returns.

What is written is kept in a hidden temporary beside the file. Its writer holds the kernel's lock on it, which goes with
the process however that ends; so the next one who writes in the directory knows which temporaries were left by killed
writers, and removes them.
"""

import errno
import fcntl
import os
import re
import secrets
import shutil
import stat
import threading
from contextlib import suppress
from pathlib import Path
from time import monotonic

from stardag.domain.configuration import LOCAL_TARGET_ROOTS
from stardag.domain.output_errors import StorageFailed
from stardag.domain.outputs import OWN_PREFIX

CLEANED_FOR = 10.0
"""Seconds in which a process looks at most once for what killed writers left in a directory, which it reads whole."""

COPIED_AT_ONCE = 1024 * 1024

_TEMPORARY = re.compile(re.escape(OWN_PREFIX) + r"[0-9a-f]{16}\.tmp")
_NO_DIRECTORY_SYNC = (errno.EINVAL, errno.ENOTSUP)  # file systems that have no fsync for directories
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_MOST_CLEANED = 1024

_cleaned: dict[str, float] = {}
_cleaned_lock = threading.Lock()


class LocalReplacement:
    """The port `Replacement` with a temporary in the directory of the file.

    Raises on construction:
        FileExistsError: the file is to be a new one, and is there.
        FileNotFoundError: what is there was to be kept, and is not.
        IsADirectoryError, NotADirectoryError, PermissionError, OSError: nothing can be written there.
    """

    def __init__(self, path: str, *, is_new: bool = False, keep: bool = False, make: bool = True) -> None:
        """`keep` begins with what is there; `make` makes what is not."""
        self.place = path
        self._is_new = is_new
        self._target = os.path.realpath(path) if os.path.islink(path) else path  # a link is written through
        self._check(make=make)
        directory = os.path.dirname(self._target)
        make_directories(directory)
        remove_leftovers(directory)
        self.descriptor, self._temporary = _locked_file(directory)
        if keep:
            try:
                _copy(self._target, self.descriptor)
            except BaseException:
                self.discard()
                os.close(self.descriptor)
                raise

    def put_in_place(self) -> None:
        """Put it on the disk, and then in place of what was there."""
        os.fsync(self.descriptor)
        put_in_place(self._temporary, self._target, is_new=self._is_new)

    def discard(self) -> None:
        """Remove the temporary."""
        with suppress(OSError):
            os.unlink(self._temporary)

    def _check(self, *, make: bool) -> None:
        try:
            mode = os.stat(self._target).st_mode
        except FileNotFoundError:
            if make:
                return
            raise
        if self._is_new:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), self.place)
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), self.place)


class NamedReplacement:
    """A plain path with the name of the file that is to be replaced, in a temporary directory beside it.

    Raises on construction:
        IsADirectoryError, NotADirectoryError, PermissionError, OSError: nothing can be written there.
    """

    def __init__(self, path: str) -> None:
        self._place = path
        self._target = os.path.realpath(path) if os.path.islink(path) else path
        if os.path.isdir(self._target):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
        directory = os.path.dirname(self._target)
        make_directories(directory)
        remove_leftovers(directory)
        self._process = os.getpid()
        self._descriptor, self._temporary = _locked_directory(directory)
        self.path = Path(self._temporary, os.path.basename(path))

    def put_in_place(self) -> None:
        """Put on the disk what was written there, and then in place of what was there.

        Raises:
            FileNotFoundError: nothing was written there.
            IsADirectoryError: what was written there is no file.
        """
        mode = os.lstat(self.path).st_mode
        if not stat.S_ISREG(mode):
            raise IsADirectoryError(errno.EISDIR, "what was written in its place is no file", self._place)
        descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        put_in_place(str(self.path), self._target)

    def discard(self) -> None:
        """Remove the temporary directory, whatever is still in it."""
        if self._process == os.getpid():
            shutil.rmtree(self._temporary, ignore_errors=True)
        os.close(self._descriptor)


def put_in_place(temporary: str, target: str, *, is_new: bool = False) -> None:
    """Give a file that is on the disk its name, durably; `is_new` never replaces one that has it."""
    if is_new:
        try:
            os.link(temporary, target)
        except OSError as error:
            if error.errno in _NO_LINKS:
                problem = "its file system has no hard links, by which a file is made only if there is none"
                raise StorageFailed(target, problem) from error
            raise
        os.unlink(temporary)
    else:
        os.replace(temporary, target)
    sync_directory(os.path.dirname(target))


def make_directories(path: str) -> None:
    """Make a directory and those above it that are missing, durably; fine if it is there.

    A stardag directory that is among them is for its owner alone, and its outputs are kept out of git.

    Raises:
        NotADirectoryError: something else stands there.
    """
    _make_directories(path, 0o777)


def _make_directories(path: str, mode: int) -> None:
    if os.path.isdir(path):
        return
    parent = os.path.dirname(path)
    is_in_stardag_directory = os.path.basename(path) == LOCAL_TARGET_ROOTS
    if parent != path:
        _make_directories(parent, 0o700 if is_in_stardag_directory else 0o777)
    try:
        os.mkdir(path, mode)
        if is_in_stardag_directory:
            _leave_gitignore(path)
    except FileExistsError:
        if os.path.isdir(path):  # another process was quicker
            return
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path) from None
    sync_directory(parent)


def _leave_gitignore(directory: str) -> None:
    """Keep what is below a new directory out of version control; all of the file is there, or none."""
    path = Path(directory, ".gitignore")
    try:
        path.write_text("*\n", encoding="ascii")
    except OSError:
        path.unlink(missing_ok=True)
        os.rmdir(directory)  # so that the next one who makes it leaves the file as well
        raise


def sync_directory(path: str) -> None:
    """Put on the disk which names a directory holds."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_DIRECTORY_SYNC:
            raise
    finally:
        os.close(descriptor)


def remove_leftovers(directory: str) -> None:
    """Remove what writers that were killed left in a directory, where the kernel says that they are gone."""
    now = monotonic()
    with _cleaned_lock:
        if now - _cleaned.get(directory, -CLEANED_FOR) < CLEANED_FOR:
            return
        if len(_cleaned) >= _MOST_CLEANED:
            _cleaned.clear()
        _cleaned[directory] = now
    left: list[str] = []
    with suppress(PermissionError), os.scandir(directory) as entries:  # files can be made where none can be listed
        left += (entry.path for entry in entries if _TEMPORARY.fullmatch(entry.name))
    for path in left:
        with suppress(OSError):  # another user's, or removed by another process meanwhile
            _remove_if_free(path)


def _remove_if_free(path: str) -> None:
    is_directory = stat.S_ISDIR(os.lstat(path).st_mode)
    how = os.O_RDONLY | os.O_DIRECTORY if is_directory else os.O_RDWR
    descriptor = os.open(path, how | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if is_directory:
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)
    finally:
        os.close(descriptor)


def _locked_file(directory: str) -> tuple[int, str]:
    """A new temporary, open and locked. Its mode is what the user's umask makes of any new file."""
    while True:
        path = _temporary_in(directory)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o666)
        if _lock(descriptor, path):
            return descriptor, path
        os.close(descriptor)


def _locked_directory(directory: str) -> tuple[int, str]:
    while True:
        path = _temporary_in(directory)
        os.mkdir(path, 0o700)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:  # somebody who cleans up was quicker
            continue
        if _lock(descriptor, path):
            return descriptor, path
        os.close(descriptor)


def _temporary_in(directory: str) -> str:
    return os.path.join(directory, f"{OWN_PREFIX}{secrets.token_hex(8)}.tmp")


def _lock(descriptor: int, path: str) -> bool:
    """Lock a new temporary; False where somebody who cleans up was quicker, and it is gone."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks, on which nobody who cleans up can have one
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    except FileNotFoundError:
        return False


def _copy(path: str, descriptor: int) -> None:
    """Begin a temporary with what stands at `path`, if anything does, and with its mode."""
    try:
        source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        while content := os.read(source, COPIED_AT_ONCE):
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        os.fchmod(descriptor, stat.S_IMODE(os.fstat(source).st_mode))
    finally:
        os.close(source)
    os.lseek(descriptor, 0, os.SEEK_SET)
