"""How everything that is stored is written, locked and read: whole or not at all, one at a time, for its owner alone.

Every command imports this module, so it brings nothing along but `os` (pathlib alone would cost more than all that
happens here); what a write alone needs is imported by the write. It knows no port, and of formats that JSON nests.
"""

import errno
import os
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import NamedTuple, cast

from stardag.domain.configuration import NO_DIRECTORY, StardagDirectory
from stardag.domain.errors import NoHomeDirectory, StateNotWritable

LOCK_NAME = ".lock"
LOCK_TIMEOUT = 120.0
"""Seconds to wait for other processes before giving up. An update takes milliseconds; but two hundred that start at
once on two busy cores keep each other waiting for most of a minute, and each has something to add."""

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700

GITIGNORE = b"# Written by stardag: nothing here but the configuration belongs into version control.\n*\n!config.toml\n"

ANOTHER_OWNER = "it belongs to another user"
OTHERS_MAY_WRITE = "others may write it"

_TEMPORARY_PREFIX = ".stardag-"
_TEMPORARY_SUFFIX = ".tmp"
_POLL_INTERVAL = 0.01
_MANY_WAIT_AFTER = 1.0
"""Seconds of waiting after which the lock is looked at a tenth as often: a crowd that looks holds up the holder."""
_LINK_ERRORS = (errno.ELOOP, errno.EMLINK)  # what O_NOFOLLOW says of a link; EMLINK on FreeBSD
_NOTHING_THERE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
_NO_DIRECTORY_SYNC = (errno.EINVAL, errno.ENOTSUP)  # file systems that have no fsync for directories
_MOST_SET_ASIDE = 5


class UnreadableFile(Exception):
    """A file that is there and cannot be read, or must not be.

    Attributes:
        path: the file.
        problem: a phrase to follow the path, such as "is a link".
        is_passing: it is the machine's trouble (no more open files, an I/O error) rather than the file's, so that the
            file may well be sound.
    """

    def __init__(self, path: str, problem: str, is_passing: bool = False) -> None:
        super().__init__(f"{path} {problem}")
        self.path = path
        self.problem = problem
        self.is_passing = is_passing


class FileRead(NamedTuple):
    """A regular file, as it was when it was read: what it held, and whose it was."""

    content: bytes
    status: os.stat_result


def read_bounded(path: str, limit: int, *, follow_links: bool = True) -> bytes | None:
    """The content of a file, as `read_file` reads it.

    Raises:
        UnreadableFile: it is too large, no regular file, a link where none may be, or not to be opened.
    """
    read = read_file(path, limit, follow_links=follow_links)
    return None if read is None else read.content


def read_file(path: str, limit: int, *, follow_links: bool = True) -> FileRead | None:
    """A regular file of at most `limit` bytes; None where there is no file.

    Never waits, whatever stands at the path (a pipe, a device), and never holds more than `limit` bytes and one.
    With `follow_links=False` the file itself may not be a symbolic link; the directories on the way may.

    Raises:
        UnreadableFile: it is too large, no regular file, a link where none may be, or not to be opened.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        descriptor = os.open(path, flags if follow_links else flags | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in _NOTHING_THERE:
            return None
        raise _unreadable(path, error, follow_links) from None
    try:
        return _read_regular(descriptor, path, limit)
    except OSError as error:
        raise _unreadable(path, error, follow_links) from None
    finally:
        os.close(descriptor)


def _read_regular(descriptor: int, path: str, limit: int) -> FileRead:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise UnreadableFile(path, "is no regular file")
    content = b""
    # The size is asked first, so that a huge file costs nothing, and not believed, since the file may be growing.
    while status.st_size <= limit and len(content) <= limit:
        more = os.read(descriptor, limit + 1 - len(content))
        if not more:
            return FileRead(content, status)
        content += more
    raise UnreadableFile(path, f"is larger than {limit} bytes")


def _unreadable(path: str, error: OSError, follow_links: bool) -> UnreadableFile:
    if error.errno in _LINK_ERRORS:
        return UnreadableFile(path, "is a link that leads in a circle" if follow_links else "is a link")
    return UnreadableFile(path, f"cannot be read ({_reason(error)})", not isinstance(error, PermissionError))


def decode_json(content: bytes) -> object:
    """The JSON value in `content`, which may come from anywhere.

    Raises:
        ValueError: it is not UTF-8 or not JSON, nested too deeply, or names a key twice; the message says what.
    """
    import json

    try:
        return cast("object", json.loads(content.decode(), object_pairs_hook=_object_of))
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is not UTF-8") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _object_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object names a key twice")
    return members


def encode_json(value: object) -> bytes:
    """The value as JSON for people to read: indented, in UTF-8, with a newline at the end."""
    import json

    try:
        return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:  # a path of bytes that are no text
        return (json.dumps(value, indent=2) + "\n").encode()


def others_may_write(path: str) -> str | None:
    """Why somebody other than this user and root could have written a file or directory; None where nobody could.

    Where nothing stands at the path, nobody could.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return None
        return f"it cannot be looked at ({_reason(error)})"
    if status.st_uid not in (os.geteuid(), 0):
        return ANOTHER_OWNER
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return OTHERS_MAY_WRITE
    return None


def is_open_to_others(status: os.stat_result) -> bool:
    """Whether group or others may do anything at all with a file or directory."""
    return bool(status.st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def prepare(directory: StardagDirectory) -> None:
    """Make a stardag directory ready to be written to; call it before `locked`, so that it comes before anything else.

    Makes the directory, and leaves a `.gitignore` there that keeps everything but `config.toml` out of git (readings,
    section 2), unless there is one: a home directory may well be a repository of dotfiles.

    Raises:
        StateNotWritable: it cannot be made, or the project's is a link, which could lead the writing anywhere.
    """
    if directory.is_project and os.path.islink(directory.path):
        reason = "it is a link, and a project's stardag directory may not be one"
        raise StateNotWritable(directory.path, reason, remove_command(directory.path))
    make_directory(directory.path)
    _leave_gitignore(os.path.join(directory.path, ".gitignore"), 0o644 if directory.is_project else FILE_MODE)


def prepare_user_directory(path: str) -> None:
    """Make the user's own stardag directory ready to be written to: see `prepare`.

    Raises:
        StateNotWritable: it cannot be made.
    """
    prepare(StardagDirectory(path, path))


def _leave_gitignore(path: str, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    except FileExistsError:
        return
    except OSError as error:
        raise not_writable(path, error) from error
    try:
        os.write(descriptor, GITIGNORE)
    except OSError as error:
        with suppress(OSError):  # empty, it would keep nothing out of git and be left alone ever after
            os.unlink(path)
        raise not_writable(path, error) from error
    finally:
        os.close(descriptor)


def make_directory(path: str) -> None:
    """Make a directory, and those above it that are missing, 0700 from the moment they exist; fine if it is there.

    Raises:
        StateNotWritable: it cannot be made, or something else stands there.
        NoHomeDirectory: it would be the user's, who has no home directory.
    """
    if os.path.isdir(path):
        return
    if path == NO_DIRECTORY:
        raise NoHomeDirectory
    parent = os.path.dirname(os.path.abspath(path))
    if parent != path:
        make_directory(parent)
    try:
        os.mkdir(path, DIRECTORY_MODE)
        _sync_directory(parent)
    except OSError as error:
        if not (isinstance(error, FileExistsError) and os.path.isdir(path)):  # or another process was quicker
            raise not_writable(path, error) from error


def make_private_directory(path: str) -> None:
    """Make a directory for secrets: as `make_directory`, and 0700 where it was there already and wider.

    Raises:
        StateNotWritable: it cannot be made, is a link, belongs to another user, or its file system keeps no modes.
    """
    make_directory(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if os.path.islink(path):
            raise StateNotWritable(path, "it is a link", remove_command(path)) from error
        raise not_writable(path, error) from error
    try:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid():
            fix = f"Rename it, so that stardag can make its own: mv {quoted(path)} {quoted(path + '.old')}"
            raise StateNotWritable(path, "it belongs to another user", fix)
        if is_open_to_others(status):
            with suppress(PermissionError):  # the directory is this user's: its file system has no modes to change
                os.fchmod(descriptor, DIRECTORY_MODE)
            if is_open_to_others(os.fstat(descriptor)):
                raise _without_modes(path)
    except OSError as error:
        raise not_writable(path, error) from error
    finally:
        os.close(descriptor)


def _without_modes(path: str) -> StateNotWritable:
    """That a secret at this path would be open to others: on /mnt/c of WSL, say, or a network drive of Windows."""
    return StateNotWritable(
        path,
        "its file system keeps no file modes, so that others could read a secret there",
        "Set STARDAG_HOME to a directory on a file system that keeps them. A project's own state stays in the project: "
        "move that there as well.",
    )


@contextmanager
def locked(directory: str, timeout: float = LOCK_TIMEOUT) -> Generator[None]:
    """Be the only writer of a directory's files, among the processes and threads that ask; makes the directory.

    Whoever holds the lock reads again what it is about to change. The lock is the kernel's, on a file of its own: it
    goes with the process that holds it, however that ends. What killed writers left half-written is removed. One
    thread cannot take the same directory's lock twice. `timeout` is in seconds.

    Raises:
        StateNotWritable: the directory or the lock file cannot be written, or another process keeps the lock.
    """
    make_directory(directory)
    with lock_file(os.path.join(directory, LOCK_NAME), timeout):
        _remove_temporaries(directory)
        yield


@contextmanager
def lock_file(path: str, timeout: float) -> Generator[None]:
    """Hold the kernel's lock on a file of its own in a directory that is there; waits for `timeout` seconds.

    Raises:
        StateNotWritable: the file cannot be written, or somebody else keeps the lock.
    """
    from filelock import FileLock, Timeout  # worth a third of an empty program, and only writers pay for it

    # It opens with O_NOFOLLOW and O_NONBLOCK, writes nothing into the file and leaves it in place. An imitation by the
    # file's existence, for file systems without locks, would be left stuck by a killed holder.
    lock = FileLock(path, timeout, FILE_MODE, poll_interval=_POLL_INTERVAL, fallback_to_soft=False)
    try:
        try:
            lock.acquire(timeout=min(timeout, _MANY_WAIT_AFTER))
        except Timeout:
            lock.acquire(timeout=max(0.0, timeout - _MANY_WAIT_AFTER), poll_interval=10 * _POLL_INTERVAL)
    except Timeout:
        holder = _holder(path)
        reason = f"{holder} has kept the lock {path} for {timeout:g} seconds"
        fix = f"Try again once it is done. If it hangs, end {holder}: the lock goes with it."
        raise StateNotWritable(os.path.dirname(path), reason, fix) from None
    except OSError as error:
        raise not_writable(path, error) from error
    try:
        yield
    finally:
        lock.release()


def _holder(path: str) -> str:
    """Who holds the lock on a file, as far as the kernel tells (Linux does)."""
    with suppress(OSError, ValueError, IndexError):
        inode = str(os.stat(path, follow_symlinks=False).st_ino)
        with open("/proc/locks", encoding="ascii") as locks:
            for fields in map(str.split, locks):
                # 1: FLOCK ADVISORY WRITE <process> <major>:<minor>:<inode> 0 EOF
                if fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == inode and int(fields[4]) > 0:
                    return f"process {fields[4]}"
    return "another process"


def write_atomically(path: str, content: bytes, mode: int = FILE_MODE) -> None:
    """Put a file with this content and mode in place, whole or not at all, and on the disk when this returns.

    The caller holds the lock of the directory that `path` lies in. A link at `path` is replaced, not followed.

    Raises:
        StateNotWritable: it did not work; what stood there before still does.
    """
    directory = os.path.dirname(path)
    temporary = os.path.join(directory, f"{_TEMPORARY_PREFIX}{os.urandom(8).hex()}{_TEMPORARY_SUFFIX}")
    try:
        _write_new(temporary, content, mode)
        os.replace(temporary, path)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError):
            raise not_writable(path, error) from error
        raise
    try:
        _sync_directory(directory)
    except OSError as error:
        raise not_writable(path, error, "it may not outlast a power cut") from error


def try_writing(directory: str, size: int) -> None:
    """Make sure that a file of `size` bytes can be written in a directory, whose lock the caller holds, and kept from
    others there.

    Raises:
        StateNotWritable: it cannot.
    """
    trial = os.path.join(directory, f"{_TEMPORARY_PREFIX}trial{_TEMPORARY_SUFFIX}")
    write_atomically(trial, bytes(size))
    keeps_modes = not is_open_to_others(os.stat(trial))
    remove(trial)
    if not keeps_modes:
        raise _without_modes(directory)


def remove(path: str) -> bool:
    """Remove a file or a link for good, and say whether there was one; the caller holds the lock of the directory.

    Raises:
        StateNotWritable: it cannot be removed.
    """
    try:
        os.unlink(path)
        _sync_directory(os.path.dirname(path))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise not_writable(path, error, "it cannot be removed") from error
    return True


def _write_new(path: str, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def set_aside(path: str, word: str) -> str:
    """Rename a file to `<path>.<word>-<n>` and return that name; of those there already, the five newest stay.

    The caller holds the lock of the directory. A link is renamed, not followed.

    Raises:
        StateNotWritable: it cannot be renamed.
    """
    try:
        aside = _free_name(f"{path}.{word}-")
        os.replace(path, aside)
        _sync_directory(os.path.dirname(path))
    except OSError as error:
        raise not_writable(path, error, "it cannot be set aside") from error
    return aside


def _free_name(prefix: str) -> str:
    names = [f"{prefix}{number}" for number in range(1, _MOST_SET_ASIDE + 1)]
    for name in names:
        if not os.path.lexists(name):
            return name
    return min(names, key=lambda name: os.stat(name, follow_symlinks=False).st_mtime_ns)


def _sync_directory(path: str) -> None:
    descriptor = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_DIRECTORY_SYNC:
            raise
    finally:
        os.close(descriptor)


def _remove_temporaries(directory: str) -> None:
    with suppress(OSError):  # what cannot be removed harms nobody
        for name in os.listdir(directory):
            if name.startswith(_TEMPORARY_PREFIX) and name.endswith(_TEMPORARY_SUFFIX):
                os.unlink(os.path.join(directory, name))


def _reason(error: OSError) -> str:
    if error.errno in _LINK_ERRORS:
        return "it is a link"
    return (error.strerror or str(error)).lower()


def not_writable(path: str, error: OSError, problem: str | None = None) -> StateNotWritable:
    """The error for a path that could not be written, with what helps against that very failure.

    `problem` is a phrase on what follows from the failure.
    """
    reason = _reason(error)
    return StateNotWritable(path, reason if problem is None else f"{problem} ({reason})", _remedy(path, error.errno))


def _remedy(path: str, number: int | None) -> str | None:
    """What helps against a failure of the operating system at a path; None where it is about permissions."""
    place, elsewhere = quoted(os.path.dirname(path) or "."), "or set STARDAG_HOME to a directory elsewhere."
    match number:
        case errno.ENOSPC:
            return f"Make room on that file system (`df -h {place}`, `df -i {place}`), {elsewhere}"
        case errno.EDQUOT:
            return f"Your quota on that file system is used up (see `quota`): remove something there, {elsewhere}"
        case errno.EROFS:
            return "That file system is read-only: set STARDAG_HOME to a directory that can be written."
        case errno.ENOLCK | errno.ENOTSUP | errno.ENOSYS:
            return "That file system has no locks: set STARDAG_HOME to a directory on a local disk."
        case errno.ELOOP | errno.EMLINK:
            return remove_command(path)
        case errno.EEXIST | errno.ENOTDIR | errno.EISDIR | errno.ENOTEMPTY:
            standing = quoted(_obstacle(path))
            return (
                f"Something else stands there: see `ls -ld {standing}`, and move it away: mv {standing} {standing}.old"
            )
        case errno.ENAMETOOLONG:
            return "The path is too long for that file system: set STARDAG_HOME to a directory with a shorter path."
        case errno.EMFILE | errno.ENFILE:
            return "Too many files are open: close some, or raise the limit (`ulimit -n`)."
        case errno.EFBIG:
            return "The limit on file sizes is too low: raise it (`ulimit -f`)."
        case errno.EIO:
            return f"The disk reports an error: check it, {elsewhere}"
        case _:
            return None


def _obstacle(path: str) -> str:
    """The nearest part of a path that stands there: what keeps the path from being made, where something does."""
    while not os.path.lexists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return path


def remove_command(path: str) -> str:
    """How to remove a file or a link, as a sentence."""
    return f"Look what it leads to, and remove it: rm {quoted(path)}"


def quoted(path: str) -> str:
    """A path as a shell takes it."""
    import shlex  # only for what goes wrong

    return shlex.quote(path)
