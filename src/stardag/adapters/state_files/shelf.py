"""The state files of one directory: found where they count, replaced under the lock, set aside where they do not."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Generic, NamedTuple, Never, TypeVar

from stardag.adapters.durable_files import (
    FileRead,
    UnreadableFile,
    locked,
    prepare,
    quoted,
    read_file,
    set_aside,
    write_atomically,
)
from stardag.adapters.state_files.documents import CorruptDocument
from stardag.adapters.state_files.made_here import SIZE_LIMIT, MadeHere, content_digest
from stardag.domain.configuration import StardagDirectory
from stardag.domain.errors import StateNotWritable
from stardag.domain.layers import Notice

Document = TypeVar("Document", covariant=True)

CREDENTIALS = "credentials"
ACCESS_TOKENS = "access-token-cache"
"""Folders of a stardag directory (guide, "File Structure")."""

_MOST_FILES = 100
"""How many files of a folder are looked at for whether they count; a repository can bring any number."""

_MOST_LOOKS = 20
"""How often a file is looked at again that is replaced while it is compared with the record of its making."""


class Found(NamedTuple, Generic[Document]):
    """What stands at the place of a state file.

    Attributes:
        document, content: what it says, parsed and as it stands; both None where there is none or it does not count.
        problem: why a file that is there does not count, as a phrase to follow its path.
        word: what the name of such a file gets when it is set aside; None where it may be sound and has to stay.
        is_lost: there was a document of this user's making, and it cannot be read any more.
    """

    document: Document | None = None
    content: bytes | None = None
    problem: str | None = None
    word: str | None = None
    is_lost: bool = False


class Shelf:
    """One stardag directory's state files.

    Attributes:
        directory: where they lie. A project's whose real path is the user's own directory counts as that.
    """

    def __init__(self, directory: StardagDirectory) -> None:
        if directory.is_project and os.path.realpath(directory.path) == os.path.realpath(directory.user_path):
            directory = StardagDirectory(directory.user_path, directory.user_path)
        self.directory = directory
        self._made_here = MadeHere(directory.path, directory.user_path) if directory.is_project else None

    def path(self, name: str) -> str:
        """The absolute path of a state file."""
        return os.path.join(self.directory.path, name)

    def find(self, name: str, parse: Callable[[bytes], Document]) -> Found[Document]:
        """What a state file says, where it counts; never raises."""
        try:
            read = self.read(name)
            return Found() if read is None else Found(parse(read.content), read.content)
        except UnreadableFile as error:
            return self._lost(name, error.problem, None if error.is_passing else "corrupt")
        except CorruptDocument as error:
            return self._lost(name, f"is corrupt: {error}", "corrupt")
        except ForeignFile as error:
            return self._lost(name, str(error), "set-aside")

    def read(self, name: str, limit: int = SIZE_LIMIT, *, follow_links: bool = True) -> FileRead | None:
        """A state file of at most `limit` bytes, of this user's making; in a project, links are never followed.

        Raises:
            UnreadableFile: it cannot be read, or must not be.
            ForeignFile: somebody else made it.
        """
        read = self._look(name, limit, follow_links)
        if read is None or self._made_here is None:
            return read
        return self._of_own_making(name, read, limit, self._made_here)

    def may_have_made(self, name: str) -> bool:
        """Whether this user made a file of that name, or it cannot be said; outside of projects, nobody else could."""
        return self._made_here is None or self._made_here.may_have_made(name)

    def _lost(self, name: str, problem: str, word: str | None) -> Found[Never]:
        return Found(problem=problem, word=word, is_lost=self.may_have_made(name))

    def notices(self, name: str, found: Found[object]) -> tuple[Notice, ...]:
        """What a person should hear of a file that does not count."""
        if found.problem is None:
            return ()
        code = "state-not-made-here" if found.word == "set-aside" else "state-set-aside"
        record = self._made_here.problem if self._made_here is not None else None
        reason = f" (the record of what this user made, {record})" if record else ""
        return (Notice(code, f"{self.path(name)} {found.problem}; it counts as absent{reason}."),)

    def notices_below(self, folder: str) -> tuple[Notice, ...]:
        """What a person should hear of a project's folder that holds files which do not count; speaks of the first."""
        if self._made_here is None:
            return ()
        try:
            names = sorted(name for name in os.listdir(self.path(folder)) if name.endswith(".json"))
        except OSError:
            return ()
        for name in names[:_MOST_FILES]:
            notices = self.notices(f"{folder}/{name}", self.find(f"{folder}/{name}", bytes))
            if notices:
                return notices
        return ()

    @contextmanager
    def alone(self) -> Generator[None]:
        """Be the only one who changes these files.

        Raises:
            StateNotWritable: they cannot be changed.
        """
        prepare(self.directory)
        with locked(self.directory.path):
            yield

    def check_recordable(self) -> None:
        """Make sure that it can be noted what this user makes; outside of projects nothing is.

        Raises:
            StateNotWritable: it cannot.
        """
        if self._made_here is not None:
            self._made_here.check_writable()

    def record(self, name: str, old: bytes | None, new: bytes) -> None:
        """In a project, note that this user makes a file, before `new` replaces `old` in it.

        Raises:
            StateNotWritable: that cannot be noted.
        """
        if self._made_here is not None:
            self._made_here.record(name, old, new)

    def forget(self, name: str) -> None:
        """In a project, forget that this user made a file, which is gone.

        Raises:
            StateNotWritable: that cannot be noted.
        """
        if self._made_here is not None:
            self._made_here.forget(name)

    def is_led_elsewhere(self, folder: str) -> bool:
        """Whether a project's folder is a link, or lies behind one, so that nothing may be written through it."""
        return self._made_here is not None and (
            os.path.islink(self.directory.path) or os.path.islink(self.path(folder))
        )

    def replace(self, name: str, found: Found[object], content: bytes) -> None:
        """Replace a file, as it was found under the lock; what does not count is set aside first.

        Raises:
            StateNotWritable: it cannot be written, or would grow beyond what is read again.
        """
        if content == found.content:
            return
        path = self.path(name)
        if len(content) > SIZE_LIMIT:
            raise StateNotWritable(path, "it would grow too large", f"Delete it to start anew: rm {quoted(path)}")
        self.set_aside(name, found)
        self.record(name, found.content, content)
        write_atomically(path, content)

    def set_aside(self, name: str, found: Found[object]) -> None:
        """Rename a file that does not count, under the lock; leave any other.

        Raises:
            StateNotWritable: it cannot be renamed, or may be sound and only cannot be read at this moment.
        """
        self.check_movable(name, found)
        if found.word is not None:
            set_aside(self.path(name), found.word)

    def check_movable(self, name: str, found: Found[object]) -> None:
        """Make sure that a file may be replaced or set aside.

        Raises:
            StateNotWritable: it may be sound, and only cannot be read at this moment.
        """
        if found.problem is not None and found.word is None:
            raise StateNotWritable(self.path(name), f"it {found.problem}")

    def _look(self, name: str, limit: int, follow_links: bool) -> FileRead | None:
        path = self.path(name)
        if self._made_here is None:
            return read_file(path, limit, follow_links=follow_links)
        if not os.path.lexists(path):
            return None
        if os.path.islink(self.directory.path) or os.path.islink(os.path.dirname(path)):
            raise ForeignFile("lies in a directory that is a link and is set aside")
        if os.path.islink(path):
            raise ForeignFile("is a link, was not made by this user and is set aside")
        return read_file(path, limit, follow_links=False)

    def _of_own_making(self, name: str, read: FileRead, limit: int, made_here: MadeHere) -> FileRead | None:
        """The file, if the record says that this user gave it its content.

        A file can be replaced between the looks at it and at the record; only one that stays the same is foreign.
        """
        for look in range(_MOST_LOOKS):
            if content_digest(read.content) in made_here.digests_of(name, fresh=look > 0):
                return read
            again = self._look(name, limit, follow_links=False)
            if again is None:
                return None
            if again.content == read.content and look > 0:
                break
            read = again
        if made_here.is_passing:
            raise UnreadableFile(self.path(name), f"cannot be told from a foreign file: {made_here.problem}", True)
        raise ForeignFile("was not made by this user and is set aside")


class ForeignFile(Exception):
    """A file in a project that this user did not make, as a phrase to follow its path."""
