"""The rule for every name that a person or a server may give.

Names of registries, profiles and target roots, and slugs of organizations and workspaces, become parts of file names
and of environment variables; that is why they are this narrow (readings, section 1). Both sides of the wire check them.
"""

import re
from functools import lru_cache

from stardag.domain.errors import InvalidName, InvalidValue

NAME_PATTERN = r"[a-z0-9]+(?:[-_][a-z0-9]+)*"
NAME_MAX_LENGTH = 63

_NAME = re.compile(NAME_PATTERN)
_ID_LENGTHS = [8, 4, 4, 4, 12]
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")


@lru_cache(maxsize=4096)  # programs resolve again and again, from files of a thousand profiles and two thousand names
def is_name(value: str) -> bool:
    """Whether `value` may name a registry, a profile, a target root, an organization or a workspace."""
    return len(value) <= NAME_MAX_LENGTH and _NAME.fullmatch(value) is not None


def check_name(kind: str, value: str) -> str:
    """Return `value`, a name of the given kind ("registry", "profile", …).

    Raises:
        InvalidName: the value does not follow the rule; the error carries kind and value.
    """
    if not is_name(value):
        raise InvalidName(kind, value)
    return value


def is_id(value: str) -> bool:
    """Whether `value` has the form of an id (a UUID). A slug never has it."""
    parts = value.split("-")
    return [len(part) for part in parts] == _ID_LENGTHS and _HEXADECIMAL.issuperset("".join(parts))


def is_text(value: object) -> bool:
    """Whether `value` is text: a string without half of a surrogate pair, as which Python hands over a byte that is
    none. Programs hand over what is no string at all as well."""
    if not isinstance(value, str):
        return False
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_text(kind: str, value: str) -> str:
    """Return `value`, a text of the given kind ("build name", …).

    Raises:
        InvalidValue: it is no string, or holds half of a surrogate pair.
    """
    if not is_text(value):
        raise InvalidValue(kind, value, "it is not text", "Give it as a string, without bytes that are no UTF-8.")
    return value


def check_slug(kind: str, value: str) -> str:
    """Return `value`, a slug that may be given to an organization or a workspace: a name that is not like an id.

    Raises:
        InvalidName: it is no name, or has the form of an id, so that a reference could mean two things.
    """
    if is_id(value):
        raise InvalidName(kind, value)
    return check_name(kind, value)


def check_reference(kind: str, value: str) -> str:
    """Return `value`, a slug or an id of an organization or a workspace; ids in lower case.

    Raises:
        InvalidName: the value is neither.
    """
    if is_name(value):  # an id in lower case among them
        return value
    if is_id(value):
        return value.lower()
    raise InvalidName(kind, value)
