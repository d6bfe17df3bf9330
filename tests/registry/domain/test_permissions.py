"""Who may do what (readings, section 7): the whole table, by role and by kind of key."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from stardag.domain.organizations import Role
from stardag_registry.domain.access_tokens import AccessToken
from stardag_registry.domain.api_keys import PURPOSES, ApiKey, Purpose
from stardag_registry.domain.errors import Archived, NotAllowed, NotFound
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import (
    AN_ADMIN,
    AN_OWNER,
    ApiKeyCaller,
    MemberCaller,
    OrganizationAction,
    WorkspaceAction,
    caller_by,
    check_allowed,
    check_allowed_in_organization,
    check_may_give,
    check_may_revoke,
    check_signed_in,
    may_see,
)
from stardag_registry.domain.users import Membership, User

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACME = Organization("00000000-0000-4000-8000-000000000001", "acme", "Acme")
OTHER = Organization("00000000-0000-4000-8000-000000000002", "other", "Other")
OWN = Workspace("00000000-0000-4000-8000-000000000003", ACME.id, "dev", "Dev")
SIBLING = Workspace("00000000-0000-4000-8000-000000000004", ACME.id, "prod", "Prod")
STRANGERS = Workspace("00000000-0000-4000-8000-000000000005", OTHER.id, "dev", "Dev")
ALICE = User("00000000-0000-4000-8000-000000000006", "https://issuer.example", "1", "alice", None, email_verified=False)
BOB = replace(ALICE, id="00000000-0000-4000-8000-000000000007", username="bob")
ALICES = replace(OWN, id="00000000-0000-4000-8000-000000000008", slug="personal-alice", owner_id=ALICE.id)

NOBODYS = "00000000-0000-4000-8000-000000000000"

ROLES: tuple[Role, ...] = get_args(Role)
WORKSPACE_ACTIONS: tuple[WorkspaceAction, ...] = get_args(WorkspaceAction)
ORGANIZATION_ACTIONS: tuple[OrganizationAction, ...] = get_args(OrganizationAction)

BUILDING: set[WorkspaceAction] = {"read", "build"}
ADMINISTERING: set[WorkspaceAction] = {action for action in WORKSPACE_ACTIONS if action != "archive workspace"}
IN_WORKSPACE: dict[Role, set[WorkspaceAction]] = {
    "member": BUILDING,
    "admin": {*WORKSPACE_ACTIONS},
    "owner": {*WORKSPACE_ACTIONS},
}
WITH_KEY: dict[Purpose, set[WorkspaceAction]] = {"build": BUILDING, "administer": ADMINISTERING}
OF_MEMBERS: set[OrganizationAction] = {"see members", "leave", "make access tokens", "revoke access tokens"}
WITH_ACCESS_TOKEN: set[OrganizationAction] = {"see members", "revoke access tokens"}
IN_ORGANIZATION: dict[Role, set[OrganizationAction]] = {
    "member": OF_MEMBERS,
    "admin": {*OF_MEMBERS, "create workspaces", "invite members", "remove members", "read audit"},
    "owner": {*ORGANIZATION_ACTIONS},
}


def key(purpose: Purpose) -> ApiKeyCaller:
    return ApiKeyCaller(ApiKey(OTHER.id, OWN.id, "a key", purpose, NOW), OWN, ACME)


def member(role: Role, user: User = BOB) -> MemberCaller:
    return MemberCaller(user, Membership(ACME, role))


def lent(role: Role, user: User = BOB) -> MemberCaller:
    """An access token that somebody with a role had made."""
    token = AccessToken(OTHER.id, ACME.id, user.id, NOW, NOW + timedelta(hours=1))
    return caller_by(token, user, Membership(ACME, role))


def is_allowed(caller: ApiKeyCaller | MemberCaller, action: WorkspaceAction, workspace: Workspace) -> bool:
    try:
        return check_allowed(caller, action, workspace) == workspace
    except NotAllowed:
        return False


@pytest.mark.parametrize("action", WORKSPACE_ACTIONS)
@pytest.mark.parametrize("role", ROLES)
def test_what_members_may_do_in_the_workspaces_of_their_organization(role: Role, action: WorkspaceAction) -> None:
    for workspace in (OWN, SIBLING):
        assert is_allowed(member(role), action, workspace) == (action in IN_WORKSPACE[role])


@pytest.mark.parametrize("action", WORKSPACE_ACTIONS)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_keys_may_do_in_their_workspace(purpose: Purpose, action: WorkspaceAction) -> None:
    assert is_allowed(key(purpose), action, OWN) == (action in WITH_KEY[purpose])


def test_a_key_is_told_what_would_be_allowed_a_key_if_one_may_and_else_an_admin() -> None:
    with pytest.raises(NotAllowed) as caught:
        check_allowed(key("administer"), "archive workspace", OWN)
    assert caught.value.needed == AN_ADMIN
    with pytest.raises(NotAllowed, match="an API key made for administering"):
        check_allowed(key("build"), "change target roots", OWN)


@pytest.mark.parametrize("action", WORKSPACE_ACTIONS)
def test_to_a_key_every_other_workspace_is_not_there(action: WorkspaceAction) -> None:
    for workspace in (SIBLING, STRANGERS, None):
        for purpose in PURPOSES:
            with pytest.raises(NotFound, match="no such workspace"):
                check_allowed(key(purpose), action, workspace)


@pytest.mark.parametrize("action", WORKSPACE_ACTIONS)
def test_to_a_member_another_organizations_workspace_is_not_there(action: WorkspaceAction) -> None:
    for workspace in (STRANGERS, None):
        for role in ROLES:
            with pytest.raises(NotFound):
                check_allowed(member(role), action, workspace)


@pytest.mark.parametrize("action", WORKSPACE_ACTIONS)
def test_a_personal_workspace_is_administered_by_its_owner_and_not_there_to_other_members(
    action: WorkspaceAction,
) -> None:
    assert is_allowed(member("member", ALICE), action, ALICES) == (action in ADMINISTERING)
    with pytest.raises(NotFound):
        check_allowed(member("member"), action, ALICES)
    for role in ("admin", "owner"):
        assert is_allowed(member(role), action, ALICES)


def test_who_sees_which_workspace() -> None:
    assert may_see(member("member", ALICE), ALICES)
    assert not may_see(member("member"), ALICES)
    assert may_see(member("admin"), ALICES)
    assert not may_see(MemberCaller(ALICE, Membership(OTHER, "owner")), ALICES)
    assert not may_see(key("administer"), ALICES)


@pytest.mark.parametrize("action", WORKSPACE_ACTIONS)
def test_in_an_archived_workspace_nothing_is_built_or_changed(action: WorkspaceAction) -> None:
    archived = replace(OWN, archived_at=NOW)
    still: set[WorkspaceAction] = {"read", "revoke API keys", "archive workspace"}
    if action in still:
        assert check_allowed(member("owner"), action, archived) == archived
    else:
        with pytest.raises(Archived):
            check_allowed(member("owner"), action, archived)


def test_whoever_may_not_is_not_told_that_it_is_archived() -> None:
    with pytest.raises(NotAllowed):
        check_allowed(key("build"), "change target roots", replace(OWN, archived_at=NOW))
    with pytest.raises(NotFound):
        check_allowed(key("build"), "read", replace(SIBLING, archived_at=NOW))


@pytest.mark.parametrize("action", ORGANIZATION_ACTIONS)
@pytest.mark.parametrize("role", ROLES)
def test_what_members_may_do_in_their_organization(role: Role, action: OrganizationAction) -> None:
    for reference in (ACME.slug, ACME.id, ACME.id.upper()):
        if action in IN_ORGANIZATION[role]:
            assert check_allowed_in_organization(member(role), action, reference) == member(role)
        else:
            with pytest.raises(NotAllowed):
                check_allowed_in_organization(member(role), action, reference)


@pytest.mark.parametrize("action", sorted(set(ORGANIZATION_ACTIONS) - OF_MEMBERS))
def test_a_member_who_may_not_is_told_the_lowest_role_that_may(action: OrganizationAction) -> None:
    with pytest.raises(NotAllowed) as caught:
        check_allowed_in_organization(member("member"), action, ACME.slug)
    assert caught.value.needed == (AN_ADMIN if action in IN_ORGANIZATION["admin"] else AN_OWNER)


@pytest.mark.parametrize("action", ORGANIZATION_ACTIONS)
def test_to_a_member_another_organization_is_not_there(action: OrganizationAction) -> None:
    callers: list[ApiKeyCaller | MemberCaller] = [*map(member, ROLES), key("administer")]
    for reference in (OTHER.slug, OTHER.id, "missing", ""):
        for caller in callers:
            with pytest.raises(NotFound, match="no such organization"):
                check_allowed_in_organization(caller, action, reference)


@pytest.mark.parametrize("action", ORGANIZATION_ACTIONS)
def test_a_key_does_nothing_in_an_organization(action: OrganizationAction) -> None:
    for purpose in PURPOSES:
        with pytest.raises(NotAllowed):
            check_allowed_in_organization(key(purpose), action, ACME.slug)


@pytest.mark.parametrize("role", ROLES)
class TestAccessTokens:
    """They do what a member does, whoever had them made, and less where a person is meant."""

    def test_they_read_and_build_whatever_the_role(self, role: Role) -> None:
        for action in WORKSPACE_ACTIONS:
            assert is_allowed(lent(role), action, OWN) == (action in BUILDING)
            assert is_allowed(lent(role, ALICE), action, ALICES) == (action in BUILDING)

    def test_they_see_what_a_member_sees(self, role: Role) -> None:
        assert may_see(lent(role), OWN)
        assert may_see(lent(role, ALICE), ALICES)
        assert not may_see(lent(role), ALICES)
        assert not may_see(lent(role), STRANGERS)

    def test_they_change_nothing_in_an_organization(self, role: Role) -> None:
        for action in ORGANIZATION_ACTIONS:
            if action in WITH_ACCESS_TOKEN:
                assert check_allowed_in_organization(lent(role), action, ACME.slug) == lent(role)
            else:
                with pytest.raises(NotAllowed, match="somebody who has signed in"):
                    check_allowed_in_organization(lent(role), action, ACME.slug)
            with pytest.raises(NotFound):
                check_allowed_in_organization(lent(role), action, OTHER.slug)

    def test_they_are_nobody_who_signs_in(self, role: Role) -> None:
        assert check_signed_in(member(role), "somebody") == member(role)
        for caller in (lent(role), key("administer")):
            with pytest.raises(NotAllowed):
                check_signed_in(caller, "somebody")

    def test_they_revoke_none_but_themselves(self, role: Role) -> None:
        check_may_revoke(member(role), NOBODYS)
        check_may_revoke(lent(role), OTHER.id)
        with pytest.raises(NotAllowed):
            check_may_revoke(lent(role), NOBODYS)


@pytest.mark.parametrize("role", ROLES)
def test_only_owners_decide_who_is_more_than_a_member(role: Role) -> None:
    for given in ROLES:
        if given == "member" or role == "owner":
            check_may_give(member(role), given)
        else:
            with pytest.raises(NotAllowed):
                check_may_give(member(role), given)
