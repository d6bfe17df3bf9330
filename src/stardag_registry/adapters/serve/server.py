"""uvicorn: runs an application on sockets that are open already, and says when it answers."""

import gc
import signal
import socket
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn

from stardag_registry.adapters.serve.limits import allow_many_connections

GRACE = 10
"""Seconds that requests in progress get to finish once the server is told to stop."""

KEPT_OPEN = 130
"""Seconds that a connection is kept which nobody uses. Proxies keep theirs for up to two minutes; were the server to
close one first, a request that is on its way just then would fail."""


def run(app: Any, sockets: list[socket.socket], address: str, trusted_proxies: Sequence[str] = ()) -> int:
    """Serve until SIGTERM (0 is returned) or SIGINT (130); `address` goes to standard output once it answers.

    Args:
        app: the ASGI application.
        sockets: where to listen.
        address: what to say.
        trusted_proxies: addresses and networks whose `X-Forwarded-For` tells where a request comes from.
    """
    allow_many_connections()
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        log_level=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=list(trusted_proxies),
        timeout_graceful_shutdown=GRACE,
        timeout_keep_alive=KEPT_OPEN,
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
        if not self.started:
            return
        # What has been made so far stays: the collector need not look at it again, for 50 ms every other second.
        gc.collect()
        gc.freeze()
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
