"""Secrets that are made of another one and of what only the registry knows, so that they need not be kept."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from stardag_registry.app.ports import Randomness
from stardag_registry.app.provider.ports import ProviderDatabase

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Derive:
    """Makes the same secret of the same words, in every process that shares the database. Nobody else can.

    Raises:
        DatabaseUnavailable: what it is made of cannot be read.
    """

    database: ProviderDatabase
    randomness: Randomness

    def __call__(self, purpose: str, *words: str) -> str:
        """43 characters for a purpose and words, HMAC-SHA-256. Not to be asked for inside a transaction."""
        message = "\0".join((purpose, *words))
        digest = hmac.digest(self._secret(), message.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def prepare(self) -> None:
        """Make the registry's secret, where there is none yet."""
        self._secret()

    def _secret(self) -> bytes:
        with self.database.reading() as reading:
            secret = reading.secret()
        if secret is None:
            with self.database.transaction() as transaction:
                secret = transaction.keep_secret(self.randomness(SECRET_BYTES))
        return secret


def random_text(randomness: Randomness) -> str:
    """43 characters that nobody can guess: 256 random bits."""
    return base64.urlsafe_b64encode(randomness(SECRET_BYTES)).decode().rstrip("=")
