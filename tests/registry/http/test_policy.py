"""Who gets which answer: every credential against every operation, on what is its own, another's, or nobody's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest

from stardag_registry.domain.api_keys import ApiKeySecret, make_secret
from tests.registry.conftest import Home
from tests.registry.in_process import InProcess

NOBODYS = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    json: Mapping[str, str] | None = None


OPERATIONS: Mapping[str, Operation] = {
    "me": Operation("GET", "/me"),
    "list organizations": Operation("GET", "/organizations"),
    "list workspaces": Operation("GET", "/organizations/{organization}/workspaces"),
    "list roots": Operation("GET", "/workspaces/{workspace}/target-roots"),
    "add root": Operation("POST", "/workspaces/{workspace}/target-roots", {"name": "new", "uri_prefix": "/new/"}),
    "change root": Operation("PATCH", "/workspaces/{workspace}/target-roots/there", {"uri_prefix": "/changed/"}),
    "remove root": Operation("DELETE", "/workspaces/{workspace}/target-roots/there"),
}

READS = ("me", "list organizations", "list workspaces", "list roots")
CHANGES = ("add root", "change root", "remove root")
AIMED = ("list workspaces", "list roots", *CHANGES)


@dataclass(frozen=True, slots=True)
class Scene:
    """Two organizations; the first has two workspaces. The callers belong to the first workspace of the first."""

    registry: InProcess
    ids: Mapping[str, tuple[str, str]]
    callers: Mapping[str, str | None]

    def ask(self, operation: str, caller: str, whose: str) -> httpx.Response:
        wanted = OPERATIONS[operation]
        organization, workspace = self.ids[whose]
        credential = self.callers[caller]
        return self.registry.client.request(
            wanted.method,
            "/api/v1" + wanted.path.format(organization=organization, workspace=workspace),
            json=wanted.json,
            headers={} if credential is None else {"Authorization": credential},
        )


def spoilt(secret: ApiKeySecret) -> str:
    last = secret.text[-1]
    return f"Bearer {secret.text[:-1]}{'a' if last != 'a' else 'b'}"


@pytest.fixture
def scene(registry: InProcess, home: Home) -> Scene:
    furnish = registry.furnish
    sibling = furnish.workspace(home.organization, "staging")
    stranger = furnish.organization("stranger")
    their_workspace = furnish.workspace(stranger)
    for workspace in (home.workspace, sibling, their_workspace):
        key = furnish.api_key(workspace)
        path = f"/api/v1/workspaces/{workspace.id}/target-roots"
        assert registry.ask("POST", path, key, json={"name": "there", "uri_prefix": "/there/"}).status_code == 201
    revoked, expired = furnish.api_key(home.workspace), furnish.api_key(home.workspace, expires_in=timedelta(seconds=1))
    furnish.revoke(revoked)
    furnish.clock.move(timedelta(seconds=1))
    good = home.administering.text
    return Scene(
        registry,
        ids={
            "own": (home.organization.id, home.workspace.id),
            "sibling": (home.organization.id, sibling.id),
            "stranger": (stranger.id, their_workspace.id),
            "nobody": (NOBODYS, NOBODYS),
            "no id": ("no-such", "no-such"),
        },
        callers={
            "administering": f"Bearer {good}",
            "building": f"Bearer {home.building.text}",
            "revoked": f"Bearer {revoked.text}",
            "expired": f"Bearer {expired.text}",
            "unknown": f"Bearer {make_secret('administer', bytes(32)).text}",
            "mistyped": spoilt(home.administering),
            "malformed": "Bearer hello",
            "empty": "Bearer ",
            "basic": f"Basic {good}",
            "bare": good,
            "two words": f"Bearer {good} {good}",
            "nobody": None,
        },
    )


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_administering_key_may_do_everything_at_home(scene: Scene, operation: str) -> None:
    assert scene.ask(operation, "administering", "own").is_success


@pytest.mark.parametrize("operation", READS)
def test_a_building_key_reads(scene: Scene, operation: str) -> None:
    assert scene.ask(operation, "building", "own").status_code == 200


@pytest.mark.parametrize("operation", CHANGES)
def test_a_building_key_changes_nothing(scene: Scene, operation: str) -> None:
    answer = scene.ask(operation, "building", "own")
    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")
    roots = scene.ask("list roots", "building", "own").json()["items"]
    assert roots == [{"name": "there", "uri_prefix": "/there/"}]


@pytest.mark.parametrize("caller", ["administering", "building"])
@pytest.mark.parametrize("operation", AIMED)
def test_what_is_anothers_answers_byte_for_byte_like_what_is_missing(scene: Scene, operation: str, caller: str) -> None:
    missing = scene.ask(operation, caller, "nobody")
    assert (missing.status_code, missing.json()["code"]) == (404, "not-found")
    for whose in ("stranger", "no id", *(("sibling",) if operation != "list workspaces" else ())):
        answer = scene.ask(operation, caller, whose)
        assert (answer.status_code, answer.content) == (404, missing.content)
        assert without_date(answer) == without_date(missing)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_without_a_good_credential_every_answer_is_the_same(scene: Scene, operation: str) -> None:
    bad = [caller for caller in scene.callers if caller not in {"administering", "building"}]
    answers = [scene.ask(operation, caller, whose) for caller in bad for whose in ("own", "stranger", "nobody")]
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}
    assert {answer.json()["code"] for answer in answers} == {"unauthenticated"}
    assert len({answer.content for answer in answers}) == 1


def test_the_credential_is_looked_at_before_the_request_is(scene: Scene) -> None:
    _, workspace = scene.ids["own"]
    path = f"/api/v1/workspaces/{workspace}/target-roots"
    bad_requests: list[Callable[[], httpx.Response]] = [
        lambda: scene.registry.ask("POST", path, content=b"{", headers={"Content-Type": "application/json"}),
        lambda: scene.registry.ask("POST", path, json={"name": "!"}),
        lambda: scene.registry.ask("GET", f"{path}?limit=0"),
        lambda: scene.registry.ask("GET", path, headers={"If-None-Match": "*"}),
    ]
    assert [ask().status_code for ask in bad_requests] == [401] * len(bad_requests)


def test_a_key_is_revoked_at_once(registry: InProcess, home: Home) -> None:
    assert registry.ask("GET", "/api/v1/me", home.building).status_code == 200
    registry.furnish.revoke(home.building)
    assert registry.ask("GET", "/api/v1/me", home.building).status_code == 401


def test_two_credentials_are_none(registry: InProcess, home: Home) -> None:
    good = ("Authorization", f"Bearer {home.administering.text}")
    answer = registry.client.get("/api/v1/me", headers=[good, ("Authorization", "Bearer other")])
    assert answer.status_code == 401


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
def test_the_scheme_is_read_without_regard_to_case(registry: InProcess, home: Home, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {home.building.text}"}
    assert registry.client.get("/api/v1/me", headers=headers).status_code == 200


def test_no_answer_holds_a_credential(scene: Scene) -> None:
    for operation in OPERATIONS:
        for caller, credential in scene.callers.items():
            if credential and len(credential) > 20:
                answer = scene.ask(operation, caller, "own")
                assert credential.split()[-1] not in answer.text + repr(answer.headers)


def without_date(answer: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in answer.headers.items() if name != "date"}
