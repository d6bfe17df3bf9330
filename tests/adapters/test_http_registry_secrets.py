"""The credential goes into the one header it is made for and nowhere else: no message, traceback, `repr` or log."""

import base64
import json
import logging
import socket
import traceback
from collections.abc import Callable, Generator, Iterator
from urllib.parse import quote

import pytest

from stardag.adapters.http_registry import HttpRegistries
from stardag.adapters.http_registry.registry import HttpRegistry
from stardag.app.sign_in.fixed_credential import FixedCredential
from stardag.domain.credentials import Secret
from stardag.domain.errors import StardagError
from stardag.domain.registry_errors import MalformedCredential
from tests.fakes.http_server import Request, Script, ScriptedServer, as_bytes, response

SECRET = "sk_Geheim+/=%7E~NiemandDarfDasSehen"
SPELLINGS = (
    SECRET,
    quote(SECRET, safe=""),
    *(base64.b64encode(b" " * shift + SECRET.encode()).decode()[4:-4] for shift in range(3)),
    SECRET.encode().hex(),
)


def _break_off(connection: socket.socket, _request: Request) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
    connection.shutdown(socket.SHUT_RDWR)


def _hang(connection: socket.socket, _request: Request) -> None:
    connection.recv(1)


def _make_noise(connection: socket.socket, _request: Request) -> None:
    connection.sendall(b"noise\r\n\r\n")
    connection.shutdown(socket.SHUT_RDWR)


SCRIPTS: dict[str, Script] = {
    "401": response(401),
    "403": response(403),
    "404": response(404),
    "503": response(503),
    "redirect": response(302, headers={"Location": "https://elsewhere.invalid"}),
    "HTML": response(200, b"<p>"),
    "wrong shape": response(200, b"{}"),
    "breaks off": _break_off,
    "hangs": _hang,
    "noise": _make_noise,
}


@pytest.fixture
def log() -> Generator[list[str]]:
    """Everything that is logged, by any library, at any level."""
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())
            lines.append(repr(record.args))

    handler, root = Keep(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(handler)
    root.setLevel(before)


def shown_by(error: BaseException) -> Iterator[str]:
    """All ways in which an exception is shown, with what it came from and the variables of every frame."""
    yield str(error)
    yield repr(error)
    yield repr(vars(error))
    if error.__traceback__ is not None:  # its first frame is the test's own, which knows the secret
        frames = traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__.tb_next), capture_locals=True)
        yield "".join(frames.format())
    yield "".join(traceback.format_exception(error))
    for cause in (error.__cause__, error.__context__):
        if cause is not None:
            yield from shown_by(cause)


def assert_nothing_shows(texts: Iterator[str] | list[str]) -> None:
    for text in texts:
        for spelling in SPELLINGS:
            assert spelling not in text


CALLS: list[Callable[[HttpRegistry], object]] = [
    HttpRegistry.identity,
    HttpRegistry.organizations,
    lambda registry: registry.workspaces("acme"),
    lambda registry: registry.target_roots("0f0e0d0c-0000-4000-8000-00000000000b", '"v1"'),
]


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_error_log_line_or_traceback_shows_the_credential(name: str, log: list[str]) -> None:
    with ScriptedServer(SCRIPTS[name]) as server:
        registry = HttpRegistries().connect(server.url, FixedCredential(Secret(SECRET)), 0.5)
        for call in CALLS:
            with pytest.raises(StardagError) as caught:
                call(registry)
            assert_nothing_shows(shown_by(caught.value))
        assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert_nothing_shows(log)
    assert log  # the libraries did log


def test_errors_keep_nothing_of_the_library_that_failed() -> None:
    with ScriptedServer(_break_off) as server:
        with pytest.raises(StardagError) as caught:
            HttpRegistries().connect(server.url, FixedCredential(Secret(SECRET)), 5).identity()
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None


def test_where_nothing_listens_nothing_shows() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(StardagError) as caught:
            HttpRegistries().connect(
                f"http://127.0.0.1:{unused.getsockname()[1]}", FixedCredential(Secret(SECRET)), 5
            ).identity()
    assert_nothing_shows(shown_by(caught.value))


@pytest.mark.parametrize("malformed", [SECRET + "\n", "\r\nX-Injected: " + SECRET, SECRET + "é"])
def test_a_malformed_credential_is_neither_sent_nor_shown(malformed: str, log: list[str]) -> None:
    with ScriptedServer(response(200)) as server:
        registry = HttpRegistries().connect(server.url, FixedCredential(Secret(malformed)), 5)
        for call in CALLS:
            with pytest.raises(MalformedCredential) as caught:
                call(registry)
            assert_nothing_shows(shown_by(caught.value))
        assert server.requests == []
    assert_nothing_shows(log)


def test_neither_the_way_to_a_registry_nor_anything_it_holds_shows_the_credential() -> None:
    with ScriptedServer(response(503)) as server:
        registry = HttpRegistries().connect(server.url, FixedCredential(Secret(SECRET)), 5)
        with pytest.raises(StardagError):
            registry.identity()
        assert_nothing_shows([repr(registry), str(registry), repr(vars(registry))])


@pytest.mark.parametrize("status", [302, 400, 403, 404, 503])
def test_a_registry_that_says_the_credential_back_is_not_repeated(status: int) -> None:
    def echo(connection: socket.socket, request: Request) -> None:
        said = request.headers.get("authorization", "")
        body = json.dumps({"code": "c", "detail": "y" * 280 + said})
        connection.sendall(as_bytes(status, body.encode(), {"Location": f"/?said={said}"}))

    with ScriptedServer(echo) as server, pytest.raises(StardagError) as caught:
        HttpRegistries().connect(server.url, FixedCredential(Secret(SECRET)), 5).identity()
    assert_nothing_shows([caught.value.message, caught.value.fix])
    assert SECRET[:10] not in caught.value.message
