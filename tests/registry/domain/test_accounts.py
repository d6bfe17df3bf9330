"""Accounts of the registry's own provider: which passwords may be chosen, and how first ones are made."""

from datetime import UTC, datetime

import pytest

from stardag_registry.domain.accounts import (
    INITIAL_PASSWORD_BYTES,
    PASSWORD_MAX_LENGTH,
    PASSWORD_MIN_LENGTH,
    Account,
    Password,
    check_new_password,
    fingerprint_of,
    initial_password,
)
from stardag_registry.domain.errors import InvalidField

ALICE = Account("1", "Alice.Example@acme.example", "alice-of-acme", datetime(2026, 11, 23, tzinfo=UTC))


def of_length(length: int) -> Password:
    return Password("ab" * (length // 2) + "c" * (length % 2))


@pytest.mark.parametrize("length", [PASSWORD_MIN_LENGTH, PASSWORD_MIN_LENGTH + 1, PASSWORD_MAX_LENGTH])
def test_length_is_what_counts_in_a_password(length: int) -> None:
    check_new_password(ALICE, of_length(length))


@pytest.mark.parametrize(
    ("length", "problem"),
    [
        (0, f"at least {PASSWORD_MIN_LENGTH} "),
        (PASSWORD_MIN_LENGTH - 1, f"at least {PASSWORD_MIN_LENGTH} "),
        (PASSWORD_MAX_LENGTH + 1, f"at most {PASSWORD_MAX_LENGTH} "),
        (PASSWORD_MAX_LENGTH * 2, f"at most {PASSWORD_MAX_LENGTH} "),
    ],
)
def test_a_password_that_is_too_short_or_too_long_is_told_the_bound(length: int, problem: str) -> None:
    with pytest.raises(InvalidField, match=problem) as caught:
        check_new_password(ALICE, of_length(length))
    assert caught.value.field == "password"


@pytest.mark.parametrize("text", [ALICE.email, ALICE.email.upper(), ALICE.username, ALICE.username.title()])
def test_an_account_has_neither_its_name_nor_its_address_as_password(text: str) -> None:
    with pytest.raises(InvalidField, match="your own name") as caught:
        check_new_password(ALICE, Password(text))
    assert caught.value.field == "password"


def test_a_password_has_more_than_one_character() -> None:
    with pytest.raises(InvalidField, match="one and the same") as caught:
        check_new_password(ALICE, Password("a" * PASSWORD_MIN_LENGTH))
    assert caught.value.field == "password"
    check_new_password(ALICE, Password("a" * (PASSWORD_MIN_LENGTH - 1) + "b"))


def test_a_password_is_the_same_however_the_keyboard_composes_it() -> None:
    assert Password("caf\u00e9") == Password("cafe\u0301")


def test_a_password_does_not_show_itself() -> None:
    assert "hunter2" not in repr(Password("hunter2"))


def test_what_is_kept_of_a_secret_is_its_sha_256() -> None:
    assert fingerprint_of("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_first_passwords_use_all_of_their_random_bytes() -> None:
    made = {initial_password(bytes([byte]) + bytes(INITIAL_PASSWORD_BYTES - 1)).text for byte in range(256)}
    assert len(made) == 256
    assert len({text[-1] for text in made}) > 1
