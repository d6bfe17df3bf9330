"""Which state files in projects this user made, so that a repository cannot bring its own (readings, section 2).

The record lies in the user's own stardag directory, out of every repository's reach: for each project's directory and
each file in it the digests of the last contents written.
"""

import os
from collections.abc import Mapping

from stardag.adapters.durable_files import (
    UnreadableFile,
    locked,
    prepare_user_directory,
    quoted,
    read_bounded,
    set_aside,
    try_writing,
    write_atomically,
)
from stardag.adapters.state_files.documents import CorruptDocument, Making, read_makings, write_makings
from stardag.domain.errors import StateNotWritable

MADE_HERE_NAME = "made-here.json"
SIZE_LIMIT = 4 * 1024 * 1024
"""In bytes; of every state file."""

_TRIAL_SIZE = 64 * 1024
"""In bytes; a record of very many projects."""

_MANY_PROJECTS = 500
"""From here on, projects whose directory is gone are forgotten; before, it may be a drive that is not mounted."""


class MadeHere:
    """The record of one project's directory.

    Attributes:
        problem: path of the record and what is wrong with it; None where it is sound or missing.
        is_passing: what is wrong is the machine's trouble, and the record may well be sound.
    """

    def __init__(self, directory: str, user_directory: str) -> None:
        self._directory = os.path.realpath(directory)
        self._user_directory = user_directory
        self._path = os.path.join(user_directory, MADE_HERE_NAME)
        self._made: Making | None = None
        self.problem: str | None = None
        self.is_passing = False

    def digests_of(self, name: str, fresh: bool) -> tuple[str, ...]:
        """The digests of the contents that this user gave a file lately; none where the record cannot be read.

        With `fresh` the record is read again, else only the first time.
        """
        if self._made is None or fresh:
            self._made, self.problem = self._look()
        return self._made.get(name, ())

    def may_have_made(self, name: str) -> bool:
        """Whether this user made a file of that name in the project, or it cannot be said."""
        return bool(self.digests_of(name, fresh=False)) or self.problem is not None

    def record(self, name: str, old: bytes | None, new: bytes) -> None:
        """Before `new` replaces `old` in a file, note that this user makes it: killed in between, either one counts.

        The caller holds the lock of the project's directory; the user's is taken within it, never the other way round.

        Raises:
            StateNotWritable: the record cannot be written.
        """
        self._change(
            name, tuple(dict.fromkeys(content_digest(content) for content in (old, new) if content is not None))
        )

    def forget(self, name: str) -> None:
        """Forget that this user made a file, which is gone. The caller holds the lock of the project's directory.

        Raises:
            StateNotWritable: the record cannot be written.
        """
        self._change(name, ())

    def _change(self, name: str, digests: tuple[str, ...]) -> None:
        prepare_user_directory(self._user_directory)
        with locked(self._user_directory):
            makings = self._read_or_set_aside()
            made = {**makings.get(self._directory, {}), name: digests}
            if not digests:
                del made[name]
            if makings.get(self._directory) == made:
                return
            content = write_makings({**_living(makings), self._directory: made})
            if len(content) > SIZE_LIMIT:
                fix = f"Delete it to start anew: rm {quoted(self._path)}"
                raise StateNotWritable(self._path, "it would grow too large", fix)
            write_atomically(self._path, content)
            self._made = made

    def check_writable(self) -> None:
        """Make sure that the record can be written.

        Raises:
            StateNotWritable: it cannot.
        """
        prepare_user_directory(self._user_directory)
        with locked(self._user_directory):
            try_writing(self._user_directory, _TRIAL_SIZE)

    def _look(self) -> tuple[Making, str | None]:
        self.is_passing = False
        try:
            return self._read().get(self._directory, {}), None
        except UnreadableFile as error:
            self.is_passing = error.is_passing
            return {}, str(error)
        except CorruptDocument as error:
            return {}, f"{self._path} is corrupt: {error}"

    def _read(self) -> Mapping[str, Making]:
        content = read_bounded(self._path, SIZE_LIMIT)
        return {} if content is None else read_makings(content)

    def _read_or_set_aside(self) -> Mapping[str, Making]:
        try:
            return self._read()
        except UnreadableFile as error:
            if error.is_passing:
                raise StateNotWritable(self._path, f"it {error.problem}") from error
        except CorruptDocument:
            pass
        set_aside(self._path, "corrupt")
        return {}


def content_digest(content: bytes) -> str:
    """The SHA-256 of a file's content, as 64 hexadecimal digits."""
    import hashlib  # outside of projects nobody needs it

    return hashlib.sha256(content).hexdigest()


def _living(makings: Mapping[str, Making]) -> Mapping[str, Making]:
    if len(makings) < _MANY_PROJECTS:
        return makings
    return {directory: made for directory, made in makings.items() if os.path.isdir(directory)}
