"""Issuers that did not answer lately, noted in the user's own stardag directory, out of every repository's reach."""

import os
from contextlib import suppress

from stardag.adapters.durable_files import (
    UnreadableFile,
    locked,
    prepare_user_directory,
    read_bounded,
    remove,
    write_atomically,
)
from stardag.adapters.state_files.documents import CorruptDocument
from stardag.adapters.state_files.sign_in_documents import read_silence, write_silence
from stardag.domain.errors import StateNotWritable
from stardag.domain.sign_in import SignIn, Silence

FOLDER = "issuer-silence"

_SIZE_LIMIT = 16 * 1024
_PATIENCE = 1.0
"""Seconds to wait for somebody else's note; going without costs one more question."""


class Silences:
    """The notes below a user's stardag directory, by the registry's name."""

    def __init__(self, user_directory: str) -> None:
        self._user_directory = user_directory
        self._folder = os.path.join(user_directory, FOLDER)

    def find(self, sign_in: SignIn) -> Silence | None:
        """What was noted of a sign-in's issuer; None where nothing was, or nothing that can be understood."""
        try:
            content = read_bounded(self._path(sign_in), _SIZE_LIMIT, follow_links=False)
            return None if content is None else read_silence(content, sign_in.token_endpoint)
        except (UnreadableFile, CorruptDocument):
            return None

    def note(self, sign_in: SignIn, silence: Silence | None) -> None:
        """Note an issuer's silence, or its end. Not being able to is no error."""
        path = self._path(sign_in)
        if silence is None and not os.path.lexists(path):
            return
        with suppress(StateNotWritable):
            prepare_user_directory(self._user_directory)
            with locked(self._folder, _PATIENCE):
                if silence is None:
                    remove(path)
                else:
                    write_atomically(path, write_silence(silence, sign_in.token_endpoint))

    def _path(self, sign_in: SignIn) -> str:
        return os.path.join(self._folder, f"{sign_in.registry}.json")
