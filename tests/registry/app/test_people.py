"""Users: made at the first sign-in, known again by issuer and subject, and the owner of the first organization."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag.domain.names import is_name
from stardag_registry.app.first_start import NAME
from stardag_registry.app.people import RecognizeUsers
from stardag_registry.domain.users import (
    EMAIL_MAX_LENGTH,
    USERNAME_MAX_LENGTH,
    Claims,
    User,
    checked_email,
    claims_of,
    usernames_for,
)
from tests.registry.app.scene import ADDRESS, Team
from tests.registry.in_memory import InMemoryDatabase

ISSUER = "https://issuer.example"
OWNER = Claims(ISSUER, "1", "olivia", "owner@acme.example", email_verified=True)
NINA = Claims(ISSUER, "2", "nina", "nina@acme.example", email_verified=True)


@pytest.fixture
def recognize(team: Team) -> RecognizeUsers:
    """With claims in hand, the issuer is never asked."""
    nobody: Any = None
    with team.database.transaction() as transaction:
        team.create.organization(transaction, NAME, "Default")
    return RecognizeUsers(team.database, team.create, nobody, team.clock, "Owner@ACME.example")


def roles_in_default(team: Team) -> dict[str, str]:
    with team.database.transaction() as transaction:
        default = transaction.organization_by_slug(NAME)
        assert default is not None
        return {member.user.username: member.role for member in transaction.members_of(default.id)}


def test_a_user_is_made_once(team: Team, recognize: RecognizeUsers) -> None:
    first = recognize.by_claims(NINA, ADDRESS)
    assert (first.username, first.email, first.email_verified) == ("nina", "nina@acme.example", True)
    assert recognize.by_claims(NINA, ADDRESS) == first
    with team.database.reading() as reading:
        assert reading.user(ISSUER, "2") == first


def test_the_same_subject_of_another_issuer_is_somebody_else(recognize: RecognizeUsers) -> None:
    first = recognize.by_claims(NINA, ADDRESS)
    second = recognize.by_claims(replace(NINA, issuer="https://other.example"), ADDRESS)
    assert (first.id == second.id, second.username) == (False, "nina-2")


def test_another_address_is_noted_and_the_name_stays(team: Team, recognize: RecognizeUsers) -> None:
    first = recognize.by_claims(NINA, ADDRESS)
    changed = recognize.by_claims(replace(NINA, preferred_username="n", email="n@other.example"), ADDRESS)
    assert changed == replace(first, email="n@other.example")
    silent = recognize.by_claims(replace(NINA, email=None, email_verified=False), ADDRESS)
    assert silent == changed
    unverified = recognize.by_claims(replace(NINA, email="n@other.example", email_verified=False), ADDRESS)
    assert unverified == replace(changed, email_verified=False)
    with team.database.reading() as reading:
        assert reading.user(ISSUER, "2") == unverified


def test_whoever_proves_the_owners_address_owns_the_first_organization(team: Team, recognize: RecognizeUsers) -> None:
    recognize.by_claims(NINA, ADDRESS)
    assert roles_in_default(team) == {}
    recognize.by_claims(OWNER, ADDRESS)
    recognize.by_claims(OWNER, ADDRESS)
    assert roles_in_default(team) == {"olivia": "owner"}


def test_an_address_that_is_not_verified_owns_nothing(team: Team, recognize: RecognizeUsers) -> None:
    recognize.by_claims(replace(OWNER, email_verified=False), ADDRESS)
    assert roles_in_default(team) == {}


def test_an_organization_that_has_an_owner_gets_no_other(team: Team, recognize: RecognizeUsers) -> None:
    recognize.by_claims(OWNER, ADDRESS)
    recognize.by_claims(replace(OWNER, subject="3", preferred_username="second"), ADDRESS)
    assert roles_in_default(team) == {"olivia": "owner"}


def test_a_member_whose_address_it_is_becomes_owner(team: Team, recognize: RecognizeUsers) -> None:
    user = recognize.by_claims(replace(OWNER, email="other@acme.example"), ADDRESS)
    with team.database.transaction() as transaction:
        default = transaction.organization_by_slug(NAME)
        assert default is not None
        transaction.add_member(default.id, user.id, "member", team.clock())
    recognize.by_claims(OWNER, ADDRESS)
    assert roles_in_default(team) == {"olivia": "owner"}


def test_many_of_one_name_are_told_apart(recognize: RecognizeUsers) -> None:
    users: list[User] = [recognize.by_claims(Claims(ISSUER, f"s{number}", "x" * 60), ADDRESS) for number in range(12)]
    assert len({user.username for user in users}) == 12
    assert users[-1].username.endswith("-12")


@given(
    st.none() | st.text(max_size=80),
    st.none() | st.text(max_size=80) | st.emails(),
)
def test_everybody_gets_a_name(preferred: str | None, email: str | None) -> None:
    claims = claims_of(ISSUER, "1", {"preferred_username": preferred, "email": email})
    names = usernames_for(claims)
    for name in (next(names), next(names)):
        assert is_name(name)
        assert is_name(f"personal-{name}")


@pytest.mark.parametrize(
    ("preferred", "email", "name"),
    [
        ("Nina", None, "nina"),
        ("Müller, Jürgen", None, "muller-jurgen"),
        ("", "jo.doe+x@acme.example", "jo-doe-x"),
        ("\u5f20", None, "user"),
        ("\0", None, "user"),
        ("\ud800", None, "user"),
        ("6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b11", None, "user"),
        (None, None, "user"),
        ("a__b--c", None, "a-b-c"),
        ("-Nina- ", None, "nina"),
        (f"{'n' * (USERNAME_MAX_LENGTH - 1)}-x", None, "n" * (USERNAME_MAX_LENGTH - 1)),
        ("-" + "n" * USERNAME_MAX_LENGTH, None, "n" * USERNAME_MAX_LENGTH),
        ("n" * USERNAME_MAX_LENGTH + "x", None, "n" * USERNAME_MAX_LENGTH),
    ],
)
def test_a_name_is_made_of_what_is_claimed(preferred: str | None, email: str | None, name: str) -> None:
    claims = claims_of(ISSUER, "1", {"preferred_username": preferred, "email": email})
    assert next(usernames_for(claims)) == name


@given(st.text(max_size=300) | st.none() | st.integers() | st.lists(st.text()))
def test_what_is_no_address_counts_as_not_said(value: object) -> None:
    checked = checked_email(value)
    if checked is not None:
        assert isinstance(value, str)
        assert checked == value.lower()
        assert checked.isascii()
        assert checked.isprintable()
        assert checked.count("@") == 1
    claims = claims_of(ISSUER, "1", {"email": value, "email_verified": True})
    assert claims.email_verified == (checked is not None)


def test_an_address_may_be_so_long_and_no_longer() -> None:
    longest = f"{'a' * 64}@{'b' * (EMAIL_MAX_LENGTH - 65)}"
    assert checked_email(longest) == longest
    assert checked_email(f"{longest}b") is None


def test_an_address_that_is_said_to_be_verified_is() -> None:
    claims = claims_of(ISSUER, "1", {"email": "Nina@acme.example", "email_verified": True})
    assert claims.email == "nina@acme.example"
    assert claims.email_verified
    assert not claims_of(ISSUER, "1", {"email": "nina@acme.example", "email_verified": False}).email_verified
    assert not claims_of(ISSUER, "1", {"email": "nina@acme.example"}).email_verified


@pytest.mark.parametrize("said", ["true", 1, None, "True", [True]])
def test_only_what_is_said_to_be_true_is_verified(said: object) -> None:
    assert not claims_of(ISSUER, "1", {"email": "a@b.example", "email_verified": said}).email_verified


def test_nothing_is_written_when_nothing_has_changed() -> None:
    team = Team(InMemoryDatabase())
    nobody: Any = None
    recognize = RecognizeUsers(team.database, team.create, nobody, team.clock, "owner@acme.example")
    recognize.by_claims(NINA, ADDRESS)
    with team.database.transaction():  # who would write now, would wait, and fail
        recognize.by_claims(NINA, ADDRESS)
