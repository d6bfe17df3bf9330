"""How long what signing in gives is good for, and how long an issuer that did not answer is left alone."""

import pytest

from stardag.domain.credentials import Secret
from stardag.domain.sign_in import (
    LIFETIME_MAX,
    RENEWED_AHEAD,
    SILENCE_REMEMBERED,
    AccessToken,
    SignIn,
    SignInFile,
    Silence,
    sign_in_source,
)

NOW = 1_795_435_200.0


@pytest.mark.parametrize(
    ("left", "fresh"),
    [
        (-1.0, False),
        (RENEWED_AHEAD, False),
        (RENEWED_AHEAD + 1, True),
        (LIFETIME_MAX, True),
        (LIFETIME_MAX + 1, False),
    ],
)
def test_a_token_is_renewed_ahead_of_its_end_and_when_it_claims_too_long_a_life(left: float, fresh: bool) -> None:
    assert AccessToken(Secret("a-token"), NOW + left).is_fresh_at(NOW) is fresh


@pytest.mark.parametrize(
    ("since", "recent"),
    [
        (-1.0, False),
        (0.0, True),
        (0.5, True),
        (SILENCE_REMEMBERED - 1, True),
        (SILENCE_REMEMBERED, False),
    ],
)
def test_an_issuer_that_did_not_answer_is_left_alone_for_a_while_and_not_by_a_clock_set_back(
    since: float, recent: bool
) -> None:
    assert Silence(NOW, "it does not answer").is_recent_at(NOW + since) is recent


def test_a_rejected_sign_in_is_told_by_its_file_and_when_that_was_written() -> None:
    sign_in = SignIn("/home/x/.stardag", "acme", "https://x", "https://x/token", "cli", Secret("r"))
    known = sign_in_source(sign_in, SignInFile("/home/x/.stardag/credentials/acme.json", 0.0))
    assert known.description.endswith("'acme' (/home/x/.stardag/credentials/acme.json, written 1970-01-01 00:00 UTC)")
    assert sign_in_source(sign_in, SignInFile("/f", None)).description.endswith("'acme' (/f)")
