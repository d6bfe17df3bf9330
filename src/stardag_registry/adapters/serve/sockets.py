"""Takes the port: sockets that listen before anything else is done, so that a second server fails early and clearly."""

import errno
import socket
from collections.abc import Sequence

from stardag_registry.domain.errors import PortNotFree, UnusableHost

LOOPBACK = ("127.0.0.1", "::1")

_BACKLOG = 2048
_ATTEMPTS_FOR_A_FREE_PORT = 20
_NO_SUCH_ADDRESS = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on `host`, all on the same port; 0 takes a free one.

    `localhost` is both loopback addresses, as far as the machine has them.

    Raises:
        UnusableHost: there is no such host, or it is not this machine.
        PortNotFree: somebody listens there, or it needs more rights.
    """
    addresses = LOOPBACK if host == "localhost" else _addresses_of(host)
    attempts = _ATTEMPTS_FOR_A_FREE_PORT if port == 0 else 1
    while True:
        attempts -= 1
        try:
            return _listen_on_all(addresses, port)
        except OSError as error:
            if error.errno in _NO_SUCH_ADDRESS:
                raise UnusableHost(host, "it is no address of this machine") from error
            if error.errno != errno.EADDRINUSE or attempts == 0:
                raise PortNotFree(host, port, error.strerror or str(error)) from error


def _addresses_of(host: str) -> Sequence[str]:
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise UnusableHost(host, "there is no such host") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _listen_on_all(addresses: Sequence[str], port: int) -> list[socket.socket]:
    """Listen on those of the addresses that the machine has; on the first one's port where `port` is 0."""
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for address in addresses:
            try:
                sockets.append(_listen_on(address, port))
            except OSError as error:
                if error.errno not in _NO_SUCH_ADDRESS:
                    raise
                missing = error
            else:
                port = sockets[0].getsockname()[1]
    except OSError:
        close(sockets)
        raise
    if missing is not None and not sockets:
        raise missing
    return sockets


def _listen_on(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    # With the protocol said, asyncio lets answers go at once (TCP_NODELAY); else every one waits for the client's
    # acknowledgement of its head, 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((address, port))
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def close(sockets: Sequence[socket.socket]) -> None:
    """Give the port back."""
    for listening in sockets:
        listening.close()
