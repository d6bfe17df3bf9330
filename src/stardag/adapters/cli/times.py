"""Moments and spans of time: as people type them, and as people and programs read them."""

import re
from datetime import datetime, timedelta

from stardag.domain.errors import InvalidValue

_SPAN = re.compile(r"(?P<number>[0-9]{1,9})(?P<unit>[smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def span(option: str, text: str) -> timedelta:
    """A span of time such as 90d, 12h or 30m.

    Raises:
        InvalidValue: it is none.
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None or int(found["number"]) == 0:
        fix = f"Give {option} a number and a unit, such as 90d: s, m, h, d and w are seconds to weeks."
        raise InvalidValue("span of time", text, "it is no number with a unit", fix)
    return timedelta(**{_UNITS[found["unit"]]: int(found["number"])})


def moment(option: str, text: str) -> datetime | timedelta:
    """A moment (ISO 8601; without a zone, it is this machine's), or a span of time that ends now.

    Raises:
        InvalidValue: it is neither.
    """
    if _SPAN.fullmatch(text.strip()):
        return span(option, text)
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError, OSError):
        fix = f"Give {option} a time such as 2026-11-01 or 2026-11-01T14:30, or a span that ends now, such as 7d."
        raise InvalidValue("time", text, "it is neither a moment nor a span of time", fix) from None


def iso(at: datetime | None) -> str | None:
    """A moment for programs (ISO 8601, with its zone)."""
    return None if at is None else at.isoformat()


def local(at: datetime | None, never: str = "-") -> str:
    """A moment for people, in the zone of this machine."""
    if at is None:
        return never
    try:
        here = at.astimezone()
    except (OverflowError, OSError):  # the first and the last days that there are
        here = at
    return f"{here:%Y-%m-%d %H:%M} {here.tzname() or ''}".rstrip()
