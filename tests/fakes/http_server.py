"""A server on loopback that does to each connection what a test tells it to, however rude, and records the requests."""

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Self


@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]


Script = Callable[[socket.socket, Request], None]
"""Called with each request and the connection it came on; may write, wait for `stopped`, or close."""


def response(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Script:
    """A script that always gives this answer."""
    message = as_bytes(status, body, headers)

    def answer(connection: socket.socket, _request: Request) -> None:
        connection.sendall(message)

    return answer


def as_bytes(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """A whole answer as it goes over the wire."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


class ScriptedServer:
    """Listens on a free port for the length of a `with` block, each connection on a thread of its own."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.stopped = threading.Event()
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._connections: list[socket.socket] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._connections.append(connection)
            received = b""
            while (head_and_rest := _read_head(connection, received)) is not None:
                request, received = head_and_rest
                self.requests.append(request)
                received = _skip_body(connection, request, received)
                self._script(connection, request)


def _read_head(connection: socket.socket, received: bytes) -> tuple[Request, bytes] | None:
    while b"\r\n\r\n" not in received:
        more = connection.recv(65536)
        if not more:
            return None
        received += more
    head, _, rest = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Request(method, path, headers), rest


def _skip_body(connection: socket.socket, request: Request, received: bytes) -> bytes:
    if request.headers.get("expect") == "100-continue":
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    length = int(request.headers.get("content-length", "0"))
    while len(received) < length:
        more = connection.recv(65536)
        if not more:
            break
        received += more
    return received[length:]
