"""Registries that are down, slow, broken or hostile: one clear error, the right exit code, within the deadline."""

import json
import socket
import threading
from time import monotonic
from typing import Any

import pytest

from tests.end_to_end.machine import Machine, files_below
from tests.end_to_end.registries import NOWHERE, Place, answering
from tests.fakes.http_server import Request, Script, ScriptedServer, as_bytes, response

KEY = "stardag_build_not-to-be-shown"
ORGANIZATION = "11111111-1111-4111-8111-111111111111"
WORKSPACE = "22222222-2222-4222-8222-222222222222"
ME = {
    "kind": "api_key",
    "organization": {"id": ORGANIZATION, "slug": "org", "name": "Org"},
    "workspace": {"id": WORKSPACE, "slug": "ws", "name": "Ws"},
}
TIMEOUT = 1.0
"""Seconds, of each exchange with a server here."""

GRACE = 8.0
"""Seconds above the timeout that a program start may take on a busy machine; less than the default timeout in all."""

HTML = b"<!doctype html><html><body>Log in to the guest network</body></html>"


def hang(connection: socket.socket, request: Request) -> None:
    """Says nothing; the connection stays open until the test ends."""


def hang_after_the_headers(connection: socket.socket, request: Request) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")


def trickle(connection: socket.socket, request: Request) -> None:
    """A byte now and then, for ever: each read is answered, the whole never is."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    pause = threading.Event()
    while not pause.wait(0.1):
        connection.sendall(b" ")


def close_at_once(connection: socket.socket, request: Request) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def break_off(connection: socket.socket, request: Request) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    connection.shutdown(socket.SHUT_RDWR)


def speak_no_http(connection: socket.socket, request: Request) -> None:
    connection.sendall(b"220 mail.example ESMTP\r\n")
    connection.shutdown(socket.SHUT_RDWR)


OUT_OF_REACH: dict[str, tuple[Script, str]] = {
    "slow": (hang, f"within {TIMEOUT:g} second"),
    "hangs after the headers": (hang_after_the_headers, f"within {TIMEOUT:g} second"),
    "trickles": (trickle, f"within {TIMEOUT:g} second"),
    "closes at once": (close_at_once, "closed"),
    "breaks off": (break_off, "broke off"),
    "speaks no HTTP": (speak_no_http, "HTTP"),
    "answers HTML": (response(200, HTML, {"Content-Type": "text/html"}), "not a Stardag registry"),
    "answers nothing": (response(200), "not a Stardag registry"),
    "is overloaded": (response(503, HTML), "503"),
    "fails": (response(500, b'{"code": "internal", "title": "Internal error"}'), "500"),
    "limits": (response(429), "429"),
    "has nothing there": (response(404, HTML), "404"),
    "redirects": (response(302, b"", {"Location": "https://evil.example/\u009b31m"}), "redirects"),
}


WAYS_OF_EVERY_RUN = ("slow", "hangs after the headers", "trickles", "closes at once", "answers HTML", "redirects")


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=[] if way in WAYS_OF_EVERY_RUN else pytest.mark.slow) for way in OUT_OF_REACH]
)
def test_a_registry_that_is_out_of_reach_is_one_clear_error_within_the_deadline(machine: Machine, way: str) -> None:
    script, says = OUT_OF_REACH[way]
    with ScriptedServer(script) as server:
        env = {
            "STARDAG_REGISTRY_URL": server.url,
            "STARDAG_API_KEY": KEY,
            "STARDAG_WORKSPACE": "ws",
            "STARDAG_TIMEOUT": str(TIMEOUT),
        }
        began = monotonic()
        ran = machine.ask("target-roots", "validate", env=env, exits=6)
        assert monotonic() - began < TIMEOUT + GRACE
        assert "\x1b" not in ran.err
        assert ran.error["code"] == "registry-unreachable"
        assert server.url in ran.error["message"]
        assert says in ran.error["message"]
    assert files_below(machine.home) == {}


def test_where_nothing_listens_it_says_so(machine: Machine) -> None:
    env = {"STARDAG_REGISTRY_URL": NOWHERE, "STARDAG_API_KEY": KEY}
    ran = machine.run("organizations", "list", env=env, exits=6)
    assert "connection refused" in ran.err
    assert ran.err.count("\n") == 2, "what is wrong, and what to do"


def test_a_name_that_does_not_resolve_is_out_of_reach(machine: Machine) -> None:
    env = {"STARDAG_REGISTRY_URL": "https://registry.invalid", "STARDAG_API_KEY": KEY, "STARDAG_TIMEOUT": "5"}
    assert machine.ask("organizations", "list", env=env, exits=6).error["code"] == "registry-unreachable"


def test_a_dead_proxy_is_named_without_its_password_and_a_proxy_that_is_not_used_is_not(machine: Machine) -> None:
    env = {"STARDAG_REGISTRY_URL": "https://registry.invalid", "STARDAG_API_KEY": KEY, "STARDAG_TIMEOUT": "5"}
    proxies = {
        "HTTPS_PROXY": "http://me:hunter2@127.0.0.1:9",
        "HTTP_PROXY": "nonsense://",
        "NO_PROXY": "fd00::/8,[::1]",
    }
    error = machine.ask("workspaces", "list", env={**env, **proxies}, exits=6).error
    assert "the proxy http://127.0.0.1:9 (HTTPS_PROXY) fails: nothing listens there" in error["message"]
    assert "hunter2" not in str(error)
    error = machine.ask("workspaces", "list", env={**env, **proxies, "NO_PROXY": ".invalid"}, exits=6).error
    assert "its host name cannot be found" in error["message"]
    assert "proxy" not in error["message"]


def test_a_redirect_never_carries_the_key(machine: Machine) -> None:
    with ScriptedServer(response(200, b"{}")) as thief:
        moved = response(307, b"", {"Location": f"{thief.url}/api/v1/organizations"})
        with ScriptedServer(moved) as server:
            env = {"STARDAG_REGISTRY_URL": server.url, "STARDAG_API_KEY": KEY}
            error = machine.ask("organizations", "list", env=env, exits=6).error
        assert thief.url in error["message"]
        assert thief.requests == []


def test_plain_http_beyond_loopback_is_refused_before_anything_is_sent(machine: Machine) -> None:
    env = {"STARDAG_REGISTRY_URL": "http://registry.example", "STARDAG_API_KEY": KEY}
    error = machine.ask("organizations", "list", env=env, exits=2).error
    assert "plain http" in error["message"]
    assert "STARDAG_ALLOW_HTTP=true" in error["fix"]
    words = ("registry", "add", "r", "--url", "http://registry.example")
    assert machine.ask(*words, exits=2).error["code"] == "invalid-value"


ROOTS_OF_EVERY_RUN = ("a name that is a path", "a name with two underscores", "a prefix with control characters")
"""The other ways are for `make test-all`: they differ from these inside of the adapter alone."""

BAD_ROOTS: dict[str, list[Any]] = {
    "a name that is a path": [{"name": "../../etc", "uri_prefix": "/x"}],
    "a name with two underscores": [{"name": "a__b", "uri_prefix": "/x"}],
    "a name with control characters": [{"name": "a\x1b[31m", "uri_prefix": "/x"}],
    "a prefix with control characters": [{"name": "default", "uri_prefix": "/x\x1b[2J"}],
    "a prefix that steps upwards": [{"name": "default", "uri_prefix": "/x/../../etc"}],
    "a relative prefix": [{"name": "default", "uri_prefix": "x"}],
    "an empty prefix": [{"name": "default", "uri_prefix": ""}],
    "one name twice": [{"name": "default", "uri_prefix": "/x"}, {"name": "default", "uri_prefix": "/y"}],
    "a number for a prefix": [{"name": "default", "uri_prefix": 7}],
    "no prefix": [{"name": "default"}],
    "a list of words": ["default"],
}


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=[] if way in ROOTS_OF_EVERY_RUN else pytest.mark.slow) for way in BAD_ROOTS]
)
def test_target_roots_that_break_the_rules_are_refused_and_not_cached(machine: Machine, way: str) -> None:
    roots = {"items": BAD_ROOTS[way], "next_cursor": None}
    with ScriptedServer(answering({"/api/v1/me": ME, f"/api/v1/workspaces/{WORKSPACE}": roots})) as server:
        env = {"STARDAG_REGISTRY_URL": server.url, "STARDAG_API_KEY": KEY, "STARDAG_WORKSPACE": "ws"}
        ran = machine.run("target-roots", "sync", env=env, exits=1)
        assert "\x1b" not in ran.said
        assert "gave an answer that cannot be used" in ran.err
    assert "target-root-cache.json" not in files_below(machine.home / ".stardag")


def test_control_characters_in_a_display_name_do_not_reach_the_terminal(machine: Machine) -> None:
    name = "Evil\x1b[31m\u202e\r\nname"
    items = [{"id": ORGANIZATION, "slug": "org", "name": name, "role": "owner"}]
    with ScriptedServer(answering({"/api/v1/organizations": {"items": items, "next_cursor": None}})) as server:
        env = {"STARDAG_REGISTRY_URL": server.url, "STARDAG_API_KEY": KEY}
        ran = machine.run("organizations", "list", env=env)
        assert len(ran.out.splitlines()) == 2
        for text in (ran.out, machine.ask("organizations", "list", env=env).out):
            assert not set("\x1b\u202e\r") & set(text)
            assert "Evil" in text


@pytest.mark.parametrize(
    "slug",
    [
        "../x",
        "a\x1b[0m",
        *(pytest.param(slug, marks=pytest.mark.slow) for slug in ("a__b", "UPPER", "x" * 64, ORGANIZATION)),
    ],
)
def test_a_slug_that_breaks_the_rules_is_refused(machine: Machine, slug: str) -> None:
    items = [{"id": ORGANIZATION, "slug": slug, "name": "n", "role": "owner"}]
    with ScriptedServer(answering({"/api/v1/organizations": {"items": items, "next_cursor": None}})) as server:
        env = {"STARDAG_REGISTRY_URL": server.url, "STARDAG_API_KEY": KEY}
        ran = machine.run("organizations", "list", env=env, exits=1)
    assert "\x1b" not in ran.said
    assert "items.0.slug" in ran.err


def test_what_a_registry_says_of_a_problem_is_shown_and_cannot_steer_the_terminal(machine: Machine) -> None:
    problem = json.dumps({"code": "forbidden", "title": "No", "detail": "Not \x1b[2J today\n\nerror: fake"}).encode()
    with ScriptedServer(response(403, problem, {"Content-Type": "application/problem+json"})) as server:
        env = {"STARDAG_REGISTRY_URL": server.url, "STARDAG_API_KEY": KEY}
        ran = machine.run("organizations", "list", env=env, exits=7)
    assert "\x1b" not in ran.err
    assert ran.err.count("\n") == 2


def test_an_answer_that_echoes_the_key_does_not_show_it(machine: Machine) -> None:
    statuses = iter((400, 403))

    def echo(connection: socket.socket, request: Request) -> None:
        body = json.dumps({"code": "bad", "title": "Bad", "detail": request.headers["authorization"]}).encode()
        connection.sendall(as_bytes(next(statuses), body, {"Content-Type": "application/problem+json"}))

    with ScriptedServer(echo) as server:
        env = {"STARDAG_REGISTRY_URL": server.url, "STARDAG_API_KEY": KEY}
        machine.run("organizations", "list", env=env, exits=1)  # every run is searched for the key
        machine.run("organizations", "list", "-v", env=env, exits=7)


def test_a_list_that_never_ends_ends(machine: Machine) -> None:
    page: dict[str, Any] = {"items": [], "next_cursor": "again"}
    with ScriptedServer(answering({"/api/v1/organizations": page})) as server:
        env = {"STARDAG_REGISTRY_URL": server.url, "STARDAG_API_KEY": KEY}
        assert machine.ask("organizations", "list", env=env, exits=1).error["code"] == "unexpected-answer"


def test_an_answer_without_end_is_refused(machine: Machine) -> None:
    def pour(connection: socket.socket, request: Request) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while True:
            connection.sendall(b" " * 65536)

    with ScriptedServer(pour) as server:
        env = {"STARDAG_REGISTRY_URL": server.url, "STARDAG_API_KEY": KEY}
        error = machine.ask("organizations", "list", env=env, exits=1).error
        assert error["code"] == "unexpected-answer"


def test_a_registry_whose_key_belongs_nowhere_is_an_unexpected_answer(machine: Machine) -> None:
    with ScriptedServer(answering({"/api/v1/me": {"kind": "user"}})) as server:
        env = {"STARDAG_REGISTRY_URL": server.url, "STARDAG_API_KEY": KEY}
        assert machine.ask("target-roots", "sync", env=env, exits=1).error["code"] == "unexpected-answer"


def test_a_revoked_key_is_found_out_at_build_start(machine: Machine, place: Place) -> None:
    machine.run("target-roots", "sync", env=place.variables)
    wrong = place.key[:-1] + ("0" if place.key[-1] != "0" else "1")
    env = {**place.variables, "STARDAG_API_KEY": wrong}
    error = machine.ask("target-roots", "validate", env=env, exits=4).error
    assert error["code"] == "refused-credential"
    assert "STARDAG_API_KEY" in error["fix"]
