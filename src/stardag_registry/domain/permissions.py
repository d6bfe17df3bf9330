"""Who may do what (readings, section 7): a table for keys, one for roles, and what every operation asks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from stardag.domain.organizations import Role
from stardag_registry.domain.api_keys import ApiKey, Purpose
from stardag_registry.domain.errors import NotAllowed, NotFound
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.users import Membership, User

Action = Literal["read target roots", "change target roots"]

_READ: frozenset[Action] = frozenset({"read target roots"})
_CHANGE: frozenset[Action] = frozenset({"read target roots", "change target roots"})

_BY_PURPOSE: Mapping[Purpose, frozenset[Action]] = {"build": _READ, "administer": _CHANGE}
_BY_ROLE: Mapping[Role, frozenset[Action]] = {"member": _READ, "admin": _CHANGE, "owner": _CHANGE}


@dataclass(frozen=True, slots=True)
class ApiKeyCaller:
    """An API key asks: with the workspace it belongs to and that one's organization."""

    api_key: ApiKey
    workspace: Workspace
    organization: Organization


@dataclass(frozen=True, slots=True)
class MemberCaller:
    """A user asks as a member of one organization, by a token for that one."""

    user: User
    membership: Membership


@dataclass(frozen=True, slots=True)
class UserCaller:
    """A user asks before any organization, by the issuer's access token."""

    user: User
    memberships: tuple[Membership, ...]


Caller = ApiKeyCaller | MemberCaller | UserCaller


def check_allowed(caller: ApiKeyCaller | MemberCaller, action: Action, workspace: Workspace | None) -> Workspace:
    """Let the caller do `action` in a workspace, which is returned, or refuse.

    Whether a workspace of somebody else's exists is never told, so that is looked at first.

    Raises:
        NotFound: it is not the caller's workspace, whether it exists (`workspace` is not None) or not.
        NotAllowed: the key was not made for this, or the role does not include it.
    """
    if isinstance(caller, ApiKeyCaller):
        if workspace is None or workspace.id != caller.workspace.id:
            raise NotFound("workspace")
        allowed, needed = _BY_PURPOSE[caller.api_key.purpose], "an API key made for administering the workspace"
    else:
        if workspace is None or workspace.organization_id != caller.membership.organization.id:
            raise NotFound("workspace")
        allowed, needed = _BY_ROLE[caller.membership.role], "an admin or owner of the organization"
    if action not in allowed:
        raise NotAllowed(needed)
    return workspace
