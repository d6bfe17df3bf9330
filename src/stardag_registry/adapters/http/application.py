"""Makes the FastAPI application: the endpoints, the document that describes them, and what every request passes."""

from asyncio import get_running_loop
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import Any, cast

from anyio import CapacityLimiter, create_task_group, sleep
from anyio.to_thread import current_default_thread_limiter, run_sync
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from fastapi.routing import APIRoute
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.routing import BaseRoute

from stardag_registry.adapters.http import build_endpoints, endpoints, team_endpoints
from stardag_registry.adapters.http.authentication import EXPECTED_WORKSPACE
from stardag_registry.adapters.http.documentation import PAGE_POLICY, page_on
from stardag_registry.adapters.http.guards import BoundedBody, NoTraceback, OwnHostOnly, SafeHeaders
from stardag_registry.adapters.http.hosts import AllowedHosts
from stardag_registry.adapters.http.messages import Health
from stardag_registry.adapters.http.observing import Metrics, Observed
from stardag_registry.adapters.http.problems import Problem, documented, install_problems
from stardag_registry.adapters.http.routing import PREFIX
from stardag_registry.adapters.http.use_cases import TheUseCases, UseCases
from stardag_registry.app.key_uses import KeyUses

_ROUTERS = (*endpoints.ROUTERS, *team_endpoints.ROUTERS, *build_endpoints.ROUTERS)

KEEPING_USES = 5.0
"""Seconds between two times that the last uses of API keys are written down."""

_DESCRIPTION = """\
Organizations, their workspaces, and what belongs to these: target roots, API keys, builds and tasks. Every error is
`application/problem+json` with a stable `code`. Lists are paged: give the `next_cursor` of a page as `cursor` to get
the following one."""


def create_app(
    use_cases: UseCases,
    allowed_hosts: AllowedHosts,
    version: str,
    more_routes: Sequence[BaseRoute] = (),
    threads: int = 4,
) -> FastAPI:
    """The registry as an ASGI application that answers to the names in `allowed_hosts` alone.

    `more_routes` are those of another adapter, behind the same guards. `threads` is how many requests are worked on at
    once.
    """
    app = FastAPI(
        title="Stardag registry",
        description=_DESCRIPTION,
        version=version,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,  # a redirect would carry the credential along
        lifespan=partial(_running, threads),
        generate_unique_id_function=_operation_id,
    )
    app.state.use_cases = use_cases
    for router in _ROUTERS:
        app.include_router(router)
    _add_health(app, version)
    app.router.routes.extend(more_routes)
    _add_documents(app)
    metrics = Metrics()
    _add_metrics(app, metrics)
    install_problems(app, [*app.routes, *(route for router in _ROUTERS for route in router.routes)])
    for guard in (BoundedBody, NoTraceback):
        app.add_middleware(guard)
    app.add_middleware(OwnHostOnly, allowed=allowed_hosts)
    app.add_middleware(SafeHeaders)
    app.add_middleware(Observed, metrics=metrics)
    return app


@asynccontextmanager
async def _running(threads: int, app: FastAPI) -> AsyncGenerator[None]:
    current_default_thread_limiter().total_tokens = threads
    get_running_loop().set_default_executor(ThreadPoolExecutor(threads, "request"))
    key_uses = cast("UseCases", app.state.use_cases).key_uses
    async with create_task_group() as tasks:
        tasks.start_soon(_keep_uses, key_uses)
        yield
        tasks.cancel_scope.cancel()
    await run_sync(key_uses.keep)


async def _keep_uses(key_uses: KeyUses) -> None:
    limiter = CapacityLimiter(1)  # no request waits for this
    while True:
        await sleep(KEEPING_USES)
        await run_sync(key_uses.keep, limiter=limiter)


def _operation_id(route: APIRoute) -> str:
    """What generated clients call the operation."""
    return route.name


def _add_health(app: FastAPI, version: str) -> None:
    @app.get("/health", tags=["server"], summary="Whether the server works", responses=documented(503))
    def health(use_cases: TheUseCases) -> Health:  # pyright: ignore[reportUnusedFunction]  # FastAPI keeps it
        """That the server and its database answer. No credential is needed."""
        use_cases.check_health()
        return Health(status="ok", service="stardag-registry", version=version)

    @app.get("/health/live", tags=["server"], summary="Whether the server runs", responses=documented())
    async def live() -> Health:  # pyright: ignore[reportUnusedFunction]  # FastAPI keeps it
        """That the server answers, whatever its database does. No credential is needed."""
        return Health(status="ok", service="stardag-registry", version=version)


def _add_metrics(app: FastAPI, metrics: Metrics) -> None:
    """The numbers, for Prometheus. They name no organization, workspace or person."""

    def show(_request: Request) -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    app.add_route("/metrics", show, include_in_schema=False)


def _add_documents(app: FastAPI) -> None:
    """What describes the API to programs and to people: made from the endpoints, when somebody asks for it first."""
    document = cache(partial(_described, app))

    def openapi(_request: Request) -> JSONResponse:
        return JSONResponse(document())

    def docs(_request: Request) -> HTMLResponse:
        return HTMLResponse(page_on(document()), headers={"Content-Security-Policy": PAGE_POLICY})

    app.add_route("/openapi.json", openapi, include_in_schema=False)
    app.add_route("/docs", docs, include_in_schema=False)


_EXPECTED_WORKSPACE: dict[str, Any] = {
    "name": EXPECTED_WORKSPACE,
    "in": "header",
    "description": "What the workspace is expected to be called, by slugs: `organization/workspace`. Where the id is "
    "not that of a workspace called so any more, nothing is done, and the answer is 412.",
    "schema": {"type": "string"},
}


def _described(app: FastAPI) -> dict[str, Any]:
    """The framework's document, with problems in place of the framework's own errors."""
    document = app.openapi()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path.startswith(f"{PREFIX}/workspaces/{{workspace_id}}/"):
                operation["parameters"].append(_EXPECTED_WORKSPACE)
                operation["responses"] |= {str(status): told for status, told in documented(412).items()}
            if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                del operation["responses"]["422"]  # the framework's guess at what it cannot answer here
            for parameter in operation.get("parameters", ()):
                _say_left_out_for_null(parameter)
    schemas: dict[str, Any] = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= {**problem.pop("$defs"), "Problem": problem}
    return document


def _say_left_out_for_null(parameter: dict[str, Any]) -> None:
    """A parameter that is not given is left out; only a body can say null."""
    schema: dict[str, Any] = parameter["schema"]
    choices = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(choices) == 1:
        del schema["anyOf"]
        parameter["schema"] = choices[0] | schema
