"""uvicorn: runs an application on sockets that are open already, and says when it answers."""

import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import uvicorn

GRACE = 10
"""Seconds that requests in progress get to finish once the server is told to stop."""

_LOG_CONFIG: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
    "loggers": {
        name: {"handlers": ["stderr"], "level": "WARNING", "propagate": False}
        for name in ("stardag_registry", "uvicorn", "alembic")
    }
    # The journal of sign-ins: who goes on, who is refused. It goes to the handler of what it is a part of.
    | {"stardag_registry.provider": {"level": "INFO"}},
}


def run(app: Any, sockets: list[socket.socket], address: str) -> int:
    """Serve until SIGTERM (0 is returned) or SIGINT (130); `address` goes to standard output once it answers."""
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=_LOG_CONFIG,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
    )
    server = _Server(config, address)
    server.run(sockets)
    return 130 if server.stopped_by == signal.SIGINT else 0


class _Server(uvicorn.Server):
    """Says its address once it answers, and ends like any function when a signal stops it."""

    def __init__(self, config: uvicorn.Config, address: str) -> None:
        super().__init__(config)
        self.stopped_by: int | None = None
        self._address = address

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say where."""
        await super().startup(sockets)
        sys.stdout.write(f"{self._address}\n")
        sys.stdout.flush()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Stop on a signal. Unlike the original's, this does not raise it again afterwards."""

        def note(number: int, frame: Any) -> None:
            self.stopped_by = self.stopped_by or number
            self.handle_exit(number, frame)

        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
