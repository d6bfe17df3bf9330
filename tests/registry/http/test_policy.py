"""Who gets which answer: every row of the policy, for every caller and every target; and credentials that are none."""

from collections.abc import Callable, Sequence
from typing import Any, cast, get_args

import httpx
import pytest
from fastapi.routing import APIRoute

from stardag_registry.domain.api_keys import make_secret
from tests.registry.conftest import Home
from tests.registry.http.policy import TABLE, Caller, Row, Target, expected, rows_of
from tests.registry.http.policy_scene import NOBODYS, Scene
from tests.registry.in_process import InProcess

POLICY = rows_of(TABLE)
CALLERS: Sequence[Caller] = get_args(Caller)
TARGETS: Sequence[Target] = get_args(Target)
IN_AN_ORGANIZATION: Sequence[Target] = ("own workspace", "other organization", "missing", "no id")


def without_date(answer: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    """The answer, but for what differs every time."""
    headers = {name: value for name, value in answer.headers.items() if name not in {"date", "x-request-id"}}
    return answer.status_code, answer.content, headers


class TestTable:
    def test_every_route_has_a_row_and_every_row_a_route(self, registry_on_sqlite: InProcess) -> None:
        routes = {f"{method} {path}" for method, path in routes_of(registry_on_sqlite)}
        assert {f"{row.method} /api/v1{row.path}" for row in POLICY} == routes

    def test_every_route_is_told_in_the_openapi_document(self, registry_on_sqlite: InProcess) -> None:
        paths = registry_on_sqlite.ask("GET", "/openapi.json").json()["paths"]
        told = {(method.upper(), path) for path, methods in paths.items() for method in methods}
        assert {(method, path) for method, path in told if path.startswith("/api/")} == routes_of(registry_on_sqlite)

    def test_no_case_is_told_twice(self) -> None:
        assert len({str(row) for row in POLICY}) == len(POLICY)


def routes_of(registry: InProcess) -> set[tuple[str, str]]:
    """Methods and paths of all routes below `/api`, those of routers that are included among them."""
    routes = [
        inner
        for route in registry.app.routes
        for inner in cast("Sequence[object]", getattr(getattr(route, "original_router", None), "routes", [route]))
    ]
    return {
        (method, route.path)
        for route in routes
        if isinstance(route, APIRoute) and route.path.startswith("/api/")
        for method in route.methods or ()
    }


def targets_of(row: Row) -> Sequence[Target]:
    """Those that make a difference."""
    if row.aims_at_a_workspace:
        return TARGETS
    return IN_AN_ORGANIZATION if row.aims_at_an_organization else TARGETS[:1]


@pytest.mark.parametrize("row", POLICY, ids=str)
class TestEveryRow:
    def test_every_caller_gets_the_answer_of_the_table_for_every_target(self, scene: Scene, row: Row) -> None:
        cells: list[tuple[Caller, Target]] = [(caller, target) for caller in CALLERS for target in targets_of(row)]
        answers = {cell: scene.ask(row, *cell) for cell in cells}
        got = {cell: answer.status_code for cell, answer in answers.items()}
        assert got == {cell: expected(row, *cell) for cell in cells}

    def test_what_a_caller_may_not_see_answers_byte_for_byte_like_what_is_missing(self, scene: Scene, row: Row) -> None:
        for caller in CALLERS:
            hidden: list[Target] = [target for target in targets_of(row) if expected(row, caller, target) == 404]
            answers = {target: without_date(scene.ask(row, caller, target)) for target in hidden}
            assert all(answer == answers["missing"] for answer in answers.values()), (caller, answers)

    def test_what_is_in_another_workspace_is_not_in_ones_own(self, scene: Scene, row: Row) -> None:
        own = dict(scene.ids_in("own workspace"))
        parts = [part for part in ("build_id", "api_key_id") if f"{{{part}}}" in row.path]
        for part in parts:
            for caller in ("owner", "administering key"):
                credential = scene.credentials[caller]
                missing = without_date(scene.send(row, credential, {**own, part: NOBODYS}))
                assert missing[0] == 404
                others: Sequence[Target] = ("sibling workspace", "other organization")
                for ids in (*(scene.ids_in(target)[part] for target in others), "no-such"):
                    assert without_date(scene.send(row, credential, {**own, part: ids})) == missing

    def test_without_a_good_credential_every_answer_is_the_same(self, scene: Scene, row: Row) -> None:
        refused = {
            without_date(scene.ask(row, caller, target))[1]
            for caller in CALLERS
            for target in targets_of(row)
            if expected(row, caller, target) == 401
        }
        assert len(refused) == (row.open_to != "everybody")

    def test_no_answer_holds_a_credential(self, scene: Scene, row: Row) -> None:
        secrets = {secret for secret in (*scene.credentials.values(), scene.invitation, scene.id_token) if secret}
        for caller in CALLERS:
            answer = scene.ask(row, caller, "own workspace")
            told = f"{answer.text} {answer.headers!r}"
            assert not any(secret in told for secret in secrets)


def test_members_and_invitations_of_another_organization_are_not_in_ones_own(scene: Scene) -> None:
    for row in POLICY:
        ids = {"organization": scene.home.organization, "user_id": NOBODYS, "invitation_id": NOBODYS}
        strangers = {
            "user_id": scene.elsewhere.members["a member"],
            "invitation_id": scene.elsewhere.invitations["to be a member"],
        }
        for part, strangers_id in strangers.items():
            if f"{{{part}}}" in row.path:
                missing = without_date(scene.send(row, scene.credentials["owner"], ids))
                assert missing[0] == 404
                theirs = without_date(scene.send(row, scene.credentials["owner"], {**ids, part: strangers_id}))
                assert theirs == missing


def test_a_slug_means_the_same_as_an_id(scene: Scene) -> None:
    for row in POLICY:
        if row.path == "/organizations/{organization}/members" and row.method == "GET":
            by_slug = scene.send(row, scene.credentials["member"], {"organization": "acme"})
            by_id = scene.send(row, scene.credentials["member"], {"organization": scene.home.organization.upper()})
            assert by_slug.status_code == 200
            assert by_slug.content == by_id.content
            strangers = scene.send(row, scene.credentials["owner"], {"organization": "stranger"})
            missing = scene.send(row, scene.credentials["owner"], {"organization": "no-such"})
            assert without_date(strangers) == without_date(missing)


class TestCredentials:
    def test_what_is_no_good_credential_is_none(self, registry_on_sqlite: InProcess, home_on_sqlite: Home) -> None:
        good = home_on_sqlite.administering.text
        mistyped = good[:-1] + ("a" if good[-1] != "a" else "b")
        headers = [
            f"Bearer {make_secret('administer', bytes(32)).text}",
            f"Bearer {mistyped}",
            "Bearer hello",
            "Bearer ",
            f"Basic {good}",
            good,
            f"Bearer {good} {good}",
        ]
        for row in POLICY:
            if row.open_to == "everybody":
                continue
            path = "/api/v1" + row.path.format_map(AnyId())
            answers = [
                registry_on_sqlite.client.request(row.method, path, headers={"Authorization": header})
                for header in headers
            ]
            assert {answer.status_code for answer in answers} == {401}
            assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}
            assert {answer.json()["code"] for answer in answers} == {"unauthenticated"}
            assert len({answer.content for answer in answers}) == 1

    def test_the_credential_is_looked_at_before_the_request_is(
        self, registry_on_sqlite: InProcess, home_on_sqlite: Home
    ) -> None:
        registry, path = registry_on_sqlite, home_on_sqlite.target_roots
        bad_requests: list[Callable[[], httpx.Response]] = [
            lambda: registry.ask("POST", path, content=b"{", headers={"Content-Type": "application/json"}),
            lambda: registry.ask("POST", path, json={"name": "!"}),
            lambda: registry.ask("GET", f"{path}?limit=0"),
            lambda: registry.ask("GET", path, headers={"If-None-Match": "*"}),
        ]
        assert [ask().status_code for ask in bad_requests] == [401] * len(bad_requests)

    def test_two_credentials_are_none(self, registry_on_sqlite: InProcess, home_on_sqlite: Home) -> None:
        good = ("Authorization", f"Bearer {home_on_sqlite.administering.text}")
        answer = registry_on_sqlite.client.get("/api/v1/me", headers=[good, ("Authorization", "Bearer other")])
        assert answer.status_code == 401

    @pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
    def test_the_scheme_is_read_without_regard_to_case(
        self, registry_on_sqlite: InProcess, home_on_sqlite: Home, scheme: str
    ) -> None:
        headers = {"Authorization": f"{scheme} {home_on_sqlite.building.text}"}
        assert registry_on_sqlite.client.get("/api/v1/me", headers=headers).status_code == 200


class AnyId(dict[str, Any]):
    """Stands in for every parameter of a path."""

    def __missing__(self, key: str) -> str:
        return NOBODYS
