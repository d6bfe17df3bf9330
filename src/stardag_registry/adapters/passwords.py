"""argon2id (RFC 9106), with a bound on how much is done at once: every hash takes 64 MiB and some cores for a while."""

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from stardag_registry.domain.accounts import Password

AT_ONCE = 2
"""How many passwords are hashed at the same time in one process. Others wait."""


class Argon2Passwords:
    """Keeps the promise of the port `Passwords`. Without a hasher: as the second choice of RFC 9106, section 4."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._nobodys: str | None = None

    def hashed(self, password: Password) -> str:
        """What to keep of a password."""
        with self._turns:
            return self._hasher.hash(password.text)

    def fits(self, password: Password, kept: str | None) -> bool:
        """Whether it is the password; for None, as much work is done as for anybody."""
        if self._nobodys is None:
            self._nobodys = self.hashed(Password("nobody's"))
        compared = self._nobodys if kept is None else kept
        with self._turns:
            try:
                self._hasher.verify(compared, password.text)
            except (VerificationError, InvalidHashError):
                return False
        return kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether the parameters have changed since."""
        return self._hasher.check_needs_rehash(kept)
