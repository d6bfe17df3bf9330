"""What goes wrong in a team's commands: nobody signed in, links of others, and registries that say odd things."""

import json
import socket
from collections.abc import Mapping

import pytest

from tests.end_to_end.machine import Machine
from tests.end_to_end.registries import NOWHERE, Place, answering
from tests.end_to_end.test_prompts import terminal
from tests.fakes.http_server import Request, Script, ScriptedServer, as_bytes

pytestmark = pytest.mark.filterwarnings("ignore:.*forkpty.*:DeprecationWarning")

TOKEN = "SecretAtTheEndOfTheLink-0123456789_abcdefgh"
ID = "11111111-1111-4111-8111-111111111111"
HARMFUL = "\x1b]0;evil\x07\u202e\u2066"
KEY = "stardag_build_abcdefgh"
ME = {
    "organization": {"id": ID, "slug": "acme"},
    "workspace": {"id": ID.replace("1", "2"), "slug": "prod"},
}
AT = "2026-11-23T12:00:00Z"


def variables(url: str) -> dict[str, str]:
    return {"STARDAG_REGISTRY_URL": url, "STARDAG_API_KEY": KEY}


@pytest.mark.parametrize("how", ["argument", "standard input"])
def test_the_link_of_another_registry_is_sent_nowhere(machine: Machine, how: str) -> None:
    with ScriptedServer(answering({})) as ours, ScriptedServer(answering({})) as theirs:
        machine.configure(f'[registry.local]\nurl = "{ours.url}"\n')
        link = f"{theirs.url}/invitation?token={TOKEN}"
        words, given = ([link], "") if how == "argument" else (["-"], link)
        ran = machine.run("organizations", "join", *words, "-v", exits=2, given=given)
        assert (ours.requests, theirs.requests) == ([], [])
    assert f"it leads to {theirs.url}" in ran.err
    assert f"stardag registry add NAME --url {theirs.url}" in ran.err
    assert TOKEN not in ran.said


def test_who_is_not_signed_in_is_told_how_and_an_api_key_does_not_do(machine: Machine) -> None:
    with ScriptedServer(answering({"/api/v1/me": ME})) as server:
        machine.configure(f'[registry.local]\nurl = "{server.url}"\n')
        key = {"STARDAG_API_KEY": KEY}
        for words in (("create", "acme"), ("join", f"{server.url}/invitation?token={TOKEN}")):
            error = machine.ask("organizations", *words, exits=4, env=key).error
            assert error["code"] == "not-signed-in"
            assert "stardag auth login --registry local" in error["fix"]
        assert server.requests == []


def test_a_registry_out_of_reach_is_exit_6_and_offline_too(machine: Machine) -> None:
    machine.ask("builds", "list", exits=6, env=variables(NOWHERE))
    error = machine.ask("tasks", "list", "--offline", exits=6, env=variables(NOWHERE)).error
    assert "--offline asks to work offline" in error["message"]


def test_what_the_registry_does_not_know_or_accept_is_named(machine: Machine, place: Place) -> None:
    for words, code, phrase in (
        (("builds", "show", ID), 5, f"no build '{ID}'"),
        (("builds", "cancel", "nothing"), 5, "no build 'nothing'"),
        (("tasks", "show", "../../me"), 5, "no task '../../me'"),
        (("target-roots", "set", "nothing", "/x"), 5, "no target root 'nothing'"),
        (("api-keys", "revoke", "a kez", "--yes"), 5, "Did you mean 'a key'?"),
        (("target-roots", "add", "default", "/x"), 1, "target root 'default' already"),
        (("target-roots", "add", "x", "relative"), 2, "neither absolute nor a URI"),
        (("target-roots", "add", "x", "s3://My_Bucket/x"), 2, "S3 allows no bucket 'My_Bucket'"),
        (("target-roots", "set", "default", "/data/${USER}"), 2, "a variable is not expanded"),
        (("api-keys", "create", " "), 2, "the name: "),
        (("api-keys", "create", "x", "--expires-in", "5000w"), 2, "the end (--expires-in): "),
        (("members", "list"), 7, "a member of the organization"),
        (("workspaces", "create", "x"), 7, "a member of the organization"),
    ):
        error = machine.ask(*words, exits=code, env=place.variables).error
        assert phrase in error["message"], error


def test_a_key_that_is_made_is_shown_once_and_stands_nowhere_else(machine: Machine, place: Place) -> None:
    data = machine.ask("api-keys", "create", "ci", env=place.variables).data
    assert data["key"].startswith("stardag_build_")
    assert "key" not in machine.ask("api-keys", "list", env=place.variables).data["api_keys"][0]
    quiet = machine.run("api-keys", "create", "more", "--administer", "--quiet", env=place.variables)
    assert (quiet.out.startswith("stardag_admin_"), quiet.err) == (True, "")
    kept = [path.read_text() for path in machine.directory.rglob("*") if path.is_file()]
    assert not any(data["key"] in text for text in kept)


def test_what_a_registry_says_cannot_steer_a_terminal(machine: Machine) -> None:
    build: dict[str, object] = {
        "id": ID,
        "status": "failed",
        "name": HARMFUL,
        "description": f"a{HARMFUL}\nb",
        "commit": HARMFUL,
        "started_at": AT,
    }
    build |= {"heartbeat_at": AT, "ended_at": AT, "error": f"first{HARMFUL}\nsecond", "maker": HARMFUL}
    task: dict[str, object] = {
        "id": "0" * 64,
        "name": "train",
        "parameters": {HARMFUL: HARMFUL},
        "status": "failed",
        "error": HARMFUL,
    }
    task |= {"recorded_at": AT, "updated_at": AT, "started_at": None, "ended_at": None, "builds": []}
    task |= {"output": {"root": "default", "path": HARMFUL}}
    below = f"/api/v1/workspaces/{ME['workspace']['id']}"
    answers: dict[str, object] = {
        "/api/v1/me": ME,
        f"{below}/builds?": {"items": [build], "next_cursor": None},
        f"{below}/builds/": {**build, "target_roots": {}},
        f"{below}/tasks?": {"items": [task], "next_cursor": None},
        f"{below}/tasks/": task,
    }
    with ScriptedServer(answering(answers)) as server:
        for words in (("builds", "list"), ("builds", "show", ID), ("tasks", "list"), ("tasks", "show", "0" * 64)):
            ran = machine.run(*words, env=variables(server.url))
            assert all(character.isprintable() or character == "\n" for character in ran.said), ran.said


def changing(body: bytes, headers: Mapping[str, str], then: str = "") -> Script:
    """A registry that tells whose the key is, and answers whatever is to be changed with this, or breaks off."""

    def script(connection: socket.socket, request: Request) -> None:
        if request.method == "GET":
            connection.sendall(as_bytes(200, json.dumps(ME).encode(), {"Content-Type": "application/json"}))
        elif then == "breaks off":
            connection.shutdown(socket.SHUT_RDWR)
        else:
            connection.sendall(as_bytes(201, body, headers))

    return script


@pytest.mark.parametrize(
    ("script", "code"),
    [
        pytest.param(changing(b"", {}, "breaks off"), 6, id="breaks off"),
        pytest.param(changing(b"<p>welcome", {}), 6, id="HTML"),
        pytest.param(changing(b"{}", {"Content-Type": "application/json"}), 1, id="another shape"),
    ],
)
def test_a_change_without_an_answer_is_not_said_to_have_failed(machine: Machine, script: Script, code: int) -> None:
    with ScriptedServer(script) as server:
        error = machine.ask("api-keys", "create", "ci", exits=code, env=variables(server.url)).error
        assert "not known whether the change was made" in error["fix"]
        assert [request.method for request in server.requests].count("POST") == 1


def test_nobody_is_asked_where_nobody_is_and_no_is_no(machine: Machine, place: Place) -> None:
    error = machine.ask("api-keys", "revoke", "a key", exits=2, env=place.variables).error
    assert "--yes" in error["fix"]
    with terminal(machine, "api-keys", "revoke", "a key", **place.variables) as person:
        person.reads("Revoke it?")
        person.types("n")
        code, said = person.ends()
        assert (code, "Nothing was changed." in said) == (130, True)
    with terminal(machine, "api-keys", "revoke", "a key", "--no-input", **place.variables) as person:
        assert person.ends()[0] == 2
    assert len(machine.ask("api-keys", "list", env=place.variables).data["api_keys"]) == 1
