"""What holds for every request, whatever the database: problems, the Host header, the size of bodies, headers, and the
API's documents."""

import logging
import re
import shutil
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag_registry.adapters.database import DATABASE_FILE
from stardag_registry.adapters.http import AllowedHosts
from stardag_registry.app.ports import Reading, Transaction
from stardag_registry.domain.api_keys import make_secret
from stardag_registry.domain.errors import DatabaseUnavailable
from tests.registry.conftest import Home, home_in
from tests.registry.http.policy import TABLE, rows_of
from tests.registry.in_process import InProcess, in_process

CODES = {401: "unauthenticated", 404: "not-found", 405: "method-not-allowed", 413: "too-large", 421: "host-refused"}


@pytest.fixture(scope="module")
def registry(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[InProcess]:
    """One for all of these, on SQLite: none of them changes what another looks at, and none is about a database."""
    directory = tmp_path_factory.mktemp("application")
    shutil.copy(migrated, directory / DATABASE_FILE)
    with in_process(directory) as running:
        yield running


@pytest.fixture(scope="module")
def home(registry: InProcess) -> Home:
    return home_in(registry)


class BrokenDatabase:
    """A database that fails on the way in, as told."""

    is_shared = False

    def __init__(self, failure: Exception) -> None:
        self._failure = failure

    def reading(self) -> AbstractContextManager[Reading]:
        raise self._failure

    def transaction(self) -> AbstractContextManager[Transaction]:
        raise self._failure

    def addition(self) -> AbstractContextManager[Transaction]:
        raise self._failure


class TestProblems:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/api/v1/me", 401),
            ("GET", "/", 404),
            ("GET", "/nothing", 404),
            ("GET", "/api/v1/nothing", 404),
            ("GET", "/api/v1/me/", 404),
            ("GET", "/api/v1/%2e%2e/%2e%2e/etc/passwd", 404),
            ("PUT", "/api/v1/me", 401),
            ("PATCH", "/api/v1/me", 405),
            ("DELETE", "/health", 405),
            ("POST", "/docs", 405),
        ],
    )
    def test_every_refusal_is_a_problem(self, registry: InProcess, method: str, path: str, status: int) -> None:
        answer = registry.ask(method, path)
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert (answer.status_code, problem["status"], problem["code"]) == (status, status, CODES[status])
        assert {"type", "title", "status", "detail", "code"} <= problem.keys()

    def test_a_method_that_is_not_taken_is_told_those_that_are(self, registry: InProcess) -> None:
        path = "/api/v1/workspaces/x/target-roots"
        assert set(registry.ask("PUT", path).headers["allow"].split(", ")) == {"GET", "POST"}
        allowed = {"GET", "PATCH", "DELETE"}
        assert set(registry.ask("POST", f"{path}/name").headers["allow"].split(", ")) == allowed

    def test_a_database_that_does_not_answer_is_said_to_be_unavailable(self, home: Home, registry: InProcess) -> None:
        del registry
        with in_process_on(DatabaseUnavailable()) as broken:
            for path in ("/health", "/api/v1/me", home.target_roots):
                answer = broken.ask("GET", path, home.building)
                assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
                assert answer.headers["retry-after"] == "1"

    def test_a_mistake_of_the_program_is_logged_and_not_shown(self, caplog: pytest.LogCaptureFixture) -> None:
        secret = make_secret("build", bytes(32))
        with in_process_on(ZeroDivisionError("what went wrong")) as broken, caplog.at_level(logging.DEBUG):
            answer = broken.ask("GET", "/api/v1/me", secret)
        assert (answer.status_code, answer.json()["code"]) == (500, "internal")
        assert answer.headers["content-type"] == "application/problem+json"
        assert "what went wrong" not in answer.text
        assert "Traceback" not in answer.text
        assert "GET /api/v1/me" in caplog.text
        assert "what went wrong" in caplog.text
        assert secret.text not in caplog.text

    def test_invalid_fields_are_told_one_by_one(self, registry: InProcess, home: Home) -> None:
        body = {"name": 1, "other": 2}
        problem = registry.ask("POST", home.target_roots, home.administering, json=body).json()
        assert {error["field"] for error in problem["errors"]} == {"body.name", "body.uri_prefix", "body.other"}

    def test_a_request_wrong_in_a_thousand_ways_gets_a_short_answer(self, registry: InProcess, home: Home) -> None:
        body = {f"{number}{'x' * 50}": 1 for number in range(900)}
        answer = registry.ask("POST", home.target_roots, home.administering, json=body)
        assert answer.status_code == 422
        assert len(answer.content) < 4096


@contextmanager
def in_process_on(failure: Exception) -> Generator[InProcess]:
    with TemporaryDirectory() as directory, in_process(Path(directory), BrokenDatabase(failure)) as registry:
        yield registry


class TestHosts:
    @pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LocalHost:8000"])
    def test_its_own_names_are_answered(self, registry: InProcess, host: str) -> None:
        assert registry.ask("GET", "/health", headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example:8000",
            "localhost",
            "localhost:80",
            "localhost:8001",
            "localhost.evil.example:8000",
            "127.0.0.1.evil.example:8000",
            "0.0.0.0:8000",
            "192.168.1.1:8000",
            "user@localhost:8000",
            "localhost:8000, evil.example",
            "localhost:8000:8000",
            "::1:8000",
            "localhost:8000/",
            "",
        ],
    )
    def test_others_are_refused_whatever_is_asked(self, registry: InProcess, home: Home, host: str) -> None:
        for path in ("/health", "/docs", "/nothing", "/api/v1/me"):
            answer = registry.ask("GET", path, home.building, headers={"Host": host})
            assert (answer.status_code, answer.json()["code"]) == (421, "host-refused")

    @given(st.text(max_size=40))
    def test_no_header_breaks_the_check(self, authority: str) -> None:
        allowed = AllowedHosts("localhost", 8000).allow(authority)
        assert not allowed or authority.lower().endswith(":8000")

    def test_the_host_listened_on_is_one_of_its_own(self) -> None:
        allowed = AllowedHosts("Registry.Company.com", 8000)
        assert allowed.allow("registry.company.com:8000")
        assert allowed.allow("localhost:8000")
        assert not allowed.allow("company.com:8000")
        assert AllowedHosts("fd00::1", 8000).allow("[fd00::1]:8000")

    def test_port_80_may_be_left_out(self) -> None:
        assert AllowedHosts("localhost", 80).allow("localhost")

    @pytest.mark.parametrize("host", ["0.0.0.0", "::"])
    def test_who_listens_everywhere_is_reached_by_any_address_and_no_other_name(self, host: str) -> None:
        allowed = AllowedHosts(host, 8000)
        assert allowed.allow("192.168.1.7:8000")
        assert allowed.allow("[fd00::1]:8000")
        assert allowed.allow("localhost:8000")
        assert not allowed.allow("evil.example:8000")
        assert not allowed.allow("192.168.1.7.evil.example:8000")


class TestBodies:
    def test_one_of_1_mib_is_read_and_one_byte_more_is_not(self, registry: InProcess, home: Home) -> None:
        for size, status in ((1024 * 1024, 422), (1024 * 1024 + 1, 413)):
            answer = registry.ask(
                "POST",
                home.target_roots,
                home.administering,
                headers={"Content-Type": "application/json"},
                content=b" " * size,
            )
            assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")

    def test_one_that_is_too_large_is_refused_wherever_it_is_sent(self, registry: InProcess) -> None:
        for path in ("/health", "/nothing", "/api/v1/me"):
            answer = registry.ask("POST", path, content=b"x" * (1024 * 1024 + 1))
            assert (answer.status_code, answer.json()["code"]) == (413, "too-large")

    @pytest.mark.parametrize("declared", ["1e3", "-1", "9" * 5000, "+5", "0x5"])
    def test_a_length_that_is_none_is_refused(self, registry: InProcess, declared: str) -> None:
        answer = registry.ask("POST", "/health", headers={"Content-Length": declared}, content=b"x")
        assert answer.status_code == 413


class TestHeaders:
    @pytest.mark.parametrize("path", ["/health", "/docs", "/openapi.json", "/api/v1/me", "/nothing"])
    def test_every_answer_keeps_itself_from_being_stored_framed_or_misread(
        self, registry: InProcess, path: str
    ) -> None:
        headers = registry.ask("GET", path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in headers["content-security-policy"]

    def test_no_other_origin_is_let_in(self, registry: InProcess, home: Home) -> None:
        headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        for method in ("GET", "OPTIONS"):
            answer = registry.ask(method, home.target_roots, home.building, headers=headers)
            assert not [name for name in answer.headers if name.startswith("access-control")]


def test_health_needs_no_credential_and_tells_the_version(registry: InProcess) -> None:
    answer = registry.ask("GET", "/health").json()
    assert answer.keys() == {"status", "service", "version"}
    assert (answer["status"], answer["service"]) == ("ok", "stardag-registry")
    assert re.fullmatch(r"\d+\.\d+.*", answer["version"])


def test_me_tells_whose_the_key_is(registry: InProcess, home: Home) -> None:
    for secret, purpose in ((home.administering, "administer"), (home.building, "build")):
        answer = registry.ask("GET", "/api/v1/me", secret).json()
        api_key = answer.pop("api_key")
        assert answer == {
            "kind": "api_key",
            "user": None,
            "organization": {"id": home.organization.id, "slug": "acme", "name": "Acme"},
            "workspace": {"id": home.workspace.id, "slug": "production", "name": "Production"},
        }
        assert api_key.keys() == {"id", "name", "purpose"}
        assert (api_key["name"], api_key["purpose"]) == ("a key", purpose)


def test_a_key_sees_its_own_organization_and_workspace(registry: InProcess, home: Home) -> None:
    registry.furnish.workspace(home.organization, "staging")
    registry.furnish.organization("other")
    organizations = registry.ask("GET", "/api/v1/organizations", home.building).json()
    item = {"id": home.organization.id, "slug": "acme", "name": "Acme", "role": None}
    assert organizations == {"items": [item], "next_cursor": None}
    for reference in ("acme", home.organization.id, home.organization.id.upper()):
        workspaces = registry.ask("GET", f"/api/v1/organizations/{reference}/workspaces", home.building).json()
        shown = {
            "id": home.workspace.id,
            "slug": "production",
            "name": "Production",
            "organization_id": home.organization.id,
            "description": "",
            "personal": False,
            "archived": False,
        }
        assert workspaces == {"items": [shown], "next_cursor": None}


OPEN = ("/health", "/health/live", "/api/v1/auth/configuration")
"""What is told to everybody."""


class TestOpenApi:
    @pytest.fixture
    def document(self, registry: InProcess) -> dict[str, Any]:
        document: dict[str, Any] = registry.ask("GET", "/openapi.json").json()
        return document

    def test_every_operation_of_the_policy_is_there_and_health(self, document: dict[str, Any]) -> None:
        operations = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}
        of_the_policy = {f"{row.method} /api/v1{row.path}" for row in rows_of(TABLE)}
        assert operations == of_the_policy | {"GET /health", "GET /health/live"}

    def test_every_error_is_documented_as_a_problem(self, document: dict[str, Any]) -> None:
        problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for path, methods in document["paths"].items():
            for operation in methods.values():
                errors = {status: one for status, one in operation["responses"].items() if status >= "400"}
                assert {"421", "500"} <= errors.keys()
                assert all(one["content"] == problem for one in errors.values())
                assert path in OPEN or "401" in errors

    def test_everything_else_needs_a_credential(self, document: dict[str, Any]) -> None:
        ((scheme, how),) = document["components"]["securitySchemes"].items()
        assert how["scheme"] == "bearer"
        for path, methods in document["paths"].items():
            for operation in methods.values():
                assert operation.get("security") == (None if path in OPEN else [{scheme: []}])

    def test_every_operation_says_what_it_does_and_takes(self, document: dict[str, Any]) -> None:
        for methods in document["paths"].values():
            for operation in methods.values():
                assert operation["summary"]
                assert operation["description"]
                assert operation["tags"]
                assert all(parameter["description"] for parameter in operation.get("parameters", ()))

    def test_every_reference_leads_somewhere_and_every_schema_is_used(self, document: dict[str, Any]) -> None:
        used = {reference.rpartition("/")[2] for reference in references_in(document)}
        assert used == document["components"]["schemas"].keys()

    def test_the_entity_tag_and_the_place_are_documented(self, document: dict[str, Any]) -> None:
        roots = document["paths"]["/api/v1/workspaces/{workspace_id}/target-roots"]
        assert "ETag" in roots["get"]["responses"]["200"]["headers"]
        assert "304" in roots["get"]["responses"]
        assert "Location" in roots["post"]["responses"]["201"]["headers"]


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


class TestDocs:
    def test_they_need_nothing_from_elsewhere_and_run_nothing(self, registry: InProcess) -> None:
        answer = registry.ask("GET", "/docs")
        page = Page(answer.text)
        assert not {"script", "link", "img", "iframe", "object", "form"} & set(page.tags)
        targets = [value for name, value in page.attributes if name in {"href", "src", "action"}]
        assert targets
        assert all(value == "/openapi.json" or (value and value.startswith("#")) for value in targets)
        assert not [name for name, _ in page.attributes if name.startswith("on") or name == "style"]
        assert not re.search(r"@import|url\(", answer.text)
        assert "unsafe" not in answer.headers["content-security-policy"]

    def test_they_show_every_operation(self, registry: InProcess) -> None:
        text = re.sub(r"\s+", " ", Page(registry.ask("GET", "/docs").text).text)
        document = registry.ask("GET", "/openapi.json").json()
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                assert f"{method.upper()} {path}" in text
                assert operation["summary"] in text
        for schema in document["components"]["schemas"]:
            assert schema in text

    def test_every_link_leads_somewhere(self, registry: InProcess) -> None:
        page = Page(registry.ask("GET", "/docs").text)
        anchors = {value for name, value in page.attributes if name == "id"}
        links = {value for name, value in page.attributes if name == "href" and value and value.startswith("#")}
        assert {link[1:] for link in links if link} <= anchors


def references_in(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        for key, value in cast("dict[str, Any]", document).items():
            if key == "$ref":
                yield str(value)
            else:
                yield from references_in(value)
    elif isinstance(document, list):
        for value in document:  # pyright: ignore[reportUnknownVariableType]  # of JSON, whatever it holds
            yield from references_in(value)
