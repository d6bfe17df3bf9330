"""Every list over HTTP: whole whatever the size of its pages, in its order, stable while something is added."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.registry.http.team import Person, Team

COUNT = 5
"""How many there are of everything; one more is added between two pages."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A list: how to ask for it, how to add the nth item to it, and the order that it promises."""

    path: str
    who: Person | str
    add: Callable[[int], object]
    key: Callable[[dict[str, Any]], Any]
    newest_first: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])


def lists_of(team: Team) -> Mapping[str, Listed]:
    """Every list of the API. What is added is in no order."""
    newcomer, furnish = team.newcomer("newcomer")[1], team.registry.furnish

    def name(number: int) -> str:
        return f"name-{(3, 1, 4, 0, 2, 5)[number]}"

    def make(who: Person | str, path: str, body: object) -> Any:
        return team.done(who, "POST", path, body)

    def archive(number: int) -> None:
        made = make(team.owner, f"{team.path}/workspaces", {"slug": f"old-{name(number)}"})
        team.done(team.owner, "PATCH", f"/workspaces/{made['id']}", {"archived": True})

    def revoke(number: int) -> None:
        key = make(team.owner, f"{team.at}/api-keys", {"name": name(number)})["id"]
        team.done(team.owner, "DELETE", f"{team.at}/api-keys/{key}")

    build = make(team.member, f"{team.at}/builds", {"target_roots": {}})["id"]

    def task(number: int) -> None:
        furnish.clock.move(timedelta(milliseconds=number % 2))
        body = {"tasks": [{"name": "train", "parameters": {"number": number}, "status": "running"}]}
        make(team.member, f"{team.at}/builds/{build}/tasks", body)

    def root(number: int) -> None:
        make(team.owner, f"{team.at}/target-roots", {"name": name(number), "uri_prefix": "/data/"})

    def old_root(number: int) -> None:
        root(number)
        team.done(team.owner, "DELETE", f"{team.at}/target-roots/{name(number)}")

    def start(number: int) -> None:
        furnish.clock.move(timedelta(milliseconds=number % 2))  # some start at the same moment
        make(team.member, f"{team.at}/builds", {"target_roots": {}, "description": name(number)})

    def by_slug(item: dict[str, Any]) -> str:
        return str(item["slug"])

    return {
        "organizations": Listed(
            "/organizations", newcomer, lambda n: make(newcomer, "/organizations", {"slug": name(n)}), by_slug
        ),
        "workspaces": Listed(
            f"{team.path}/workspaces",
            team.owner,
            lambda n: make(team.owner, f"{team.path}/workspaces", {"slug": name(n)}),
            by_slug,
        ),
        "archived workspaces": Listed(
            f"{team.path}/workspaces", team.owner, archive, by_slug, parameters={"archived": "true"}
        ),
        "members": Listed(
            f"{team.path}/members",
            team.owner,
            lambda n: furnish.member(team.organization, "member", name(n)),
            lambda item: item["username"],
        ),
        "invitations": Listed(
            f"{team.path}/invitations",
            team.owner,
            lambda n: make(team.owner, f"{team.path}/invitations", {"email": f"{name(n)}@acme.example"}),
            lambda item: item["email"],
        ),
        "audit": Listed(f"{team.path}/audit", team.owner, root, lambda _: None, newest_first=True),
        "target roots": Listed(f"{team.at}/target-roots", team.member, root, lambda item: item["name"]),
        "target root history": Listed(
            f"{team.at}/target-root-history", team.member, old_root, lambda item: item["at"], newest_first=True
        ),
        "api keys": Listed(
            f"{team.at}/api-keys",
            team.owner,
            lambda n: make(team.owner, f"{team.at}/api-keys", {"name": name(n)}),
            lambda item: (moment(item["created_at"]), item["id"]),
        ),
        "revoked api keys": Listed(
            f"{team.at}/api-keys",
            team.owner,
            revoke,
            lambda item: (moment(item["created_at"]), item["id"]),
            parameters={"revoked": "true"},
        ),
        "builds": Listed(
            f"{team.at}/builds",
            team.member,
            start,
            lambda item: (moment(item["started_at"]), item["id"]),
            newest_first=True,
        ),
        "builds, oldest first": Listed(
            f"{team.at}/builds",
            team.member,
            start,
            lambda item: (moment(item["started_at"]), item["id"]),
            parameters={"order": "oldest"},
        ),
        "tasks": Listed(
            f"{team.at}/tasks",
            team.member,
            task,
            lambda item: (moment(item["recorded_at"]), item["id"]),
            newest_first=True,
        ),
        "tasks, oldest first": Listed(
            f"{team.at}/tasks",
            team.member,
            task,
            lambda item: (moment(item["recorded_at"]), item["id"]),
            parameters={"order": "oldest"},
        ),
    }


NAMES = (
    "organizations",
    "workspaces",
    "archived workspaces",
    "members",
    "invitations",
    "audit",
    "target roots",
    "target root history",
    "api keys",
    "revoked api keys",
    "builds",
    "builds, oldest first",
    "tasks",
    "tasks, oldest first",
)


def test_every_list_of_the_api_is_tried_here(team_on_sqlite: Team) -> None:
    lists = lists_of(team_on_sqlite)
    assert tuple(lists) == NAMES
    paths = team_on_sqlite.registry.ask("GET", "/openapi.json").json()["paths"]
    paged = {path for path, methods in paths.items() if "Page" in str(methods.get("get", {}).get("responses"))}
    tried = {
        listed.path.replace(team_on_sqlite.path, "/organizations/{organization}").replace(
            team_on_sqlite.at, "/workspaces/{workspace_id}"
        )
        for listed in lists.values()
    }
    assert {f"/api/v1{path}" for path in tried} == paged


@pytest.mark.parametrize("name", NAMES)
class TestEveryList:
    def test_it_is_whole_and_in_order_whatever_the_size_of_its_pages(self, team: Team, name: str) -> None:
        listed = lists_of(team)[name]
        for number in range(COUNT):
            listed.add(number)
        whole = team.whole_list(listed.who, listed.path, **listed.parameters)
        assert len(whole) >= COUNT
        assert [listed.key(item) for item in whole] == in_order(listed, whole)
        for limit in (1, 2, len(whole) - 1, len(whole), len(whole) + 1):
            assert team.whole_list(listed.who, listed.path, limit=limit, **listed.parameters) == whole
        last = team.done(listed.who, "GET", listed.path, params={**listed.parameters, "limit": len(whole)})
        assert last["next_cursor"] is None
        assert last.keys() == {"items", "next_cursor"}

    def test_what_is_added_between_two_pages_neither_repeats_nor_hides_anything(self, team: Team, name: str) -> None:
        listed = lists_of(team)[name]
        for number in range(COUNT):
            listed.add(number)
        before = team.whole_list(listed.who, listed.path, **listed.parameters)
        first = team.done(listed.who, "GET", listed.path, params={**listed.parameters, "limit": 2})
        listed.add(COUNT)
        rest = {**listed.parameters, "limit": "1000", "cursor": first["next_cursor"]}
        following = team.done(listed.who, "GET", listed.path, params=rest)["items"]
        seen = [*first["items"], *following]
        assert [item for item in seen if item in before] == before
        assert len(seen) in {len(before), len(before) + 1}


def moment(text: str) -> datetime:
    """Texts of moments with and without parts of a second do not sort as the moments do."""
    return datetime.fromisoformat(text)


def in_order(listed: Listed, items: Sequence[dict[str, Any]]) -> list[Any]:
    """The keys of the items, sorted as the list promises. Where there is no key, the order of the changes is."""
    keys = [listed.key(item) for item in items]
    return keys if None in keys else sorted(keys, reverse=listed.newest_first)


def test_a_cursor_of_another_kind_of_list_is_none(team_on_sqlite: Team) -> None:
    team, lists = team_on_sqlite, lists_of(team_on_sqlite)
    cursors: dict[str, str] = {}
    for name in ("members", "audit", "builds", "tasks", "api keys"):
        for number in range(2):
            lists[name].add(number)
        page = team.done(lists[name].who, "GET", lists[name].path, params={"limit": 1})
        cursors[name] = page["next_cursor"]
    for name, kinds in (
        ("audit", ("members", "builds", "tasks")),
        ("builds", ("members", "audit", "tasks")),
        ("tasks", ("members", "audit", "builds")),
        ("api keys", ("members", "audit", "tasks")),
        ("members", ("builds", "tasks", "api keys")),
    ):
        for kind in kinds:
            listed = lists[name]
            refused = team.refused(listed.who, "GET", listed.path, params={"cursor": cursors[kind]})
            assert refused == (422, "invalid"), (name, kind)
