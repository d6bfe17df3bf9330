"""Paging: every item once, whatever the size of a page, and whatever comes and goes in between."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag_registry.app.paging import PageRequest, page_of
from stardag_registry.domain.errors import InvalidField

names = st.sets(st.text("ab19", min_size=1, max_size=4), max_size=20).map(sorted)


def itself(name: str) -> str:
    return name


@given(names, st.integers(min_value=1, max_value=25))
def test_the_pages_are_the_list(items: list[str], limit: int) -> None:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = page_of(items, itself, PageRequest(limit, cursor))
        assert len(page.items) <= limit
        seen += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == items


@given(names, names, st.integers(min_value=1, max_value=10))
def test_what_stays_is_seen_once_while_others_come_and_go(before: list[str], after: list[str], limit: int) -> None:
    first = page_of(before, itself, PageRequest(limit))
    seen = list(first.items)
    if first.next_cursor is not None:
        seen += page_of(after, itself, PageRequest(1000, first.next_cursor)).items
        assert set(before) & set(after) <= set(seen)
    assert len(seen) == len(set(seen))


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
