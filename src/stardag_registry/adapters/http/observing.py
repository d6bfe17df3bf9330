"""What is told of every request: a line in the log, numbers for Prometheus, and an id to find it by."""

import logging
import re
import secrets
import time
from contextvars import ContextVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request that is worked on, for the log."""

_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_ROUTE = "other"

_log = logging.getLogger("stardag_registry.requests")


class Metrics:
    """The numbers of one server, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        labels = ("method", "route", "status")
        self.requests = Counter("stardag_requests", "Requests answered.", labels, registry=self.registry)
        self.seconds = Histogram(
            "stardag_request_seconds",
            "Seconds from a request to the end of its answer.",
            labels[:2],
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
            registry=self.registry,
        )
        self.in_progress = Gauge("stardag_requests_in_progress", "Requests worked on.", registry=self.registry)


class Observed:
    """Tells of every request. Routes are told by their pattern: what stands in a path could be anything, and a secret
    in a query is never read."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _GIVEN.fullmatch(given) else secrets.token_hex(8)
        reset = REQUEST_ID.set(request_id)
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        begun = time.perf_counter()
        self._metrics.in_progress.inc()
        try:
            await self._app(scope, receive, send_and_note)
        finally:
            self._metrics.in_progress.dec()
            self._tell(scope, status, time.perf_counter() - begun)
            REQUEST_ID.reset(reset)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else _NO_ROUTE
        route = _route_of(scope)
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(method, route).observe(seconds)
        if _log.isEnabledFor(logging.INFO):
            client = scope.get("client")
            told = {
                "method": method,
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1000, 1),
                "address": client[0] if client else "",
            }
            _log.info("%s %s %d", method, route, status, extra={"told": told})


def _route_of(scope: Scope) -> str:
    path = getattr(scope.get("route"), "path_format", None)
    if isinstance(path, str):
        return path
    # Routes that are not the framework's own have no parameters in their paths.
    return scope["path"] if "endpoint" in scope else _NO_ROUTE
