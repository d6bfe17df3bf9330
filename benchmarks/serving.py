"""Runs one registry for the benchmarks, with a route besides that does nothing: what the others are measured against.

Arguments: data directory, database URL (or "-"), port (0 takes a free one), and the core to stay on.
"""

import os
import sys
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stardag_registry.adapters.http.observing import REQUEST_ID
from stardag_registry.adapters.serve.logs import set_up_logs
from stardag_registry.adapters.serve.server import run
from stardag_registry.adapters.serve.sockets import listen
from stardag_registry.container import Container, Settings


async def nothing(_request: Request) -> Response:
    """Answer without a word."""
    return Response()


def main() -> int:
    data_dir, database_url, port, core = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    set_up_logs("text", REQUEST_ID.get)
    sockets = listen("127.0.0.1", int(port))
    port_taken = sockets[0].getsockname()[1]
    address = f"http://127.0.0.1:{port_taken}"
    settings = Settings("127.0.0.1", port_taken, Path(data_dir), address, None if database_url == "-" else database_url)
    container = Container(settings=settings)
    container.first_start()(data_dir)
    application = container.application()
    application.router.routes.append(Route("/nothing", nothing))
    try:
        return run(application, sockets, address)
    finally:
        container.shutdown_resources()


if __name__ == "__main__":
    sys.exit(main())
