"""A load of HTTP requests over connections that are kept, from one process; cheaper for the machine than the server."""

import selectors
import socket
import time
from dataclasses import dataclass, field
from itertools import cycle


@dataclass(frozen=True, slots=True)
class Served:
    """What a load found: requests a second, and the seconds that one in a hundred took longer than."""

    rate: float
    p99: float


def request(path: str, headers: dict[str, str] | None = None) -> bytes:
    """A GET request as it goes over the wire."""
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\r\n".join([*lines, "", ""]).encode()


def load(port: int, requests: list[bytes], *, connections: int, seconds: float, status: int) -> Served:
    """Ask as fast as answers come, each connection one request after the other, the requests in turn.

    Raises:
        RuntimeError: an answer has another status.
    """
    waiting = cycle(requests)
    taken: list[float] = []
    with selectors.DefaultSelector() as selector:
        asking = [_Asking(port, status) for _ in range(connections)]
        for each in asking:
            selector.register(each.connection, selectors.EVENT_READ, each)
            each.ask(next(waiting))
        start = time.perf_counter()
        end = start + seconds
        while time.perf_counter() < end:
            for key, _ in selector.select(1.0):
                each = key.data
                if each.answered():
                    taken.append(each.took)
                    each.ask(next(waiting))
        elapsed = time.perf_counter() - start
        for each in asking:
            each.connection.close()
    taken.sort()
    return Served(len(taken) / elapsed, taken[int(len(taken) * 0.99)])


@dataclass(slots=True)
class _Asking:
    """One connection."""

    port: int
    status: int
    connection: socket.socket = field(init=False)
    took: float = 0.0
    _begun: float = 0.0
    _read: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.connection = socket.create_connection(("127.0.0.1", self.port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, what: bytes) -> None:
        self._begun = time.perf_counter()
        self._read.clear()
        self.connection.sendall(what)

    def answered(self) -> bool:
        """Read what is there; whether the answer is whole."""
        received = self.connection.recv(1 << 18)
        if not received:
            raise RuntimeError("the server closed a connection")
        self._read += received
        head = self._read.find(b"\r\n\r\n")
        if head < 0:
            return False
        status = int(self._read[9:12])
        if status != self.status:
            raise RuntimeError(f"the server answered {bytes(self._read[:2000])!r}")
        at = self._read.find(b"content-length: ", 0, head)
        size = int(self._read[at + 16 : self._read.index(b"\r\n", at)]) if at >= 0 and status != 304 else 0
        if len(self._read) < head + 4 + size:
            return False
        self.took = time.perf_counter() - self._begun
        return True
