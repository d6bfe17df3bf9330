"""What the modules with endpoints share: kinds of routers, and the parameters that many endpoints take."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query

from stardag_registry.adapters.http.authentication import AnyoneRoute, OrganizationRoute
from stardag_registry.app.paging import PageRequest

PREFIX = "/api/v1"
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000


def organization_router() -> APIRouter:
    """A router of endpoints that take an API key's or a member's credential."""
    return APIRouter(prefix=PREFIX, route_class=OrganizationRoute)


def anyone_router() -> APIRouter:
    """A router of endpoints that take a user's credential before any organization, too."""
    return APIRouter(prefix=PREFIX, route_class=AnyoneRoute)


OrganizationReference = Annotated[str, Path(description="The organization's id or slug.")]
UUID: dict[str, Any] = {"format": "uuid"}
"""Told of an id in a path or query. Another text is no error: there is nothing with that id."""

WorkspaceId = Annotated[str, Path(description="The workspace's id.", json_schema_extra=UUID)]
RootNamePath = Annotated[str, Path(description="The target root's name.")]


async def _page_request(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items at most.")] = DEFAULT_LIMIT,
    cursor: Annotated[
        str | None, Query(max_length=500, description="The `next_cursor` of the page before; none for the first.")
    ] = None,
) -> PageRequest:
    return PageRequest(limit, cursor)


async def _order(
    order: Annotated[Literal["newest", "oldest"], Query(description="What comes first.")] = "newest",
) -> bool:
    return order == "newest"


ThePageRequest = Annotated[PageRequest, Depends(_page_request)]
NewestFirst = Annotated[bool, Depends(_order)]
