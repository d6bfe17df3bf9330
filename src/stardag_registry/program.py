"""The registry as a program: from a person's options to a running server and an exit code."""

import ipaddress
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from stardag_registry.adapters.serve.server import run
from stardag_registry.adapters.serve.sockets import close, listen
from stardag_registry.app.first_start import Furnished
from stardag_registry.domain.errors import PortNotFree


def serve(*, host: str, port: int, data_dir: str, local_target_roots: str, database: str | None) -> int:
    """Run a registry until SIGTERM (0 is returned) or SIGINT (130); requests in progress are finished first.

    Args:
        host: a name or address of this machine; `localhost` is both loopback addresses.
        port: where to listen; 0 takes a free one. The address is the first line on standard output, once it answers.
        data_dir: where the database and the owner's key are kept; it is made where it is missing.
        local_target_roots: the directory under which the first target root is named.
        database: an SQLAlchemy URL, in place of a file in `data_dir`.

    Raises:
        StardagError: what a person can get wrong: UnusableHost, PortNotFree, UnusableDataDirectory,
            UnsupportedDatabase, UnusableDatabase, InvalidValue.
    """
    host = host.removeprefix("[").removesuffix("]")
    if not 0 <= port <= 65535:
        raise PortNotFree(host, port, "ports are numbers from 0 to 65535")
    sockets = listen(host, port)
    try:
        return _serve_on(sockets, host, Path(data_dir).absolute(), local_target_roots, database)
    finally:
        close(sockets)


def _serve_on(
    sockets: list[socket.socket], host: str, data_dir: Path, local_target_roots: str, database: str | None
) -> int:
    from stardag_registry.container import Container, Settings

    port: int = sockets[0].getsockname()[1]
    container = Container(settings=Settings(host, port, data_dir, database))
    try:
        furnished = container.first_start()(local_target_roots)
        if furnished is not None:
            _say(*_welcome(furnished))
        if not _is_loopback(sockets):
            _say(f"Warning: listening on {host}, where other machines can reach it, without encryption.")
        return run(container.application(), sockets, _address(host, port))
    finally:
        container.shutdown_resources()


def _welcome(furnished: Furnished) -> Iterator[str]:
    if furnished.replaced_another_key:
        yield f"{furnished.kept_at} held the key of another database. It has been replaced, and is lost."
    yield "This registry is new. It has an organization, a workspace in that, and a target root in that, all 'default':"
    yield furnished.uri_prefix
    yield f"The API key that administers it is shown this once, and kept in {furnished.kept_at}:"
    yield furnished.secret.text


def _address(host: str, port: int) -> str:
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (what "every address" is reached by)
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def _is_loopback(sockets: Sequence[socket.socket]) -> bool:
    return all(ipaddress.ip_address(one.getsockname()[0]).is_loopback for one in sockets)


def _say(*lines: str) -> None:
    for line in lines:
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
