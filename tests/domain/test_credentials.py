"""Secrets never show themselves, whatever they are part of and however they are printed."""

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import pytest

from stardag.domain.configuration import StardagDirectory
from stardag.domain.credentials import API_KEY_MAX_LENGTH, Secret
from stardag.domain.environment import Environment
from stardag.domain.layers import Layer, Origin, Setting
from stardag.domain.profile import Selection
from stardag.domain.remembered import Remembered
from stardag.domain.resolution import Layers, resolve

VALUE = "stardag_build_Hunter2Hunter2Hunter2"
SECRET = Secret(VALUE)


@dataclass
class InDataclass:
    secret: Secret


class InTuple(NamedTuple):
    secret: Secret


ENVIRONMENT = Environment(api_key=Setting(SECRET, Origin(Layer.ENVIRONMENT, variable="STARDAG_API_KEY")))
HOLDERS: dict[str, object] = {
    "itself": SECRET,
    "list": [SECRET],
    "dict": {"key": SECRET},
    "dataclass": InDataclass(SECRET),
    "named tuple": InTuple(SECRET),
    "setting": Setting(SECRET),
    "environment": ENVIRONMENT,
    "active profile": resolve(
        Layers(Selection(), ENVIRONMENT, None, StardagDirectory("/home/.stardag", "/home/.stardag"), Remembered("/x"))
    ),
    "exception": ValueError(SECRET),
}
WAYS: dict[str, Callable[[object], str]] = {
    "repr": repr,
    "str": str,
    "format": lambda holder: f"{holder}",
    "repr format": lambda holder: f"{holder!r}",
    "old format": lambda holder: "%s %r" % (holder, holder),  # noqa: UP031
    "json": lambda holder: json.dumps(holder, default=str),
    "traceback": lambda holder: "".join(traceback.format_exception(ValueError(holder))),
    "log": lambda holder: logging.LogRecord("x", 1, "x", 1, "%s", (holder,), None).getMessage(),
}


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("way", WAYS)
def test_printing_shows_nothing(holder: str, way: str) -> None:
    shown = WAYS[way](HOLDERS[holder])
    assert "Hunter2" not in shown
    assert "****" in shown


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_cannot_be_stored_by_accident(take: Callable[[object], object]) -> None:
    for holder in (SECRET, InDataclass(SECRET), ENVIRONMENT):
        if take is not copy.copy or holder is SECRET:
            with pytest.raises(TypeError) as caught:
                take(holder)
            assert "Hunter2" not in str(caught.value)


def test_a_secret_has_no_attributes_to_look_into_and_no_width_to_format() -> None:
    assert not hasattr(SECRET, "__dict__")
    with pytest.raises(TypeError) as caught:
        format(SECRET, ">40")
    assert "Hunter2" not in str(caught.value)


def test_it_is_revealed_when_asked_for() -> None:
    assert SECRET.reveal() == VALUE


def test_secrets_are_equal_by_value() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert hash(Secret("a")) != hash("a")


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        (VALUE, "stardag_build_****"),
        ("stardag_access_Hunter2Hunter2Hunter2", "stardag_access_****"),
        ("my_secret_password", "****"),
        ("0123456789abcdef", "****"),
        ("", "****"),
        ("_x", "****"),
        ("ab12_secret", "****"),
        ("a" * 40 + "_secret", "****"),
    ],
)
def test_a_masked_secret_shows_its_kind_at_most(value: str, masked: str) -> None:
    assert Secret(value).masked == masked


def test_a_fingerprint_names_a_secret_and_tells_nothing_of_it() -> None:
    assert Secret("one").fingerprint == Secret("one").fingerprint
    assert Secret("one").fingerprint != Secret("two").fingerprint
    assert len(Secret("one").fingerprint) == 32
    assert set(Secret("one").fingerprint) <= set("0123456789abcdef")


@pytest.mark.parametrize("value", ["x", VALUE, "!~", "a" * API_KEY_MAX_LENGTH])
def test_visible_ascii_may_stand_in_a_header(value: str) -> None:
    assert Secret(value).is_well_formed


@pytest.mark.parametrize(
    "value", ["", "a b", "a\n", "a\r\nHost: x", "ä", "\x7f", "a\0", "a" * (API_KEY_MAX_LENGTH + 1)]
)
def test_anything_else_may_not(value: str) -> None:
    assert not Secret(value).is_well_formed
