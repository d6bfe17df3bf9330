"""The endpoints of signing in, organizations, workspaces and target roots. What they take and answer is fixed."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response

from stardag.domain.names import NAME_MAX_LENGTH
from stardag.domain.organizations import Role
from stardag.domain.version import VERSION
from stardag_registry.adapters.http.authentication import Anyone, IssuerRoute, TheCaller, TheIssuerBearer
from stardag_registry.adapters.http.entity_tags import entity_tag_of, is_matched
from stardag_registry.adapters.http.messages import (
    ChangedTargetRoot,
    ExchangedToken,
    ExchangeRequest,
    Introduction,
    Me,
    NewTargetRoot,
    OrganizationPage,
    OrganizationSummary,
    SignInConfiguration,
    TargetRootDetail,
    TargetRootItem,
    TargetRootPage,
    WorkspacePage,
)
from stardag_registry.adapters.http.problems import documented
from stardag_registry.adapters.http.routing import (
    PREFIX,
    NewestFirst,
    OrganizationReference,
    PageByName,
    RootNamePath,
    ThePageRequest,
    WorkspaceId,
    anyone_router,
    organization_router,
)
from stardag_registry.adapters.http.team_messages import TargetRootRevisionItem, TargetRootRevisionPage, items_of
from stardag_registry.adapters.http.use_cases import TheUseCases
from stardag_registry.app.listings import organizations_of
from stardag_registry.app.ports import RevisionFilter
from stardag_registry.domain.signing_keys import TOKEN_LIFETIME

_open = APIRouter(prefix=PREFIX)
_issuer = APIRouter(prefix=PREFIX, route_class=IssuerRoute)
_exchange = APIRouter(route_class=IssuerRoute, include_in_schema=False)
_anyone = anyone_router()
_organization = organization_router()

ROUTERS = (_organization, _anyone, _issuer, _exchange, _open)
"""What these endpoints are on, for the application to mount. Routes are tried in turn, so what is asked most comes
first."""

_ENTITY_TAG_HEADER: dict[str, Any] = {
    "ETag": {
        "description": "Strong. It changes with every change to any of the workspace's roots, on this page or not.",
        "schema": {"type": "string"},
    }
}

# Several lines of it are one list (RFC 9110, section 5.3); as such it is read from the request, and told of here.
_IF_NONE_MATCH: dict[str, Any] = {
    "name": "If-None-Match",
    "in": "header",
    "description": "Entity tags of answers that are at hand, separated by commas.",
    "schema": {"type": "string"},
}


@_open.get("/auth/configuration", tags=["signing in"], summary="Where users sign in", responses=documented())
def auth_configuration(use_cases: TheUseCases) -> SignInConfiguration:
    """The issuer that signs this registry's users in. No credential is needed."""
    issuer_tokens = use_cases.authenticate.issuer_tokens
    return SignInConfiguration(issuer=issuer_tokens.issuer, client_id=issuer_tokens.client_id)


@_exchange.post("/auth/exchange")
@_issuer.post(
    "/auth/exchange",
    tags=["signing in"],
    summary="Exchange an issuer's tokens for one of an organization",
    responses=documented(401, 404, 413, 422, 503),
)
def exchange(asked: ExchangeRequest, issuer_bearer: TheIssuerBearer, use_cases: TheUseCases) -> ExchangedToken:
    """The issuer's access token authorizes this; its ID token says who that is, which has to be the same subject.

    What is given is good for ten minutes, in one organization, as long as one is a member.
    """
    token, organization = use_cases.exchange_tokens(issuer_bearer, asked.id_token, asked.organization)
    return ExchangedToken(
        access_token=token,
        expires_in=int(TOKEN_LIFETIME.total_seconds()),
        organization=OrganizationSummary.of(organization),
    )


@_issuer.put(
    "/me",
    tags=["signing in"],
    summary="Say who has signed in",
    responses=documented(401, 413, 422, 503),
)
def introduce(introduction: Introduction, issuer_bearer: TheIssuerBearer, use_cases: TheUseCases) -> Me:
    """Makes the user at the first sign-in, and takes over a new address later. This needs the issuer's access token."""
    return Me.of(use_cases.introduce(issuer_bearer, introduction.id_token))


@_anyone.get("/me", tags=["credential"], summary="Who the credential is", responses=documented(401, 422, 503))
def me(caller: Anyone) -> Me:
    """The API key, its workspace and that one's organization; or the user, and the organization of the token."""
    return Me.of(caller)


@_anyone.get(
    "/organizations",
    tags=["organizations"],
    summary="List organizations",
    responses=documented(401, 422, 503),
)
def list_organizations(
    caller: Anyone,
    page_request: PageByName,
    role: Annotated[
        Role | None, Query(description="Only those in which one has this role; an API key has none.")
    ] = None,
) -> OrganizationPage:
    """The organizations that the credential belongs to, by slug. An API key or an organization's token sees its own."""
    return OrganizationPage.of(organizations_of(caller, role, page_request))


@_organization.get(
    "/organizations/{organization}/workspaces",
    tags=["organizations"],
    summary="List workspaces",
    responses=documented(401, 404, 422, 503),
)
def list_workspaces(
    organization: OrganizationReference,
    caller: TheCaller,
    page_request: PageByName,
    use_cases: TheUseCases,
    archived: Annotated[bool, Query(description="List those that are archived, in place of the others.")] = False,
) -> WorkspacePage:
    """The workspaces of an organization that the credential may see, by slug. An API key sees its own; a member all
    but the personal ones of others, which admins and owners see too."""
    return WorkspacePage.of(use_cases.list_workspaces(caller, organization, page_request, archived=archived))


@_organization.get(
    "/workspaces/{workspace_id}/target-roots",
    tags=["target roots"],
    summary="List target roots",
    response_model=TargetRootPage,
    responses={
        200: {"headers": _ENTITY_TAG_HEADER},
        304: {"description": "Nothing has changed since the entity tag was given.", "headers": _ENTITY_TAG_HEADER},
        **documented(401, 404, 409, 422, 503),
    },
    openapi_extra={"parameters": [_IF_NONE_MATCH]},
)
def list_target_roots(
    workspace_id: WorkspaceId,
    caller: TheCaller,
    page_request: PageByName,
    use_cases: TheUseCases,
    request: Request,
    purpose: Annotated[
        str | None, Header(alias="Stardag-Purpose", description="`build`: refuse in an archived workspace.")
    ] = None,
) -> Response:
    """The target roots of a workspace, by name.

    The entity tag covers all roots of the workspace as well as this very page: one conditional request for the first
    page tells whether any of them has changed.
    """
    version = use_cases.list_target_roots.version(caller, workspace_id, to_build=purpose == "build")
    order = "descending" if page_request.descending else "ascending"
    entity_tag = entity_tag_of(VERSION, version, order, str(page_request.limit), page_request.cursor or "")
    headers = {"ETag": entity_tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if is_matched(entity_tag, request.headers.getlist("if-none-match")):
        return Response(status_code=304, headers=headers)
    page = use_cases.list_target_roots(caller, workspace_id, page_request)
    content = TargetRootPage.of(page).model_dump_json()
    return Response(content, headers=headers, media_type="application/json")


@_organization.get(
    "/workspaces/{workspace_id}/target-roots/{name}",
    tags=["target roots"],
    summary="Show a target root",
    responses=documented(401, 404, 422, 503),
)
def show_target_root(
    workspace_id: WorkspaceId, name: RootNamePath, caller: TheCaller, use_cases: TheUseCases
) -> TargetRootDetail:
    """A target root, and how many builds look incomplete once it is changed or removed."""
    use = use_cases.target_root_history.use(caller, workspace_id, name)
    return TargetRootDetail(name=use.root.name, uri_prefix=use.root.uri_prefix, builds=use.builds)


@_organization.get(
    "/workspaces/{workspace_id}/target-root-history",
    tags=["target roots"],
    summary="List changes of target roots",
    responses=documented(401, 404, 422, 503),
)
def list_target_root_history(
    workspace_id: WorkspaceId,
    caller: TheCaller,
    page_request: ThePageRequest,
    newest_first: NewestFirst,
    use_cases: TheUseCases,
    name: Annotated[
        str | None, Query(max_length=NAME_MAX_LENGTH, description="Only those of the root of this name.")
    ] = None,
) -> TargetRootRevisionPage:
    """Who changed which root from what to what, and when."""
    page = use_cases.target_root_history(caller, workspace_id, RevisionFilter(name, newest_first), page_request)
    return TargetRootRevisionPage(**items_of(page, TargetRootRevisionItem.of))


@_organization.post(
    "/workspaces/{workspace_id}/target-roots",
    tags=["target roots"],
    summary="Add a target root",
    status_code=201,
    responses={
        201: {"headers": {"Location": {"description": "Where the root is now.", "schema": {"type": "string"}}}},
        **documented(401, 403, 404, 409, 413, 422, 503),
    },
)
def add_target_root(
    workspace_id: WorkspaceId, new: NewTargetRoot, caller: TheCaller, use_cases: TheUseCases, response: Response
) -> TargetRootItem:
    """Add a target root. This needs an API key made for administering the workspace, or an admin or owner."""
    root = use_cases.edit_target_roots.add(caller, workspace_id, new.name, new.uri_prefix)
    response.headers["Location"] = f"{PREFIX}/workspaces/{workspace_id.lower()}/target-roots/{root.name}"
    return TargetRootItem.of(root)


@_organization.patch(
    "/workspaces/{workspace_id}/target-roots/{name}",
    tags=["target roots"],
    summary="Change a target root",
    responses=documented(401, 403, 404, 409, 413, 422, 503),
)
def change_target_root(
    workspace_id: WorkspaceId,
    name: RootNamePath,
    changed: ChangedTargetRoot,
    caller: TheCaller,
    use_cases: TheUseCases,
) -> TargetRootItem:
    """Give a target root another prefix. Tasks that were completed below the old one will look incomplete.

    This needs an API key made for administering the workspace, or an admin or owner of the organization.
    """
    return TargetRootItem.of(use_cases.edit_target_roots.change(caller, workspace_id, name, changed.uri_prefix))


@_organization.delete(
    "/workspaces/{workspace_id}/target-roots/{name}",
    tags=["target roots"],
    summary="Remove a target root",
    status_code=204,
    responses=documented(401, 403, 404, 409, 422, 503),
)
def remove_target_root(
    workspace_id: WorkspaceId, name: RootNamePath, caller: TheCaller, use_cases: TheUseCases
) -> None:
    """Remove a target root. Tasks that were completed below it will look incomplete; what is stored there stays.

    This needs an API key made for administering the workspace, or an admin or owner of the organization.
    """
    use_cases.edit_target_roots.remove(caller, workspace_id, name)
