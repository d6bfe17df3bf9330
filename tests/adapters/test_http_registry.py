"""What `HttpRegistry` sends, and how it understands a registry's answers: pages, entity tags, statuses."""

import json
import socket
from collections.abc import Mapping, Sequence
from importlib.metadata import version

import pytest

from stardag.adapters.http_registry import HttpRegistries
from stardag.adapters.http_registry.registry import HttpRegistry
from stardag.app.registry_ports import Credential
from stardag.app.sign_in.fixed_credential import FixedCredential
from stardag.domain.credentials import Secret
from stardag.domain.errors import NotAllowed, StardagError
from stardag.domain.organizations import Organization, Workspace
from stardag.domain.registry_errors import (
    NoCredential,
    NotKnownToRegistry,
    RefusedCredential,
    RegistryUnreachable,
    UnexpectedAnswer,
)
from stardag.domain.target_roots import TargetRoot
from tests.fakes.http_server import Request, Script, ScriptedServer, as_bytes, response

TIMEOUT = 20.0
KEY = FixedCredential(Secret("sk_test"))
ORGANIZATION_ID = "0f0e0d0c-0000-4000-8000-00000000000a"
WORKSPACE_ID = "0f0e0d0c-0000-4000-8000-00000000000b"

Json = Mapping[str, object] | Sequence[object] | str | int | None


def answering(*answers: Json, headers: Mapping[str, str] | None = None) -> Script:
    """A script that gives these answers as 200, one after the other, and goes on with the last."""
    left = [as_bytes(200, json.dumps(answer).encode(), headers) for answer in answers]

    def answer(connection: socket.socket, _request: Request) -> None:
        connection.sendall(left.pop(0) if len(left) > 1 else left[0])

    return answer


def problem(status: int, detail: str = "Because.", code: str = "some-code") -> Script:
    body = json.dumps({"type": "about:blank", "title": "A title", "status": status, "detail": detail, "code": code})
    return response(status, body.encode(), {"Content-Type": "application/problem+json"})


def connect(server: ScriptedServer, credential: Credential | None = KEY, path: str = "") -> HttpRegistry:
    return HttpRegistries().connect(server.url + path, credential, TIMEOUT)


def page(*roots: tuple[str, str], next_cursor: str | None = None) -> Json:
    items = [{"name": name, "uri_prefix": uri_prefix} for name, uri_prefix in roots]
    return {"items": items, "next_cursor": next_cursor}


def organization(**changes: object) -> Json:
    item = {"id": ORGANIZATION_ID, "slug": "acme", "name": "Acme", "role": None, **changes}
    return {"items": [item], "next_cursor": None}


# --- what is sent ---


def test_a_call_carries_the_credential_and_names_this_program() -> None:
    with ScriptedServer(answering(organization())) as server:
        connect(server).organizations()
        (request,) = server.requests
    assert (request.method, request.path) == ("GET", "/api/v1/organizations?limit=1000")
    assert request.headers["authorization"] == "Bearer sk_test"
    assert request.headers["user-agent"] == f"stardag/{version('stardag')}"
    assert request.headers["host"] == server.url.removeprefix("http://")


def test_a_check_asks_for_health_without_the_credential() -> None:
    with ScriptedServer(answering({"status": "ok", "service": "stardag-registry", "version": "9"})) as server:
        assert connect(server).check() is None
        (request,) = server.requests
    assert (request.method, request.path) == ("GET", "/health")
    assert "authorization" not in request.headers


def test_a_registry_may_live_below_a_path() -> None:
    with ScriptedServer(answering(organization())) as server:
        connect(server, path="/stardag").organizations()
        assert server.requests[0].path == "/stardag/api/v1/organizations?limit=1000"


def test_unchanged_target_roots_cost_one_conditional_request() -> None:
    with ScriptedServer(response(304, headers={"ETag": '"v1"'})) as server:
        assert connect(server).target_roots(WORKSPACE_ID, '"v1"') is None
        (request,) = server.requests
    assert request.path == f"/api/v1/workspaces/{WORKSPACE_ID}/target-roots?limit=1000"
    assert request.headers["if-none-match"] == '"v1"'


def test_several_calls_share_one_connection() -> None:
    connections: set[int] = set()

    def answer(connection: socket.socket, request: Request) -> None:
        connections.add(id(connection))
        answering(organization())(connection, request)

    with ScriptedServer(answer) as server:
        registry = connect(server)
        for _ in range(3):
            registry.organizations()
        assert len(connections) == 1


# --- what is understood ---


def test_organizations_and_workspaces_become_values_and_unknown_fields_do_no_harm() -> None:
    workspace = {"id": WORKSPACE_ID.upper(), "slug": "dev", "name": "Dev", "organization_id": ORGANIZATION_ID, "new": 1}
    both = answering(organization(role="owner", plan="gold"), {"items": [workspace], "next_cursor": None, "total": 1})
    with ScriptedServer(both) as server:
        registry = connect(server)
        assert registry.organizations() == (Organization(ORGANIZATION_ID, "acme", "Acme", "owner"),)
        assert registry.workspaces("acme") == (Workspace(WORKSPACE_ID, "dev", "Dev", ORGANIZATION_ID),)


def test_every_page_is_fetched() -> None:
    pages = (page(("a", "/a"), next_cursor="x y/z"), page(("b", "/b"), next_cursor="2"), page(("c", "/c")))
    with ScriptedServer(answering(*pages, headers={"ETag": '"v1"'})) as server:
        served = connect(server).target_roots(WORKSPACE_ID)
        asked = [request.path.partition("?")[2] for request in server.requests]
    assert served is not None
    assert served.roots == (TargetRoot("a", "/a"), TargetRoot("b", "/b"), TargetRoot("c", "/c"))
    assert asked == ["limit=1000", "limit=1000&cursor=x+y%2Fz", "limit=1000&cursor=2"]


def test_an_entity_tag_of_one_page_of_several_is_not_kept() -> None:
    pages = (page(("a", "/a"), next_cursor="2"), page(("b", "/b")))
    with ScriptedServer(answering(*pages, headers={"ETag": '"v1"'})) as server:
        served = connect(server).target_roots(WORKSPACE_ID)
    assert served is not None
    assert served.etag is None


@pytest.mark.parametrize("etag", ['"v1"', 'W/"v1"', '""'])
def test_an_entity_tag_of_the_whole_is_kept(etag: str) -> None:
    with ScriptedServer(answering(page(("a", "/a")), headers={"ETag": etag})) as server:
        served = connect(server).target_roots(WORKSPACE_ID)
    assert served is not None
    assert served.etag == etag


@pytest.mark.parametrize("etag", ["v1", '"a b"', '"' + "a" * 300 + '"'])
def test_an_entity_tag_that_is_none_is_not_kept(etag: str) -> None:
    with ScriptedServer(answering(page(("a", "/a")), headers={"ETag": etag})) as server:
        served = connect(server).target_roots(WORKSPACE_ID)
    assert served is not None
    assert served.etag is None


def test_display_names_cannot_steer_a_terminal() -> None:
    with ScriptedServer(answering(organization(name="a\x1b[2J\u202eb\nc"))) as server:
        (found,) = connect(server).organizations()
    assert found.name == "a\\x1b[2J\\u202eb\\nc"


# --- what breaks the contract ---


@pytest.mark.parametrize(
    ("answer", "phrase"),
    [
        pytest.param({}, "items: Field required", id="no items"),
        pytest.param([], "the whole: ", id="a list"),
        pytest.param("items", "the whole: ", id="a string"),
        pytest.param({"items": {}, "next_cursor": None}, "items: ", id="items that are no list"),
        pytest.param({"items": [1], "next_cursor": None}, "items.0: ", id="an item that is none"),
        pytest.param({"items": [], "next_cursor": ""}, "next_cursor: ", id="an empty cursor"),
        pytest.param({"items": [], "next_cursor": 7}, "next_cursor: ", id="a cursor that is a number"),
        pytest.param({"items": [], "next_cursor": "c" * 3000}, "next_cursor: ", id="an endless cursor"),
        pytest.param(organization(id="7"), "items.0.id: it is no id", id="an id that is none"),
        pytest.param(organization(slug="A/../b"), "items.0.slug: it is no slug", id="a slug that is a path"),
        pytest.param(organization(slug="a__b"), "items.0.slug: it is no slug", id="a slug with two underscores"),
        pytest.param(organization(slug=ORGANIZATION_ID), "items.0.slug: it is no slug", id="a slug like an id"),
        pytest.param(organization(slug="a\x1b"), "items.0.slug: it is no slug", id="a slug with an escape"),
        pytest.param(organization(slug=7), "items.0.slug: ", id="a slug that is a number"),
        pytest.param(organization(name="n" * 256), "items.0.name: ", id="an endless name"),
        pytest.param(organization(role="king"), "items.0.role: ", id="an unknown role"),
    ],
)
def test_an_answer_that_breaks_the_contract_is_refused_with_the_place(answer: Json, phrase: str) -> None:
    with ScriptedServer(answering(answer)) as server, pytest.raises(UnexpectedAnswer) as caught:
        connect(server).organizations()
    assert f"cannot be used: {phrase}" in caught.value.message
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    "root",
    [("Upper", "/a"), ("a/b", "/a"), ("a__b", "/a"), ("a", "relative"), ("a", "/a/../b"), ("a", "/a\u202e"), ("a", "")],
)
def test_a_target_root_outside_of_the_rules_is_refused(root: tuple[str, str]) -> None:
    with ScriptedServer(answering(page(("fine", "/a"), root))) as server, pytest.raises(UnexpectedAnswer) as caught:
        connect(server).target_roots(WORKSPACE_ID)
    assert "items.1." in caught.value.message
    assert caught.value.message.isprintable()


def test_a_root_that_is_served_twice_is_refused() -> None:
    pages = (page(("a", "/a"), next_cursor="2"), page(("a", "/b")))
    with ScriptedServer(answering(*pages)) as server, pytest.raises(UnexpectedAnswer, match="'a' twice"):
        connect(server).target_roots(WORKSPACE_ID)


def test_a_cursor_that_leads_in_a_circle_is_refused() -> None:
    circle = (page(("a", "/a"), next_cursor="1"), page(("b", "/b"), next_cursor="2"), page(next_cursor="1"))
    with ScriptedServer(answering(*circle)) as server, pytest.raises(UnexpectedAnswer, match="does not end"):
        connect(server).target_roots(WORKSPACE_ID)


def test_a_list_that_never_ends_is_refused() -> None:
    def answer(connection: socket.socket, request: Request) -> None:
        answering({"items": [], "next_cursor": str(len(server.requests))})(connection, request)

    with ScriptedServer(answer) as server:
        with pytest.raises(UnexpectedAnswer, match="does not end after 1001 pages"):
            HttpRegistries().connect(server.url, KEY, 60).organizations()
        assert len(server.requests) == 1001


def test_a_credential_of_no_one_workspace_is_told() -> None:
    me = {"kind": "robot", "user": None, "organization": {"id": ORGANIZATION_ID, "slug": "acme"}, "workspace": None}
    with ScriptedServer(answering(me)) as server, pytest.raises(UnexpectedAnswer, match="no one workspace"):
        connect(server).identity()


# --- what each status means ---


@pytest.mark.parametrize("script", [problem(401), response(401, b"<p>who?")])
def test_401_is_a_refused_credential_or_a_missing_one(script: Script) -> None:
    with ScriptedServer(script) as server:
        with pytest.raises(RefusedCredential):
            connect(server).identity()
        with pytest.raises(NoCredential):
            connect(server, credential=None).identity()


def test_403_is_told_with_what_the_registry_says() -> None:
    with ScriptedServer(problem(403, "This key is for building.")) as server, pytest.raises(NotAllowed) as caught:
        connect(server).organizations()
    assert caught.value.message.endswith("does not allow this: This key is for building.")


def test_403_without_a_reason_is_told_as_that() -> None:
    with ScriptedServer(response(403, b"<p>no")) as server, pytest.raises(NotAllowed, match="403 Forbidden"):
        connect(server).organizations()


def test_404_of_a_registry_is_about_what_was_asked_for() -> None:
    with ScriptedServer(problem(404)) as server:
        with pytest.raises(NotKnownToRegistry, match="no organization 'acme'"):
            connect(server).workspaces("acme")
        with pytest.raises(NotKnownToRegistry, match="no workspace"):
            connect(server).target_roots(WORKSPACE_ID)
        with pytest.raises(RegistryUnreachable, match="there is no registry at this address"):
            connect(server).organizations()


def test_404_of_anything_else_is_no_registry() -> None:
    with ScriptedServer(response(404, b"<h1>Not Found")) as server:
        for call in (lambda: connect(server).workspaces("acme"), lambda: connect(server).target_roots(WORKSPACE_ID)):
            with pytest.raises(RegistryUnreachable, match="there is no registry at this address"):
                call()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_trouble_of_the_registry_is_told_with_its_status_and_words(status: int) -> None:
    with ScriptedServer(problem(status, "The database rests.")) as server:
        with pytest.raises(RegistryUnreachable) as caught:
            connect(server).organizations()
        assert f"it answers {status} " in caught.value.message
        assert "The database rests." in caught.value.message
        assert len(server.requests) == 1  # nothing is retried


def test_other_refusals_are_told_in_the_registrys_words() -> None:
    with ScriptedServer(problem(421, "This is not localhost.")) as server, pytest.raises(UnexpectedAnswer) as caught:
        connect(server).organizations()
    assert "421 Misdirected Request: This is not localhost." in caught.value.message


def test_304_that_nobody_asked_for_is_no_answer() -> None:
    with ScriptedServer(response(304)) as server, pytest.raises(StardagError):
        connect(server).target_roots(WORKSPACE_ID)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_not_followed(status: int) -> None:
    with ScriptedServer(answering(organization())) as elsewhere:
        headers = {"Location": f"{elsewhere.url}/\x9b\u202e".encode().decode("latin-1")}
        moved = as_bytes(status, headers=headers)

        def answer(connection: socket.socket, _request: Request) -> None:
            connection.sendall(moved)

        with ScriptedServer(answer) as server, pytest.raises(RegistryUnreachable) as caught:
            connect(server).organizations()
        with ScriptedServer(answer) as server:
            instead = connect(server).check()
        assert elsewhere.requests == []
    for said in (caught.value.message, str(instead)):
        assert f"it redirects to {elsewhere.url}/" in said
        assert said.isprintable()


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(response(200, b"<!doctype html><h1>Welcome</h1>", {"Content-Type": "text/html"}), id="HTML"),
        pytest.param(response(200), id="nothing"),
        pytest.param(response(204), id="no content"),
        pytest.param(response(200, b'{"items": [', {"Content-Type": "application/json"}), id="half of JSON"),
        pytest.param(response(200, b'{"items": [], "next_cursor": "\\ud800"}'), id="half of a character"),
        pytest.param(response(200, b"\xff\xfe{}"), id="not UTF-8"),
        pytest.param(response(200, b"[" * 100_000), id="nothing but depth"),
        pytest.param(response(400, b"Bad Request"), id="400 in plain text"),
    ],
)
def test_what_is_no_registry_is_told_as_that(script: Script) -> None:
    with ScriptedServer(script) as server:
        with pytest.raises(RegistryUnreachable, match="what answers there is not a Stardag registry"):
            connect(server).organizations()
        assert str(connect(server).check()).startswith("it answers ")


@pytest.mark.parametrize("answer", [{}, [], {"status": "ok"}, {"status": "ok", "service": "other"}])
def test_health_of_something_else_is_no_registry(answer: Json) -> None:
    with ScriptedServer(answering(answer)) as server:
        assert connect(server).check() == "it answers something else"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_health_that_wants_more_is_no_registry(status: int) -> None:
    with ScriptedServer(problem(status)) as server:
        assert str(connect(server).check()).startswith(f"it answers {status} ")


@pytest.mark.parametrize("status", [421, 429, 500, 502, 503])
def test_what_a_registry_may_answer_as_well_does_not_tell_whether_it_is_one(status: int) -> None:
    with ScriptedServer(problem(status)) as server, pytest.raises((RegistryUnreachable, UnexpectedAnswer)):
        connect(server).check()


def test_what_a_problem_says_is_bounded_and_cannot_steer_a_terminal() -> None:
    rude = problem(503, "\x1b]0;title\x07\u202e\n" + "long " * 10_000)
    with ScriptedServer(rude) as server, pytest.raises(RegistryUnreachable) as caught:
        connect(server).organizations()
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 600
