"""The provider's endpoints for programs: tokens, revocation, devices, userinfo, and the documents about it."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from stardag_registry.adapters.openid_provider.authorization_server import Answer, ProviderRequest, ProviderServer
from stardag_registry.adapters.openid_provider.documents import metadata
from stardag_registry.adapters.openid_provider.links import Links
from stardag_registry.adapters.openid_provider.parameters import Unreadable, in_form
from stardag_registry.adapters.openid_provider.use_cases import ProviderUseCases
from stardag_registry.domain.errors import DatabaseUnavailable, TooManyAttempts, Unauthenticated

_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Every error of these is JSON as RFC 6749, section 5.2, has it."""

    use_cases: ProviderUseCases
    server: ProviderServer
    links: Links

    async def token(self, request: Request) -> Response:
        """Codes, device codes and refresh tokens for tokens."""
        return await self._answered(request, self.server.answer_token)

    async def revoke(self, request: Request) -> Response:
        """Ends what a refresh token began (RFC 7009)."""
        return await self._answered(request, self.server.answer_revocation)

    async def device_authorization(self, request: Request) -> Response:
        """Codes for a device (RFC 8628)."""
        return await self._answered(request, self.server.answer_device)

    async def discovery(self, _request: Request) -> Response:
        """What the provider can do, and where."""
        return JSONResponse(metadata(self.links))

    async def keys(self, _request: Request) -> Response:
        """The public keys that tokens are checked with."""
        try:
            return JSONResponse(dict(await run_in_threadpool(self.use_cases.signer.public_keys)))
        except DatabaseUnavailable as error:
            return _unavailable(error)

    async def userinfo(self, request: Request) -> Response:
        """Who an access token is about."""
        headers = request.headers.getlist("authorization")
        match = _BEARER.fullmatch(headers[0]) if len(headers) == 1 else None
        if match is None:
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        try:
            return JSONResponse(
                dict(await run_in_threadpool(self.use_cases.tell_userinfo, match[1])), headers=_NO_STORE
            )
        except Unauthenticated:
            return _failed(401, "invalid_token", {"WWW-Authenticate": 'Bearer error="invalid_token"'})
        except DatabaseUnavailable as error:
            return _unavailable(error)

    async def _answered(self, request: Request, answer: Callable[[ProviderRequest], Answer]) -> Response:
        try:
            asked = ProviderRequest(request.method, await in_form(request), address_of(request))
            return response_of(await run_in_threadpool(answer, asked))
        except Unreadable as error:
            return _failed(400, "invalid_request", description=str(error))
        except TooManyAttempts as error:
            return _failed(429, "slow_down", {"Retry-After": str(error.retry_after)}, error.detail)
        except DatabaseUnavailable as error:
            return _unavailable(error)


def address_of(request: Request) -> str:
    """The network address that a request came from."""
    return "" if request.client is None else request.client.host


def response_of(answer: Answer) -> Response:
    """Starlette's answer. After a form, a browser is to fetch what it is sent to (RFC 9700, section 4.12)."""
    headers = {name: value for name, value in answer.headers if name.lower() != "content-type"}
    if answer.location is not None:
        return Response(status_code=303, headers=headers)
    return JSONResponse(answer.body, answer.status, headers | _NO_STORE)


def _failed(status: int, error: str, headers: dict[str, str] | None = None, description: str = "") -> Response:
    body = {"error": error} | ({"error_description": description} if description else {})
    return JSONResponse(body, status, _NO_STORE | (headers or {}))


def _unavailable(error: DatabaseUnavailable) -> Response:
    return _failed(503, "temporarily_unavailable", {"Retry-After": "1"}, error.detail)
