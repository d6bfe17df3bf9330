"""A proxy on loopback that records the status of each response."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

import httpx


class Relay:
    """Forward GET requests to a server and record the status codes of its responses."""

    def __init__(self, target: str) -> None:
        self.statuses: list[int] = []
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {**dict(self.headers), "Host": target.partition("://")[2]}
                response = httpx.get(target + self.path, headers=headers, trust_env=False)
                relay.statuses.append(response.status_code)
                self.send_response(response.status_code)
                for name in ("Content-Type", "ETag", "Content-Length"):
                    if name in response.headers:
                        self.send_header(name, response.headers[name])
                self.end_headers()
                self.wfile.write(response.content)

            def log_message(self, format: str, *_: object) -> None:  # noqa: A002  # the name in the base class
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
