"""Whether a local directory can be made and written, found out by doing so somewhere it disturbs nobody.

The attempt never makes the directory itself. It makes a directory of a random name in the nearest ancestor that exists,
the missing ones below that, and a file in the last; then it removes them. Two checks of one root, and builds that make
the root meanwhile, therefore never meet, and nobody else's directory is ever removed.
"""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote_to_bytes

from stardag.adapters.storage.local_failures import phrase_of

PROBE_BYTES = 4096
"""Enough that a full disk notices."""


class Unusable(Exception):
    """A local target root that cannot be used; carries what is wrong, as a phrase."""


def check_directory(uri_prefix: str) -> str | None:
    """None where the directory that `uri_prefix` means can be made and written; else what is wrong, as a phrase."""
    try:
        directory = directory_of(uri_prefix)
        existing = _nearest_existing(directory)
        _try_to_write(existing, directory.relative_to(existing))
    except Unusable as problem:
        return str(problem)
    return None


def directory_of(uri_prefix: str) -> Path:
    """The directory that an absolute path, `~/…` or `file://…` (RFC 8089) means.

    Raises:
        Unusable: it means none.
    """
    directory = _path_of(uri_prefix)
    if "\0" in str(directory) or ".." in directory.parts:
        raise Unusable("its path holds a null character or steps upwards with '..'")
    return directory


def _path_of(uri_prefix: str) -> Path:
    if uri_prefix.startswith("~"):
        try:
            directory = Path(uri_prefix).expanduser()
        except RuntimeError:
            directory = Path(uri_prefix)
        if (
            not directory.is_absolute()
        ):  # HOME is relative, or there is none: nothing below the working directory is meant
            raise Unusable("there is no home directory to put for '~'")
        return directory
    if uri_prefix.startswith("/"):
        return Path(uri_prefix)
    host, slash, path = uri_prefix.partition("://")[2].partition("/")
    if not slash or host not in ("", "localhost"):
        raise Unusable("it names another machine; a file:// prefix has three slashes: file:///path")
    return Path(os.fsdecode(unquote_to_bytes(slash + path)))


def _nearest_existing(directory: Path) -> Path:
    """The directory itself or the nearest ancestor that is there, as links lead.

    Raises:
        Unusable: what is there is no directory, a link to nothing, or out of reach.
    """
    for candidate in (directory, *directory.parents):
        try:
            mode = candidate.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            if candidate.is_symlink():
                raise Unusable(
                    f"{candidate} is a symbolic link to {candidate.readlink()}, which is not there"
                ) from None
            continue
        except OSError as error:
            raise Unusable(_phrase(error, candidate)) from None
        if not stat.S_ISDIR(mode):
            raise Unusable(f"{candidate} is not a directory")
        return candidate
    raise Unusable(f"{directory} is not an absolute path")


def _try_to_write(existing: Path, missing: Path) -> None:
    """Make a directory in `existing`, the `missing` ones in that and a file in the last; remove them all.

    Raises:
        Unusable: one of them cannot be made.
    """
    made: list[Path] = []
    try:
        for step in (f".stardag-check-{secrets.token_hex(8)}", *missing.parts):
            directory = (made[-1] if made else existing) / step
            directory.mkdir(mode=0o700)
            made.append(directory)
        _write(made[-1] / "probe")
    except OSError as error:
        raise Unusable(_phrase(error, existing)) from None
    finally:
        for directory in reversed(made):
            with suppress(OSError):
                directory.rmdir()


def _write(path: Path) -> None:
    try:
        with path.open("xb") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())  # some file systems find out only now that there is no space
    finally:
        path.unlink(missing_ok=True)


def _phrase(error: OSError, place: Path) -> str:
    return f"{phrase_of(error)} ({place})"
