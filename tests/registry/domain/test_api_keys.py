"""API keys: their form, their checksum, what is kept of them, and how long they count."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag_registry.domain.api_keys import (
    PURPOSES,
    ApiKey,
    ApiKeySecret,
    Purpose,
    make_secret,
    parse_secret,
)
from stardag_registry.domain.made_secrets import ENTROPY_BYTES

entropy = st.binary(min_size=ENTROPY_BYTES, max_size=ENTROPY_BYTES)
purposes = st.sampled_from(PURPOSES)
NOW = datetime(2026, 11, 23, tzinfo=UTC)


@given(purposes, entropy)
def test_what_is_made_is_parsed(purpose: Purpose, random_bytes: bytes) -> None:
    secret = make_secret(purpose, random_bytes)
    assert parse_secret(secret.text) == secret


@given(entropy)
def test_the_prefix_names_the_purpose(random_bytes: bytes) -> None:
    assert re.fullmatch(r"stardag_admin_[0-9A-Za-z]{34}", make_secret("administer", random_bytes).text)
    assert re.fullmatch(r"stardag_build_[0-9A-Za-z]{34}", make_secret("build", random_bytes).text)


@given(purposes, entropy, st.integers(min_value=0), st.characters(codec="ascii"))
def test_one_wrong_character_is_noticed(purpose: Purpose, random_bytes: bytes, place: int, other: str) -> None:
    text = make_secret(purpose, random_bytes).text
    place %= len(text)
    mistyped = text[:place] + other + text[place + 1 :]
    assert (parse_secret(mistyped) is not None) == (mistyped == text)


@given(st.text())
def test_other_text_is_no_key(text: str) -> None:
    assert parse_secret(text) is None


@pytest.mark.parametrize("around", ["{}\n", " {}", "{}\0", "{}{}"])
def test_nothing_may_stand_around_a_key(around: str) -> None:
    text = make_secret("build", bytes(ENTROPY_BYTES)).text
    assert parse_secret(around.format(text, text)) is None


def test_a_key_carries_at_least_160_random_bits() -> None:
    low = make_secret("build", bytes(ENTROPY_BYTES)).text
    next_one = make_secret("build", (1).to_bytes(ENTROPY_BYTES)).text
    wrapped = make_secret("build", (62**28).to_bytes(ENTROPY_BYTES)).text
    assert low != next_one
    assert wrapped == low
    assert 62**28 > 2**160


def test_a_secret_does_not_show_itself() -> None:
    secret = make_secret("administer", b"x" * ENTROPY_BYTES)
    for shown in (repr(secret), str(secret), f"{secret}", repr([secret])):
        assert secret.text[14:] not in shown


def test_the_fingerprint_is_the_sha_256_of_the_key() -> None:
    assert ApiKeySecret("abc").fingerprint == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize(
    ("expires_at", "revoked_at", "counts"),
    [
        (None, None, True),
        (NOW + timedelta(seconds=1), None, True),
        (NOW, None, False),
        (NOW - timedelta(days=1), None, False),
        (None, NOW, False),
        (NOW + timedelta(days=1), NOW - timedelta(days=1), False),
    ],
)
def test_a_key_counts_until_it_expires_or_is_revoked(
    expires_at: datetime | None, revoked_at: datetime | None, counts: bool
) -> None:
    api_key = ApiKey("id", "workspace", "name", "build", NOW - timedelta(days=9), expires_at, revoked_at)
    assert api_key.counts_at(NOW) is counts
