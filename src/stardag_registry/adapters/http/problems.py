"""Every error as `application/problem+json` (RFC 9457), with the stable `code` that programs go by."""

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route

from stardag.domain.errors import InvalidName, InvalidValue
from stardag_registry.domain.errors import InvalidField, RegistryError

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 10
"""How many wrong fields are told at once."""

_STATUS: Mapping[str, HTTPStatus] = {
    "unauthenticated": HTTPStatus.UNAUTHORIZED,
    "not-allowed": HTTPStatus.FORBIDDEN,
    "not-found": HTTPStatus.NOT_FOUND,
    "already-exists": HTTPStatus.CONFLICT,
    "too-many": HTTPStatus.CONFLICT,
    "last-owner": HTTPStatus.CONFLICT,
    "archived": HTTPStatus.CONFLICT,
    "workspace-moved": HTTPStatus.PRECONDITION_FAILED,
    "build-ended": HTTPStatus.CONFLICT,
    "idempotency-key-reused": HTTPStatus.CONFLICT,
    "invalid": HTTPStatus.UNPROCESSABLE_ENTITY,
    "unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
    "issuer-unavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}

_HEADERS: Mapping[str, Mapping[str, str]] = {
    "unauthenticated": {"WWW-Authenticate": "Bearer"},
    "unavailable": {"Retry-After": "1"},
    "issuer-unavailable": {"Retry-After": "10"},
}

_FIELDS: Mapping[str, str] = {
    "organization": "body.slug",
    "workspace": "body.slug",
    "URI prefix": "body.uri_prefix",
}
"""Where a value of a kind that the vocabulary refuses stands in a request, if not in `body.name`."""

_log = logging.getLogger("stardag_registry.http")


class FieldError(BaseModel):
    """One thing wrong with a request."""

    field: str = Field(description="Where it is, such as `body.uri_prefix` or `query.limit`.")
    problem: str = Field(description="What is wrong with it, for people.")


class Problem(BaseModel):
    """Why a request was not done (RFC 9457)."""

    type: str = Field(default="about:blank", description="Always `about:blank`: the code says what it is.")
    title: str = Field(description="The phrase of the HTTP status.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="One sentence for people.")
    code: str = Field(description="A stable word for programs.")
    errors: list[FieldError] | None = Field(default=None, description="With `invalid`: what is wrong, field by field.")


def problem_response(
    status: int,
    code: str,
    detail: str,
    errors: Sequence[FieldError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer that tells a problem."""
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        errors=None if errors is None else list(errors),
    )
    content = problem.model_dump_json(exclude_none=True)
    return Response(content, status, dict(headers or {}), MEDIA_TYPE)


def install_problems(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Let the application answer problem+json wherever it or the framework refuses something.

    `routes` are all that it has; the framework would tell only one of the methods that an address takes.
    """
    app.add_exception_handler(RegistryError, _of_the_registry)
    app.add_exception_handler(InvalidName, _of_the_vocabulary)
    app.add_exception_handler(InvalidValue, _of_the_vocabulary)
    app.add_exception_handler(RequestValidationError, _of_a_request)
    app.add_exception_handler(HTTPException, _of_the_framework)
    app.add_exception_handler(405, partial(_of_a_method, routes))


def unexpected(method: str, path: str, request_id: str) -> Response:
    """The answer to a mistake of this program's, called while it is handled. Only the log gets the traceback."""
    _log.exception("Unexpected error in %s %s", method, path)
    return problem_response(
        500, "internal", f"The registry made a mistake. It was logged there, as that of request {request_id}."
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI document says of the problems that an operation answers with, besides those all share."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content}
        for status in sorted({*statuses, 421, 500})
    }


def _of_the_registry(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RegistryError)
    errors = [FieldError(field=error.field, problem=error.problem)] if isinstance(error, InvalidField) else None
    return problem_response(_STATUS[error.code], error.code, error.detail, errors, _HEADERS.get(error.code))


def _of_the_vocabulary(_request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidName | InvalidValue)
    field = _FIELDS.get(error.kind, "body.name")
    return problem_response(
        422, "invalid", f"{error.message} {error.fix}", [FieldError(field=field, problem=error.message)]
    )


def _of_a_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        FieldError(field=".".join(str(part) for part in found["loc"])[:100], problem=found["msg"])
        for found in error.errors()[:MAX_ERRORS]
    ]
    return problem_response(422, "invalid", "; ".join(f"{one.field}: {one.problem}" for one in errors) + ".", errors)


def _of_the_framework(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST:  # a body that could not be parsed
        return problem_response(422, "invalid", "The body is no JSON that can be read.")
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem_response(404, "not-found", "There is nothing at this address.")
    return problem_response(error.status_code, "failed", f"{HTTPStatus(error.status_code).phrase}.")


def _of_a_method(routes: Sequence[BaseRoute], request: Request, _error: Exception) -> Response:
    methods = {
        method
        for route in routes
        if isinstance(route, Route) and route.path_regex.match(request.url.path)
        for method in route.methods or ()
    }
    headers = {"Allow": ", ".join(sorted(methods))}
    return problem_response(405, "method-not-allowed", "This address does not take that method.", headers=headers)
