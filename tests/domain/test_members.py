"""The links of invitations, and how members and invitations are named."""

import string
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag.domain.api_keys import ApiKey
from stardag.domain.members import LINK_MAX_LENGTH, Invitation, Member, parse_invitation_link
from stardag.domain.organizations import Workspace
from stardag.domain.refusals import UnusableLink

ID = "6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b11"
NOW = datetime(2026, 11, 23, tzinfo=UTC)
TOKENS = st.text(string.ascii_letters + string.digits + "-_", min_size=8, max_size=200)
ORIGINS = st.sampled_from(["http://localhost:8000", "https://stardag.acme.example", "http://[::1]:8000"])
PATHS = st.sampled_from(["/invitation", "/below/invitation", ""])


@given(ORIGINS, PATHS, TOKENS)
def test_a_link_says_its_origin_and_its_secret(origin: str, path: str, token: str) -> None:
    link = parse_invitation_link(f" {origin}{path}?token={token}\n")
    assert (link.origin, link.token.reveal()) == (origin, token)
    assert token not in repr(link)


@given(st.text(max_size=200) | st.builds("http://localhost:8000/invitation?token={}".format, st.text(max_size=60)))
def test_whatever_comes_is_a_link_or_refused_without_being_repeated(text: str) -> None:
    said = ""
    try:
        link = parse_invitation_link(text)
        assert link.token.is_well_formed_token
        assert link.origin.startswith(("http://", "https://"))
    except UnusableLink as error:
        said = error.message + error.fix
    assert len(text) < 30 or text not in said


@pytest.mark.parametrize(
    ("link", "origin"),
    [
        ("HTTPS://Stardag.ACME.example:443/invitation?token=abcdefgh", "https://stardag.acme.example"),
        ("http://localhost:80/invitation?token=abcdefgh", "http://localhost"),
        ("http://localhost:8000/invitation?other=1&token=abcdefgh#here", "http://localhost:8000"),
    ],
)
def test_an_origin_has_one_spelling(link: str, origin: str) -> None:
    assert parse_invitation_link(link).origin == origin


def test_an_escaped_secret_is_read_as_it_is() -> None:
    assert parse_invitation_link(f"http://x/invitation?token={quote('a-b_c-d_')}").token.reveal() == "a-b_c-d_"


def test_a_link_may_be_so_long_and_no_longer() -> None:
    longest = "http://x/invitation?token=abcdefgh&x=".ljust(LINK_MAX_LENGTH, "y")
    assert parse_invitation_link(longest).origin == "http://x"
    with pytest.raises(UnusableLink, match="no address"):
        parse_invitation_link(longest + "y")


def test_a_link_is_ascii() -> None:
    with pytest.raises(UnusableLink, match="no address"):
        parse_invitation_link("http://x/invitation?token=abcdefgh&x=\u00f6")


def test_things_are_named_by_what_people_call_them_or_by_id() -> None:
    member = Member(ID, "alice", "Alice@acme.example", "member", NOW)
    for reference in (ID, ID.upper(), "alice", "ALICE", "alice@acme.example", "Alice@ACME.example"):
        assert member.is_meant_by(reference)
    assert not member.is_meant_by("alic")
    assert not member._replace(email=None).is_meant_by("None")
    invitation = Invitation(ID, "bob@acme.example", "member", NOW, NOW, "alice")
    assert invitation.is_meant_by("Bob@acme.example")
    assert invitation.is_meant_by(ID)
    assert not invitation.is_meant_by("bob")
    key = ApiKey(ID, "CI on main", "build", "alice", NOW, None, None, None)
    assert key.is_meant_by("CI on main")
    assert key.is_meant_by(ID.upper())
    assert not key.is_meant_by("ci on main")
    workspace = Workspace(ID, "prod", "Production", ID)
    assert workspace.is_meant_by("prod")
    assert not workspace.is_meant_by("Production")
