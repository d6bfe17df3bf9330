"""What `HttpRegistry` sends of builds that run and of their tasks, and how it understands the answers."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from stardag.adapters.http_registry.asking import UNCERTAIN
from stardag.adapters.http_registry.registry import HttpRegistry
from stardag.domain.builds import Registration, TaskRecord
from stardag.domain.errors import NotAllowed, StardagError
from stardag.domain.refusals import BuildEnded, RefusedValue, WorkspaceArchived
from stardag.domain.registry_errors import NotKnownToRegistry, RegistryUnreachable, UnexpectedAnswer
from stardag.domain.tasks import task_id
from tests.adapters.test_http_registry import answering, connect, problem
from tests.adapters.test_http_registry_secrets import assert_nothing_shows, shown_by
from tests.adapters.test_http_registry_team import BUILD, CLEAR, ID, UNCLEAR, invalid
from tests.fakes.http_server import ScriptedServer, response

REGISTERED: dict[str, object] = {**BUILD, "name": "nightly", "heartbeat_seconds": 30}
RECORD = TaskRecord("train", {"rate": 0.1}, "running", None, datetime(2026, 11, 23, 12, tzinfo=UTC))
RECORDED: dict[str, object] = {"ids": [task_id("train", {"rate": 0.1})]}

CALLS: dict[str, Callable[[HttpRegistry], object]] = {
    "register_build": lambda registry: registry.register_build(ID, Registration("nightly", {}), "a key"),
    "heartbeat": lambda registry: registry.heartbeat(ID, ID),
    "record_tasks": lambda registry: registry.record_tasks(ID, ID, [RECORD]),
}


@pytest.mark.parametrize("status", [200, 201])
def test_a_build_may_be_new_or_have_been_registered_before(status: int) -> None:
    with ScriptedServer(response(status, json.dumps(REGISTERED).encode())) as server:
        made = connect(server).register_build(ID, Registration("nightly", {"default": "/data/"}), "a key")
        (request,) = server.requests
    assert (made.build.id, made.build.name, made.heartbeat_seconds) == (ID, "nightly", 30)
    assert (request.method, request.path) == ("POST", f"/api/v1/workspaces/{ID}/builds")
    assert request.headers["idempotency-key"] == "a key"


def test_a_heartbeat_and_a_record_are_one_request_each() -> None:
    recorded = {**RECORDED, "build_status": "failed"}
    with ScriptedServer(answering({**BUILD, "status": "cancelled"}, recorded)) as server:
        assert connect(server).heartbeat(ID, ID) == "cancelled"
        assert connect(server).record_tasks(ID, ID, [RECORD]) == "failed"
        paths = [request.path for request in server.requests]
    assert paths == [f"/api/v1/workspaces/{ID}/builds/{ID}/{what}" for what in ("heartbeat", "tasks")]


def test_nothing_to_record_is_nothing_to_send() -> None:
    with ScriptedServer(answering(RECORDED)) as server:
        connect(server).record_tasks(ID, ID, [])
        assert server.requests == []


def test_a_registry_of_an_earlier_version_names_no_build_and_does_not_tell_of_its_end() -> None:
    with ScriptedServer(answering({**BUILD, "target_roots": {}}, RECORDED)) as server:
        assert connect(server).build(ID, ID).build.name is None
        assert connect(server).record_tasks(ID, ID, [RECORD]) is None


@pytest.mark.parametrize(
    ("name", "answer", "place"),
    [
        ("register_build", BUILD, "heartbeat_seconds"),
        ("register_build", {**REGISTERED, "heartbeat_seconds": 0}, "heartbeat_seconds"),
        ("register_build", {**REGISTERED, "heartbeat_seconds": 1e9}, "heartbeat_seconds"),
        ("register_build", {**REGISTERED, "heartbeat_seconds": "30"}, "heartbeat_seconds"),
        ("register_build", {**REGISTERED, "id": "../me"}, "id: "),
        ("register_build", {**REGISTERED, "name": "x" * 10_000}, "name: "),
        ("heartbeat", {**BUILD, "status": "odd"}, "status: "),
        ("record_tasks", {"ids": ["../x"]}, "ids.0: "),
        ("record_tasks", {**RECORDED, "build_status": "odd"}, "build_status: "),
        ("record_tasks", {"ids": []}, "by other ids than theirs"),
        ("record_tasks", {"ids": ["ab" * 32]}, "by other ids than theirs"),
    ],
)
def test_an_answer_that_breaks_the_contract_is_refused_with_the_place(name: str, answer: Any, place: str) -> None:
    with ScriptedServer(answering(answer)) as server, pytest.raises(UnexpectedAnswer) as caught:
        CALLS[name](connect(server))
    assert place in caught.value.message


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (problem(403), NotAllowed),
        (problem(404), NotKnownToRegistry),
        (problem(409, code="archived"), WorkspaceArchived),
        (problem(409, code="build-ended"), BuildEnded),
        (problem(413, code="too-large"), UnexpectedAnswer),
    ],
)
def test_a_refusal_is_told_as_what_it_is(name: str, script: Any, expected: type[StardagError]) -> None:
    with ScriptedServer(script) as server, pytest.raises(expected):
        CALLS[name](connect(server))


def test_a_value_that_is_refused_is_named() -> None:
    with ScriptedServer(invalid(("body.tasks.0.error", "it is too long."))) as server:
        with pytest.raises(RefusedValue, match="the error: it is too long"):
            CALLS["record_tasks"](connect(server))
        with pytest.raises(RefusedValue):
            CALLS["register_build"](connect(server))


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("how", [*UNCLEAR, *CLEAR])
def test_what_may_be_repeated_alarms_nobody_and_shows_nothing_secret(name: str, how: str) -> None:
    with ScriptedServer((UNCLEAR | CLEAR)[how]) as server, pytest.raises(StardagError) as caught:
        CALLS[name](connect(server))
    assert UNCERTAIN not in caught.value.fix
    assert_nothing_shows(shown_by(caught.value))
    assert len(server.requests) == 1


def test_a_text_that_cannot_be_sent_is_an_error_of_the_port() -> None:
    with ScriptedServer(answering(RECORDED)) as server, pytest.raises(RegistryUnreachable):
        connect(server).record_tasks(ID, ID, [RECORD._replace(status="failed", error="\ud800")])
