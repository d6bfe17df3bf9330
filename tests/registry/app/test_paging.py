"""Paging: every item once, whatever the size of a page, and whatever comes and goes in between."""

import base64
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag.domain.tasks import is_task_id
from stardag_registry.app.paging import PageRequest, Position, number_in, page_of, page_of_rows, position_in
from stardag_registry.domain.errors import InvalidField

names = st.sets(st.text("ab19", min_size=1, max_size=4), max_size=20).map(sorted)


def itself(name: str) -> str:
    return name


@given(names, st.integers(min_value=1, max_value=25), st.booleans())
def test_the_pages_are_the_list(items: list[str], limit: int, descending: bool) -> None:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = page_of(items, itself, PageRequest(limit, cursor, descending))
        assert len(page.items) <= limit
        seen += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == (items[::-1] if descending else items)


@given(names, names, st.integers(min_value=1, max_value=10), st.booleans())
def test_what_stays_is_seen_once_while_others_come_and_go(
    before: list[str],
    after: list[str],
    limit: int,
    descending: bool,
) -> None:
    first = page_of(before, itself, PageRequest(limit, descending=descending))
    seen = list(first.items)
    if first.next_cursor is not None:
        seen += page_of(after, itself, PageRequest(1000, first.next_cursor, descending)).items
        assert set(before) & set(after) <= set(seen)
    assert len(seen) == len(set(seen))


@given(names, st.integers(min_value=1, max_value=10), st.booleans())
def test_a_cursor_in_the_other_order_gives_what_comes_before_its_place(
    items: list[str],
    limit: int,
    descending: bool,
) -> None:
    page = page_of(items, itself, PageRequest(limit, descending=descending))
    if page.next_cursor is not None:
        back = page_of(items, itself, PageRequest(1000, page.next_cursor, not descending))
        assert back.items == page.items[:-1][::-1]


def test_the_last_page_has_no_cursor_though_it_is_full() -> None:
    assert page_of(["a", "b"], itself, PageRequest(2)).next_cursor is None


@pytest.mark.parametrize("cursor", ["", "!", "YQ==", "YQ=", "Y", "QQ", "YR", "YV9fYg", "ä", "Y Q", "YQ\n", "_" * 200])
def test_a_cursor_that_no_page_gave_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidField):
        page_of(["a"], itself, PageRequest(1, cursor))


@given(st.text(max_size=30))
def test_no_cursor_breaks_anything(cursor: str) -> None:
    with suppress(InvalidField):
        page_of(["a"], itself, PageRequest(1, cursor))


def cursor_of(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


@pytest.mark.parametrize("number", [1, 2**31, 10**18 - 1])
def test_a_number_goes_into_a_cursor_and_out_again(number: int) -> None:
    assert number_in(PageRequest(1, cursor_of(str(number)))) == number
    assert number_in(PageRequest(1)) is None


@pytest.mark.parametrize(
    "key",
    ["0", "-1", "+1", "01", " 1", "1 ", "1.0", "1e3", "1_000", "\u0661", "x", str(10**18), str(2**63), "9" * 4000],
)
def test_what_is_no_number_or_one_beyond_64_bits_is_refused(key: str) -> None:
    with pytest.raises(InvalidField):
        number_in(PageRequest(1, cursor_of(key)))


ID = "aaaaaaaa-0000-4000-8000-000000000000"


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_position_goes_into_a_cursor_and_out_again(at: datetime, item_id: UUID) -> None:
    position = Position(at, str(item_id))
    assert position_in(PageRequest(1, cursor_of(str(position)))) == position
    assert position_in(PageRequest(1)) is None


@pytest.mark.parametrize(
    "moment",
    [
        "",
        "2026-11-23",
        "2026-11-23T12:00:00",
        "2026-11-23T12:00:00Z",
        "2026-11-23T12:00:00+01:00",
        "2026-11-23T12:00:00.5+00:00",
        "0000-11-23T12:00:00+00:00",
        "2026-13-23T12:00:00+00:00",
        "2026-11-23T25:00:00+00:00",
        "2026-11-23T::::::::+00:00",
        "2026-11-23T12345678+00:00",
        "9999-12-31T24:00:00+00:00",
        "2026-11-23 12:00:00+00:00",
    ],
)
def test_what_is_no_moment_in_utc_is_refused(moment: str) -> None:
    with pytest.raises(InvalidField):
        position_in(PageRequest(1, cursor_of(f"{moment} {ID}")))


@pytest.mark.parametrize("item_id", ["", "x", ID[:-1], f"{ID} ", f" {ID}", f"{ID}\0", "f" * 64, "' OR 1=1"])
def test_what_is_no_id_is_refused(item_id: str) -> None:
    with pytest.raises(InvalidField):
        position_in(PageRequest(1, cursor_of(f"2026-11-23T12:00:00+00:00 {item_id}")))
    if item_id == "f" * 64:
        assert position_in(PageRequest(1, cursor_of(f"2026-11-23T12:00:00+00:00 {item_id}")), is_task_id) is not None


@given(st.text(max_size=80))
def test_no_cursor_of_another_kind_breaks_anything(cursor: str) -> None:
    for read in (number_in, position_in):
        with suppress(InvalidField):
            read(PageRequest(1, cursor))
        with suppress(InvalidField):
            read(PageRequest(1, cursor_of(cursor)))


@given(st.integers(0, 12), st.integers(1, 5))
def test_one_row_more_than_the_page_says_that_there_are_more(count: int, limit: int) -> None:
    rows = [str(number) for number in range(min(count, limit + 1))]
    page = page_of_rows(rows, itself, PageRequest(limit))
    assert list(page.items) == rows[:limit]
    assert (page.next_cursor is not None) == (count > limit)
