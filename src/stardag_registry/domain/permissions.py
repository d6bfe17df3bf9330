"""Who may do what (readings, section 7): a table for keys, one for roles, and what every operation asks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from stardag.domain.organizations import Role
from stardag_registry.domain.access_tokens import AccessToken
from stardag_registry.domain.api_keys import ApiKey, Purpose
from stardag_registry.domain.errors import Archived, NotAllowed, NotFound, NotTheWorkspace
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.users import Membership, User

WorkspaceAction = Literal[
    "read",
    "build",
    "change target roots",
    "make API keys",
    "revoke API keys",
    "change workspace",
    "archive workspace",
]
"""What is done in a workspace. "read" is its target roots, builds and tasks, and their history; "revoke API keys" is
seeing which there are, too."""

OrganizationAction = Literal[
    "see members",
    "leave",
    "make access tokens",
    "revoke access tokens",
    "create workspaces",
    "invite members",
    "remove members",
    "read audit",
    "change roles",
    "delete",
]
"""What is done in an organization."""

_BUILD: frozenset[WorkspaceAction] = frozenset({"read", "build"})
_ADMINISTER: frozenset[WorkspaceAction] = frozenset(
    {*_BUILD, "change target roots", "make API keys", "revoke API keys", "change workspace"}
)
_ADMINISTER_ALL: frozenset[WorkspaceAction] = frozenset({*_ADMINISTER, "archive workspace"})
# A key can be revoked at once wherever it is: those of an archived workspace still read.
_IN_ARCHIVED: frozenset[WorkspaceAction] = frozenset({"read", "revoke API keys", "archive workspace"})

_BY_PURPOSE: Mapping[Purpose, frozenset[WorkspaceAction]] = {"build": _BUILD, "administer": _ADMINISTER}
_BY_ROLE: Mapping[Role, frozenset[WorkspaceAction]] = {
    "member": _BUILD,
    "admin": _ADMINISTER_ALL,
    "owner": _ADMINISTER_ALL,
}

_BY_ACCESS_TOKEN: frozenset[OrganizationAction] = frozenset({"see members", "revoke access tokens"})
_OF_MEMBERS: frozenset[OrganizationAction] = frozenset({*_BY_ACCESS_TOKEN, "leave", "make access tokens"})
_OF_ADMINS: frozenset[OrganizationAction] = frozenset(
    {*_OF_MEMBERS, "create workspaces", "invite members", "remove members", "read audit"}
)
_OF_OWNERS: frozenset[OrganizationAction] = frozenset({*_OF_ADMINS, "change roles", "delete"})
_IN_ORGANIZATION: Mapping[Role, frozenset[OrganizationAction]] = {
    "member": _OF_MEMBERS,
    "admin": _OF_ADMINS,
    "owner": _OF_OWNERS,
}

AN_ADMIN = "an admin or owner of the organization"
AN_OWNER = "an owner of the organization"
A_MEMBER = "a member of the organization who has signed in"
A_SIGN_IN = "somebody who has signed in: an access token only reads, and runs builds"


@dataclass(frozen=True, slots=True)
class ApiKeyCaller:
    """An API key asks: with the workspace it belongs to and that one's organization. `address` is where from;
    `expected` is what the caller expects the workspace to be called, if anything: see `check_expected`."""

    api_key: ApiKey
    workspace: Workspace
    organization: Organization
    address: str = ""
    expected: str | None = None


@dataclass(frozen=True, slots=True)
class MemberCaller:
    """A user asks as a member of one organization, by a token for that one; by an access token, where there is one.
    `expected` as of an API key."""

    user: User
    membership: Membership
    address: str = ""
    access_token: AccessToken | None = None
    expected: str | None = None

    @property
    def organization(self) -> Organization:
        """The one that the token is for."""
        return self.membership.organization


@dataclass(frozen=True, slots=True)
class UserCaller:
    """A user asks before any organization, by the issuer's access token."""

    user: User
    memberships: tuple[Membership, ...]
    address: str = ""


Caller = ApiKeyCaller | MemberCaller | UserCaller


def caller_by(access_token: AccessToken, user: User, membership: Membership, address: str = "") -> MemberCaller:
    """The caller that an access token makes of its user: a member, whatever more they are."""
    return MemberCaller(user, replace(membership, role="member"), address, access_token)


def check_expected(caller: ApiKeyCaller | MemberCaller, workspace: Workspace | None) -> None:
    """Make sure that a workspace is called what the caller expects: `organization/workspace`, by their slugs.

    A client that remembers which id a slug stood for is told so where the slug is another workspace's by now, before
    anything is read or changed in the wrong one.

    Raises:
        NotTheWorkspace: it is called otherwise, or is not the caller's, whether it exists or not.
    """
    if caller.expected is None:
        return
    if workspace is None or not may_see(caller, workspace):
        raise NotTheWorkspace
    if caller.expected != f"{caller.organization.slug}/{workspace.slug}":
        raise NotTheWorkspace


def check_allowed(
    caller: ApiKeyCaller | MemberCaller, action: WorkspaceAction, workspace: Workspace | None
) -> Workspace:
    """Let the caller do `action` in a workspace, which is returned, or refuse.

    Whether a workspace of somebody else's exists is never told, so that is looked at first.

    Raises:
        NotFound: it is not the caller's workspace, whether it exists (`workspace` is not None) or not.
        NotAllowed: the key was not made for this, or the role does not include it.
        Archived: nothing is done there any more.
    """
    if workspace is None or not may_see(caller, workspace):
        raise NotFound("workspace")
    if isinstance(caller, ApiKeyCaller):
        allowed, needed = _BY_PURPOSE[caller.api_key.purpose], "an API key made for administering the workspace"
        if action == "archive workspace":
            needed = AN_ADMIN
    else:
        allowed, needed = _BY_ROLE[caller.membership.role], AN_ADMIN
        if caller.access_token is not None:
            needed = A_SIGN_IN
        elif workspace.owner_id == caller.user.id:
            allowed = allowed | _ADMINISTER
    if action not in allowed:
        raise NotAllowed(needed)
    if workspace.archived_at is not None and action not in _IN_ARCHIVED:
        raise Archived
    return workspace


def may_see(caller: ApiKeyCaller | MemberCaller, workspace: Workspace) -> bool:
    """Whether the workspace exists to the caller: a key sees its own; a member those of the organization, of personal
    ones only their own, unless they administer the organization."""
    if isinstance(caller, ApiKeyCaller):
        return workspace.id == caller.workspace.id
    if workspace.organization_id != caller.organization.id:
        return False
    return workspace.owner_id in {None, caller.user.id} or caller.membership.role != "member"


def check_allowed_in_organization(
    caller: ApiKeyCaller | MemberCaller, action: OrganizationAction, organization: str
) -> MemberCaller:
    """Let the caller do `action` in an organization, asked for by slug or id.

    Raises:
        NotFound: it is not the caller's, whether it exists or not.
        NotAllowed: the role does not include this, or an API key or access token asks for what neither may.
    """
    if not caller.organization.is_meant_by(organization):
        raise NotFound("organization")
    if isinstance(caller, ApiKeyCaller):
        raise NotAllowed(A_MEMBER)
    if caller.access_token is not None and action not in _BY_ACCESS_TOKEN:
        raise NotAllowed(A_SIGN_IN)
    if action not in _IN_ORGANIZATION[caller.membership.role]:
        raise NotAllowed(AN_OWNER if action in {"change roles", "delete"} else AN_ADMIN)
    return caller


def check_signed_in(caller: Caller, needed: str) -> MemberCaller | UserCaller:
    """Let somebody do what is a person's alone.

    Raises:
        NotAllowed: an API key asks, which is nobody and lacks what is `needed`, or an access token.
    """
    if isinstance(caller, ApiKeyCaller):
        raise NotAllowed(needed)
    if isinstance(caller, MemberCaller) and caller.access_token is not None:
        raise NotAllowed(A_SIGN_IN)
    return caller


def check_may_revoke(caller: MemberCaller, access_token_id: str) -> None:
    """Let the caller revoke an access token of their own.

    Raises:
        NotAllowed: an access token asks, and for another than itself.
    """
    if caller.access_token is not None and caller.access_token.id != access_token_id:
        raise NotAllowed(A_SIGN_IN)


def check_may_give(caller: MemberCaller, role: Role) -> None:
    """Let the caller make somebody a member with this role, or take it from them by removing them.

    Raises:
        NotAllowed: only owners decide who is more than a member.
    """
    if role != "member" and caller.membership.role != "owner":
        raise NotAllowed(AN_OWNER)
