"""A network and servers at their worst: each gives one clear error, within the deadline."""

import contextlib
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import certifi
import pytest

from stardag.adapters.http_registry import HttpRegistries
from stardag.adapters.http_registry.calling import ANSWERS_MAX_BYTES
from stardag.adapters.http_registry.registry import HttpRegistry
from stardag.app.sign_in.fixed_credential import FixedCredential
from stardag.domain.credentials import Secret
from stardag.domain.errors import StardagError
from stardag.domain.registry_errors import RegistryUnreachable, UnexpectedAnswer
from tests.fakes.http_server import Request, ScriptedServer, as_bytes, response

PATIENCE = 20.0
KEY = FixedCredential(Secret("sk_test"))
CERTIFICATE = Path(__file__).parents[1] / "fakes" / "loopback.pem"
NAME_OF_CERTIFICATE = "274e1150.0"
"""What OpenSSL looks for in a directory of certificates: `openssl x509 -subject_hash`."""
NO_ORGANIZATIONS = b'{"items": [], "next_cursor": null}'


def connect(url: str, timeout: float = PATIENCE) -> HttpRegistry:
    return HttpRegistries().connect(url, KEY, timeout)


def message_of(call: Callable[[], object], kind: type[StardagError] = RegistryUnreachable) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.message.isprintable()
    return caught.value.message


@pytest.fixture
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine that runs the tests has set."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


# --- no connection ---


def test_nothing_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        told = message_of(connect(f"http://127.0.0.1:{unused.getsockname()[1]}").check)
    assert "nothing listens there (connection refused)" in told


@pytest.mark.parametrize("host", ["no-such-host.invalid", "n" * 64 + ".invalid", "a..b"])
def test_a_host_name_that_nobody_has(host: str) -> None:
    assert "its host name cannot be found" in message_of(connect(f"http://{host}").check)


# --- the deadline ---


def test_a_server_that_takes_the_request_and_says_nothing() -> None:
    def hang(_connection: socket.socket, _request: Request) -> None:
        server.stopped.wait()

    with ScriptedServer(hang) as server:
        assert _told_in_time(server.url).endswith("did not answer within 0.8 seconds (while waiting for the answer).")


def test_a_server_that_hangs_after_the_headers() -> None:
    def hang(connection: socket.socket, _request: Request) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        server.stopped.wait()

    with ScriptedServer(hang) as server:
        assert _told_in_time(server.url).endswith("did not answer within 0.8 seconds (in the middle of the answer).")


def test_a_server_that_drips_its_headers() -> None:
    def drip(connection: socket.socket, _request: Request) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        _drip(connection, server)

    with ScriptedServer(drip) as server:
        assert _told_in_time(server.url).endswith("did not answer within 0.8 seconds (while waiting for the answer).")


def test_a_server_that_drips_its_body() -> None:
    def drip(connection: socket.socket, _request: Request) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        _drip(connection, server)

    with ScriptedServer(drip) as server:
        assert _told_in_time(server.url).endswith("did not answer within 0.8 seconds (in the middle of the answer).")


def test_a_server_that_never_finishes_the_tls_handshake() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        told = _told_in_time(f"https://127.0.0.1:{deaf.getsockname()[1]}")
    assert told.endswith("did not answer within 0.8 seconds (in the TLS handshake).")


def test_the_deadline_is_for_all_pages_together() -> None:
    def slow_page(connection: socket.socket, _request: Request) -> None:
        server.stopped.wait(0.2)
        connection.sendall(as_bytes(200, b'{"items": [], "next_cursor": "%d"}' % len(server.requests)))

    with ScriptedServer(slow_page) as server:
        assert "did not answer within 0.8 seconds" in _told_in_time(server.url)
        assert len(server.requests) <= 5


def test_a_registry_that_was_given_up_can_be_asked_again() -> None:
    def hang_once(connection: socket.socket, _request: Request) -> None:
        if len(server.requests) == 1:
            server.stopped.wait()
        connection.sendall(as_bytes(200, NO_ORGANIZATIONS))

    with ScriptedServer(hang_once) as server:
        registry = connect(server.url, timeout=2)
        message_of(registry.organizations)
        assert registry.organizations() == ()


def test_the_process_exits_at_once_after_the_deadline() -> None:
    code = (
        "import sys\n"
        "from stardag.adapters.http_registry import HttpRegistries\n"
        "from stardag.domain.registry_errors import RegistryUnreachable\n"
        "try:\n"
        "    HttpRegistries().connect(sys.argv[1], None, 0.3).check()\n"
        "except RegistryUnreachable:\n"
        "    sys.stdout.write('given up')\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        ended = subprocess.run([sys.executable, "-c", code, url], capture_output=True, text=True, timeout=20)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "given up", "")


def _told_in_time(url: str) -> str:
    registry = connect(url, timeout=0.8)
    started = monotonic()
    told = message_of(registry.organizations)
    assert monotonic() - started < 20
    return told


def _drip(connection: socket.socket, server: ScriptedServer) -> None:
    while not server.stopped.wait(0.02):
        connection.sendall(b" ")


# --- answers that break off, or are none ---


def test_a_connection_that_is_closed_without_an_answer() -> None:
    def close(connection: socket.socket, _request: Request) -> None:
        connection.shutdown(socket.SHUT_RDWR)

    with ScriptedServer(close) as server:
        assert "closed without an answer" in message_of(connect(server.url).organizations)
        assert len(server.requests) == 1  # nothing is retried


@pytest.mark.parametrize("rudely", [False, True])
def test_an_answer_that_breaks_off(rudely: bool) -> None:
    def break_off(connection: socket.socket, _request: Request) -> None:
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"items"')
        if rudely:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # a reset, not an end
            connection.close()
        else:
            connection.shutdown(socket.SHUT_RDWR)

    with ScriptedServer(break_off) as server:
        assert "broke off in the middle of the answer" in message_of(connect(server.url).organizations)


@pytest.mark.parametrize("noise", [b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"\0\1\2\x1b[2J\r\n\r\n", b"x" * 200_000])
def test_something_that_does_not_speak_http(noise: bytes) -> None:
    def make_noise(connection: socket.socket, _request: Request) -> None:
        connection.sendall(noise)
        connection.shutdown(socket.SHUT_RDWR)

    with ScriptedServer(make_noise) as server:
        assert "does not speak HTTP" in message_of(connect(server.url).organizations)


def test_an_answer_that_is_too_long() -> None:
    with ScriptedServer(response(200, b" " * (ANSWERS_MAX_BYTES + 1))) as server:
        assert "longer than" in message_of(connect(server.url).organizations, UnexpectedAnswer)


def test_pages_that_are_too_long_together() -> None:
    def long_page(connection: socket.socket, _request: Request) -> None:
        start = b'{"items": [], "next_cursor": "%d"' % len(server.requests)
        connection.sendall(as_bytes(200, start + b" " * (ANSWERS_MAX_BYTES // 3) + b"}"))

    with ScriptedServer(long_page) as server:
        assert "longer than" in message_of(connect(server.url).organizations, UnexpectedAnswer)
        assert len(server.requests) == 3


def test_a_compressed_answer_is_refused_unread() -> None:
    with ScriptedServer(response(200, b"\x1f\x8b", {"Content-Encoding": "gzip"})) as server:
        assert "compressed" in message_of(connect(server.url).organizations, UnexpectedAnswer)
        assert server.requests[0].headers["accept-encoding"] == "identity"


# --- TLS and proxies ---


def test_a_certificate_that_nobody_vouches_for(tls: ssl.SSLContext) -> None:
    with ScriptedServer(response(200, NO_ORGANIZATIONS), tls) as server:
        with pytest.raises(RegistryUnreachable, match="its certificate cannot be trusted") as caught:
            connect(server.url).organizations()
        assert "SSL_CERT_FILE" in caught.value.fix
        assert server.requests == []


def test_a_certificate_of_another_host(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    with ScriptedServer(response(200, NO_ORGANIZATIONS), tls) as server:
        told = message_of(connect(server.url.replace("127.0.0.1", "localhost")).organizations)
        assert "its certificate cannot be trusted (Hostname mismatch, certificate is not valid for 'localhost')" in told
        assert server.requests == []


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "both"])
def test_certificates_that_the_environment_names_are_trusted(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str
) -> None:
    (tmp_path / NAME_OF_CERTIFICATE).symlink_to(CERTIFICATE)
    if variable in ("SSL_CERT_FILE", "both"):
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE) if variable == "SSL_CERT_FILE" else _some_authorities())
    if variable in ("SSL_CERT_DIR", "both"):
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    with ScriptedServer(response(200, NO_ORGANIZATIONS), tls) as server:
        assert connect(server.url).organizations() == ()


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "authorities.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(RegistryUnreachable, match="the certificates to trust cannot be read") as caught:
        connect("https://127.0.0.1:1").check()
    assert f"(SSL_CERT_FILE={path})" in caught.value.message
    assert "SSL_CERT_FILE" in caught.value.fix


def test_https_to_something_that_speaks_http() -> None:
    def answer() -> None:
        connection, _ = plain.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(as_bytes(400))

    with socket.create_server(("127.0.0.1", 0)) as plain:
        threading.Thread(target=answer, daemon=True).start()
        told = message_of(connect(f"https://127.0.0.1:{plain.getsockname()[1]}").check)
    assert "the TLS handshake failed" in told
    assert "; it may speak http, not https." in told


def test_a_proxy_is_asked_for_the_way_and_never_for_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(response(407)) as proxy, ScriptedServer(response(200, NO_ORGANIZATIONS)) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert connect(server.url).organizations() == ()
        assert proxy.requests == []
        with pytest.raises(
            RegistryUnreachable, match=r"the proxy http://127\.0\.0\.1:[0-9]+ \(HTTPS_PROXY\) refuses: it answers 407\."
        ) as caught:
            connect("https://registry.invalid").organizations()
        assert "HTTPS_PROXY" in caught.value.fix
        (request,) = proxy.requests
    assert (request.method, request.path) == ("CONNECT", "registry.invalid:443")
    assert "authorization" not in request.headers


@pytest.mark.parametrize("proxy", ["socks5://user:secret@127.0.0.1:1", "gopher://127.0.0.1:1", "http://127.0.0.1:port"])
def test_a_proxy_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(RegistryUnreachable, match=r"\(HTTPS_PROXY\) cannot be used: ") as caught:
        connect("https://registry.invalid").check()
    assert "HTTPS_PROXY" in caught.value.fix
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "proxy", ["http://user:secret@127.0.0.1:{}", "user:secret@127.0.0.1:{}", "http://127.0.0.1:{}"]
)
@pytest.mark.parametrize("url", ["https://registry.invalid", "http://registry.invalid"])
def test_a_dead_proxy_is_what_failed(monkeypatch: pytest.MonkeyPatch, proxy: str, url: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        monkeypatch.setenv("ALL_PROXY", proxy.format(port))
        told = message_of(connect(url).check)
    assert f"the proxy http://127.0.0.1:{port} (ALL_PROXY) fails: nothing listens there" in told
    assert "secret" not in told


def test_an_unknown_proxy_is_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://no-such-proxy.invalid:3128")
    told = message_of(connect("https://registry.invalid").check)
    assert "the proxy http://no-such-proxy.invalid:3128 (https_proxy) fails: its host name cannot be found" in told


def test_a_proxy_that_hangs_or_hangs_up_is_what_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(_connection: socket.socket, _request: Request) -> None:
        proxy.stopped.wait()

    with ScriptedServer(hang) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        told = message_of(connect("https://registry.invalid", 0.5).check)
    assert f"the proxy {proxy.url} (HTTPS_PROXY) fails: it did not answer within 0.5 seconds" in told
    with ScriptedServer(lambda connection, _: connection.close()) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        told = message_of(connect("https://registry.invalid").check)
    assert f"the proxy {proxy.url} (HTTPS_PROXY) fails: the connection was closed" in told


def test_behind_a_proxy_that_does_its_part_the_registry_is_what_failed(
    monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext
) -> None:
    def tunnel(connection: socket.socket, request: Request) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        with socket.create_connection(("127.0.0.1", int(request.path.rpartition(":")[2]))) as target:
            for both in ((connection, target), (target, connection)):
                threading.Thread(target=_pump, args=both, daemon=True).start()
            proxy.stopped.wait()

    with ScriptedServer(response(200), tls) as server, ScriptedServer(tunnel) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        told = message_of(connect(server.url.replace("127.0.0.1", "registry.invalid")).check)
    assert "its certificate cannot be trusted" in told
    assert told.endswith(f"; asked through the proxy {proxy.url} (HTTPS_PROXY).")


def test_a_registry_by_plain_http_is_asked_through_the_proxy_which_may_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(response(200, NO_ORGANIZATIONS)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert connect("http://registry.invalid").organizations() == ()
    with ScriptedServer(response(407)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert "(HTTP_PROXY) refuses: it answers 407" in message_of(connect("http://registry.invalid").check)


@pytest.mark.parametrize(("status", "body"), [(503, b"<html>busy"), (200, b"<html>hello")])
def test_a_proxy_that_answers_in_place_of_a_registry_is_named(
    monkeypatch: pytest.MonkeyPatch, status: int, body: bytes
) -> None:
    with ScriptedServer(response(status, body)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        told = message_of(connect("http://registry.invalid").organizations)
    assert told.endswith(f"; asked through the proxy {proxy.url} (HTTP_PROXY).")


UNUSED_PROXIES = [
    {"NO_PROXY": "localhost,fd00::/8,[::1],127.0.0.1:*"},
    {"NO_PROXY": "localhost,127.0.0.0/8", "ALL_PROXY": "socks5://127.0.0.1:1"},
    {"NO_PROXY": "127.0.0.1:*", "HTTPS_PROXY": "gopher://127.0.0.1:1"},
    {"HTTP_PROXY": "http://[bad"},
    {"HTTP_PROXY": "socks4://127.0.0.1:1", "NO_PROXY": "fd00::/8 [::1]"},
]


@pytest.mark.parametrize("variables", UNUSED_PROXIES, ids=str)
def test_what_is_said_of_proxies_that_are_not_used_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch, tls: ssl.SSLContext, variables: dict[str, str]
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with ScriptedServer(response(200, NO_ORGANIZATIONS), tls) as server:
        assert connect(server.url).organizations() == ()


def test_a_secret_for_another_program_is_not_sent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine registry.invalid login me password hunter2\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    with ScriptedServer(response(200, NO_ORGANIZATIONS)) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert HttpRegistries().connect("http://registry.invalid", None, PATIENCE).organizations() == ()
        (request,) = proxy.requests
    assert "authorization" not in request.headers


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while received := source.recv(65536):
            target.sendall(received)


def _some_authorities() -> str:
    """Certificates that do not vouch for the server of these tests."""
    return certifi.where()
