"""Load on HTTP servers over persistent connections, from one process that needs less CPU than a server."""

import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import NamedTuple


class Served(NamedTuple):
    """The result of a load: requests per second, and the seconds that 99 in 100 responses took at most."""

    rate: float
    p99: float


class Step(NamedTuple):
    """A request as it is sent, and the status that its response must have."""

    request: bytes
    status: int


def get_request(path: str, headers: dict[str, str]) -> bytes:
    """A GET request as it is sent."""
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def load(port: int, steps: Sequence[Step], *, connections: int, seconds: float) -> Served:
    """Send requests to one server for some seconds. Each connection waits for a response before its next request.

    Raises:
        RuntimeError: a response has another status.
    """
    return load_all({port: steps}, connections=connections, seconds=seconds)


def load_all(steps_of_ports: Mapping[int, Sequence[Step]], *, connections: int, seconds: float) -> Served:
    """The same for several servers at once, each with this many connections and with requests of its own.

    Raises:
        RuntimeError: a response has another status.
    """
    steps = {port: cycle(each) for port, each in steps_of_ports.items()}
    taken: list[float] = []
    opened = [_Connection(port) for port in steps for _ in range(connections)]
    begun = time.perf_counter()

    def send_next(connection: _Connection) -> None:
        taken.append(connection.took)
        if time.perf_counter() < begun + seconds:
            connection.send(next(steps[connection.port]))

    for connection in opened:
        connection.send(next(steps[connection.port]))
    _receive_all(opened, send_next)
    elapsed = time.perf_counter() - begun
    taken.sort()
    return Served(len(taken) / elapsed, taken[int(len(taken) * 0.99)])


def send_all(port: int, steps: Sequence[Step], *, clients: int, connections: int) -> float:
    """Let many clients take the same steps over so many connections at once; the seconds until the last is done.

    Raises:
        RuntimeError: a response has another status.
    """
    begun = time.perf_counter()
    waiting = deque(iter(steps) for _ in range(clients))
    current: dict[int, Iterator[Step]] = {}

    def send_next(connection: _Connection) -> None:
        step = next(current[id(connection)], None)
        if step is None and waiting:
            current[id(connection)] = waiting.popleft()
            step = next(current[id(connection)])
        if step is not None:
            connection.send(step)

    opened = [_Connection(port) for _ in range(connections)]
    for connection in opened:
        current[id(connection)] = waiting.popleft()
        send_next(connection)
    _receive_all(opened, send_next)
    return time.perf_counter() - begun


def _receive_all(connections: "Sequence[_Connection]", send_next: "Callable[[_Connection], None]") -> None:
    """Call `send_next` with each connection that has its response, until none waits for one."""
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.sock, selectors.EVENT_READ, connection)
        while selector.get_map():
            for key, _ in selector.select():
                connection = key.data
                if connection.has_response():
                    send_next(connection)
                    if not connection.waits:
                        selector.unregister(connection.sock)
                        connection.sock.close()


@dataclass(slots=True)
class _Connection:
    """One persistent connection."""

    port: int
    sock: socket.socket = field(init=False)
    waits: bool = False
    took: float = 0.0
    _status: int = 0
    _begun: float = 0.0
    _received: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self.sock = socket.create_connection(("127.0.0.1", self.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, step: Step) -> None:
        """Send a request."""
        self._received.clear()
        self._status, self.waits, self._begun = step.status, True, time.perf_counter()
        self.sock.sendall(step.request)

    def has_response(self) -> bool:
        """Read what has arrived; whether the response is complete.

        Raises:
            RuntimeError: it has another status than expected, or the connection was closed.
        """
        received = self.sock.recv(1 << 18)
        if not received:
            raise RuntimeError("the server closed a connection")
        self._received += received
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return False
        if int(self._received[9:12]) != self._status:
            raise RuntimeError(f"unexpected response: {bytes(self._received[:2000])!r}")
        if len(self._received) < head + 4 + self._body_size(head):
            return False
        self.took, self.waits = time.perf_counter() - self._begun, False
        return True

    def _body_size(self, head: int) -> int:
        at = self._received.find(b"content-length: ", 0, head)
        if at < 0 or self._status == 304:
            return 0
        return int(self._received[at + 16 : self._received.index(b"\r\n", at)])
