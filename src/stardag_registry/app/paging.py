"""Cuts lists into pages by key: what is added or removed between two pages neither repeats nor hides anything else."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from stardag.domain.names import is_name
from stardag_registry.domain.errors import InvalidField

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list, and the cursor that gives the following ones; None at the end of the list."""

    items: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """How many items, and after which: `cursor` is what an earlier page gave as its `next_cursor`."""

    limit: int
    cursor: str | None = None


def page_of(items: Sequence[T], key: Callable[[T], str], request: PageRequest) -> Page[T]:
    """The page of `items`, which are sorted by `key`, a name that each has for itself.

    Raises:
        InvalidField: the cursor is none that a page ever gave.
    """
    after = "" if request.cursor is None else _name_in(request.cursor)
    following = [item for item in items if key(item) > after]
    page = tuple(following[: request.limit])
    return Page(page, _cursor_after(key(page[-1])) if len(following) > len(page) else None)


def _cursor_after(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def _name_in(cursor: str) -> str:
    try:
        name = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        name = ""
    if not is_name(name) or _cursor_after(name) != cursor:
        raise InvalidField("query.cursor", "it is none that an earlier page gave")
    return name
