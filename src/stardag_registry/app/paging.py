"""Cuts lists into pages by key: what is added or removed between two pages neither repeats nor hides anything else."""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from stardag.domain.names import is_id, is_name
from stardag_registry.domain.errors import InvalidField

T = TypeVar("T")

_NUMBER = re.compile(r"[1-9][0-9]{0,17}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]{6})?\+00:00")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list, and the cursor that gives the following ones; None at the end of the list."""

    items: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """How many items, and after which: `cursor` is what an earlier page gave as its `next_cursor`.

    A cursor is a place in the list, whatever the order and the filters: in the other order, what comes before that
    place follows. `descending` is for lists that are cut by `page_of`; others have the order among their filters.
    """

    limit: int
    cursor: str | None = None
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a list that is sorted by time, and by id where times are equal."""

    at: datetime
    id: str

    def __str__(self) -> str:
        return f"{self.at.isoformat()} {self.id}"


def page_of(
    items: Sequence[T], key: Callable[[T], str], request: PageRequest, is_key: Callable[[str], bool] = is_name
) -> Page[T]:
    """The page of `items`, which are sorted by `key`, a text that each has for itself.

    Raises:
        InvalidField: the cursor is none that a page ever gave.
    """
    following = items[::-1] if request.descending else items
    if request.cursor is not None:
        place = _key_in(request.cursor, is_key)
        following = [item for item in following if _comes_after(place, key(item), descending=request.descending)]
    return page_of_rows(following, key, request)


def page_of_rows(rows: Sequence[T], key: Callable[[T], str], request: PageRequest) -> Page[T]:
    """The page that rows give which come after the cursor already: one row more than `limit` says that there are
    more."""
    page = tuple(rows[: request.limit])
    return Page(page, _cursor_after(key(page[-1])) if len(rows) > len(page) else None)


def number_in(request: PageRequest) -> int | None:
    """The number that the cursor stands for; None for the first page. Raises InvalidField."""
    if request.cursor is None:
        return None
    return int(_key_in(request.cursor, lambda key: _NUMBER.fullmatch(key) is not None))


def position_in(request: PageRequest, is_valid_id: Callable[[str], bool] = is_id) -> Position | None:
    """The place that the cursor stands for; None for the first page. Raises InvalidField."""
    if request.cursor is None:
        return None
    moment, _, item_id = _key_in(request.cursor, lambda key: is_position(key, is_valid_id)).partition(" ")
    return Position(datetime.fromisoformat(moment), item_id)


def is_position(key: str, is_valid_id: Callable[[str], bool] = is_id) -> bool:
    """Whether `key` is how a Position is written."""
    moment, _, item_id = key.partition(" ")
    if not _MOMENT.fullmatch(moment) or not is_valid_id(item_id):
        return False
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        return False
    return str(Position(at, item_id)) == key  # the library reads more than it writes


def _comes_after(place: str, key: str, *, descending: bool) -> bool:
    return key < place if descending else key > place


def _cursor_after(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _key_in(cursor: str, is_key: Callable[[str], bool]) -> str:
    try:
        key = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        key = ""
    if not key or not is_key(key) or _cursor_after(key) != cursor:
        raise InvalidField("query.cursor", "it is none that an earlier page gave")
    return key
