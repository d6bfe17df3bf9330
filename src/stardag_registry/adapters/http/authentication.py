"""Who sends a request: settled before anything is said of what it asks, so that nobody without a credential learns
anything; and on the thread that does what it asks, since going from one thread to another costs more than a query."""

import inspect
import re
from abc import abstractmethod
from asyncio import to_thread
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import HTTPException, Request, Response, Security
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.models import HTTPBearer
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase

from stardag_registry.adapters.http.use_cases import TheUseCases, use_cases_in
from stardag_registry.app.credentials import Authenticate, IssuerBearer
from stardag_registry.domain.permissions import ApiKeyCaller, Caller, MemberCaller, UserCaller

ADDRESS_MAX_LENGTH = 64

EXPECTED_WORKSPACE = "Stardag-Workspace"
"""The header in which a client says what it expects a workspace to be called, by slugs: `organization/workspace`."""

_BEARER = re.compile(r"bearer +(\S+)", re.IGNORECASE)


class AuthenticatedRoute(APIRoute):
    """A route that only somebody with a credential gets through; subclasses say which."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, _on_one_thread(endpoint, self._caller_in), **options)
        self._queries = frozenset(_queries_of(self.dependant))

    @staticmethod
    @abstractmethod
    def authenticate(authenticate: Authenticate, credential: str | None) -> Caller | IssuerBearer:
        """Who shows this credential; raises Unauthenticated."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler; what it finds wrong with a request is said only to somebody with a credential."""
        handle = super().get_route_handler()

        async def handle_authenticated(request: Request) -> Response:
            try:
                self._check_query(request)
                return await handle(request)
            except (RequestValidationError, HTTPException):
                await to_thread(self._caller_in, request)
                raise

        return handle_authenticated

    def _check_query(self, request: Request) -> None:
        """What nobody knows is refused: a filter with a slip of the pen would let everything through."""
        if request.scope["query_string"]:
            unknown = sorted(request.query_params.keys() - self._queries)
            if unknown:
                raise RequestValidationError([{"loc": ("query", name), "msg": "Nobody knows it"} for name in unknown])

    def _caller_in(self, request: Request) -> Caller | IssuerBearer:
        return _asking_from(request, self.authenticate(use_cases_in(request).authenticate, _credential_in(request)))


def _queries_of(dependant: Dependant) -> Iterator[str]:
    """The names of the query's parameters that an endpoint takes, or what it depends on."""
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _queries_of(inner)


def _on_one_thread(
    endpoint: Callable[..., Any], caller_in: Callable[[Request], Caller | IssuerBearer]
) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The endpoint, with its caller found out on the thread that it runs on: `TheCaller` and its like only say where to
    look. The use cases are put in here as well, since the framework takes its time with everything it puts in."""
    signature = inspect.signature(endpoint, eval_str=True)
    parameters = signature.parameters.values()
    ours = [parameter.name for parameter in parameters if parameter.annotation == TheUseCases]

    def run(values: dict[str, Any]) -> Any:
        for name, value in [*values.items()]:
            if isinstance(value, _Asking):
                values |= dict.fromkeys(ours, use_cases_in(value.request)) | {name: caller_in(value.request)}
        return endpoint(**values)

    async def run_on_thread(**values: Any) -> Any:
        return await to_thread(run, values)

    run_on_thread.__name__ = endpoint.__name__
    run_on_thread.__doc__ = endpoint.__doc__
    theirs = [parameter for parameter in parameters if parameter.name not in ours]
    run_on_thread.__signature__ = signature.replace(parameters=theirs)  # type: ignore[attr-defined]  # PEP 362
    return run_on_thread


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


def _asking_from(request: Request, caller: Caller | IssuerBearer) -> Caller | IssuerBearer:
    """The caller, with the address that the audit tells, and what they expect a workspace to be called."""
    if request.client is not None:
        caller = replace(caller, address=request.client.host[:ADDRESS_MAX_LENGTH])
    expected = request.headers.getlist(EXPECTED_WORKSPACE)
    if expected and isinstance(caller, ApiKeyCaller | MemberCaller):
        return replace(caller, expected=",".join(expected))  # several are none that a workspace could be called
    return caller


@dataclass(frozen=True, slots=True)
class _Asking:
    """In place of the caller, until somebody looks."""

    request: Request


class _Credential(SecurityBase):
    """Tells the OpenAPI document how to sign in."""

    scheme_name = "Credential"
    model = HTTPBearer(
        description="An API key of a workspace, or a token of an organization, in `Authorization: Bearer …`. "
        "What comes before any organization takes an access token of the issuer that signs users in.",
    )

    async def __call__(self, request: Request) -> _Asking:
        return _Asking(request)


_credential = _Credential()

TheCaller = Annotated[ApiKeyCaller | MemberCaller, Security(_credential)]
Anyone = Annotated[ApiKeyCaller | MemberCaller | UserCaller, Security(_credential)]
TheIssuerBearer = Annotated[IssuerBearer, Security(_credential)]
"""What an endpoint of an `AuthenticatedRoute` is given."""
