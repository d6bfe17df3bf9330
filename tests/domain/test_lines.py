"""Which line breaks in a text are the program's own, and that nothing in a value steers a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag.domain.errors import StardagError
from stardag.domain.layers import Notice
from stardag.domain.lines import Lines, lines, shown, single_line

HARMFUL = "\x1b[31m\x07\x00\x7f\x85\x9b\r\n\t\u202e\u2066\u200b\u2028\ufeff\ud800\U000e0041"


def test_control_escape_and_bidirectional_characters_and_line_breaks_are_made_visible() -> None:
    visible = single_line(f"a{HARMFUL}b")
    assert visible.isprintable()
    assert visible.startswith("a\\x1b[31m")
    assert "\\r\\n\\t\\u202e" in visible
    assert visible.endswith("b")


def test_other_text_stays_as_it_is() -> None:
    for text in ("plain", "Ünïcödé 日本語 🙂", ""):
        assert single_line(text) == text


@given(st.text())
def test_whatever_comes_is_one_line_that_steers_nothing(text: str) -> None:
    visible = single_line(text)
    assert visible.isprintable()
    visible.encode()
    assert single_line(visible) == visible
    assert shown(text) == visible


@given(st.lists(st.text(), min_size=1))
def test_lines_are_as_many_as_their_parts(parts: list[str]) -> None:
    assert len(lines(*parts).split("\n")) == len(parts)
    assert shown(lines(*parts)) == lines(*parts)


def test_lines_within_lines_stay_and_what_is_put_together_otherwise_is_one_line() -> None:
    inner = lines("a", "b")
    assert lines(inner, "c\nd") == "a\nb\nc\\nd"
    assert not isinstance(f"{inner}!", Lines)
    assert shown(f"{inner}!") == "a\\nb!"


def test_errors_and_notices_have_the_line_breaks_of_the_program_alone() -> None:
    error = StardagError("from /srv/x\nerror: faked", "type\nthis")
    assert (str(error), error.message, error.fix) == ("from /srv/x\\nerror: faked",) * 2 + ("type\\nthis",)
    error.fix = "or\nthat"
    assert error.fix == "or\\nthat"
    assert StardagError(lines("a", "b"), "").message == "a\nb"
    assert Notice("odd", "from /srv/x\nerror: faked").message == "from /srv/x\\nerror: faked"


@pytest.mark.parametrize("text", ["/caf\udce9", repr("/caf\udce9")[1:-1]])
def test_a_byte_that_is_no_text_is_shown_as_one(text: str) -> None:
    assert single_line(text) == r"/caf\xe9"
