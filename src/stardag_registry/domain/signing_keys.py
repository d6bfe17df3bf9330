"""The keys that the registry signs its tokens with, and how long they count."""

from dataclasses import dataclass
from datetime import datetime, timedelta

TOKEN_LIFETIME = timedelta(minutes=10)
"""Of every token that the registry signs."""

RETIREMENT = timedelta(hours=1)
"""How long a key still verifies after another took its place: longer than any token lives, and any clock is off."""


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A private key in PEM (PKCS #8). It shows itself in no `repr`."""

    id: str
    private_key: str
    created_at: datetime

    def __repr__(self) -> str:
        return f"SigningKey({self.id!r})"
