"""What the registry's own OpenID provider gives to a client and how long each thing counts: authorization codes, device
codes, families of refresh tokens (RFC 6749, RFC 8628, RFC 9700)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

CLIENT_ID = "stardag-cli"
"""The one client that the provider knows: stardag on somebody's command line, which can keep no secret."""

SCOPES = ("openid", "profile", "email", "offline_access")

CODE_LIFETIME = timedelta(minutes=2)
"""Of an authorization code, which a program on the same machine takes at once."""

DEVICE_CODE_LIFETIME = timedelta(minutes=15)
"""Of a device code and its user code, which somebody has to read and type."""

DEVICE_INTERVAL = timedelta(seconds=5)
"""How long a device waits between two questions, at first."""

REFRESH_LIFETIME = timedelta(days=90)
"""How long a sign-in that nobody uses can still be used."""

USER_CODE_BYTES = 16
"""Random bytes that a user code is made of."""

_USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so that no words come out (RFC 8628, section 6.1)
_USER_CODE_LENGTH = 8
_REDIRECT_URI = re.compile(r"http://127\.0\.0\.1:([1-9][0-9]{0,4})/callback", re.ASCII)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody allows a client: to act as the account, in these scopes."""

    account_id: str
    client_id: str
    scopes: tuple[str, ...]
    signed_in_at: datetime
    nonce: str | None = None

    @property
    def is_lasting(self) -> bool:
        """Whether the client may go on when the person has left (OpenID Connect Core 1.0, section 11)."""
        return "offline_access" in self.scopes


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """A grant on its way to the client, through the browser. The code itself is kept as `fingerprint` only."""

    fingerprint: str
    grant: Grant
    redirect_uri: str
    challenge: str
    expires_at: datetime
    used_at: datetime | None = None
    family_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceAuthorization:
    """A device that waits for somebody to allow it, with a browser elsewhere (RFC 8628).

    `address` is where the device asked from, to show it to whoever decides. `grant` is there once somebody has allowed
    it; `refused` says that somebody did not.
    """

    fingerprint: str
    user_code_fingerprint: str
    client_id: str
    scopes: tuple[str, ...]
    address: str
    asked_at: datetime
    expires_at: datetime
    interval: timedelta = DEVICE_INTERVAL
    polled_at: datetime | None = None
    grant: Grant | None = None
    refused: bool = False
    used_at: datetime | None = None
    family_id: str | None = None


@dataclass(frozen=True, slots=True)
class RefreshFamily:
    """Refresh tokens that follow one another, generation by generation, from one grant.

    `used` is the newest generation that was ever presented, -1 before the first. That one gives its successor again as
    often as it is asked, since the answer may have been lost, until the successor is used. Anything older is stolen, or
    its successor is.
    """

    id: str
    grant: Grant
    used: int
    expires_at: datetime
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token of a family, kept as `fingerprint` only."""

    fingerprint: str
    family: RefreshFamily
    generation: int


def known_scopes(asked: Iterable[str]) -> tuple[str, ...]:
    """Those that the provider knows, in its order; others are passed over (OpenID Connect Core 1.0, 3.1.2.1)."""
    wanted = set(asked)
    return tuple(scope for scope in SCOPES if scope in wanted)


def is_redirect_uri(value: str) -> bool:
    """Whether a code may be sent there: the client's listener on this machine, at any port (RFC 8252, section 7.3)."""
    match = _REDIRECT_URI.fullmatch(value)
    return match is not None and int(match[1]) <= 65535


def is_challenge(value: str) -> bool:
    """Whether it is the SHA-256 of something, as PKCE writes it (RFC 7636, section 4.2)."""
    return _CHALLENGE.fullmatch(value) is not None


def new_user_code(entropy: bytes) -> str:
    """The code that a person reads on one screen and types at another, from `USER_CODE_BYTES` random bytes."""
    number = int.from_bytes(entropy)
    letters = ""
    for _ in range(_USER_CODE_LENGTH):
        number, letter = divmod(number, len(_USER_CODE_LETTERS))
        letters += _USER_CODE_LETTERS[letter]
    return f"{letters[:4]}-{letters[4:]}"


def typed_user_code(text: str) -> str | None:
    """The code that somebody typed, however they wrote it; None where it can be none."""
    letters = "".join(letter for letter in text.upper()[:100] if letter not in " -–—\t")
    if len(letters) != _USER_CODE_LENGTH or not set(letters) <= set(_USER_CODE_LETTERS):
        return None
    return f"{letters[:4]}-{letters[4:]}"
