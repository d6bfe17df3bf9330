"""API keys: how they are written, told apart and kept (readings, section 7).

A key is `stardag_build_` or `stardag_admin_`, 28 base-62 digits of a random number (166 bits) and a checksum of six.
The prefix names the kind, so that scanners and people recognise one that leaked; the checksum tells a mistyped key from
a wrong one without asking the database. Only the SHA-256 of a key is ever stored: it is random, so nothing slower is
needed.
"""

import hashlib
import re
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Purpose = Literal["administer", "build"]
"""What a key is made for: building in its workspace, or administering it, which includes building."""

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)

ENTROPY_BYTES = 32
"""Random bytes that a key is made of; so many more than fit that no key is likelier than another by more than 2^-89."""

_WORDS: dict[Purpose, str] = {"administer": "admin", "build": "build"}
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_DIGITS = 28
_CHECKSUM_DIGITS = 6
_FORM = re.compile(rf"(stardag_(?:admin|build)_[0-9A-Za-z]{{{_RANDOM_DIGITS}}})([0-9A-Za-z]{{{_CHECKSUM_DIGITS}}})")


@dataclass(frozen=True, slots=True, repr=False)
class ApiKeySecret:
    """A key as its holder has it. It shows itself in no `repr`; who needs the text says `.text`."""

    text: str

    def __repr__(self) -> str:
        return "ApiKeySecret(…)"

    @property
    def fingerprint(self) -> str:
        """What is stored of the key and what it is found by: its SHA-256, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key besides its secret: whose it is, what for, and how long it counts."""

    id: str
    workspace_id: str
    name: str
    purpose: Purpose
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    maker: str = "the server"
    """What whoever made it was called then."""
    last_used_at: datetime | None = None

    def counts_at(self, moment: datetime) -> bool:
        """Whether the key is a credential at `moment`: neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)


def make_secret(purpose: Purpose, entropy: bytes) -> ApiKeySecret:
    """The key that `ENTROPY_BYTES` random bytes give."""
    number = int.from_bytes(entropy) % len(_DIGITS) ** _RANDOM_DIGITS
    body = f"stardag_{_WORDS[purpose]}_{_in_base_62(number, _RANDOM_DIGITS)}"
    return ApiKeySecret(body + _checksum(body))


def parse_secret(text: str) -> ApiKeySecret | None:
    """The key that `text` spells, or None where it can be none: another form, or a checksum that does not fit."""
    form = _FORM.fullmatch(text)
    if form is None or _checksum(form[1]) != form[2]:
        return None
    return ApiKeySecret(text)


def _checksum(body: str) -> str:
    return _in_base_62(zlib.crc32(body.encode()), _CHECKSUM_DIGITS)


def _in_base_62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
