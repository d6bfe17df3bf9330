"""Rules of what the provider gives: where codes may go, what user codes look like, and first passwords."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stardag_registry.app.provider.attempts import from_address
from stardag_registry.domain.accounts import INITIAL_PASSWORD_BYTES, initial_password
from stardag_registry.domain.grants import (
    SCOPES,
    USER_CODE_BYTES,
    is_challenge,
    is_redirect_uri,
    known_scopes,
    new_user_code,
    typed_user_code,
)


@given(st.integers(-10, 70000))
@example(65535)
@example(65536)
def test_a_code_goes_to_any_port_of_this_machine(port: int) -> None:
    assert is_redirect_uri(f"http://127.0.0.1:{port}/callback") is (1 <= port <= 65535)


@given(st.text() | st.from_regex(r"http://127\.0\.0\.1:[0-9]+/callback.?"))
def test_and_to_nothing_that_only_looks_like_it(text: str) -> None:
    if is_redirect_uri(text):
        port = text.removeprefix("http://127.0.0.1:").removesuffix("/callback")
        assert text == f"http://127.0.0.1:{int(port)}/callback"


@given(st.binary(min_size=USER_CODE_BYTES, max_size=USER_CODE_BYTES), st.sampled_from(["", " ", "-", " - ", "\u2013"]))
def test_a_user_code_is_known_however_it_is_typed(entropy: bytes, between: str) -> None:
    code = new_user_code(entropy)
    assert not set(code) & set("AEIOUY01258")
    assert typed_user_code(f" {code.lower().replace('-', between)} ") == code


@given(st.text(max_size=30))
def test_what_is_no_user_code_is_none(text: str) -> None:
    typed = typed_user_code(text)
    assert typed is None or typed_user_code(typed) == typed


@pytest.mark.parametrize("text", ["BCDF-GHJ", "BCDF-GHJK-L", "BCDF-GHJA", "BCDF-GHJ0"])
def test_a_user_code_has_eight_of_its_letters(text: str) -> None:
    assert typed_user_code(text) is None


def test_a_user_code_may_hold_every_one_of_its_letters() -> None:
    for code in ("BCDF-GHJK", "LMNP-QRST", "VWXZ-BBBB"):
        assert typed_user_code(code) == code


@given(st.lists(st.sampled_from([*SCOPES, "admin", ""])))
def test_scopes_that_are_not_known_are_passed_over(asked: list[str]) -> None:
    known = known_scopes(asked)
    assert set(known) == set(asked) & set(SCOPES)
    assert len(known) == len(set(known))


@pytest.mark.parametrize("text", ["", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "\n", "A" * 42 + "\u00e4"])
def test_a_challenge_is_a_hash(text: str) -> None:
    assert not is_challenge(text)
    assert is_challenge("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")


@given(st.binary(min_size=INITIAL_PASSWORD_BYTES, max_size=INITIAL_PASSWORD_BYTES))
def test_a_first_password_can_be_read_out(entropy: bytes) -> None:
    text = initial_password(entropy).text
    assert [len(group) for group in text.split("-")] == [4] * 5
    assert not set(text) & set("01iloABCDEFGHIJKLMNOPQRSTUVWXYZ")


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "x-from:192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "x-from:2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "x-from:2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "x-from:192.0.2.1"),
        ("", "x-from:unknown"),
        ("a socket", "x-from:unknown"),
    ],
)
def test_attempts_are_counted_by_network(address: str, counted: str) -> None:
    assert from_address("x", address) == counted
