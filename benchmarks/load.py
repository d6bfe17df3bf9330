"""A load of HTTP requests over connections that are kept, from one process; cheaper for the machine than the server."""

import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle


@dataclass(frozen=True, slots=True)
class Served:
    """What a load found: requests a second, and the seconds that one in a hundred took longer than."""

    rate: float
    p99: float


def request(path: str, headers: dict[str, str]) -> bytes:
    """A GET request as it goes over the wire."""
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def load(port: int, requests: list[bytes], *, connections: int, seconds: float, status: int) -> Served:
    """Ask one server as fast as answers come, each connection one request after the other, the requests in turn.

    Raises:
        RuntimeError: an answer has another status.
    """
    return load_on_all([(port, each) for each in requests], connections=connections, seconds=seconds, status=status)


def load_on_all(asked: list[tuple[int, bytes]], *, connections: int, seconds: float, status: int) -> Served:
    """The same for several servers: each port gets as many connections, which ask what stands beside it in turn."""
    of_port = {port: cycle([what for each, what in asked if each == port]) for port, _ in asked}
    taken: list[float] = []
    asking = [_Asking(port) for port in of_port for _ in range(connections)]
    begun = time.perf_counter()

    def go_on(each: _Asking) -> None:
        taken.append(each.took)
        if time.perf_counter() < begun + seconds:
            each.ask(next(of_port[each.port]), status)

    for each in asking:
        each.ask(next(of_port[each.port]), status)
    _answer_all(asking, go_on)
    elapsed = time.perf_counter() - begun
    taken.sort()
    return Served(len(taken) / elapsed, taken[int(len(taken) * 0.99)])


def rush(port: int, steps: list[tuple[bytes, int]], *, clients: int) -> float:
    """Let many clients, each over a connection of its own, take the same steps (a request and the status of its
    answer) at once; the seconds until the last one is done.

    Raises:
        RuntimeError: an answer has another status.
    """
    begun = time.perf_counter()
    waiting: dict[int, int] = {}
    asking = [_Asking(port) for _ in range(clients)]

    def go_on(each: _Asking) -> None:
        step = waiting[id(each)] = waiting.get(id(each), 0) + 1
        if step < len(steps):
            each.ask(*steps[step])

    for each in asking:
        each.ask(*steps[0])
    _answer_all(asking, go_on)
    return time.perf_counter() - begun


def _answer_all(asking: "list[_Asking]", go_on: "Callable[[_Asking], None]") -> None:
    """Call `go_on` with each connection that has its answer, until none waits for one."""
    with selectors.DefaultSelector() as selector:
        for each in asking:
            selector.register(each.connection, selectors.EVENT_READ, each)
        while selector.get_map():
            for key, _ in selector.select():
                each = key.data
                if each.has_answer():
                    go_on(each)
                    if not each.waits:
                        selector.unregister(each.connection)
                        each.connection.close()


@dataclass(slots=True)
class _Asking:
    """One connection."""

    port: int
    connection: socket.socket = field(init=False)
    waits: bool = False
    took: float = 0.0
    _status: int = 0
    _begun: float = 0.0
    _read: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.connection = socket.create_connection(("127.0.0.1", self.port))
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, what: bytes, status: int) -> None:
        """Send a request whose answer is to have a status."""
        self._read.clear()
        self._status, self.waits, self._begun = status, True, time.perf_counter()
        self.connection.sendall(what)

    def has_answer(self) -> bool:
        """Read what is there; whether the answer is whole."""
        received = self.connection.recv(1 << 18)
        if not received:
            raise RuntimeError("the server closed a connection")
        self._read += received
        head = self._read.find(b"\r\n\r\n")
        if head < 0:
            return False
        if int(self._read[9:12]) != self._status:
            raise RuntimeError(f"the server answered {bytes(self._read[:2000])!r}")
        at = self._read.find(b"content-length: ", 0, head)
        size = int(self._read[at + 16 : self._read.index(b"\r\n", at)]) if at >= 0 and self._status != 304 else 0
        if len(self._read) < head + 4 + size:
            return False
        self.took, self.waits = time.perf_counter() - self._begun, False
        return True
