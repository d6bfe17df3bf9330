"""Accounts of the registry's own OpenID provider: who may sign in, with which password, and for how long."""

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from stardag_registry.domain.errors import InvalidField

PASSWORD_MIN_LENGTH = 12
PASSWORD_MAX_LENGTH = 1000
"""In characters. Whoever chooses a long one is not stopped, and nobody makes the server hash a megabyte."""

SESSION_LIFETIME = timedelta(days=7)
"""How long a browser stays signed in."""

INITIAL_PASSWORD_BYTES = 20
"""Random bytes that the first password of an account is made of."""

_EASILY_READ = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP_LENGTH = 5, 4


@dataclass(frozen=True, slots=True, repr=False)
class Password:
    """A password as a person knows it. It shows itself in no `repr`; who needs the text says `.text`."""

    text: str

    def __post_init__(self) -> None:
        # The same characters may arrive composed or not, depending on the keyboard (RFC 8265, section 4.2.2).
        object.__setattr__(self, "text", unicodedata.normalize("NFC", self.text[: PASSWORD_MAX_LENGTH + 1]))

    def __repr__(self) -> str:
        return "Password(…)"


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in here.

    `password_kept` says that the password is the one in the file which the first start wrote. `email_verified` that
    whoever runs the server gave the account its address; a link that somebody was handed does not prove one.
    """

    id: str
    email: str
    username: str
    created_at: datetime
    password_kept: bool = False
    email_verified: bool = True


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A browser at which somebody has signed in; what it shows is kept as `fingerprint` only."""

    fingerprint: str
    account: Account
    signed_in_at: datetime
    expires_at: datetime


def fingerprint_of(secret: str) -> str:
    """What is stored of a random secret and what it is found by: its SHA-256, in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def initial_password(entropy: bytes) -> Password:
    """What `INITIAL_PASSWORD_BYTES` random bytes give: 20 characters not easily mistaken, 98 random bits."""
    number = int.from_bytes(entropy) % len(_EASILY_READ) ** (_GROUPS * _GROUP_LENGTH)
    digits: list[str] = []
    for _ in range(_GROUPS * _GROUP_LENGTH):
        number, digit = divmod(number, len(_EASILY_READ))
        digits.append(_EASILY_READ[digit])
    text = "".join(digits)
    return Password("-".join(text[at : at + _GROUP_LENGTH] for at in range(0, len(text), _GROUP_LENGTH)))


def check_new_password(account: Account, password: Password) -> None:
    """That somebody may choose this password: length is what counts, so nothing else is asked.

    Raises:
        InvalidField: it is too short or too long, or it is the account's own name.
    """
    if len(password.text) < PASSWORD_MIN_LENGTH:
        raise InvalidField("password", f"a password has at least {PASSWORD_MIN_LENGTH} characters")
    if len(password.text) > PASSWORD_MAX_LENGTH:
        raise InvalidField("password", f"a password has at most {PASSWORD_MAX_LENGTH} characters")
    if password.text.casefold() in {account.email.casefold(), account.username.casefold()}:
        raise InvalidField("password", "your own name or address is the first that others try")
    if len(set(password.text)) == 1:
        raise InvalidField("password", "one and the same character is among the first that others try")
