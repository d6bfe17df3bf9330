"""Target roots over HTTP: reading, paging, entity tags, changing, and what is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag_registry.adapters.database import SqlDatabase
from stardag_registry.adapters.http.entity_tags import entity_tag_of, is_matched
from stardag_registry.domain.target_roots import MAX_TARGET_ROOTS
from tests.registry.conftest import Home
from tests.registry.in_process import InProcess


def add(registry: InProcess, home: Home, name: str, uri_prefix: str = "s3://bucket/prefix/") -> None:
    body = {"name": name, "uri_prefix": uri_prefix}
    assert registry.ask("POST", home.target_roots, home.administering, json=body).status_code == 201


def test_a_root_is_added_changed_and_removed(registry: InProcess, home: Home) -> None:
    body = {"name": "archive", "uri_prefix": "s3://company-archive/stardag/"}
    added = registry.ask("POST", home.target_roots, home.administering, json=body)
    assert (added.status_code, added.json()) == (201, body)
    place = added.headers["location"]
    assert place == f"{home.target_roots}/archive"

    changed = registry.ask("PATCH", place, home.administering, json={"uri_prefix": "/data/"})
    assert (changed.status_code, changed.json()) == (200, {"name": "archive", "uri_prefix": "/data/"})
    listed = registry.ask("GET", home.target_roots, home.building)
    assert listed.json() == {"items": [{"name": "archive", "uri_prefix": "/data/"}], "next_cursor": None}

    removed = registry.ask("DELETE", place, home.administering)
    assert (removed.status_code, removed.content) == (204, b"")
    assert registry.ask("GET", home.target_roots, home.building).json()["items"] == []
    again = registry.ask("DELETE", place, home.administering)
    assert (again.status_code, again.json()["code"]) == (404, "not-found")


def test_a_name_is_taken_once(registry: InProcess, home: Home) -> None:
    add(registry, home, "default")
    body = {"name": "default", "uri_prefix": "/other/"}
    answer = registry.ask("POST", home.target_roots, home.administering, json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "already-exists")


def test_the_id_of_the_workspace_may_be_in_capitals(registry_on_sqlite: InProcess, home_on_sqlite: Home) -> None:
    path = home_on_sqlite.target_roots.replace(home_on_sqlite.workspace.id, home_on_sqlite.workspace.id.upper())
    assert registry_on_sqlite.ask("GET", path, home_on_sqlite.building).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        "text",
        None,
        {"name": "a"},
        {"uri_prefix": "/a/"},
        {"name": "a", "uri_prefix": "/a/", "other": 1},
        {"name": 1, "uri_prefix": "/a/"},
        {"name": "a", "uri_prefix": ["/a/"]},
        {"name": "A", "uri_prefix": "/a/"},
        {"name": "a__b", "uri_prefix": "/a/"},
        {"name": "../a", "uri_prefix": "/a/"},
        {"name": "a" * 64, "uri_prefix": "/a/"},
        {"name": "a", "uri_prefix": ""},
        {"name": "a", "uri_prefix": "relative/path"},
        {"name": "a", "uri_prefix": "/a/../b"},
        {"name": "a", "uri_prefix": "/a\n/"},
        {"name": "a", "uri_prefix": "s3:///no-bucket"},
        {"name": "a", "uri_prefix": "/" + "a" * 1024},
        {"name": "a", "uri_prefix": "s3://Company_Bucket/x"},
        {"name": "a", "uri_prefix": "s3://bucket//x"},
        {"name": "a", "uri_prefix": "/a/*"},
        {"name": "a", "uri_prefix": "/a/?"},
        {"name": "a", "uri_prefix": "/a/${USER}"},
        {"name": "a", "uri_prefix": "/\ud800"},
        {"name\ud800": "a", "uri_prefix": "/a/"},
    ],
)
def test_what_cannot_be_a_root_is_refused(registry_on_sqlite: InProcess, home_on_sqlite: Home, body: object) -> None:
    headers = {"Content-Type": "application/json"}
    answer = registry_on_sqlite.ask(
        "POST", home_on_sqlite.target_roots, home_on_sqlite.administering, headers=headers, content=json.dumps(body)
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert registry_on_sqlite.ask("GET", home_on_sqlite.target_roots, home_on_sqlite.building).json()["items"] == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe{}", b"nul", b"[" * 60_000, b'{"a":' * 12_000, b"1" * 60_000, b'{"name": NaN}']
)
@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded"])
def test_what_is_no_json_is_refused(
    registry_on_sqlite: InProcess, home_on_sqlite: Home, content: bytes, content_type: str
) -> None:
    headers = {"Content-Type": content_type}
    answer = registry_on_sqlite.ask(
        "POST", home_on_sqlite.target_roots, home_on_sqlite.administering, headers=headers, content=content
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize(
    "body", [{}, {"uri_prefix": "nowhere"}, {"uri_prefix": "/*"}, {"uri_prefix": "/a/", "name": "b"}]
)
def test_what_a_root_cannot_become_is_refused(
    registry_on_sqlite: InProcess, home_on_sqlite: Home, body: object
) -> None:
    add(registry_on_sqlite, home_on_sqlite, "a")
    answer = registry_on_sqlite.ask(
        "PATCH", f"{home_on_sqlite.target_roots}/a", home_on_sqlite.administering, json=body
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


@pytest.mark.parametrize("name", ["b", "A", "a__b", "a%2Fb", "%00", "a" * 300, "%F0%9F%90%8D"])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_name_that_no_root_has_is_not_found(
    registry_on_sqlite: InProcess, home_on_sqlite: Home, method: str, name: str
) -> None:
    body = {"uri_prefix": "/a/"} if method == "PATCH" else None
    answer = registry_on_sqlite.ask(
        method, f"{home_on_sqlite.target_roots}/{name}", home_on_sqlite.administering, json=body
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_another_scheme_is_stored(registry: InProcess, home: Home) -> None:
    add(registry, home, "elsewhere", "gs://bucket/prefix/")
    listed = registry.ask("GET", home.target_roots, home.building).json()
    assert listed["items"] == [{"name": "elsewhere", "uri_prefix": "gs://bucket/prefix/"}]


@pytest.mark.slow
def test_a_full_workspace_says_so(registry: InProcess, home: Home) -> None:
    for number in range(MAX_TARGET_ROOTS):
        add(registry, home, f"root-{number}")
    body = {"name": "one-more", "uri_prefix": "/a/"}
    answer = registry.ask("POST", home.target_roots, home.administering, json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "too-many")
    assert len(registry.ask("GET", f"{home.target_roots}?limit=1000", home.building).json()["items"]) == 1000


def test_a_list_is_read_page_by_page(registry: InProcess, home: Home) -> None:
    names = ["a", "b", "c", "d", "e"]
    for name in reversed(names):
        add(registry, home, name)
    seen: list[str] = []
    parameters: dict[str, str] = {"limit": "2"}
    while True:
        page = registry.ask("GET", home.target_roots, home.building, params=parameters).json()
        seen += [item["name"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        parameters["cursor"] = page["next_cursor"]
    assert seen == names


@pytest.mark.parametrize("where", ["/api/v1/organizations", "/api/v1/organizations/acme/workspaces", "target roots"])
@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=-1", "limit=x", "limit=", "cursor=", "cursor=%21", f"cursor={'a' * 300}"]
)
def test_a_limit_or_cursor_that_is_none_is_refused(
    registry_on_sqlite: InProcess, home_on_sqlite: Home, where: str, query: str
) -> None:
    path = home_on_sqlite.target_roots if where == "target roots" else where
    answer = registry_on_sqlite.ask("GET", f"{path}?{query}", home_on_sqlite.building)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.json()["errors"][0]["field"] == f"query.{query.split('=')[0]}"


class TestEntityTags:
    def tag(self, registry: InProcess, home: Home, query: str = "") -> str:
        answer = registry.ask("GET", home.target_roots + query, home.building)
        assert answer.status_code == 200
        return answer.headers["etag"]

    def test_the_tag_is_strong_and_stays_while_nothing_changes(self, registry: InProcess, home: Home) -> None:
        add(registry, home, "a")
        tag = self.tag(registry, home)
        assert tag.startswith('"')
        assert tag.endswith('"')
        assert self.tag(registry, home) == tag

    def test_every_change_gives_a_tag_that_was_never_given(self, registry: InProcess, home: Home) -> None:
        tags = [self.tag(registry, home)]
        add(registry, home, "a", "/1/")
        tags.append(self.tag(registry, home))
        for uri_prefix in ("/2/", "/1/"):
            registry.ask("PATCH", f"{home.target_roots}/a", home.administering, json={"uri_prefix": uri_prefix})
            tags.append(self.tag(registry, home))
        registry.ask("DELETE", f"{home.target_roots}/a", home.administering)
        tags.append(self.tag(registry, home))
        assert len(set(tags)) == 5

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE target_roots SET uri_prefix = '/2/'",
            "DELETE FROM target_roots",
            "INSERT INTO target_roots (workspace_id, name, uri_prefix) SELECT id, 'b', '/b/' FROM workspaces",
        ],
    )
    def test_a_change_by_an_administrators_sql_changes_the_tag(
        self, registry: InProcess, home: Home, statement: str
    ) -> None:
        add(registry, home, "a", "/1/")
        before = self.tag(registry, home)
        database = registry.furnish.database
        assert isinstance(database, SqlDatabase)
        with database.engine.begin() as connection:
            connection.exec_driver_sql(statement)
        assert self.tag(registry, home) != before

    def test_a_change_beyond_the_page_changes_the_tag_of_the_page(self, registry: InProcess, home: Home) -> None:
        for name in ("a", "b", "c"):
            add(registry, home, name)
        before = self.tag(registry, home, "?limit=1")
        registry.ask("PATCH", f"{home.target_roots}/c", home.administering, json={"uri_prefix": "/2/"})
        assert self.tag(registry, home, "?limit=1") != before

    def test_different_pages_have_different_tags(self, registry: InProcess, home: Home) -> None:
        for name in ("a", "b", "c"):
            add(registry, home, name)
        page = registry.ask("GET", f"{home.target_roots}?limit=1", home.building)
        second = self.tag(registry, home, f"?limit=1&cursor={page.json()['next_cursor']}")
        assert len({page.headers["etag"], second, self.tag(registry, home)}) == 3

    def test_the_other_order_has_another_tag(self, registry: InProcess, home: Home) -> None:
        for name in ("a", "b"):
            add(registry, home, name)
        ascending = self.tag(registry, home, "?order=ascending")
        assert ascending == self.tag(registry, home)
        assert ascending != self.tag(registry, home, "?order=descending")
        headers = {"If-None-Match": ascending}
        answer = registry.ask("GET", f"{home.target_roots}?order=descending", home.building, headers=headers)
        assert answer.status_code == 200
        assert [item["name"] for item in answer.json()["items"]] == ["b", "a"]

    @pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', '"other",W/{} , "more"', "*", " * "])
    def test_a_match_answers_304_without_a_body(
        self, registry_on_sqlite: InProcess, home_on_sqlite: Home, form: str
    ) -> None:
        tag = self.tag(registry_on_sqlite, home_on_sqlite)
        headers = {"If-None-Match": form.format(tag)}
        answer = registry_on_sqlite.ask("GET", home_on_sqlite.target_roots, home_on_sqlite.building, headers=headers)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        assert answer.headers["cache-control"] == "private, no-cache"
        assert "content-type" not in answer.headers

    @pytest.mark.parametrize("form", ['"other"', "{bare}", "", '"{bare}', "W/*", '"*"', ","])
    def test_anything_else_answers_200(self, registry_on_sqlite: InProcess, home_on_sqlite: Home, form: str) -> None:
        headers = {"If-None-Match": form.format(bare=self.tag(registry_on_sqlite, home_on_sqlite).strip('"'))}
        assert (
            registry_on_sqlite.ask(
                "GET", home_on_sqlite.target_roots, home_on_sqlite.building, headers=headers
            ).status_code
            == 200
        )

    def test_the_header_may_come_in_several_lines(self, registry_on_sqlite: InProcess, home_on_sqlite: Home) -> None:
        lines = [("If-None-Match", '"other"'), ("If-None-Match", self.tag(registry_on_sqlite, home_on_sqlite))]
        credential = ("Authorization", f"Bearer {home_on_sqlite.building.text}")
        assert (
            registry_on_sqlite.client.get(home_on_sqlite.target_roots, headers=[credential, *lines]).status_code == 304
        )

    def test_a_revoked_key_gets_no_304(self, registry: InProcess, home: Home) -> None:
        headers = {"If-None-Match": self.tag(registry, home)}
        registry.furnish.revoke(home.building)
        assert registry.ask("GET", home.target_roots, home.building, headers=headers).status_code == 401

    def test_another_workspace_gets_no_304(self, registry: InProcess, home: Home) -> None:
        other = registry.furnish.api_key(registry.furnish.workspace(home.organization, "staging"))
        for value in (self.tag(registry, home), "*"):
            answer = registry.ask("GET", home.target_roots, other, headers={"If-None-Match": value})
            assert answer.status_code == 404


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_what_differs_in_a_part_never_shares_a_tag(first: list[str], second: list[str]) -> None:
    assert (entity_tag_of(*first) == entity_tag_of(*second)) == (first == second)


@given(st.lists(st.text(st.characters(codec="latin-1"))))
def test_no_header_breaks_the_comparison(lines: list[str]) -> None:
    is_matched(entity_tag_of(""), lines)
