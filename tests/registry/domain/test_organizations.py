"""Organizations, workspaces, and who may do what in them."""

from datetime import UTC, datetime

import pytest

from stardag.domain.errors import InvalidName
from stardag.domain.organizations import Role
from stardag_registry.domain.api_keys import ApiKey, Purpose
from stardag_registry.domain.errors import InvalidField, NotAllowed, NotFound
from stardag_registry.domain.organizations import Organization, Workspace, check_display_name
from stardag_registry.domain.permissions import Action, ApiKeyCaller, MemberCaller, check_allowed
from stardag_registry.domain.users import Membership, User

ID = "6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b11"
OTHER_ID = "00000000-0000-4000-8000-000000000000"


ACME = Organization(OTHER_ID, "acme", "Acme")
OWN = Workspace(ID, ACME.id, "dev", "Dev")
SIBLING = Workspace(OTHER_ID, ACME.id, "prod", "Prod")
STRANGERS = Workspace(OTHER_ID, ID, "dev", "Dev")


def key(purpose: Purpose) -> ApiKeyCaller:
    return ApiKeyCaller(ApiKey(OTHER_ID, ID, "a key", purpose, datetime(2026, 1, 1, tzinfo=UTC)), OWN, ACME)


def member(role: Role) -> MemberCaller:
    alice = User(ID, "https://issuer.example", "alice", "alice", None, email_verified=False)
    return MemberCaller(alice, Membership(ACME, role))


@pytest.mark.parametrize("slug", ["", "Acme", "a__b", "-a", "a/b", "../a", "a" * 64, ID, "ä"])
def test_a_slug_follows_the_rule_for_names_and_is_unlike_an_id(slug: str) -> None:
    with pytest.raises(InvalidName):
        Organization(ID, slug, "Acme")
    with pytest.raises(InvalidName):
        Workspace(ID, OTHER_ID, slug, "Acme")


@pytest.mark.parametrize("name", ["", " a", "a ", "a\nb", "a\x1b[31m", "a\u202eb", "x" * 101])
def test_a_display_name_is_short_and_printable(name: str) -> None:
    with pytest.raises(InvalidField):
        check_display_name(name)


@pytest.mark.parametrize("name", ["Acme", "Müller & Söhne", "x" * 100])
def test_a_display_name_may_be_anything_else(name: str) -> None:
    assert check_display_name(name) == name


def test_an_organization_is_meant_by_its_slug_or_its_id_however_that_is_written() -> None:
    organization = Organization(ID, "acme", "Acme")
    assert organization.is_meant_by("acme")
    assert organization.is_meant_by(ID)
    assert organization.is_meant_by(ID.upper())
    assert not organization.is_meant_by("ACME")
    assert not organization.is_meant_by(OTHER_ID)


@pytest.mark.parametrize("action", ["read target roots", "change target roots"])
def test_an_administering_key_may_do_everything_in_its_workspace(action: Action) -> None:
    assert check_allowed(key("administer"), action, OWN) == OWN


def test_a_building_key_reads_and_changes_nothing() -> None:
    assert check_allowed(key("build"), "read target roots", OWN) == OWN
    with pytest.raises(NotAllowed):
        check_allowed(key("build"), "change target roots", OWN)


@pytest.mark.parametrize("role", ["admin", "owner"])
@pytest.mark.parametrize("action", ["read target roots", "change target roots"])
def test_admins_and_owners_may_do_everything_in_every_workspace_of_theirs(role: Role, action: Action) -> None:
    for workspace in (OWN, SIBLING):
        assert check_allowed(member(role), action, workspace) == workspace


def test_a_member_reads_and_changes_nothing() -> None:
    assert check_allowed(member("member"), "read target roots", SIBLING) == SIBLING
    with pytest.raises(NotAllowed):
        check_allowed(member("member"), "change target roots", SIBLING)


@pytest.mark.parametrize("caller", [key("administer"), key("build")])
@pytest.mark.parametrize("workspace", [SIBLING, STRANGERS, None])
@pytest.mark.parametrize("action", ["read target roots", "change target roots"])
def test_to_a_key_another_workspace_is_not_there(
    caller: ApiKeyCaller, workspace: Workspace | None, action: Action
) -> None:
    with pytest.raises(NotFound):
        check_allowed(caller, action, workspace)


@pytest.mark.parametrize("role", ["member", "admin", "owner"])
@pytest.mark.parametrize("workspace", [STRANGERS, None])
@pytest.mark.parametrize("action", ["read target roots", "change target roots"])
def test_to_a_member_another_organizations_workspace_is_not_there(
    role: Role, workspace: Workspace | None, action: Action
) -> None:
    with pytest.raises(NotFound):
        check_allowed(member(role), action, workspace)
