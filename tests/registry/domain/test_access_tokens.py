"""Access tokens: their form, what is kept of them, and how long they count."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stardag_registry.domain.access_tokens import (
    AccessToken,
    checked_lifetime,
    make_access_token_secret,
    parse_access_token_secret,
)
from stardag_registry.domain.api_keys import make_secret, parse_secret
from stardag_registry.domain.errors import InvalidField
from stardag_registry.domain.made_secrets import ENTROPY_BYTES, kind_of

entropy = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)
NOW = datetime(2026, 11, 23, tzinfo=UTC)


@given(entropy)
def test_what_is_made_is_parsed_and_names_its_kind(random_bytes: bytes) -> None:
    secret = make_access_token_secret(random_bytes)
    assert parse_access_token_secret(secret.text) == secret
    assert re.fullmatch(r"stardag_access_[0-9A-Za-z]{34}", secret.text)
    assert kind_of(secret.text) == "access"


@given(entropy)
def test_a_key_is_no_token_and_a_token_no_key(random_bytes: bytes) -> None:
    assert parse_secret(make_access_token_secret(random_bytes).text) is None
    assert parse_access_token_secret(make_secret("build", random_bytes).text) is None


@given(entropy, st.integers(min_value=0), st.characters(codec="ascii"))
def test_one_wrong_character_is_noticed(random_bytes: bytes, place: int, other: str) -> None:
    text = make_access_token_secret(random_bytes).text
    place %= len(text)
    mistyped = text[:place] + other + text[place + 1 :]
    assert (parse_access_token_secret(mistyped) is not None) == (mistyped == text)


@given(st.text())
def test_other_text_is_no_token(text: str) -> None:
    assert parse_access_token_secret(text) is None


def test_a_secret_does_not_show_itself() -> None:
    secret = make_access_token_secret(b"x" * ENTROPY_BYTES)
    for shown in (repr(secret), str(secret), f"{secret}", repr([secret])):
        assert shown.strip("[]") == "AccessTokenSecret(…)"
    assert secret.text not in secret.fingerprint


@pytest.mark.parametrize(
    ("after", "revoked_at", "counts"),
    [
        (timedelta(), None, True),
        (timedelta(minutes=10) - timedelta(microseconds=1), None, True),
        (timedelta(minutes=10), None, False),
        (timedelta(days=1), None, False),
        (timedelta(minutes=1), NOW + timedelta(minutes=1), False),
    ],
)
def test_a_token_counts_until_it_expires_or_is_revoked(
    after: timedelta, revoked_at: datetime | None, counts: bool
) -> None:
    token = AccessToken("id", "organization", "user", NOW, NOW + timedelta(minutes=10), revoked_at)
    assert token.counts_at(NOW + after) is counts


@given(st.integers())
@example(0)
@example(1)
@example(43200)
@example(43201)
def test_a_lifetime_is_a_second_to_twelve_hours(seconds: int) -> None:
    if 1 <= seconds <= 43200:
        assert checked_lifetime(seconds) == timedelta(seconds=seconds)
    else:
        with pytest.raises(InvalidField, match=r"body\.lifetime_seconds"):
            checked_lifetime(seconds)
