"""Who sends a request: settled before the body is looked at, so that nobody without a credential learns anything."""

import re
from abc import abstractmethod
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Annotated, Any, cast

from fastapi import Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from stardag_registry.adapters.http.use_cases import use_cases_in
from stardag_registry.app.credentials import Authenticate, IssuerBearer
from stardag_registry.domain.permissions import ApiKeyCaller, Caller, MemberCaller, UserCaller

bearer = HTTPBearer(
    scheme_name="API key or access token",
    description="An API key of a workspace, or an organization's access token, in `Authorization: Bearer …`. "
    "What comes before any organization takes an access token of the issuer that signs users in.",
    auto_error=False,
)
"""Tells the OpenAPI document how to sign in. `AuthenticatedRoute` does the work."""

ADDRESS_MAX_LENGTH = 64

_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)


class AuthenticatedRoute(APIRoute):
    """A route that only somebody with a credential gets through; subclasses say which."""

    @staticmethod
    @abstractmethod
    def authenticate(authenticate: Authenticate, credential: str | None) -> Caller | IssuerBearer:
        """Who shows this credential; raises Unauthenticated."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, after the question who asks."""
        handle = super().get_route_handler()

        async def handle_authenticated(request: Request) -> Response:
            authenticate = use_cases_in(request).authenticate
            caller = await run_in_threadpool(self.authenticate, authenticate, _credential_in(request))
            request.state.caller = caller if isinstance(caller, IssuerBearer) else _asking_from(request, caller)
            return await handle(request)

        return handle_authenticated


class OrganizationRoute(AuthenticatedRoute):
    """A route for what belongs to an organization."""

    @staticmethod
    def authenticate(authenticate: Authenticate, credential: str | None) -> Caller | IssuerBearer:
        """An API key's, or a member's."""
        return authenticate(credential)


class AnyoneRoute(AuthenticatedRoute):
    """A route for what comes before any organization, too."""

    @staticmethod
    def authenticate(authenticate: Authenticate, credential: str | None) -> Caller | IssuerBearer:
        """An API key's, a member's, or a user's."""
        return authenticate.anyone(credential)


class IssuerRoute(AuthenticatedRoute):
    """A route for whoever has just signed in, and may be new here."""

    @staticmethod
    def authenticate(authenticate: Authenticate, credential: str | None) -> Caller | IssuerBearer:
        """An access token of the issuer."""
        return authenticate.issuer(credential)


def _credential_in(request: Request) -> str | None:
    """What stands after `Bearer`; None where there is no such header, or more than one."""
    headers = request.headers.getlist("authorization")
    match = _BEARER.fullmatch(headers[0]) if len(headers) == 1 else None
    return match[1] if match else None


def _asking_from(request: Request, caller: Caller) -> Caller:
    """The caller, with the address that the audit tells."""
    return caller if request.client is None else replace(caller, address=request.client.host[:ADDRESS_MAX_LENGTH])


async def _caller(request: Request) -> ApiKeyCaller | MemberCaller:
    return cast("ApiKeyCaller | MemberCaller", request.state.caller)


async def _anyone(request: Request) -> ApiKeyCaller | MemberCaller | UserCaller:
    return cast("ApiKeyCaller | MemberCaller | UserCaller", request.state.caller)


async def _issuer_bearer(request: Request) -> IssuerBearer:
    return cast("IssuerBearer", request.state.caller)


TheCaller = Annotated[ApiKeyCaller | MemberCaller, Depends(_caller)]
Anyone = Annotated[ApiKeyCaller | MemberCaller | UserCaller, Depends(_anyone)]
TheIssuerBearer = Annotated[IssuerBearer, Depends(_issuer_bearer)]
