"""Who signed in, for people: noted in the user's own stardag directory beside no secret, and never relied on."""

import os
from contextlib import suppress

from stardag.adapters.durable_files import UnreadableFile, locked, read_bounded, remove, write_atomically
from stardag.adapters.state_files.documents import CorruptDocument
from stardag.adapters.state_files.sign_in_documents import read_account, write_account
from stardag.domain.errors import StateNotWritable
from stardag.domain.sign_in import SignIn, User

FOLDER = "sign-in-accounts"

_SIZE_LIMIT = 16 * 1024


class Accounts:
    """The notes below a user's stardag directory, by the registry's name."""

    def __init__(self, user_directory: str) -> None:
        self._folder = os.path.join(user_directory, FOLDER)

    def find(self, sign_in: SignIn) -> User | None:
        """Whose this sign-in is; None where nothing was noted of it, or nothing that can be understood."""
        try:
            content = read_bounded(self._path(sign_in.registry), _SIZE_LIMIT, follow_links=False)
            return None if content is None else read_account(content, sign_in)
        except (UnreadableFile, CorruptDocument):
            return None

    def note(self, sign_in: SignIn, account: User) -> None:
        """Note whose a sign-in is. Not being able to is no error."""
        with suppress(StateNotWritable), locked(self._folder):
            write_atomically(self._path(sign_in.registry), write_account(sign_in, account))

    def forget(self, registry: str) -> None:
        """Forget whose the sign-in of this name is, before another may take its place.

        Raises:
            StateNotWritable: the note cannot be removed.
        """
        path = self._path(registry)
        if os.path.lexists(path):
            with locked(self._folder):
                remove(path)

    def _path(self, registry: str) -> str:
        return os.path.join(self._folder, f"{registry}.json")
