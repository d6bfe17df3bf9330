"""The endpoints of organizations, their members and invitations, workspaces, API keys, and the audit."""

from typing import Annotated, Any

from fastapi import Path, Query, Response

from stardag.domain.organizations import Role
from stardag_registry.adapters.http.authentication import Anyone, TheCaller
from stardag_registry.adapters.http.messages import OrganizationItem, WorkspaceItem
from stardag_registry.adapters.http.problems import documented
from stardag_registry.adapters.http.routing import (
    PREFIX,
    UUID,
    NewestFirst,
    OldestFirstPage,
    OrganizationReference,
    PageByName,
    ThePageRequest,
    WorkspaceId,
    anyone_router,
    organization_router,
)
from stardag_registry.adapters.http.team_messages import (
    AcceptedInvitation,
    ApiKeyItem,
    ApiKeyPage,
    AuditItem,
    AuditPage,
    ChangedRole,
    ChangedWorkspace,
    InvitationItem,
    InvitationPage,
    MadeAccessToken,
    MadeApiKey,
    MadeInvitation,
    MemberItem,
    MemberPage,
    NewAccessToken,
    NewApiKey,
    NewInvitationBody,
    NewOrganization,
    NewWorkspace,
    items_of,
)
from stardag_registry.adapters.http.use_cases import TheUseCases
from stardag_registry.app.ports import AuditFilter
from stardag_registry.app.workspaces import WorkspaceEdit
from stardag_registry.domain.api_keys import Purpose
from stardag_registry.domain.audit import ACTION_MAX_LENGTH

_anyone = anyone_router()
_organization = organization_router()

ROUTERS = (_anyone, _organization)
"""What these endpoints are on, for the application to mount."""

UserId = Annotated[str, Path(description="The user's id.", json_schema_extra=UUID)]

_LOCATION: dict[int | str, dict[str, Any]] = {
    201: {"headers": {"Location": {"description": "Where it is now.", "schema": {"type": "string"}}}}
}


@_anyone.post(
    "/organizations",
    tags=["organizations"],
    summary="Make an organization",
    status_code=201,
    responses=documented(401, 403, 409, 413, 422, 503),
)
def make_organization(new: NewOrganization, caller: Anyone, use_cases: TheUseCases) -> OrganizationItem:
    """Make an organization, which whoever makes it owns. Anyone who can sign in may."""
    membership = use_cases.make_organization(caller, new.slug, new.slug if new.name is None else new.name)
    return OrganizationItem.of_listed(membership.organization, membership.role)


@_organization.delete(
    "/organizations/{organization}",
    tags=["organizations"],
    summary="Delete an organization",
    status_code=204,
    responses=documented(401, 403, 404, 422, 503),
)
def delete_organization(organization: OrganizationReference, caller: TheCaller, use_cases: TheUseCases) -> None:
    """Delete an organization with all its workspaces: nobody is a member any more, and none of its keys count.

    What is stored below its target roots stays. This needs an owner.
    """
    use_cases.edit_organization.delete(caller, organization)


@_organization.get(
    "/organizations/{organization}/members",
    tags=["members"],
    summary="List members",
    responses=documented(401, 403, 404, 422, 503),
)
def list_members(
    organization: OrganizationReference,
    caller: TheCaller,
    page_request: PageByName,
    use_cases: TheUseCases,
    role: Annotated[Role | None, Query(description="Only those with this role.")] = None,
) -> MemberPage:
    """The members of an organization, by username. This needs a member."""
    return MemberPage(**items_of(use_cases.list_members(caller, organization, role, page_request), MemberItem.of))


@_organization.patch(
    "/organizations/{organization}/members/{user_id}",
    tags=["members"],
    summary="Change a member's role",
    responses=documented(401, 403, 404, 409, 413, 422, 503),
)
def change_role(
    organization: OrganizationReference,
    user_id: UserId,
    changed: ChangedRole,
    caller: TheCaller,
    use_cases: TheUseCases,
) -> MemberItem:
    """Make a member owner, admin or member. This needs an owner; an organization always keeps one."""
    return MemberItem.of(use_cases.edit_organization.set_role(caller, organization, user_id, changed.role))


@_organization.delete(
    "/organizations/{organization}/members/{user_id}",
    tags=["members"],
    summary="Remove a member, or leave",
    status_code=204,
    responses=documented(401, 403, 404, 409, 422, 503),
)
def remove_member(
    organization: OrganizationReference, user_id: UserId, caller: TheCaller, use_cases: TheUseCases
) -> None:
    """Remove a member, which needs an admin, and an owner for one who is admin or owner. Anybody may remove themselves;
    an organization always keeps one owner."""
    use_cases.edit_organization.remove(caller, organization, user_id)


@_organization.get(
    "/organizations/{organization}/invitations",
    tags=["members"],
    summary="List invitations",
    responses=documented(401, 403, 404, 422, 503),
)
def list_invitations(
    organization: OrganizationReference,
    caller: TheCaller,
    page_request: PageByName,
    use_cases: TheUseCases,
    role: Annotated[Role | None, Query(description="Only those to this role.")] = None,
) -> InvitationPage:
    """The invitations that nobody has accepted yet, by address. This needs an admin or owner."""
    page = use_cases.invite.pending(caller, organization, role, page_request)
    return InvitationPage(**items_of(page, InvitationItem.of))


@_organization.post(
    "/organizations/{organization}/invitations",
    tags=["members"],
    summary="Invite somebody",
    status_code=201,
    responses=documented(401, 403, 404, 409, 413, 422, 503),
)
def invite(
    organization: OrganizationReference, new: NewInvitationBody, caller: TheCaller, use_cases: TheUseCases
) -> MadeInvitation:
    """Invite the person with an e-mail address. No mail is sent: hand the link to them. An earlier link for the same
    address opens nothing any more.

    This needs an admin or owner; only an owner invites admins and owners.
    """
    made = use_cases.invite(caller, organization, new.email, new.role)
    link = use_cases.link_of_invitation(made.token)
    return MadeInvitation(**InvitationItem.fields_of(made.invitation), link=link)


@_organization.delete(
    "/organizations/{organization}/invitations/{invitation_id}",
    tags=["members"],
    summary="Withdraw an invitation",
    status_code=204,
    responses=documented(401, 403, 404, 422, 503),
)
def withdraw_invitation(
    organization: OrganizationReference,
    invitation_id: Annotated[str, Path(description="The invitation's id.", json_schema_extra=UUID)],
    caller: TheCaller,
    use_cases: TheUseCases,
) -> None:
    """Withdraw an invitation: its link opens nothing any more. This needs an admin or owner."""
    use_cases.invite.withdraw(caller, organization, invitation_id)


@_anyone.post(
    "/invitations/accept",
    tags=["members"],
    summary="Accept an invitation",
    responses=documented(401, 403, 404, 409, 413, 422, 503),
)
def accept_invitation(accepted: AcceptedInvitation, caller: Anyone, use_cases: TheUseCases) -> OrganizationItem:
    """Become a member. This needs the secret at the end of the link, and whoever signs in with the address that was
    invited."""
    membership = use_cases.accept_invitation(caller, accepted.token)
    return OrganizationItem.of_listed(membership.organization, membership.role)


@_organization.get(
    "/organizations/{organization}/audit",
    tags=["organizations"],
    summary="List changes",
    responses=documented(401, 403, 404, 422, 503),
)
def list_audit(
    organization: OrganizationReference,
    caller: TheCaller,
    page_request: ThePageRequest,
    newest_first: NewestFirst,
    use_cases: TheUseCases,
    workspace: Annotated[
        str | None, Query(description="Only of the workspace with this id.", json_schema_extra=UUID)
    ] = None,
    action: Annotated[
        str | None, Query(max_length=ACTION_MAX_LENGTH, description="Only of this kind, as `target-root.changed`.")
    ] = None,
    user: Annotated[
        str | None, Query(description="Only what the user with this id did.", json_schema_extra=UUID)
    ] = None,
) -> AuditPage:
    """Who changed what, with what credential, from where. This needs an admin or owner."""
    wanted = AuditFilter(workspace, action, user, newest_first)
    return AuditPage(**items_of(use_cases.read_audit(caller, organization, wanted, page_request), AuditItem.of))


@_organization.post(
    "/organizations/{organization}/workspaces",
    tags=["workspaces"],
    summary="Make a workspace",
    status_code=201,
    responses={**_LOCATION, **documented(401, 403, 404, 409, 413, 422, 503)},
)
def make_workspace(
    organization: OrganizationReference,
    new: NewWorkspace,
    caller: TheCaller,
    use_cases: TheUseCases,
    response: Response,
) -> WorkspaceItem:
    """Make a workspace. This needs an admin or owner."""
    name = new.slug if new.name is None else new.name
    workspace = use_cases.edit_workspaces.add(caller, organization, new.slug, name, new.description)
    response.headers["Location"] = f"{PREFIX}/workspaces/{workspace.id}"
    return WorkspaceItem.of_workspace(workspace)


@_organization.get(
    "/workspaces/{workspace_id}",
    tags=["workspaces"],
    summary="Show a workspace",
    responses=documented(401, 404, 422, 503),
)
def show_workspace(workspace_id: WorkspaceId, caller: TheCaller, use_cases: TheUseCases) -> WorkspaceItem:
    """A workspace, archived or not."""
    return WorkspaceItem.of_workspace(use_cases.list_workspaces.one(caller, workspace_id))


@_organization.patch(
    "/workspaces/{workspace_id}",
    tags=["workspaces"],
    summary="Change a workspace",
    responses=documented(401, 403, 404, 409, 413, 422, 503),
)
def change_workspace(
    workspace_id: WorkspaceId, changed: ChangedWorkspace, caller: TheCaller, use_cases: TheUseCases
) -> WorkspaceItem:
    """Rename or describe a workspace, archive it, or bring it back. One that is archived is only read any more.

    Archiving needs an admin or owner; the rest, also a key made for administering the workspace.
    """
    edit = WorkspaceEdit(changed.slug, changed.name, changed.description, changed.archived)
    return WorkspaceItem.of_workspace(use_cases.edit_workspaces.change(caller, workspace_id, edit))


@_organization.delete(
    "/workspaces/{workspace_id}",
    tags=["workspaces"],
    summary="Delete a workspace",
    status_code=204,
    responses=documented(401, 403, 404, 422, 503),
)
def delete_workspace(workspace_id: WorkspaceId, caller: TheCaller, use_cases: TheUseCases) -> None:
    """Delete a workspace with its history; none of its keys count any more. What is stored below its target roots
    stays. This needs an admin or owner."""
    use_cases.edit_workspaces.delete(caller, workspace_id)


@_organization.get(
    "/workspaces/{workspace_id}/api-keys",
    tags=["API keys"],
    summary="List API keys",
    responses=documented(401, 403, 404, 409, 422, 503),
)
def list_api_keys(
    workspace_id: WorkspaceId,
    caller: TheCaller,
    page_request: OldestFirstPage,
    use_cases: TheUseCases,
    revoked: Annotated[bool, Query(description="List those that were revoked, in place of the others.")] = False,
    purpose: Annotated[Purpose | None, Query(description="Only those made for this.")] = None,
) -> ApiKeyPage:
    """The API keys of a workspace, by the time that they were made. This needs a key made for administering the
    workspace, or an admin or owner of the organization."""
    page = use_cases.manage_api_keys.list(caller, workspace_id, page_request, revoked=revoked, purpose=purpose)
    return ApiKeyPage(**items_of(page, ApiKeyItem.of))


@_organization.post(
    "/workspaces/{workspace_id}/api-keys",
    tags=["API keys"],
    summary="Make an API key",
    status_code=201,
    responses=documented(401, 403, 404, 409, 413, 422, 503),
)
def make_api_key(workspace_id: WorkspaceId, new: NewApiKey, caller: TheCaller, use_cases: TheUseCases) -> MadeApiKey:
    """Make an API key, which is shown this once. This needs a key made for administering the workspace, or an admin or
    owner of the organization."""
    return MadeApiKey.of_made(
        *use_cases.manage_api_keys.make(caller, workspace_id, new.name, new.purpose, new.expires_at)
    )


@_organization.delete(
    "/workspaces/{workspace_id}/api-keys/{api_key_id}",
    tags=["API keys"],
    summary="Revoke an API key",
    status_code=204,
    responses=documented(401, 403, 404, 409, 422, 503),
)
def revoke_api_key(
    workspace_id: WorkspaceId,
    api_key_id: Annotated[str, Path(description="The key's id.", json_schema_extra=UUID)],
    caller: TheCaller,
    use_cases: TheUseCases,
) -> None:
    """Revoke an API key at once. This needs a key made for administering the workspace, or an admin or owner of the
    organization."""
    use_cases.manage_api_keys.revoke(caller, workspace_id, api_key_id)


@_organization.post(
    "/organizations/{organization}/access-tokens",
    tags=["access tokens"],
    summary="Make an access token",
    status_code=201,
    responses=documented(401, 403, 404, 409, 413, 422, 503),
)
def make_access_token(
    organization: OrganizationReference, new: NewAccessToken, caller: TheCaller, use_cases: TheUseCases
) -> MadeAccessToken:
    """Make an access token for a command that runs without its user, which is shown this once. It acts as the user in
    this organization with a member's rights at most, reads and runs builds, and makes no tokens or keys itself. This
    needs a member who has signed in."""
    return MadeAccessToken.of_made(*use_cases.manage_access_tokens.make(caller, organization, new.lifetime_seconds))


@_organization.delete(
    "/organizations/{organization}/access-tokens/{access_token_id}",
    tags=["access tokens"],
    summary="Revoke an access token",
    status_code=204,
    responses=documented(401, 403, 404, 422, 503),
)
def revoke_access_token(
    organization: OrganizationReference,
    access_token_id: Annotated[str, Path(description="The access token's id.", json_schema_extra=UUID)],
    caller: TheCaller,
    use_cases: TheUseCases,
) -> None:
    """Revoke an access token of one's own at once. This needs whoever had it made, or the token itself."""
    use_cases.manage_access_tokens.revoke(caller, organization, access_token_id)
