"""Tasks: an id that client and registry make alike, of the name and of parameters however these are written."""

import json
import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag.domain.errors import InvalidValue
from stardag.domain.tasks import (
    PARAMETERS_MAX_BYTES,
    PARAMETERS_MAX_DEPTH,
    TASK_NAME_MAX_LENGTH,
    canonical_json,
    check_parameters,
    check_task_name,
    is_task_id,
    is_task_name,
    task_id,
)

texts = st.text(st.characters(codec="utf-8"), max_size=20)
plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4))
parameters = st.dictionaries(texts, values, max_size=4)


def turned_around(value: Any) -> Any:
    """The same with every object's members in the other order."""
    return json.loads(json.dumps(value), object_pairs_hook=lambda members: dict(reversed(members)))


@given(parameters)
def test_the_id_is_the_same_on_both_ends_of_the_wire(given_parameters: dict[str, Any]) -> None:
    for over_the_wire in (json.dumps(given_parameters), json.dumps(given_parameters, ensure_ascii=False, indent=2)):
        assert task_id("train", json.loads(over_the_wire)) == task_id("train", given_parameters)


@given(parameters)
def test_the_order_of_parameters_makes_no_difference(given_parameters: dict[str, Any]) -> None:
    assert task_id("train", turned_around(given_parameters)) == task_id("train", given_parameters)


@given(parameters, parameters)
def test_other_parameters_give_another_id(some: dict[str, Any], others: dict[str, Any]) -> None:
    same = json.dumps(turned_around(some), sort_keys=True) == json.dumps(others, sort_keys=True)
    assert (task_id("train", some) == task_id("train", others)) is same


@given(values)
def test_canonical_json_says_the_same_and_is_canonical_already(value: Any) -> None:
    canonical = canonical_json(value)
    assert json.dumps(json.loads(canonical), sort_keys=True) == json.dumps(value, sort_keys=True)
    assert canonical_json(json.loads(canonical)) == canonical


@given(st.text(max_size=120) | st.from_regex(r"[A-Za-z0-9._-]{0,101}", fullmatch=True))
def test_a_task_has_a_name_that_may_be_a_directory(name: str) -> None:
    if is_task_name(name):
        assert name.isascii()
        assert 1 <= len(name) <= TASK_NAME_MAX_LENGTH
        assert not set(name) & set("/\\ \n\0")
        assert name[0] not in ".-_"
        assert is_task_id(task_id(name, {}))
    else:
        with pytest.raises(InvalidValue):
            task_id(name, {})


@pytest.mark.parametrize("name", ["a", "Train", "0", "a.b_c-d", "x" * TASK_NAME_MAX_LENGTH])
def test_such_names_are_names(name: str) -> None:
    assert check_task_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "-a", "_a", "a/b", "a b", "a\n", "ä", "x" * (TASK_NAME_MAX_LENGTH + 1)]
)
def test_such_names_are_none(name: str) -> None:
    with pytest.raises(InvalidValue, match="rule"):
        check_task_name(name)


def test_ids_stay_what_they_are_from_release_to_release() -> None:
    """Somebody's stored outputs are found by these."""
    assert canonical_json({"b": [1, 1.0, True, None], "a": 'ü"\n'}) == '{"a":"ü\\"\\n","b":[1,1.0,true,null]}'
    assert task_id("train", {}) == "f6297b20c5a2313c5c08b707a0cebacff21255d70e4082d1dedcd72ab7ed010d"
    assert task_id("train", {"lr": 0.1, "layers": [64, 32]}) == (
        "dea7218739df782c6ea7c4ff49fce9ac480d9239d46c10246726458b85937e5b"
    )


@pytest.mark.parametrize(
    ("one", "another"),
    [(1, 1.0), (1, True), (0, False), ("1", 1), (None, "null"), ([], {}), ("\u00e9", "e\u0301"), (0.0, -0.0)],
)
def test_what_a_program_tells_apart_is_told_apart(one: Any, another: Any) -> None:
    assert task_id("t", {"value": one}) != task_id("t", {"value": another})


def test_a_name_is_not_taken_for_a_parameter() -> None:
    assert task_id("a", {"b": 1}) != task_id("b", {"a": 1})


class Colour(StrEnum):
    RED = "red"


def test_texts_and_lists_of_other_classes_count_as_what_they_are() -> None:
    assert task_id("t", {Colour.RED: (1, Colour.RED)}) == task_id("t", {"red": [1, "red"]})


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        -math.inf,
        {1},
        b"bytes",
        object(),
        {"nested": [math.nan]},
        "\ud800",
        {"\udfff": 1},
        {1: "one"},
        {"deeper": [{None: 1}]},
        {True: 1},
        {1: "one", "1": "another"},
        pytest.param(10**5000, id="a number of 5000 digits"),
    ],
)
def test_what_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(InvalidValue, match="JSON cannot say"):
        task_id("train", {"value": value})


def test_keys_are_texts_also_at_the_top() -> None:
    """As numbers they would be sorted as numbers here, and as texts at the other end."""
    numbers: Any = dict.fromkeys(range(11), "")
    with pytest.raises(InvalidValue):
        task_id("train", numbers)


def nested(levels: int) -> Mapping[str, Any]:
    value: Any = 1
    for level in range(levels - 1):
        value = [value] if level % 2 else {"inner": value}
    return {"value": value}


def test_parameters_may_nest_so_deep_and_no_deeper() -> None:
    assert is_task_id(task_id("t", nested(PARAMETERS_MAX_DEPTH)))
    with pytest.raises(InvalidValue, match="nest deeper"):
        task_id("t", nested(PARAMETERS_MAX_DEPTH + 1))
    with pytest.raises(InvalidValue, match="nest deeper"):
        task_id("t", nested(100_000))


@pytest.mark.parametrize("letter", ["x", "ü", "\U0001f600"])
def test_parameters_may_be_so_large_and_no_larger(letter: str) -> None:
    room = PARAMETERS_MAX_BYTES - len('{"a":""}')
    size = len(letter.encode())
    assert len(check_parameters({"a": letter * (room // size)}).encode()) <= PARAMETERS_MAX_BYTES
    with pytest.raises(InvalidValue, match="bytes"):
        check_parameters({"a": letter * (room // size + 1)})


@given(st.text(st.characters()))
def test_no_text_breaks_anything(text: str) -> None:
    is_task_id(text)
    is_task_name(text)
    try:
        task_id("t", {text: text})
    except InvalidValue:
        assert any("\ud800" <= character <= "\udfff" for character in text) or len(text) > 1000


@pytest.mark.parametrize("text", ["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0" * 63 + "\n", "\u0660" * 64])
def test_an_id_is_64_digits_in_lower_case(text: str) -> None:
    assert not is_task_id(text)
