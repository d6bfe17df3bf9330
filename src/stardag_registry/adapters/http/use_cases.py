"""What the HTTP adapter asks of the application, and how an endpoint gets at it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from stardag_registry.app.access_tokens import ManageAccessTokens
from stardag_registry.app.builds import FindBuilds, RegisterBuild, RunBuild
from stardag_registry.app.credentials import Authenticate
from stardag_registry.app.health import CheckHealth
from stardag_registry.app.invitations import AcceptInvitation, Invite
from stardag_registry.app.key_uses import KeyUses
from stardag_registry.app.listings import ListTargetRoots, ListWorkspaces
from stardag_registry.app.organizations import EditOrganization, ListMembers, MakeOrganization, ReadAudit
from stardag_registry.app.people import ExchangeTokens, Introduce
from stardag_registry.app.target_roots import EditTargetRoots, TargetRootHistory
from stardag_registry.app.workspaces import EditWorkspaces, ManageApiKeys


@dataclass(frozen=True, slots=True)
class UseCases:
    """The use cases behind the endpoints."""

    authenticate: Authenticate
    introduce: Introduce
    exchange_tokens: ExchangeTokens
    check_health: CheckHealth
    list_workspaces: ListWorkspaces
    edit_workspaces: EditWorkspaces
    manage_api_keys: ManageApiKeys
    manage_access_tokens: ManageAccessTokens
    list_target_roots: ListTargetRoots
    edit_target_roots: EditTargetRoots
    target_root_history: TargetRootHistory
    make_organization: MakeOrganization
    edit_organization: EditOrganization
    list_members: ListMembers
    invite: Invite
    accept_invitation: AcceptInvitation
    read_audit: ReadAudit
    register_build: RegisterBuild
    run_build: RunBuild
    find_builds: FindBuilds
    key_uses: KeyUses
    link_of_invitation: Callable[[str], str]


def use_cases_in(request: Request) -> UseCases:
    """Those that the application was made with."""
    return cast("UseCases", request.app.state.use_cases)


async def _injected(request: Request) -> UseCases:  # async, since what only looks something up needs no thread
    return use_cases_in(request)


TheUseCases = Annotated[UseCases, Depends(_injected)]
