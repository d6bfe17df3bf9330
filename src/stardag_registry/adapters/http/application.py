"""Makes the FastAPI application: the endpoints, the document that describes them, and what every request passes."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.routing import BaseRoute

from stardag_registry.adapters.http import endpoints
from stardag_registry.adapters.http.documentation import PAGE_POLICY, page_on
from stardag_registry.adapters.http.guards import BoundedBody, NoTraceback, OwnHostOnly, SafeHeaders
from stardag_registry.adapters.http.hosts import AllowedHosts
from stardag_registry.adapters.http.messages import Health
from stardag_registry.adapters.http.problems import Problem, documented, install_problems
from stardag_registry.adapters.http.use_cases import TheUseCases, UseCases

THREADS = 4
"""How many requests are worked on at once; more than these only wait for each other on SQLite."""

_DESCRIPTION = """\
Organizations, their workspaces, and the target roots of these. Every error is `application/problem+json` with a stable
`code`. Lists are paged: give the `next_cursor` of a page as `cursor` to get the following one."""


def create_app(
    use_cases: UseCases, allowed_hosts: AllowedHosts, version: str, more_routes: Sequence[BaseRoute] = ()
) -> FastAPI:
    """The registry as an ASGI application that answers to the names in `allowed_hosts` alone.

    `more_routes` are those of another adapter, behind the same guards.
    """
    app = FastAPI(
        title="Stardag registry",
        description=_DESCRIPTION,
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # a redirect would carry the credential along
        lifespan=_few_threads,
    )
    app.state.use_cases = use_cases
    _add_health(app, version)
    for router in endpoints.ROUTERS:
        app.include_router(router)
    app.router.routes.extend(more_routes)
    _add_documents(app)
    install_problems(app, [*app.routes, *(route for router in endpoints.ROUTERS for route in router.routes)])
    for guard in (BoundedBody, NoTraceback):
        app.add_middleware(guard)
    app.add_middleware(OwnHostOnly, allowed=allowed_hosts)
    app.add_middleware(SafeHeaders)
    return app


@asynccontextmanager
async def _few_threads(_app: FastAPI) -> AsyncGenerator[None]:
    current_default_thread_limiter().total_tokens = THREADS
    yield


def _add_health(app: FastAPI, version: str) -> None:
    @app.get("/health", tags=["server"], summary="Whether the server works", responses=documented(503))
    def health(use_cases: TheUseCases) -> Health:  # pyright: ignore[reportUnusedFunction]  # FastAPI keeps it
        """That the server and its database answer. No credential is needed."""
        use_cases.check_health()
        return Health(status="ok", service="stardag-registry", version=version)


def _add_documents(app: FastAPI) -> None:
    """What describes the API to programs and to people: made from the endpoints, when somebody asks for it first."""
    document = cache(partial(_described, app))

    def openapi(_request: Request) -> JSONResponse:
        return JSONResponse(document())

    def docs(_request: Request) -> HTMLResponse:
        return HTMLResponse(page_on(document()), headers={"Content-Security-Policy": PAGE_POLICY})

    app.add_route("/openapi.json", openapi, include_in_schema=False)
    app.add_route("/docs", docs, include_in_schema=False)


def _described(app: FastAPI) -> dict[str, Any]:
    """The framework's document, with problems in place of the framework's own errors."""
    document = app.openapi()
    for operations in document["paths"].values():
        for operation in operations.values():
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]  # the framework's guess at what it cannot answer here
    schemas: dict[str, Any] = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {**problem.pop("$defs"), "Problem": problem}
    return document
