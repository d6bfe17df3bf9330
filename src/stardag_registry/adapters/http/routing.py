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

_Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items at most.")]
_Cursor = Annotated[
    str | None,
    Query(
        max_length=500,
        description="The `next_cursor` of the page before; none for the first. It is a place in the list and counts in "
        "either order: in the other one, what comes before that place follows.",
    ),
]
_NameOrder = Annotated[Literal["ascending", "descending"], Query(description="Which way the list is sorted.")]
_TimeOrder = Annotated[Literal["newest", "oldest"], Query(description="What comes first.")]


async def _page_request(limit: _Limit = DEFAULT_LIMIT, cursor: _Cursor = None) -> PageRequest:
    return PageRequest(limit, cursor)


async def _page_by_name(
    limit: _Limit = DEFAULT_LIMIT, cursor: _Cursor = None, order: _NameOrder = "ascending"
) -> PageRequest:
    return PageRequest(limit, cursor, descending=order == "descending")


async def _oldest_first_page(
    limit: _Limit = DEFAULT_LIMIT, cursor: _Cursor = None, order: _TimeOrder = "oldest"
) -> PageRequest:
    return PageRequest(limit, cursor, descending=order == "newest")


async def _newest_first(order: _TimeOrder = "newest") -> bool:
    return order == "newest"


ThePageRequest = Annotated[PageRequest, Depends(_page_request)]
NewestFirst = Annotated[bool, Depends(_newest_first)]
"""The order that filters carry, beside a page request."""

PageByName = Annotated[PageRequest, Depends(_page_by_name)]
OldestFirstPage = Annotated[PageRequest, Depends(_oldest_first_page)]
"""A page request with the order in it, for lists that are the oldest first unless it is said otherwise."""
