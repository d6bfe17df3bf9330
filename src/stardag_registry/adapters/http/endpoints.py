"""The endpoints under `/api/v1`. What they take and answer is fixed, so that other clients can be written."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Response, Security

from stardag_registry.adapters.http.authentication import AuthenticatedRoute, TheCaller, bearer
from stardag_registry.adapters.http.entity_tags import entity_tag_of, is_matched
from stardag_registry.adapters.http.messages import (
    ChangedTargetRoot,
    Me,
    NewTargetRoot,
    OrganizationPage,
    TargetRootItem,
    TargetRootPage,
    WorkspacePage,
)
from stardag_registry.adapters.http.problems import documented
from stardag_registry.adapters.http.use_cases import TheUseCases
from stardag_registry.app.listings import organizations_of, workspaces_of
from stardag_registry.app.paging import PageRequest

PREFIX = "/api/v1"
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000

router = APIRouter(prefix=PREFIX, route_class=AuthenticatedRoute, dependencies=[Security(bearer)])

WorkspaceId = Annotated[str, Path(description="The workspace's id.")]
RootNamePath = Annotated[str, Path(description="The target root's name.")]

_ENTITY_TAG_HEADER: dict[str, Any] = {
    "ETag": {
        "description": "Strong. It changes with every change to any of the workspace's roots, on this page or not.",
        "schema": {"type": "string"},
    }
}


async def _page_request(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items at most.")] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None, Query(max_length=200, description="The `next_cursor` of the page before; none for the first.")
    ] = None,
) -> PageRequest:
    return PageRequest(limit, cursor)


ThePageRequest = Annotated[PageRequest, Depends(_page_request)]


@router.get("/me", tags=["credential"], summary="Who the credential is", responses=documented(401, 503))
def me(caller: TheCaller) -> Me:
    """The API key, its workspace and that one's organization."""
    return Me.of(caller)


@router.get(
    "/organizations",
    tags=["organizations"],
    summary="List organizations",
    responses=documented(401, 422, 503),
)
def list_organizations(caller: TheCaller, page_request: ThePageRequest) -> OrganizationPage:
    """The organizations that the credential belongs to, by slug. An API key sees its own."""
    return OrganizationPage.of(organizations_of(caller, page_request))


@router.get(
    "/organizations/{organization}/workspaces",
    tags=["organizations"],
    summary="List workspaces",
    responses=documented(401, 404, 422, 503),
)
def list_workspaces(
    organization: Annotated[str, Path(description="The organization's id or slug.")],
    caller: TheCaller,
    page_request: ThePageRequest,
) -> WorkspacePage:
    """The workspaces of an organization that the credential may see, by slug. An API key sees its own."""
    return WorkspacePage.of(workspaces_of(caller, organization, page_request))


@router.get(
    "/workspaces/{workspace_id}/target-roots",
    tags=["target roots"],
    summary="List target roots",
    response_model=TargetRootPage,
    responses={
        200: {"headers": _ENTITY_TAG_HEADER},
        304: {"description": "Nothing has changed since the entity tag was given.", "headers": _ENTITY_TAG_HEADER},
        **documented(401, 404, 422, 503),
    },
)
def list_target_roots(
    workspace_id: WorkspaceId,
    caller: TheCaller,
    page_request: ThePageRequest,
    use_cases: TheUseCases,
    if_none_match: Annotated[list[str] | None, Header(description="Entity tags of answers that are at hand.")] = None,
) -> Response:
    """The target roots of a workspace, by name.

    The entity tag covers all roots of the workspace as well as this very page: one conditional request for the first
    page tells whether any of them has changed.
    """
    listing = use_cases.list_target_roots(caller, workspace_id, page_request)
    content = TargetRootPage.of(listing.page).model_dump_json().encode()
    whole = "\n".join(f"{root.name} {root.uri_prefix}" for root in listing.whole).encode()
    entity_tag = entity_tag_of(whole, content)
    headers = {"ETag": entity_tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if is_matched(entity_tag, if_none_match or ()):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


@router.post(
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
    """Add a target root. This needs an API key made for administering the workspace."""
    root = use_cases.edit_target_roots.add(caller, workspace_id, new.name, new.uri_prefix)
    response.headers["Location"] = f"{PREFIX}/workspaces/{caller.workspace.id}/target-roots/{root.name}"
    return TargetRootItem.of(root)


@router.patch(
    "/workspaces/{workspace_id}/target-roots/{name}",
    tags=["target roots"],
    summary="Change a target root",
    responses=documented(401, 403, 404, 413, 422, 503),
)
def change_target_root(
    workspace_id: WorkspaceId,
    name: RootNamePath,
    changed: ChangedTargetRoot,
    caller: TheCaller,
    use_cases: TheUseCases,
) -> TargetRootItem:
    """Give a target root another prefix. Tasks that were completed below the old one will look incomplete.

    This needs an API key made for administering the workspace.
    """
    return TargetRootItem.of(use_cases.edit_target_roots.change(caller, workspace_id, name, changed.uri_prefix))


@router.delete(
    "/workspaces/{workspace_id}/target-roots/{name}",
    tags=["target roots"],
    summary="Remove a target root",
    status_code=204,
    responses=documented(401, 403, 404, 503),
)
def remove_target_root(
    workspace_id: WorkspaceId, name: RootNamePath, caller: TheCaller, use_cases: TheUseCases
) -> None:
    """Remove a target root. Tasks that were completed below it will look incomplete; what is stored there stays.

    This needs an API key made for administering the workspace.
    """
    use_cases.edit_target_roots.remove(caller, workspace_id, name)
