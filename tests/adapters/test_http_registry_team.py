"""What `HttpRegistry` sends of a team's changes and searches, and how it understands refusals and answers to them."""

import json
import socket
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from stardag.adapters.http_registry.asking import UNCERTAIN
from stardag.adapters.http_registry.registry import HttpRegistry
from stardag.app.registry_ports import MadeAccessToken
from stardag.domain.builds import BuildFilter, TaskFilter
from stardag.domain.credentials import Secret
from stardag.domain.errors import NotAllowed, StardagError
from stardag.domain.refusals import (
    AlreadyExists,
    BuildEnded,
    InvitationGone,
    LastOwner,
    RefusedValue,
    TooMany,
    WorkspaceArchived,
)
from stardag.domain.registry_errors import NotKnownToRegistry, RefusedCredential, RegistryUnreachable, UnexpectedAnswer
from stardag.domain.target_roots import TargetRoot
from tests.adapters.test_http_registry import KEY, TIMEOUT, answering, connect, page, problem
from tests.adapters.test_http_registry_secrets import assert_nothing_shows, shown_by
from tests.fakes.http_server import Request, Script, ScriptedServer, as_bytes, response

ID = "0f0e0d0c-0000-4000-8000-00000000000b"
TASK = "ab" * 32
AT = "2026-11-23T12:00:00+00:00"
TOKEN = "SecretAtTheEndOfTheLink-0123456789_abcdefgh"

BUILD: dict[str, object] = {"id": ID, "status": "running", "started_at": AT, "heartbeat_at": AT, "maker": "a key"}
TASK_ITEM: dict[str, object] = {
    "id": TASK,
    "name": "train",
    "parameters": {},
    "status": "running",
    "recorded_at": AT,
    "updated_at": AT,
}
API_KEY: dict[str, object] = {"id": ID, "name": "ci", "purpose": "build", "maker": "alice", "created_at": AT}
INVITATION: dict[str, object] = {
    "id": ID,
    "email": "a@b.example",
    "role": "member",
    "made_at": AT,
    "expires_at": AT,
    "maker": "alice",
}
MEMBER: dict[str, object] = {"id": ID, "username": "alice", "email": None, "role": "owner", "since": AT}

Call = Callable[[HttpRegistry], object]

CHANGES: dict[str, Call] = {
    "make_organization": lambda registry: registry.make_organization("acme", None),
    "accept_invitation": lambda registry: registry.accept_invitation(Secret(TOKEN)),
    "change_role": lambda registry: registry.change_role("acme", ID, "admin"),
    "remove_member": lambda registry: registry.remove_member("acme", ID),
    "invite": lambda registry: registry.invite("acme", "a@b.example", "member"),
    "withdraw_invitation": lambda registry: registry.withdraw_invitation("acme", ID),
    "make_workspace": lambda registry: registry.make_workspace("acme", "staging", None, ""),
    "archive_workspace": lambda registry: registry.archive_workspace(ID, archived=True),
    "add_target_root": lambda registry: registry.add_target_root(ID, TargetRoot("x", "/x")),
    "change_target_root": lambda registry: registry.change_target_root(ID, TargetRoot("x", "/x")),
    "remove_target_root": lambda registry: registry.remove_target_root(ID, "x"),
    "make_api_key": lambda registry: registry.make_api_key(ID, "ci", "build", None),
    "revoke_api_key": lambda registry: registry.revoke_api_key(ID, ID),
    "revoke_access_token": lambda registry: registry.revoke_access_token("acme", ID),
    "end_build": lambda registry: registry.end_build(ID, ID, "cancelled"),
}
QUESTIONS: dict[str, Call] = {
    "members": lambda registry: registry.members("acme"),
    "invitations": lambda registry: registry.invitations("acme"),
    "target_root_use": lambda registry: registry.target_root_use(ID, "x"),
    "api_keys": lambda registry: registry.api_keys(ID),
    "builds": lambda registry: registry.builds(ID, BuildFilter(), 10),
    "build": lambda registry: registry.build(ID, ID),
    "tasks": lambda registry: registry.tasks(ID, TaskFilter(), 10),
    "task": lambda registry: registry.task(ID, TASK),
}


def invalid(*errors: tuple[str, str]) -> Script:
    fields = [{"field": field, "problem": each} for field, each in errors]
    body = {"status": 422, "detail": "body.x: the whole.", "code": "invalid", "errors": fields}
    return response(422, json.dumps(body).encode(), {"Content-Type": "application/problem+json"})


def items(*found: Mapping[str, object], next_cursor: str | None = None) -> Any:
    return {"items": found, "next_cursor": next_cursor}


class TestRefusals:
    @pytest.mark.parametrize(
        ("code", "call", "expected", "phrase"),
        [
            ("already-exists", "make_organization", AlreadyExists, "organization 'acme' already"),
            ("already-exists", "make_workspace", AlreadyExists, "workspace 'staging' already"),
            ("already-exists", "invite", AlreadyExists, "member 'a@b.example' already"),
            ("already-exists", "add_target_root", AlreadyExists, "target root 'x' already"),
            ("too-many", "make_api_key", TooMany, "takes no more: Because"),
            ("last-owner", "change_role", LastOwner, "always keeps one owner"),
            ("last-owner", "remove_member", LastOwner, "always keeps one owner"),
            ("archived", "add_target_root", WorkspaceArchived, "the workspace is archived"),
            ("build-ended", "end_build", BuildEnded, f"build {ID} has ended"),
        ],
    )
    def test_a_conflict_is_told_as_what_it_is(
        self, code: str, call: str, expected: type[StardagError], phrase: str
    ) -> None:
        with ScriptedServer(problem(409, "Because.", code)) as server, pytest.raises(expected) as caught:
            CHANGES[call](connect(server))
        assert phrase in caught.value.message
        assert caught.value.fix
        assert caught.value.code == code

    def test_a_conflict_that_nobody_here_knows_is_told_in_the_registrys_words(self) -> None:
        with ScriptedServer(problem(409, "It rains.", "rain")) as server, pytest.raises(UnexpectedAnswer) as caught:
            CHANGES["make_organization"](connect(server))
        assert "409 Conflict: It rains" in caught.value.message

    @pytest.mark.parametrize("name", CHANGES)
    def test_every_change_is_told_apart_when_it_is_refused(self, name: str) -> None:
        with ScriptedServer(problem(403, "This needs an admin.")) as server, pytest.raises(NotAllowed):
            CHANGES[name](connect(server))
        with ScriptedServer(response(401)) as server, pytest.raises(RefusedCredential):
            CHANGES[name](connect(server))

    @pytest.mark.parametrize(
        "name",
        [name for name in CHANGES if name not in ("make_organization", "accept_invitation", "revoke_access_token")],
    )
    def test_what_a_change_is_about_is_named_where_it_is_not_there(self, name: str) -> None:
        with ScriptedServer(problem(404)) as server, pytest.raises(NotKnownToRegistry):
            CHANGES[name](connect(server))

    def test_an_invitation_that_is_not_there_is_one_that_counts_no_more(self) -> None:
        with ScriptedServer(problem(404)) as server, pytest.raises(InvitationGone):
            CHANGES["accept_invitation"](connect(server))

    @pytest.mark.parametrize(
        ("field", "words"),
        [
            ("body.slug", "the slug: "),
            ("body.name", "the name: "),
            ("body.uri_prefix", "the URI prefix: "),
            ("body.expires_at", "the end (--expires-in): "),
            ("body.email", "the e-mail address: "),
            ("query.started_after", "the time (--since): "),
            ("query.parameter", "the parameter: "),
        ],
    )
    def test_a_value_that_is_refused_is_named_in_words_of_the_command_line(self, field: str, words: str) -> None:
        with ScriptedServer(invalid((field, "it cannot be."))) as server, pytest.raises(RefusedValue) as caught:
            CHANGES["make_workspace"](connect(server))
        assert caught.value.message.endswith(f"{words}it cannot be.")

    def test_several_values_are_named_and_none_is_told_in_the_registrys_words(self) -> None:
        with (
            ScriptedServer(invalid(("body.slug", "a"), ("body.name", "b"))) as server,
            pytest.raises(RefusedValue) as it,
        ):
            CHANGES["make_workspace"](connect(server))
        assert it.value.message.endswith("the slug: a; the name: b.")
        with ScriptedServer(invalid()) as server, pytest.raises(RefusedValue, match=r"body\.x: the whole"):
            QUESTIONS["tasks"](connect(server))

    def test_a_question_with_nothing_of_a_persons_in_it_cannot_be_invalid(self) -> None:
        with ScriptedServer(invalid(("query.limit", "a"))) as server, pytest.raises(UnexpectedAnswer):
            QUESTIONS["members"](connect(server))

    def test_what_a_refusal_says_is_bounded_and_cannot_steer_a_terminal(self) -> None:
        rude = "\x1b]0;title\x07\u202e\n" + "long " * 10_000
        with ScriptedServer(invalid(("body.slug", rude))) as server, pytest.raises(RefusedValue) as caught:
            CHANGES["make_workspace"](connect(server))
        assert caught.value.message.isprintable()
        assert len(caught.value.message) < 600


def breaking_off(connection: socket.socket, _request: Request) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def breaking_off_in_the_middle(connection: socket.socket, _request: Request) -> None:
    connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n{")
    connection.shutdown(socket.SHUT_RDWR)


UNCLEAR: dict[str, Script] = {
    "breaks off": breaking_off,
    "breaks off in the middle": breaking_off_in_the_middle,
    "500": problem(500, "The registry made a mistake.", "internal"),
    "502": response(502, b"<h1>Bad Gateway"),
    "503": problem(503, "The database cannot be used at the moment.", "unavailable"),
    "504": response(504),
    "HTML": response(200, b"<h1>Welcome"),
    "another status": answering({}),
    "too long": response(201, b" " * (17 * 1024 * 1024)),
}
CLEAR: dict[str, Script] = {
    "issuer-unavailable": problem(503, "The issuer cannot be asked.", "issuer-unavailable"),
    "429": problem(429, "Too many.", "too-many-requests"),
    "404": problem(404),
    "403": problem(403),
    "redirect": response(307, headers={"Location": "https://elsewhere.example"}),
}


class TestWhetherAChangeWasMade:
    @pytest.mark.parametrize("name", UNCLEAR)
    def test_where_the_answer_does_not_tell_the_error_says_so(self, name: str) -> None:
        with ScriptedServer(UNCLEAR[name]) as server:
            with pytest.raises((RegistryUnreachable, UnexpectedAnswer)) as caught:
                CHANGES["make_api_key"](connect(server))
            assert caught.value.fix == UNCERTAIN
            assert len(server.requests) == 1

    @pytest.mark.parametrize("name", CLEAR)
    def test_where_the_answer_tells_that_it_was_not_the_error_does_not_alarm(self, name: str) -> None:
        with ScriptedServer(CLEAR[name]) as server, pytest.raises(StardagError) as caught:
            CHANGES["make_api_key"](connect(server))
        assert UNCERTAIN not in caught.value.fix

    @pytest.mark.parametrize("name", ["breaks off", "500", "HTML"])
    def test_a_question_changes_nothing_in_any_case(self, name: str) -> None:
        with ScriptedServer(UNCLEAR[name]) as server, pytest.raises(StardagError) as caught:
            QUESTIONS["builds"](connect(server))
        assert UNCERTAIN not in caught.value.fix

    def test_where_nothing_listens_nothing_was_changed(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            registry = HttpRegistry(f"http://127.0.0.1:{unused.getsockname()[1]}", KEY, TIMEOUT)
            with pytest.raises(RegistryUnreachable) as caught:
                CHANGES["make_api_key"](registry)
        assert UNCERTAIN not in caught.value.fix

    def test_a_registry_that_takes_the_change_and_says_nothing(self) -> None:
        def hang(connection: socket.socket, _request: Request) -> None:
            connection.recv(1)

        with ScriptedServer(hang) as server:
            registry = HttpRegistry(server.url, KEY, 0.3)
            with pytest.raises(RegistryUnreachable) as caught:
                CHANGES["revoke_api_key"](registry)
        assert caught.value.fix == UNCERTAIN

    @pytest.mark.parametrize("name", CHANGES)
    def test_an_answer_of_another_shape_may_stand_for_a_change(self, name: str) -> None:
        status = {"change_role": 200, "archive_workspace": 200, "end_build": 200, "accept_invitation": 200}
        gone = name.startswith(("remove", "withdraw", "revoke"))
        if gone or name in ("change_target_root", "add_target_root"):
            return  # what they answer is not looked at
        with (
            ScriptedServer(response(status.get(name, 201), b"{}")) as server,
            pytest.raises(UnexpectedAnswer) as caught,
        ):
            CHANGES[name](connect(server))
        assert caught.value.fix == UNCERTAIN


class TestQuestions:
    def test_filters_go_into_the_address_and_parameters_as_often_as_they_are_given(self) -> None:
        with ScriptedServer(answering(items())) as server:
            began = datetime(2026, 11, 1, 12, tzinfo=UTC)
            connect(server).builds(ID, BuildFilter("lost", began), 7)
            connect(server).tasks(ID, TaskFilter("train", "failed", ("a=1", "b=x&y"), ID), 7)
            builds, tasks = (parse_qs(urlsplit(request.path).query) for request in server.requests)
        assert builds == {"status": ["lost"], "started_after": ["2026-11-01T12:00:00+00:00"], "limit": ["7"]}
        assert tasks["parameter"] == ["a=1", "b=x&y"]
        assert (tasks["name"], tasks["status"], tasks["build"]) == (["train"], ["failed"], [ID])

    def test_as_many_pages_are_asked_for_as_it_takes_and_no_more(self) -> None:
        other: dict[str, object] = {**BUILD, "id": ID.replace("b", "c")}
        with ScriptedServer(answering(items(BUILD, next_cursor="a"), items(other, next_cursor="b"))) as server:
            found = connect(server).builds(ID, BuildFilter(), 2)
            assert [build.id for build in found.items] == [BUILD["id"], other["id"]]
            assert not found.is_whole
            assert [parse_qs(urlsplit(each.path).query).get("limit") for each in server.requests] == [["2"], ["1"]]

    def test_a_registry_that_gives_more_than_was_asked_for_is_cut_off(self) -> None:
        with ScriptedServer(answering(items(BUILD, BUILD, BUILD))) as server:
            found = connect(server).builds(ID, BuildFilter(), 2)
        assert (len(found.items), found.is_whole) == (2, False)

    @pytest.mark.parametrize("answer", [items(next_cursor="a"), items(TASK_ITEM, next_cursor="a")])
    def test_a_list_that_does_not_go_on_is_refused(self, answer: Any) -> None:
        with ScriptedServer(answering(answer)) as server, pytest.raises(UnexpectedAnswer, match="does not go on"):
            connect(server).tasks(ID, TaskFilter(), 10)

    def test_archived_and_revoked_ones_are_asked_for_apart(self) -> None:
        with ScriptedServer(answering(items())) as server:
            connect(server).workspaces("acme", archived=True)
            connect(server).api_keys(ID, revoked=True)
            connect(server).api_keys(ID)
            queries = [parse_qs(urlsplit(request.path).query) for request in server.requests]
        assert [query.get("archived") for query in queries] == [["true"], None, None]
        assert [query.get("revoked") for query in queries] == [None, ["true"], None]

    @pytest.mark.parametrize(
        ("name", "answer", "place"),
        [
            ("members", items({**MEMBER, "role": "boss"}), "items.0.role"),
            ("members", items({**MEMBER, "username": "No Name"}), "items.0.username"),
            ("members", items({**MEMBER, "since": "2026-11-23T12:00:00"}), "items.0.since"),
            ("members", items(MEMBER, MEMBER), "lists the member 'alice' twice"),
            ("invitations", items({**INVITATION, "expires_at": None}), "items.0.expires_at"),
            ("api_keys", items({**API_KEY, "purpose": "everything"}), "items.0.purpose"),
            ("target_root_use", {"name": "x", "uri_prefix": "/x", "builds": -1}, "builds"),
            ("target_root_use", {"name": "x", "uri_prefix": "relative", "builds": 1}, "uri_prefix"),
            ("builds", items({**BUILD, "status": "odd"}), "items.0.status"),
            ("builds", items({**BUILD, "started_at": "yesterday"}), "items.0.started_at"),
            ("build", {**BUILD, "target_roots": {"No Name": "/x"}}, "target_roots"),
            ("tasks", items({**TASK_ITEM, "id": "../x"}), "items.0.id"),
            ("tasks", items({**TASK_ITEM, "name": "../x"}), "items.0.name"),
            ("tasks", items({**TASK_ITEM, "parameters": []}), "items.0.parameters"),
            ("task", {**TASK_ITEM, "builds": [{"build_id": "x", "status": "reused", "at": AT}]}, "builds.0.build_id"),
            ("task", {**TASK_ITEM, "error": "x" * 10_000, "builds": []}, "error"),
        ],
    )
    def test_an_answer_that_breaks_the_contract_is_refused_with_the_place(
        self, name: str, answer: Any, place: str
    ) -> None:
        with ScriptedServer(answering(answer)) as server, pytest.raises(UnexpectedAnswer) as caught:
            QUESTIONS[name](connect(server))
        assert place in caught.value.message

    def test_texts_keep_their_lines_and_lose_what_steers_a_terminal(self) -> None:
        build: dict[str, object] = {**BUILD, "description": "one\ttwo\n\x1b[31mthree\r", "target_roots": {}}
        with ScriptedServer(answering(build)) as server:
            shown = connect(server).build(ID, ID).build
        assert shown.description == "one    two\n\\x1b[31mthree\\r"

    def test_a_registry_of_an_earlier_version_tells_less_of_a_workspace(self) -> None:
        with ScriptedServer(answering(items({"id": ID, "slug": "a", "name": "A", "organization_id": ID}))) as server:
            (workspace,) = connect(server).workspaces("acme")
        assert (workspace.description, workspace.is_personal, workspace.is_archived) == ("", False, False)

    def test_ids_and_names_that_can_be_none_are_sent_nowhere(self) -> None:
        with ScriptedServer(answering(page())) as server:
            for call in (
                lambda: connect(server).task(ID, "../../me"),
                lambda: connect(server).build(ID, "../../me"),
                lambda: connect(server).remove_member("acme", "../../me"),
                lambda: connect(server).members("../me"),
                lambda: connect(server).target_root_use(ID, "a/b"),
                lambda: connect(server).revoke_api_key("../me", ID),
            ):
                with pytest.raises(NotKnownToRegistry):
                    call()
            assert server.requests == []


class TestSecrets:
    @pytest.mark.parametrize("name", [*UNCLEAR, *CLEAR])
    def test_the_secret_of_an_invitation_shows_in_no_error(self, name: str) -> None:
        with ScriptedServer((UNCLEAR | CLEAR)[name]) as server, pytest.raises(StardagError) as caught:
            connect(server).accept_invitation(Secret(TOKEN))
        assert all(TOKEN not in text for text in shown_by(caught.value))
        assert_nothing_shows(shown_by(caught.value))

    @pytest.mark.parametrize("status", [302, 403, 409, 422, 503])
    def test_a_registry_that_says_it_back_is_not_repeated(self, status: int) -> None:
        body: Any = {
            "code": "invalid",
            "detail": f"It is {TOKEN}.",
            "errors": [{"field": "body.token", "problem": TOKEN}],
        }
        said = as_bytes(status, json.dumps(body).encode(), {"Location": f"/?said={TOKEN}"})

        def echo(connection: socket.socket, _request: Request) -> None:
            connection.sendall(said)

        with ScriptedServer(echo) as server, pytest.raises(StardagError) as caught:
            connect(server).accept_invitation(Secret(TOKEN))
        assert TOKEN not in caught.value.message + caught.value.fix

    def test_what_has_been_made_shows_its_secret_in_no_repr(self) -> None:
        link = f"http://localhost:8000/invitation?token={TOKEN}"
        for answer, call in (
            ({**INVITATION, "link": link}, CHANGES["invite"]),
            ({**API_KEY, "key": TOKEN}, CHANGES["make_api_key"]),
        ):
            with ScriptedServer(response(201, json.dumps(answer).encode())) as server:
                made = call(connect(server))
            assert TOKEN not in repr(made)

    def test_a_key_or_link_that_breaks_the_contract_is_not_repeated_either(self) -> None:
        for answer, call in (
            ({**INVITATION, "link": f"javascript:{TOKEN}"}, CHANGES["invite"]),
            ({**API_KEY, "key": f"{TOKEN} {TOKEN}"}, CHANGES["make_api_key"]),
            ({**API_KEY, "purpose": "odd", "key": TOKEN}, CHANGES["make_api_key"]),
        ):
            with ScriptedServer(response(201, json.dumps(answer).encode())) as server:
                with pytest.raises(UnexpectedAnswer) as caught:
                    call(connect(server))
                assert all(TOKEN not in text for text in shown_by(caught.value))


def make_access_token(registry: HttpRegistry) -> MadeAccessToken:
    return registry.make_access_token("acme", 600.5)


class TestAccessTokens:
    def test_one_is_asked_for_in_whole_seconds_and_may_be_good_for_less(self) -> None:
        answer = {"id": ID, "access_token": TOKEN, "expires_at": AT, "lifetime_seconds": 60}
        with ScriptedServer(response(201, json.dumps(answer).encode())) as server:
            made = make_access_token(connect(server))
            (request,) = server.requests
        assert (made.id, made.token.reveal(), made.lifetime) == (ID, TOKEN, 60)
        assert (request.method, request.path) == ("POST", "/api/v1/organizations/acme/access-tokens")
        assert TOKEN not in repr(made)

    @pytest.mark.parametrize(
        ("changed", "place"),
        [
            ({"lifetime_seconds": 0}, "lifetime_seconds"),
            ({"lifetime_seconds": 43201}, "lifetime_seconds"),
            ({"lifetime_seconds": None}, "lifetime_seconds"),
            ({"access_token": f"{TOKEN} {TOKEN}"}, "access_token"),
            ({"access_token": ""}, "access_token"),
            ({"id": f"../{TOKEN}"}, "id"),
        ],
    )
    def test_an_answer_that_breaks_the_contract_is_refused_and_not_repeated(
        self, changed: Mapping[str, object], place: str
    ) -> None:
        answer = {"id": ID, "access_token": TOKEN, "expires_at": AT, "lifetime_seconds": 60, **changed}
        with ScriptedServer(response(201, json.dumps(answer).encode())) as server:
            with pytest.raises(UnexpectedAnswer) as caught:
                make_access_token(connect(server))
            assert place in caught.value.message
            assert all(TOKEN not in text for text in shown_by(caught.value))

    @pytest.mark.parametrize("name", [*UNCLEAR, *CLEAR])
    def test_one_that_nobody_heard_of_alarms_nobody_and_nothing_shows_a_credential(self, name: str) -> None:
        with ScriptedServer((UNCLEAR | CLEAR)[name]) as server, pytest.raises(StardagError) as caught:
            make_access_token(connect(server))
        assert UNCERTAIN not in caught.value.fix
        assert_nothing_shows(shown_by(caught.value))

    def test_a_registry_that_makes_none_knows_no_such_address(self) -> None:
        with ScriptedServer(problem(404, "There is nothing at this address.", "not-found")) as server:
            with pytest.raises(NotKnownToRegistry):
                make_access_token(connect(server))
            connect(server).revoke_access_token("acme", ID)

    def test_too_many_are_waited_out(self) -> None:
        with ScriptedServer(problem(409, "So many.", "too-many")) as server, pytest.raises(TooMany) as caught:
            make_access_token(connect(server))
        assert "access-tokens list" not in caught.value.fix
