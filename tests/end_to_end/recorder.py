"""A server that has no business getting anything secret, and would tell."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Recorder:
    """A server that notes all that it is sent, whatever that is, and answers as a registry would."""

    def __init__(self) -> None:
        self.received: list[str] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode("latin-1")
                recorder.received.append(f"{self.requestline}\n{self.headers}\n{body}")
                answer = json.dumps({"service": "stardag-registry", "issuer": recorder.url, "client_id": "x"}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_POST = do_PUT = do_GET  # noqa: N815 (the library's names)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def recording() -> Generator[Recorder]:
    """A recorder for the length of a `with` block."""
    recorder = Recorder()
    try:
        yield recorder
    finally:
        recorder.stop()
