"""Secrets that the registry makes and hands out once: how they are written, told apart and kept.

One is `stardag_` and a word for its kind, 28 base-62 digits of a random number (166 bits) and a checksum of six. The
prefix names the kind, so that scanners and people recognise one that leaked; the checksum tells a mistyped one from a
wrong one without asking the database. Only its SHA-256 is ever stored: it is random, so nothing slower is needed.
"""

import hashlib
import re
import zlib
from dataclasses import dataclass

ENTROPY_BYTES = 32
"""Random bytes that a secret is made of; so many more than fit that none is likelier than another by more than 2^-89.
"""

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_DIGITS = 28
_CHECKSUM_DIGITS = 6
_FORM = re.compile(rf"(stardag_([a-z]+)_[0-9A-Za-z]{{{_RANDOM_DIGITS}}})([0-9A-Za-z]{{{_CHECKSUM_DIGITS}}})")


@dataclass(frozen=True, slots=True, repr=False)
class MadeSecret:
    """A secret as its holder has it. It shows itself in no `repr`; who needs the text says `.text`."""

    text: str

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"

    @property
    def fingerprint(self) -> str:
        """What is stored of the secret and what it is found by: its SHA-256, in hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def spell(kind: str, entropy: bytes) -> str:
    """The secret of a kind that `ENTROPY_BYTES` random bytes give."""
    number = int.from_bytes(entropy) % len(_DIGITS) ** _RANDOM_DIGITS
    body = f"stardag_{kind}_{_in_base_62(number, _RANDOM_DIGITS)}"
    return body + _checksum(body)


def kind_of(text: str) -> str | None:
    """The kind of secret that `text` spells, or None where it can be none: another form, or a checksum that does not
    fit."""
    form = _FORM.fullmatch(text)
    return None if form is None or _checksum(form[1]) != form[3] else form[2]


def _checksum(body: str) -> str:
    return _in_base_62(zlib.crc32(body.encode()), _CHECKSUM_DIGITS)


def _in_base_62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
