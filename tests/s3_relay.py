"""A server between a program and S3 that lets requests through, refuses them, or spoils their answers."""

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, Self

import httpx

_KEPT = ("etag", "content-type", "last-modified", "content-range")


class Answer(NamedTuple):
    """What is answered; `cut` is after how many bytes of the content the connection breaks off."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    cut: int | None = None


class Asked(NamedTuple):
    """A request, as far as anybody decides by it."""

    method: str
    path: str


def error(code: str) -> Answer:
    """S3's answer that it refuses."""
    content = f"<Error><Code>{code}</Code><Message>Not any more.</Message></Error>"
    return Answer(400, {"Content-Type": "application/xml"}, content.encode())


def refusing_after(number: int, code: str) -> Callable[[Asked], Answer | None]:
    """Answers nothing to so many requests, and refuses all others."""
    lock = threading.Lock()
    left = [number]

    def refuse(_asked: Asked) -> Answer | None:
        with lock:
            left[0] -= 1
            return error(code) if left[0] < 0 else None

    return refuse


class S3Relay:
    """The server, for the length of a `with` block. `instead` answers in place of S3 where it wants to, and `change`
    changes what S3 answers."""

    def __init__(
        self,
        target: str,
        instead: Callable[[Asked], Answer | None] = lambda _asked: None,
        change: Callable[[Asked, Answer], Answer] = lambda _asked, answer: answer,
    ) -> None:
        self.instead = instead
        relay = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                asked = Asked(self.command, self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer = relay.instead(asked) or change(asked, self._passed_on(body))
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content[: answer.cut])
                self.close_connection = answer.cut is not None

            def _passed_on(self, body: bytes) -> Answer:
                headers = dict(self.headers)
                passed = httpx.request(
                    self.command, target + self.path, headers=headers, content=body, trust_env=False, timeout=60
                )
                kept = {name: value for name, value in passed.headers.items() if name.lower() in _KEPT}
                return Answer(passed.status_code, kept, passed.content)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any  # noqa: N815  # the names that are looked for

            def log_message(self, format: str, *_: object) -> None:  # noqa: A002  # the name it is called by
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
