"""Schemathesis asks for everything that the OpenAPI document tells of, signed in as everybody: no answer that is not in
the document, and no mistake of the program's."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis import checks as general
from schemathesis.specs.openapi import checks as openapi

from stardag.domain.organizations import Role
from stardag_registry.domain.api_keys import PURPOSES
from stardag_registry.domain.users import User
from tests.registry.conftest import Home
from tests.registry.in_process import ADDRESS, InProcess

Json = dict[str, Any]

ROLES = ("owner", "admin", "member", "administering key", "building key", "access token", "newcomer", "nobody")
FEW_ROLES = ("owner", "administering key", "nobody")
"""One that may do everything, one of another kind, and none."""

CHECKS: Any = [
    getattr(general, "not_a_server_error"),  # noqa: B009  # looked up, since the library's types say too little
    *(
        getattr(openapi, name)
        for name in (
            "status_code_conformance",
            "content_type_conformance",
            "response_headers_conformance",
            "response_schema_conformance",
        )
    ),
]
MEMBERS: tuple[Role, ...] = ("owner", "admin", "member")
SLOW_OR_NOT = [
    HealthCheck.too_slow,
    HealthCheck.filter_too_much,
    HealthCheck.data_too_large,
    HealthCheck.large_base_example,
]
TASK = {"name": "train", "parameters": {"lr": 0.1}, "status": "completed", "output": {"root": "default", "path": "a/b"}}


@dataclass
class Scene:
    """A furnished organization, and somebody who asks. It is furnished anew, with other ids, when something of it has
    been taken away."""

    registry: InProcess
    role: str
    count: int = 0
    credential: str = ""
    ids: dict[str, str] = field(default_factory=dict[str, str])
    bodies: dict[str, Json] = field(default_factory=dict[str, Json])
    answered: dict[str, set[int]] = field(default_factory=dict[str, set[int]])

    def furnish(self) -> None:
        self.count += 1
        registry, slug = self.registry, f"acme-{self.role.replace(' ', '-')}-{self.count}"
        organization = registry.furnish.organization(slug)
        people = {role: registry.furnish.member(organization, role, f"{slug}-{role}") for role in MEMBERS}
        other = registry.furnish.member(organization, "member", f"{slug}-other")
        newcomer = registry.furnish.user(f"{slug}-newcomer")
        workspace = registry.furnish.workspace(organization)
        keys = {purpose: registry.furnish.api_key(workspace, purpose).text for purpose in PURPOSES}
        owner = registry.tokens.make(people["owner"].id, organization.id)
        made = partial(self._made, owner, f"/api/v1/workspaces/{workspace.id}")
        made("/target-roots", {"name": "default", "uri_prefix": "/data/"})
        build = made("/builds", {"target_roots": {"default": "/data/"}})["id"]
        task = made(f"/builds/{build}/tasks", {"tasks": [TASK]})["ids"][0]
        api_key = made("/api-keys", {"name": "another"})["id"]
        tokens: dict[str, str] = {role: registry.tokens.make(user.id, organization.id) for role, user in people.items()}
        lent = partial(self._made, place=f"/api/v1/organizations/{organization.id}", path="/access-tokens")
        shown = lent(owner, body={"lifetime_seconds": 600})
        held = (
            shown if self.role == "access token" else lent(tokens.get(self.role, owner), body={"lifetime_seconds": 60})
        )
        invitation = self._made(
            owner,
            f"/api/v1/organizations/{organization.id}/invitations",
            "",
            {"email": newcomer.email if self.role == "newcomer" else "somebody@acme.example"},
        )
        self.ids = {
            "organization": organization.slug,
            "workspace_id": workspace.id,
            "user_id": other.id,
            "invitation_id": invitation["id"],
            "name": "default",
            "api_key_id": api_key,
            "access_token_id": held["id"],
            "build_id": build,
            "task_id": task,
        }
        others = {
            "administering key": keys["administer"],
            "building key": keys["build"],
            "access token": shown["access_token"],
            "newcomer": registry.access_token(newcomer),
            "nobody": "",
        }
        self.credential = (tokens | others)[self.role]
        self.bodies = bodies(registry, slug, newcomer, invitation["link"].rpartition("=")[2])

    def _made(self, credential: str, place: str, path: str, body: Json) -> Json:
        answer = self.registry.ask("POST", place + path, credential, json=body)
        assert answer.is_success, answer.text
        made: Json = answer.json()
        return made

    def ask(self, case: Any) -> None:
        """Send it, and hold the answer against the document."""
        if not self.ids:
            self.furnish()
        headers = {"Authorization": f"Bearer {self.credential}"} if self.credential else {}
        if case.operation.definition.raw.get("security") is None:
            headers = {}
        prepared = requests.Request(**case.as_transport_kwargs(base_url=ADDRESS, headers=headers)).prepare()
        assert prepared.method is not None
        assert prepared.url is not None
        assert isinstance(prepared.body, str | bytes | None)
        # Header fields as they are generated, which go over the wire as ISO 8859-1 (RFC 9110, section 5.5).
        sent = httpx.Headers(dict[str, Any](prepared.headers), encoding="latin-1")
        request = httpx.Request(prepared.method, prepared.url, headers=sent, content=prepared.body)
        answer = self.registry.client.send(request)
        answer.elapsed = timedelta()  # which nobody measured
        operation = str(case.operation.definition.raw["operationId"])
        self.answered.setdefault(operation, set()).add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)
        assert not self.credential or self.credential not in answer.text
        # Whoever has made an organization belongs to one.
        changes = case.method in {"DELETE", "PATCH"} or operation == "make_organization"
        if (answer.is_success and changes) or operation == "accept_invitation":
            self.ids = {}

    def with_what_is_there(self, case: Any, *, body: bool) -> Any:
        """The same request for things that are there; with a body that is right, too, where there is one."""
        if not self.ids:
            self.furnish()
        for name in names_in(case.operation):
            case.path_parameters[name] = self.ids[name]
        operation = str(case.operation.definition.raw["operationId"])
        if body and operation in self.bodies:
            case.body = self.bodies[operation]
            case.media_type = "application/json"
            case.query = {}
            case.headers.clear()
        return case


def bodies(registry: InProcess, slug: str, newcomer: User, token: str) -> dict[str, Json]:
    """What every operation with a body takes."""
    return {
        "exchange": {"organization": slug},
        "introduce": {"id_token": registry.id_token(newcomer)},
        "make_organization": {"slug": f"{slug}-new"},
        "change_role": {"role": "admin"},
        "invite": {"email": "new@acme.example"},
        "accept_invitation": {"token": token},
        "make_workspace": {"slug": "staging", "description": "Two\nlines"},
        "change_workspace": {"name": "Étage"},
        "make_access_token": {"lifetime_seconds": 60},
        "make_api_key": {"name": "nightly", "expires_at": "2026-12-31T00:00:00+01:00"},
        "add_target_root": {"name": "archive", "uri_prefix": "s3://bucket/prefix/"},
        "change_target_root": {"uri_prefix": "/elsewhere/"},
        "register_build": {"target_roots": {"default": "/data/"}, "name": "nightly", "commit": "abc"},
        "end_build": {"status": "failed", "error": "It broke."},
        "record_tasks": {"tasks": [TASK | {"started_at": "2026-11-23T12:00:00Z"}]},
    }


def operations_of(registry: InProcess) -> list[Any]:
    """Those of the document, as the application gives it."""
    schema: Any = schemathesis.openapi.from_dict(registry.client.get("/openapi.json").json())
    return [found.ok() for found in schema.get_all_operations()]


def ask_for_much(scene: Scene, operation: Any, mode: GenerationMode, examples: int) -> None:
    """What the document allows, or what it forbids, of things that are there, mostly, and of others."""

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        print_blob=True,
        suppress_health_check=SLOW_OR_NOT,
    )
    @given(operation.as_strategy(generation_mode=mode), st.sampled_from(["there", "there", "as it comes"]))
    def ask(case: Any, which: str) -> None:
        scene.ask(scene.with_what_is_there(case, body=False) if which == "there" else case)

    ask()


class TestTheDocument:
    """Every answer is one that it tells of."""

    @pytest.mark.parametrize(
        "role", [pytest.param(role, marks=() if role in FEW_ROLES else pytest.mark.slow) for role in ROLES]
    )
    def test_every_answer_is_in_it(self, registry_on_sqlite: InProcess, role: str) -> None:
        self.check(registry_on_sqlite, role, examples=2)

    @pytest.mark.slow
    @pytest.mark.parametrize("role", ROLES)
    def test_every_one_of_many_answers_is_in_it(self, registry: InProcess, role: str) -> None:
        self.check(registry, role, examples=60)

    def check(self, registry: InProcess, role: str, examples: int) -> None:
        scene = Scene(registry, role)
        operations = operations_of(registry)
        for operation in operations:
            case = operation.Case(path_parameters=dict.fromkeys(names_in(operation), "?"))
            scene.ask(scene.with_what_is_there(case, body=True))
            ask_for_much(scene, operation, GenerationMode.POSITIVE, examples)
            if takes_something(operation):
                ask_for_much(scene, operation, GenerationMode.NEGATIVE, examples)
        well = {name for name, statuses in scene.answered.items() if any(status < 300 for status in statuses)}
        assert well == expected_well(role, {operation.definition.raw["operationId"] for operation in operations})


OPEN = {"health", "live", "auth_configuration"}
OF_WHO_SIGNS_IN = {"exchange", "introduce"}
OF_PEOPLE = {"accept_invitation", "make_organization"}
OF_OWNERS = {"change_role", "delete_organization"}
OF_ADMINS = {
    *("list_invitations", "invite", "withdraw_invitation", "remove_member", "list_audit"),
    *("make_workspace", "delete_workspace"),
}
OF_MEMBERS = {"list_members"}
OF_WHO_SIGNED_IN = {"make_access_token"}
OF_ADMINISTERING = {
    *("change_workspace", "list_api_keys", "make_api_key", "revoke_api_key"),
    *("add_target_root", "change_target_root", "remove_target_root"),
}


def expected_well(role: str, everything: set[str]) -> set[str]:
    """The operations that somebody is answered well at least once (readings, section 7)."""
    if role == "nobody":
        return OPEN
    if role == "newcomer":
        return {*OPEN, "introduce", *OF_PEOPLE, "me", "list_organizations"}
    # Who was invited signs in with another address than these.
    refused = {*OF_WHO_SIGNS_IN, "accept_invitation"}
    if role == "admin":
        refused |= OF_OWNERS
    elif role == "member":
        refused |= OF_OWNERS | OF_ADMINS | OF_ADMINISTERING
    elif role == "access token":
        refused |= OF_OWNERS | OF_ADMINS | OF_PEOPLE | OF_WHO_SIGNED_IN | OF_ADMINISTERING
    elif role in {"administering key", "building key"}:
        refused |= OF_OWNERS | OF_ADMINS | OF_PEOPLE | OF_MEMBERS | OF_WHO_SIGNED_IN | {"revoke_access_token"}
        if role == "building key":
            refused |= OF_ADMINISTERING
    return everything - refused


def names_in(operation: Any) -> list[str]:
    return [one["name"] for one in operation.definition.raw.get("parameters", ()) if one["in"] == "path"]


def takes_something(operation: Any) -> bool:
    return bool(operation.definition.raw.get("parameters") or operation.definition.raw.get("requestBody"))


class TestWhatWasFound:
    """Mistakes that asking for everything has brought to light, or might have."""

    @pytest.mark.parametrize("value", ["%22%5Cud800%22", "%5B%22%5Cudfff%22%5D", "%7B%22%5Cud800%22:1%7D"])
    def test_half_a_surrogate_pair_is_searched_for_as_a_text(self, registry: InProcess, home: Home, value: str) -> None:
        path = f"/api/v1/workspaces/{home.workspace.id}/tasks?parameter=a={value}"
        answer = registry.ask("GET", path, home.building)
        assert (answer.status_code, answer.json()["items"]) == (200, [])

    @pytest.mark.parametrize("name", ["%00", "a%00b", "%20", "no/name", "é"])
    def test_what_can_name_no_task_is_refused(self, registry: InProcess, home: Home, name: str) -> None:
        answer = registry.ask("GET", f"/api/v1/workspaces/{home.workspace.id}/tasks?name={name}", home.building)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.name")

    @pytest.mark.parametrize("description", ["\\ud800", "\\u0000"])
    def test_a_build_that_cannot_be_is_refused_with_a_key_that_is_known_too(
        self, registry: InProcess, home: Home, description: str
    ) -> None:
        path, headers = f"/api/v1/workspaces/{home.workspace.id}/builds", {"Idempotency-Key": "k"}
        assert registry.ask("POST", path, home.building, headers, json={"target_roots": {}}).status_code == 201
        content = f'{{"target_roots": {{}}, "description": "{description}"}}'.encode()
        headers["Content-Type"] = "application/json"
        answer = registry.ask("POST", path, home.building, headers, content=content)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")

    @pytest.mark.parametrize("moment", [5, 1764000000, "5", "2026-11-23", "2026-11-23T12:00", "+262143-01-01T00:00Z"])
    def test_a_moment_is_written_with_its_zone(self, registry: InProcess, home: Home, moment: object) -> None:
        path = f"/api/v1/workspaces/{home.workspace.id}"
        body = {"name": "nightly", "expires_at": moment}
        answer = registry.ask("POST", f"{path}/api-keys", home.administering, json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.expires_at")
        query = httpx.QueryParams({"started_after": str(moment)})
        assert registry.ask("GET", f"{path}/builds?{query}", home.building).status_code == 422

    def test_entity_tags_may_come_in_several_lines(self, registry: InProcess, home: Home) -> None:
        tag = registry.ask("GET", home.target_roots, home.building).headers["etag"]
        lines = [
            ("Authorization", f"Bearer {home.building.text}"),
            ("If-None-Match", '"other"'),
            ("If-None-Match", tag),
        ]
        assert registry.client.get(home.target_roots, headers=lines).status_code == 304

    def test_a_root_of_an_archived_workspace_is_refused_as_the_document_says(
        self, registry: InProcess, home: Home
    ) -> None:
        owner = registry.furnish.member(home.organization, "owner")
        token = registry.tokens.make(owner.id, home.organization.id)
        body = {"name": "default", "uri_prefix": "/data/"}
        assert registry.ask("POST", home.target_roots, token, json=body).status_code == 201
        path = f"/api/v1/workspaces/{home.workspace.id}"
        assert registry.ask("PATCH", path, token, json={"archived": True}).status_code == 200
        told = registry.client.get("/openapi.json").json()["paths"][
            "/api/v1/workspaces/{workspace_id}/target-roots/{name}"
        ]
        for method, more in (("PATCH", {"json": {"uri_prefix": "/other/"}}), ("DELETE", {})):
            answer = registry.ask(method, f"{home.target_roots}/default", token, **more)
            assert (answer.status_code, answer.json()["code"]) == (409, "archived")
            assert "409" in told[method.lower()]["responses"]
