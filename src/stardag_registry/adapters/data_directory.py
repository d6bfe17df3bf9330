"""The directory that the server keeps its files in: its mode, and the owner's first key and password, which nobody else
can read."""

import os
import secrets
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from stardag_registry.domain.accounts import Password
from stardag_registry.domain.api_keys import ApiKeySecret
from stardag_registry.domain.errors import UnusableDataDirectory

_PRIVATE_DIRECTORY = 0o700
_PRIVATE_FILE = 0o600
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


def prepare_data_directory(path: Path) -> None:
    """Make the directory (0700) and those above it where they are missing. One that is empty becomes as private, and is
    kept out of git: it may lie in a repository.

    Raises:
        UnusableDataDirectory: it cannot be made or written, is no directory, or others may write to it.
    """
    try:
        _make_directory(path)
        if not path.is_dir():
            raise UnusableDataDirectory(str(path), "it is not a directory")
        if not any(path.iterdir()):
            path.chmod(_PRIVATE_DIRECTORY)
            _write_privately(path / ".gitignore", "*")
        mode = path.stat().st_mode
    except OSError as error:
        raise _unusable(path, error) from error
    if mode & _WRITABLE_BY_OTHERS:
        raise UnusableDataDirectory(str(path), "others may write to it", f"If it is yours alone: chmod 700 {path}")
    if not os.access(path, os.W_OK | os.X_OK):
        raise UnusableDataDirectory(str(path), "it may not be written to")


def _make_directory(path: Path) -> None:
    if not path.parent.exists():
        _make_directory(path.parent)
    with suppress(FileExistsError):
        path.mkdir(mode=_PRIVATE_DIRECTORY)


@dataclass(frozen=True, slots=True)
class _OwnersFile:
    """A file of a directory that holds one secret of the owner's."""

    directory: Path
    _name: ClassVar[str]

    @property
    def location(self) -> str:
        """The path of the file."""
        return str(self._path)

    @property
    def _path(self) -> Path:
        return self.directory / self._name

    def exists(self) -> bool:
        """Whether anything is there, a dangling link included."""
        return os.path.lexists(self._path)


class OwnerKeyInDirectory(_OwnersFile):
    """Keeps the promise of the port `OwnerKeyFile`, in the file `owner-api-key` of a directory."""

    __slots__ = ()
    _name = "owner-api-key"

    def write(self, secret: ApiKeySecret) -> None:
        """Durably, and readable by nobody else from the moment it exists."""
        _write_privately(self._path, secret.text)


class OwnerPasswordInDirectory(_OwnersFile):
    """Keeps the promise of the port `OwnerPasswordFile`, in the file `owner-password` of a directory."""

    __slots__ = ()
    _name = "owner-password"

    def write(self, password: Password) -> None:
        """Durably, and readable by nobody else from the moment it exists."""
        _write_privately(self._path, password.text)

    def remove(self) -> None:
        """Forget it; fine where it is gone."""
        try:
            self._path.unlink(missing_ok=True)
            _sync_directory(self.directory)
        except OSError as error:
            raise _unusable(self.directory, error) from error


def _write_privately(path: Path, text: str) -> None:
    """Written beside, synced and renamed, so that a reader sees the old text or the new one, and a power cut too."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(descriptor)
        temporary.replace(path)
        _sync_directory(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise _unusable(path.parent, error) from error


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(path: Path, error: OSError) -> UnusableDataDirectory:
    return UnusableDataDirectory(str(path), error.strerror or str(error))
