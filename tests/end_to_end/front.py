"""A door in front of a real registry, at its public address, that notes each request and can do harm to any of them."""

import http.client
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.registry.running import RunningRegistry, running_registry

_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length")


@dataclass(frozen=True, slots=True)
class Forwarded:
    """What the registry answers."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Passage:
    """One request on its way; whatever a treatment does not answer is cut off."""

    def __init__(self, handler: BaseHTTPRequestHandler, port: int) -> None:
        self.name = f"{handler.command} {handler.path.partition('?')[0]}"
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length", "0")))
        self.headers = dict(handler.headers)
        self._handler = handler
        self._port = port

    def forward(self) -> Forwarded:
        """Let the registry do what is asked."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(self._handler.command, self._handler.path, self.body, self.headers)
            answer = connection.getresponse()
            return Forwarded(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def answer(self, status: int, body: bytes, headers: list[tuple[str, str]] | None = None, cut_at: int = 0) -> None:
        """Answer; with `cut_at`, so many bytes of the body are missing."""
        self._handler.send_response_only(status)
        for name, value in headers or [("Content-Type", "application/json")]:
            if name.lower() not in _HOP_BY_HOP:
                self._handler.send_header(name, value)
        self._handler.send_header("Content-Length", str(len(body)))
        self._handler.send_header("Connection", "close")
        self._handler.end_headers()
        self._handler.wfile.write(body[: len(body) - cut_at])

    def pass_on(self) -> None:
        """What happens where no harm is done."""
        forwarded = self.forward()
        self.answer(forwarded.status, forwarded.body, forwarded.headers)


Treatment = Callable[[Passage], None]


class Front:
    """The door. `requests` are the methods and paths that came; `treatment` is what is done to each."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.treatment: Treatment = Passage.pass_on
        self.stopped = threading.Event()
        self._registry_port = 0
        front = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                passage = Passage(self, front._registry_port)
                front.requests.append(passage.name)
                self.close_connection = True
                front.treatment(passage)

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 (the library's names)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
                """Nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that was killed is no news."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def lead_to(self, registry: RunningRegistry) -> None:
        """Say where the registry listens."""
        self._registry_port = registry.port

    def hang(self, passage: Passage) -> None:
        """A treatment: no answer, ever."""
        self.stopped.wait()

    def only(self, name: str, treatment: Treatment) -> None:
        """Treat one kind of request so, and let the others pass."""
        self.treatment = lambda passage: (treatment if passage.name == name else Passage.pass_on)(passage)

    def harmless(self) -> None:
        """Do no harm any more, and forget what came."""
        self.treatment = Passage.pass_on
        self.requests.clear()

    def stop(self) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def registry_behind_a_front(data_dir: Path) -> Generator[tuple[RunningRegistry, Front]]:
    """A registry that is known to everybody by the front's address."""
    front = Front()
    try:
        with running_registry(data_dir, host="127.0.0.1", public_url=front.url) as registry:
            front.lead_to(registry)
            yield registry, front
    finally:
        front.stop()
