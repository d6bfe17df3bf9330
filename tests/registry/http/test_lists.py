"""Every list over HTTP, in both orders: whole whatever the size of its pages, stable while something is added."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.registry.conftest import registry_on
from tests.registry.http.team import Person, Team
from tests.registry.in_process import InProcess


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[InProcess]:
    """On both with every change: each puts things into order in its own way."""
    with registry_on(request.param, request, tmp_path) as running:
        yield running


COUNT = 5
"""How many there are of everything; one more is added between two pages."""

ORDERS = ("its own order", "the other order")
BY_NAME = ("ascending", "descending")
NEWEST_FIRST = ("newest", "oldest")
OLDEST_FIRST = ("oldest", "newest")


@dataclass(frozen=True, slots=True)
class Listed:
    """A list: how to ask for it, how to add the nth item to it, and the order that it promises.

    `orders` are those that it can be asked for, the one first that it has unless it is.
    """

    path: str
    who: Person | str
    add: Callable[[int], object]
    key: Callable[[dict[str, Any]], Any]
    orders: tuple[str, str] = BY_NAME
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def asked(self, order: str, **more: object) -> dict[str, Any]:
        """The parameters, in an order."""
        return {**self.parameters, "order": self.order(order), **more}

    def order(self, order: str) -> str:
        """What the list calls it."""
        return self.orders[ORDERS.index(order)]

    def other(self, order: str) -> dict[str, Any]:
        """The parameters, in the other order than that."""
        return self.asked(ORDERS[1 - ORDERS.index(order)])


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
        "audit": Listed(f"{team.path}/audit", team.owner, root, lambda _: None, NEWEST_FIRST),
        "target roots": Listed(f"{team.at}/target-roots", team.member, root, lambda item: item["name"]),
        "target root history": Listed(
            f"{team.at}/target-root-history", team.member, old_root, lambda item: moment(item["at"]), NEWEST_FIRST
        ),
        "api keys": Listed(
            f"{team.at}/api-keys",
            team.owner,
            lambda n: make(team.owner, f"{team.at}/api-keys", {"name": name(n)}),
            lambda item: (moment(item["created_at"]), item["id"]),
            OLDEST_FIRST,
        ),
        "revoked api keys": Listed(
            f"{team.at}/api-keys",
            team.owner,
            revoke,
            lambda item: (moment(item["created_at"]), item["id"]),
            OLDEST_FIRST,
            parameters={"revoked": "true"},
        ),
        "builds": Listed(
            f"{team.at}/builds",
            team.member,
            start,
            lambda item: (moment(item["started_at"]), item["id"]),
            NEWEST_FIRST,
        ),
        "tasks": Listed(
            f"{team.at}/tasks",
            team.member,
            task,
            lambda item: (moment(item["recorded_at"]), item["id"]),
            NEWEST_FIRST,
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
    "tasks",
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


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", NAMES)
class TestEveryList:
    def test_it_is_whole_and_in_order_whatever_the_size_of_its_pages(self, team: Team, name: str, order: str) -> None:
        listed = furnished(team, name)
        asked = listed.asked(order)
        whole = team.whole_list(listed.who, listed.path, **asked)
        assert len(whole) >= COUNT
        assert [listed.key(item) for item in whole] == in_order(listed, order, whole)
        for limit in (1, 2, len(whole) - 1, len(whole), len(whole) + 1):
            assert team.whole_list(listed.who, listed.path, limit=limit, **asked) == whole
        last = team.done(listed.who, "GET", listed.path, params={**asked, "limit": len(whole)})
        assert last["next_cursor"] is None
        assert last.keys() == {"items", "next_cursor"}
        assert team.whole_list(listed.who, listed.path, **listed.other(order)) == whole[::-1]
        if order == ORDERS[0]:
            assert team.whole_list(listed.who, listed.path, **listed.parameters) == whole

    def test_what_is_added_between_two_pages_neither_repeats_nor_hides_anything(
        self, team: Team, name: str, order: str
    ) -> None:
        listed = furnished(team, name)
        before = team.whole_list(listed.who, listed.path, **listed.asked(order))
        first = team.done(listed.who, "GET", listed.path, params=listed.asked(order, limit=2))
        listed.add(COUNT)
        rest = listed.asked(order, limit=1000, cursor=first["next_cursor"])
        following = team.done(listed.who, "GET", listed.path, params=rest)["items"]
        seen = [*first["items"], *following]
        assert [item for item in seen if item in before] == before
        assert all(seen.count(item) == 1 for item in seen)
        assert [listed.key(item) for item in seen] == in_order(listed, order, seen)

    def test_a_cursor_in_the_other_order_gives_what_comes_before_its_place(
        self, team_on_sqlite: Team, name: str, order: str
    ) -> None:
        team, listed = team_on_sqlite, furnished(team_on_sqlite, name)
        page = team.done(listed.who, "GET", listed.path, params=listed.asked(order, limit=3))
        back = {**listed.other(order), "limit": 1000, "cursor": page["next_cursor"]}
        assert team.done(listed.who, "GET", listed.path, params=back)["items"] == page["items"][1::-1]


def furnished(team: Team, name: str) -> Listed:
    """The list, with something in it."""
    listed = lists_of(team)[name]
    for number in range(COUNT):
        listed.add(number)
    return listed


def moment(text: str) -> datetime:
    """Texts of moments with and without parts of a second do not sort as the moments do."""
    return datetime.fromisoformat(text)


def in_order(listed: Listed, order: str, items: Sequence[dict[str, Any]]) -> list[Any]:
    """The keys of the items, sorted as the list promises. Where there is no key, the order of the changes is."""
    keys = [listed.key(item) for item in items]
    return keys if None in keys else sorted(keys, reverse=listed.order(order) in {"descending", "newest"})


@pytest.mark.parametrize("name", NAMES)
def test_an_order_of_another_kind_of_list_is_none(team_on_sqlite: Team, name: str) -> None:
    listed = lists_of(team_on_sqlite)[name]
    for order in NEWEST_FIRST if listed.orders == BY_NAME else BY_NAME:
        asked = {**listed.parameters, "order": order}
        assert team_on_sqlite.refused(listed.who, "GET", listed.path, params=asked) == (422, "invalid")


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


class TestFilters:
    """Each leaves the order and the pages as they are."""

    def test_organizations_are_listed_by_what_one_is_in_them(self, team: Team) -> None:
        token = team.registry.access_token(team.member.user)
        for slug in ("beta", "alpha"):
            team.done(token, "POST", "/organizations", {"slug": slug})
        assert slugs(team.whole_list(token, "/organizations", limit=1, role="owner")) == ["alpha", "beta"]
        assert slugs(team.whole_list(token, "/organizations", limit=1, role="owner", order="descending")) == [
            "beta",
            "alpha",
        ]
        assert slugs(team.whole_list(token, "/organizations", role="member")) == [team.organization.slug]
        assert team.whole_list(token, "/organizations", role="admin") == []
        assert slugs(team.whole_list(team.admin, "/organizations", role="admin")) == [team.organization.slug]
        key = team.registry.furnish.api_key(team.workspace, "administer").text
        assert len(team.whole_list(key, "/organizations")) == 1
        for role in ("owner", "admin", "member"):
            assert team.whole_list(key, "/organizations", role=role) == []

    def test_invitations_are_listed_by_role(self, team: Team) -> None:
        path = f"{team.path}/invitations"
        for name, role in (("c", "admin"), ("b", "member"), ("a", "admin"), ("d", "owner")):
            team.done(team.owner, "POST", path, {"email": f"{name}@acme.example", "role": role})
        for role, names in (("admin", "ac"), ("member", "b"), ("owner", "d")):
            listed = team.whole_list(team.owner, path, limit=1, role=role)
            assert [item["email"] for item in listed] == [f"{name}@acme.example" for name in names]
            assert {item["role"] for item in listed} == {role}

    def test_api_keys_are_listed_by_purpose_revoked_or_not(self, team: Team) -> None:
        path, made = f"{team.at}/api-keys", dict[str, str]()
        for name, purpose in (("a", "build"), ("b", "administer"), ("c", "build"), ("d", "build")):
            team.registry.furnish.clock.move(timedelta(seconds=1))
            made[name] = team.done(team.owner, "POST", path, {"name": name, "purpose": purpose})["id"]
        team.done(team.owner, "DELETE", f"{path}/{made['d']}")
        for parameters, names in (
            ({"purpose": "build"}, "ac"),
            ({"purpose": "build", "order": "newest"}, "ca"),
            ({"purpose": "administer"}, "b"),
            ({"purpose": "build", "revoked": "true"}, "d"),
            ({"purpose": "administer", "revoked": "true"}, ""),
        ):
            listed = team.whole_list(team.owner, path, limit=1, **parameters)
            assert [item["name"] for item in listed] == list(names), parameters

    def test_the_history_is_listed_by_the_roots_name(self, team: Team) -> None:
        roots, path = f"{team.at}/target-roots", f"{team.at}/target-root-history"
        for name in ("a", "b"):
            team.done(team.owner, "POST", roots, {"name": name, "uri_prefix": "/1/"})
        team.done(team.owner, "PATCH", f"{roots}/a", {"uri_prefix": "/2/"})
        team.done(team.owner, "DELETE", f"{roots}/a")
        prefixes = [("/2/", None), ("/1/", "/2/"), (None, "/1/")]
        for order, expected in (("newest", prefixes), ("oldest", prefixes[::-1])):
            listed = team.whole_list(team.member, path, limit=1, name="a", order=order)
            assert [(item["old"], item["new"]) for item in listed] == expected
        assert team.whole_list(team.member, path, name="c") == []


def slugs(items: Sequence[Mapping[str, Any]]) -> list[str]:
    return [item["slug"] for item in items]
