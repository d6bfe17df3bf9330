"""Who sends a request: settled before the body is looked at, so that nobody without a credential learns anything."""

import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, cast

from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from stardag_registry.adapters.http.use_cases import use_cases_in
from stardag_registry.domain.permissions import Caller

bearer = HTTPBearer(
    scheme_name="API key",
    description="An API key of a workspace, in the header `Authorization: Bearer KEY`.",
    auto_error=False,
)
"""Tells the OpenAPI document how to sign in. `AuthenticatedRoute` does the work."""

_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)


class AuthenticatedRoute(APIRoute):
    """A route that only a caller with a credential gets through."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, after the question who asks."""
        handle = super().get_route_handler()

        async def handle_authenticated(request: Request) -> Response:
            authenticate = use_cases_in(request).authenticate
            request.state.caller = await run_in_threadpool(authenticate, _credential_in(request))
            return await handle(request)

        return handle_authenticated


def _credential_in(request: Request) -> str | None:
    """What stands after `Bearer`; None where there is no such header, or more than one."""
    headers = request.headers.getlist("authorization")
    match = _BEARER.fullmatch(headers[0]) if len(headers) == 1 else None
    return match[1] if match else None


async def _injected(request: Request) -> Caller:
    return cast("Caller", request.state.caller)


TheCaller = Annotated[Caller, Depends(_injected)]
