"""Where the browser brings the issuer's answer: a port of 127.0.0.1 that listens while a person signs in (RFC 8252)."""

import queue
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from stardag.adapters.oauth.messages import Fields
from stardag.domain.errors import StateNotWritable

PATH = "/callback"
STRAY_SECONDS = 10.0
"""How long a connection that says nothing is kept."""

_PAGE = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Stardag</title>
<body><h1>That was all</h1>
<p>You can close this page. The terminal says how it went.</p></body></html>
"""


class Listener:
    """The answers that come, in order: those to this sign-in alone."""

    def __init__(self, port: int) -> None:
        self.redirect_uri = f"http://127.0.0.1:{port}{PATH}"
        self._answers: queue.Queue[Fields] = queue.Queue(1)
        self._state: str | None = None
        self._claiming = threading.Lock()
        self._is_claimed = False

    def expect(self, state: str) -> None:
        """Take the answer that carries this state, and none before."""
        self._state = state

    def claim(self, query: str) -> Fields | None:
        """The answer to this sign-in, where this is the first one; a stray one is nobody's business."""
        try:
            values = parse_qs(query, keep_blank_values=True, strict_parsing=True, max_num_fields=20, errors="strict")
        except ValueError:
            return None
        if self._state is None or values.get("state") != [self._state]:
            return None
        with self._claiming:
            if self._is_claimed:
                return None
            self._is_claimed = True
        if any(len(several) > 1 for several in values.values()):
            values = {"error": ["invalid_request"]}
        return Fields({name: several[0] for name, several in values.items()})

    def deliver(self, answer: Fields) -> None:
        """Let `wait` return this answer."""
        self._answers.put(answer)

    def wait(self, timeout: float) -> Fields | None:
        """The answer; None where none came within `timeout` seconds."""
        try:
            return self._answers.get(timeout=timeout)
        except queue.Empty:
            return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.listener = Listener(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """Whatever a stray connection does is not worth a line."""


class _Handler(BaseHTTPRequestHandler):
    timeout = STRAY_SECONDS
    server_version = "stardag"
    sys_version = ""

    def do_GET(self) -> None:
        """Answer the one address there is; the page is the same whatever came."""
        assert isinstance(self.server, _Server)
        target = urlsplit(self.path)
        answer = self.server.listener.claim(target.query) if target.path == PATH else None
        if answer is None:
            self._show(404, "text/plain", b"Nothing here.\n")
            return
        try:
            self._show(200, "text/html", _PAGE)
        finally:  # only now: the program may be over a moment later, and the page with it
            self.server.listener.deliver(answer)

    def _show(self, status: int, content_type: str, page: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", f"{content_type}; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
        """The address holds the code."""


@contextmanager
def listening() -> Generator[Listener]:
    """Listen for the length of a `with` block.

    Raises:
        StateNotWritable: no port can be listened on.
    """
    try:
        server = _Server()
    except OSError as error:
        fix = "Sign in with a code on another device instead: stardag auth login --device"
        raise StateNotWritable("A port of 127.0.0.1", error.strerror or "it cannot be listened on", fix) from None
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server.listener
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
