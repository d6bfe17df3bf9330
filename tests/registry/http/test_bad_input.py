"""Whatever stands in a body or a query: one 422 that names the field, on both databases, and never a 5xx."""

import base64
import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
import pytest

from tests.registry.http.policy import TABLE, Caller, Row, rows_of
from tests.registry.http.policy_scene import Scene

ROWS = {row.operation: row for row in rows_of(TABLE)}
TASK = {
    "name": "train",
    "parameters": {"lr": 0.1},
    "status": "completed",
    "output": {"root": "default", "path": "train/1"},
    "started_at": "2026-11-23T12:00:00Z",
    "ended_at": "2026-11-23T12:00:01Z",
    "error": "None.",
}
WHOLE_BODIES: Mapping[str, Mapping[str, Any]] = {
    "POST /auth/exchange": {"organization": "acme", "id_token": "a.b.c"},
    "PUT /me": {"id_token": "a.b.c"},
    "POST /organizations": {"slug": "new", "name": "New"},
    "PATCH /organizations/{organization}/members/{user_id}": {"role": "admin"},
    "POST /organizations/{organization}/invitations": {"email": "new@acme.example", "role": "member"},
    "POST /invitations/accept": {"token": "x"},
    "POST /organizations/{organization}/access-tokens": {"lifetime_seconds": 60},
    "POST /organizations/{organization}/workspaces": {"slug": "new", "name": "New", "description": "New."},
    "PATCH /workspaces/{workspace_id}": {"slug": "new", "name": "New", "description": "New.", "archived": False},
    "POST /workspaces/{workspace_id}/api-keys": {
        "name": "new",
        "purpose": "build",
        "expires_at": "2026-12-01T00:00:00Z",
    },
    "POST /workspaces/{workspace_id}/target-roots": {"name": "new", "uri_prefix": "/new/"},
    "PATCH /workspaces/{workspace_id}/target-roots/{name}": {"uri_prefix": "/new/"},
    "POST /workspaces/{workspace_id}/builds": {
        "target_roots": {"default": "/data/"},
        "name": "nightly",
        "commit": "abc",
        "description": "New.",
    },
    "PATCH /workspaces/{workspace_id}/builds/{build_id}": {"status": "failed", "error": "No."},
    "POST /workspaces/{workspace_id}/builds/{build_id}/tasks": {"tasks": [TASK]},
}
"""A good body of every operation, with every field."""

SECRETS = {"body.token", "body.id_token", "body.organization"}
"""Texts that are good or not by what they mean: for these, no 422 says more than the other refusals do."""

LONE = "\ud800"
BAD_MOMENTS = ("1", "now", "2026-11-23", "2026-11-23T12:00:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-10:00", "")
BAD_IDS = ("", "x", "\x00", "0" * 5000, "%")
BAD_QUERIES: Mapping[str, Sequence[str]] = {
    "limit": ("0", "-1", "1001", "x", "", "1.5", "1e2", "9" * 400, "٣x", "\x00"),
    "cursor": (
        "",
        "!",
        "é",
        "a" * 501,
        "\x00",
        "YQ=",
        *(
            base64.urlsafe_b64encode(each).decode().rstrip("=")
            for each in (b"-1", b"1 OR 1=1", b"\xff", b"2026-13-01T00:00:00+00:00 x", b"\x00")
        ),
    ),
    "role": ("", "x", "Owner", "\x00"),
    "archived": ("", "x", "2", "\x00"),
    "revoked": ("", "x", "2", "\x00"),
    "workspace": BAD_IDS,
    "status": ("", "x", "Running", "\x00"),
    "purpose": ("", "x", "Build", "\x00"),
    "action": ("", "x", "\x00", "build.registered\x00", "Build.registered", ".", "é.é", f"a.{'b' * 49}"),
    "user": BAD_IDS,
    "order": ("", "x", "\x00", "Newest", "ASCENDING"),
    "started_after": BAD_MOMENTS,
    "started_before": BAD_MOMENTS,
    "task": BAD_IDS,
    "build": BAD_IDS,
    "name": ("", "\x00", "a\x00", "!", "a" * 101, "é"),
    "parameter": ("", "x", "=1", "="),
}
"""What each parameter of a query cannot be."""

ODD_QUERIES: Mapping[str, Sequence[str]] = {
    "cursor": [
        base64.urlsafe_b64encode(each).decode().rstrip("=")
        for each in (
            b"0",
            b"9" * 18,
            b"9" * 19,
            b"2147483648",
            b"a",
            b"0001-01-01T00:00:00+00:00 " + b"0" * 64,
            b"9999-12-31T23:59:59.999999+00:00 " + b"f" * 64,
            b"0001-01-01T00:00:00+00:00 00000000-0000-0000-0000-000000000000",
        )
    ],
    "parameter": (
        'a="\\ud800"',
        'a={"\\udfff": 1}',
        "a=\x00",
        "\x00=1",
        "a=" + "9" * 5000,
        "a=1e999",
        "a=NaN",
        "a=" + "[" * 5000,
        "é=é",
        "a=" + "x" * 20_000,
        'a="\\u0000"',
    ),
}
"""What may be right or wrong, and must not be a 5xx."""


def send(scene: Scene, row: Row, **more: Any) -> httpx.Response:
    """One request for what is there, by somebody who may."""
    caller: Caller = "issuer's token" if row.open_to in {"issuer", "the invited"} else "owner"
    path = row.path.format_map(ids_there(scene))
    return scene.registry.ask(row.method, f"/api/v1{path}", scene.credentials[caller], **more)


def ids_there(scene: Scene) -> Mapping[str, str]:
    """Those of what an owner sees and may change."""
    return {
        **scene.ids_in("own workspace"),
        "user_id": scene.home.members["a member"],
        "invitation_id": scene.home.invitations["to be a member"],
        "access_token_id": scene.home.access_tokens["owner"],
    }


def send_json(scene: Scene, row: Row, body: object) -> httpx.Response:
    """The same with a body, in which lone surrogates are escaped."""
    return send(scene, row, content=json.dumps(body), headers={"Content-Type": "application/json"})


def check_names(answer: httpx.Response, field: str, value: object) -> None:
    """That a refusal says which field it is about."""
    assert answer.headers["content-type"] == "application/problem+json", (field, value, answer.text)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid"), (field, value, answer.text)
    named = [error["field"] for error in problem["errors"]]
    assert all(one == field or one.startswith(f"{field}.") for one in named), (field, value, named)
    assert len(answer.content) < 8192


class Document:
    """What the OpenAPI document says of bodies and queries."""

    def __init__(self, scene: Scene) -> None:
        self._document: dict[str, Any] = scene.registry.ask("GET", "/openapi.json").json()

    def operation(self, row: Row) -> dict[str, Any]:
        told: dict[str, Any] = self._document["paths"][f"/api/v1{row.path}"][row.method.lower()]
        return told

    def body(self, row: Row) -> dict[str, Any] | None:
        told = self.operation(row).get("requestBody")
        return None if told is None else self.resolved(told["content"]["application/json"]["schema"])

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema, by reference or not; of a choice between one and null, that one and null as a type."""
        if "$ref" in schema:
            found: dict[str, Any] = self._document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            return found
        choices = schema.get("anyOf")
        if choices is None:
            return schema
        others = [self.resolved(choice) for choice in choices if choice.get("type") != "null"]
        assert len(others) == 1
        return {**others[0], "nullable": True}

    def parts(self, value: Any, schema: dict[str, Any], path: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, ...]]:
        """Paths into a body with the schemas of what is there."""
        if path:
            yield path, schema
        if isinstance(value, dict) and "properties" in schema:
            properties = schema["properties"]
            assert properties.keys() == value.keys(), "every field has a good value among the bodies above"
            for name, inner in properties.items():
                yield from self.parts(value[name], self.resolved(inner), (*path, name))
        elif isinstance(value, list):
            yield from self.parts(value[0], self.resolved(schema["items"]), (*path, 0))


def with_value(body: Mapping[str, Any], path: Sequence[str | int], value: object) -> Any:
    """The body, with another value at a place."""
    changed: Any = copy.deepcopy(dict(body))
    place = changed
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    return changed


def of_wrong_type(schema: Mapping[str, Any]) -> list[object]:
    """Values of all types that the schema does not allow."""
    kind = schema.get("type", "string")  # what has no type is one of some texts
    values: dict[str, object] = {"boolean": True, "integer": 1, "number": 1.5, "string": "x", "array": [], "object": {}}
    wrong = [value for name, value in values.items() if name != kind]
    return wrong if schema.get("nullable") or "default" in schema else [*wrong, None]


def unfit_texts(schema: Mapping[str, Any]) -> list[str]:
    """Texts that no field takes."""
    return ["\x00", "a\x00b", LONE, f"a{LONE}", "\x1b[0m"] if schema.get("type", "string") == "string" else []


@pytest.mark.parametrize("operation", ROWS)
class TestEveryOperation:
    def test_its_body_and_its_query_are_tried_here(self, scene: Scene, operation: str) -> None:
        document, row = Document(scene), ROWS[operation]
        assert (document.body(row) is None) == (operation not in WHOLE_BODIES)
        parameters = document.operation(row).get("parameters", ())
        assert {each["name"] for each in parameters if each["in"] == "query"} <= BAD_QUERIES.keys()

    def test_a_field_of_a_wrong_type_or_with_an_unfit_text_is_named(self, scene: Scene, operation: str) -> None:
        document, row = Document(scene), ROWS[operation]
        schema = document.body(row)
        if schema is None:
            return
        body = WHOLE_BODIES[operation]
        for path, part in document.parts(body, schema):
            field = ".".join(["body", *map(str, path)])
            for value in of_wrong_type(part):
                check_names(send_json(scene, row, with_value(body, path, value)), field, value)
            for text in unfit_texts(part):
                answer = send_json(scene, row, with_value(body, path, text))
                if field in SECRETS:
                    assert answer.status_code in {401, 403, 404, 422}
                else:
                    check_names(answer, field, text)

    def test_a_field_that_nobody_knows_is_named(self, scene: Scene, operation: str) -> None:
        document, row = Document(scene), ROWS[operation]
        schema = document.body(row)
        if schema is None:
            return
        body = WHOLE_BODIES[operation]
        for path, part in [((), schema), *document.parts(body, schema)]:
            if "properties" in part:
                for name in ("unknown", "__class__", ""):
                    field = ".".join(["body", *map(str, path), name])
                    check_names(send_json(scene, row, with_value(body, [*path, name], 1)), field, 1)
                    assert part["additionalProperties"] is False

    def test_a_field_that_is_missing_is_named(self, scene: Scene, operation: str) -> None:
        document, row = Document(scene), ROWS[operation]
        schema = document.body(row)
        for name in () if schema is None else schema.get("required", ()):
            body = {key: value for key, value in WHOLE_BODIES[operation].items() if key != name}
            check_names(send_json(scene, row, body), f"body.{name}", None)

    def test_a_body_that_is_no_object_is_refused(self, scene: Scene, operation: str) -> None:
        row = ROWS[operation]
        contents = [b"", b"{", b"[]", b"null", b"1", b'"x"', b"\xff", b"NaN", b"[" * 100_000, b'{"a":' * 100_000]
        for content in contents if operation in WHOLE_BODIES else ():
            answer = send(scene, row, content=content, headers={"Content-Type": "application/json"})
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid")

    def test_a_parameter_of_the_query_that_cannot_be_is_named(self, scene: Scene, operation: str) -> None:
        row = ROWS[operation]
        for parameter in queried(scene, row):
            for value in BAD_QUERIES[parameter]:
                answer = send(scene, row, params={parameter: value})
                if parameter == "cursor" and answer.status_code == 200:
                    pytest.fail(f"{value!r} is no cursor of {operation}")
                check_names(answer, f"query.{parameter}", value)

    def test_a_parameter_of_the_query_that_nobody_knows_is_named(self, scene: Scene, operation: str) -> None:
        row = ROWS[operation]
        for name in ("unknown", "Limit", "x" * 80) if row.open_to != "everybody" else ():
            check_names(send(scene, row, params={name: "1"}, **_body_of(operation)), f"query.{name}", name)

    def test_an_odd_query_is_no_mistake_of_the_registrys(self, scene: Scene, operation: str) -> None:
        row = ROWS[operation]
        for parameter in queried(scene, row):
            for value in ODD_QUERIES.get(parameter, ()):
                answer = send(scene, row, params={parameter: value})
                assert answer.status_code in {200, 422}, (parameter, value, answer.text)

    def test_odd_paths_are_not_found(self, scene: Scene, operation: str) -> None:
        row = ROWS[operation]
        parameters = [
            each
            for each in (
                "workspace_id",
                "organization",
                "name",
                "user_id",
                "build_id",
                "task_id",
                "api_key_id",
                "invitation_id",
                "access_token_id",
            )
            if f"{{{each}}}" in row.path
        ]
        ids = ids_there(scene)
        body = WHOLE_BODIES.get(operation)
        for parameter in parameters:
            for odd in ("%00", "%ED%A0%80", "%FF", "..%5c", "é", "0" * 5000, "%F0%9F%90%8D", "' OR 1=1"):
                path = row.path.format_map({**ids, parameter: odd})
                extra = {} if body is None else {"json": body}
                answer = scene.registry.ask(row.method, f"/api/v1{path}", scene.credentials["owner"], **extra)
                assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), (parameter, odd, answer.text)


def _body_of(operation: str) -> dict[str, Any]:
    return {"json": WHOLE_BODIES[operation]} if operation in WHOLE_BODIES else {}


def queried(scene: Scene, row: Row) -> list[str]:
    """The names of the query's parameters."""
    parameters = Document(scene).operation(row).get("parameters", ())
    return [each["name"] for each in parameters if each["in"] == "query"]


def test_a_nested_value_that_the_vocabulary_refuses_is_named_by_its_place(scene: Scene) -> None:
    row = ROWS["POST /workspaces/{workspace_id}/builds/{build_id}/tasks"]
    nested: Mapping[str, tuple[Sequence[str | int], object]] = {
        "name": (("name",), "!"),
        "parameters": (("parameters",), {"a": float("nan")}),
        "output.root": (("output", "root"), "A"),
        "output.path": (("output", "path"), "../x"),
        "output": (("output",), {"root": "a"}),
        "started_at": (("started_at",), "2026-11-23T12:00:00"),
        "error": (("error",), "x" * 4001),
    }
    for field, (path, value) in nested.items():
        body = {"tasks": [TASK, with_value(TASK, path, value)]}
        check_names(send_json(scene, row, body), f"body.tasks.1.{field}", value)
    row = ROWS["POST /workspaces/{workspace_id}/builds"]
    for roots in ({"A": "/a/"}, {"a": "nowhere"}, {"a": 1}, {"a\x00": "/"}, {LONE: "/"}, {"a": f"/{LONE}"}):
        check_names(send_json(scene, row, {"target_roots": roots}), "body.target_roots", roots)
