"""A stardag directory's files with secrets: for this user alone from the moment they exist, and refused otherwise.

In a project they count only where this user made them, and nothing is ever put in place of what somebody else made:
that may be under version control, and a secret would leave with it.
"""

import os
import stat
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from stardag.adapters.durable_files import (
    FileRead,
    UnreadableFile,
    is_open_to_others,
    locked,
    make_private_directory,
    prepare,
    quoted,
    remove,
    try_writing,
    write_atomically,
)
from stardag.adapters.state_files.documents import CorruptDocument
from stardag.adapters.state_files.shelf import ACCESS_TOKENS, CREDENTIALS, ForeignFile, Shelf
from stardag.adapters.state_files.turns import reading
from stardag.domain.configuration import StardagDirectory
from stardag.domain.errors import StateNotWritable
from stardag.domain.registry_errors import UnusableSecrets

SIZE_LIMIT = 64 * 1024
"""In bytes; of each file."""

_TRY_AGAIN = "Nothing is known to be wrong with the file. Try again."

Document = TypeVar("Document")


class SecretFiles:
    """The folders `credentials` and `access-token-cache` of one stardag directory.

    Attributes:
        directory: where they lie. A project's whose real path is the user's own directory counts as that.
    """

    def __init__(self, directory: StardagDirectory) -> None:
        self._shelf = Shelf(directory)
        self.directory = self._shelf.directory

    def path(self, name: str) -> str:
        """The absolute path of a file or folder."""
        return self._shelf.path(name)

    def names_to_change(self, folder: str, prefix: str = "") -> Sequence[str]:
        """The names of a folder's files that start with `prefix`, without their ending, for whoever changes them.

        Raises:
            StateNotWritable: the folder cannot be read.
        """
        try:
            return self._names(folder, prefix)
        except UnreadableFile as error:
            raise StateNotWritable(error.path, f"it {error.problem}") from None

    def names_to_find(self, folder: str) -> Sequence[str]:
        """The names of a folder's files, without their ending, for whoever looks what they say.

        Raises:
            UnusableSecrets: the folder cannot be read.
        """
        try:
            return self._names(folder, "")
        except UnreadableFile as error:
            raise UnusableSecrets(error.path, error.problem, _TRY_AGAIN) from None

    def find(
        self, name: str, parse: Callable[[bytes], Document], fix: str, *, is_cache: bool = False
    ) -> Document | None:
        """What a file says; None where there is none, or somebody else brought it. `fix` mends a broken one, which
        counts as absent in a cache: what it held can be had again.

        Raises:
            UnusableSecrets: it is broken, a link, or not for this user alone.
        """
        path = self.path(name)
        try:
            read = self._read(name)
            if read is None:
                return None
            _check_directory(os.path.dirname(path))
            _check_file(path, read.status, fix)
            return parse(read.content)
        except ForeignFile:
            return None
        except UnreadableFile as error:
            if not self._shelf.may_have_made(name) or (is_cache and not error.is_passing):
                return None
            raise UnusableSecrets(path, error.problem, _TRY_AGAIN if error.is_passing else fix) from None
        except CorruptDocument as error:
            if is_cache:
                return None
            raise UnusableSecrets(path, f"is corrupt: {error}", fix) from None

    def prepare(self) -> None:
        """Make the folders, for this user alone; close them to others where they are open.

        Raises:
            StateNotWritable: they cannot be made, or a link stands in their place.
        """
        prepare(self.directory)
        for folder in (CREDENTIALS, ACCESS_TOKENS):
            make_private_directory(self.path(folder))

    @contextmanager
    def alone(self) -> Generator[None]:
        """Be the only one who changes these files.

        Raises:
            StateNotWritable: they cannot be changed.
        """
        self.prepare()
        with locked(self.path(CREDENTIALS)), locked(self.path(ACCESS_TOKENS)):
            yield

    def check_writable(self) -> None:
        """Make sure that files can be written here, and that nobody else brought any; the caller is `alone`.

        Raises:
            StateNotWritable: they cannot, or somebody did.
        """
        for folder in (CREDENTIALS, ACCESS_TOKENS):
            for name in self.names_to_change(folder):
                self._replaceable(f"{folder}/{name}.json")
            try_writing(self.path(folder), SIZE_LIMIT)
        self._shelf.check_recordable()

    def replace(self, name: str, content: bytes) -> None:
        """Put a file with this content in place; the caller is `alone`.

        Raises:
            StateNotWritable: it cannot be written, or somebody else's stands there.
        """
        self._shelf.record(name, self._replaceable(name), content)
        write_atomically(self.path(name), content)

    def remove(self, name: str) -> bool:
        """Remove a file, usable or not, and say whether there was one; somebody else's stays. The caller is `alone`.

        Raises:
            StateNotWritable: it cannot be removed.
        """
        try:
            self._content(name)
        except ForeignFile:
            return False
        return remove(self.path(name))

    def _names(self, folder: str, prefix: str) -> Sequence[str]:
        path = self.path(folder)
        try:
            names = os.listdir(path)
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise UnreadableFile(path, f"cannot be read ({error.strerror})", is_passing=True) from None
        return sorted(name[: -len(".json")] for name in names if name.startswith(prefix) and name.endswith(".json"))

    def _read(self, name: str) -> FileRead | None:
        with reading():
            return self._shelf.read(name, SIZE_LIMIT, follow_links=False)

    def _replaceable(self, name: str) -> bytes | None:
        try:
            return self._content(name)
        except ForeignFile:
            reason = "it was not made by this user, and a secret kept there could leave with the repository"
            fix = f"Remove it from the repository, and here with: rm {quoted(self.path(name))}"
            raise StateNotWritable(self.path(name), reason, fix) from None

    def _content(self, name: str) -> bytes | None:
        """What a file of this user's making holds, as far as it can be read.

        Raises:
            ForeignFile: somebody else made it.
            StateNotWritable: that cannot be told at this moment.
        """
        try:
            read = self._read(name)
        except UnreadableFile as error:
            if not self._shelf.may_have_made(name):
                raise ForeignFile(error.problem) from None
            if error.is_passing:
                raise StateNotWritable(self.path(name), f"it {error.problem}") from None
            return None
        return None if read is None else read.content


def _check_directory(path: str) -> None:
    try:
        status = os.lstat(path)
    except OSError:
        raise UnreadableFile(path, "is being replaced", is_passing=True) from None
    shown = quoted(path)
    if stat.S_ISLNK(status.st_mode):
        raise UnusableSecrets(path, "is a link", f"Remove it, and sign in again: rm {shown}")
    if status.st_uid != os.geteuid():
        raise UnusableSecrets(path, "belongs to another user", f"Remove it, and sign in again: rm -r {shown}")
    if is_open_to_others(status):
        raise UnusableSecrets(path, "is open to others", f"Fix its permissions: chmod 700 {shown}")


def _check_file(path: str, status: os.stat_result, fix: str) -> None:
    if status.st_uid != os.geteuid():
        raise UnusableSecrets(path, "belongs to another user", fix)
    if is_open_to_others(status):
        command = f"chmod 600 {quoted(path)}"
        raise UnusableSecrets(path, "can be read or written by others", f"Fix its permissions: {command}")
