"""The audit over HTTP: one row for every change, who made it, with what, from where; and nobody's secret in it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pytest

from stardag_registry.adapters.database import SqlDatabase
from stardag_registry.app.ports import AuditFilter
from stardag_registry.domain.users import User
from tests.registry.http.team import NOBODYS, Team, link_secret
from tests.registry.in_process import ADDRESS

WHERE = "127.0.0.1"


def written_by(team: Team, change: Callable[[], Any], workspace: str | None = None) -> dict[str, Any]:
    """The one row that a change writes."""
    before = team.audit()
    change()
    after = team.audit()
    assert after[: len(before)] == before
    (written,) = after[len(before) :]
    assert written["workspace_id"] == workspace
    assert written["at"] == "2026-11-23T12:00:00Z"
    assert written["address"] == WHERE
    return written


def by(team: Team, written: Mapping[str, Any]) -> str:
    """Who that was, checked against what else the row says of them."""
    people = {person.user.id: person.user.username for person in (team.owner, team.admin, team.member)}
    assert written["credential"] == "organization token"
    assert written["api_key_id"] is None
    assert people[written["user_id"]] == written["actor"]
    return str(written["actor"])


class TestEveryChange:
    def test_of_workspaces(self, team: Team) -> None:
        path = f"{team.path}/workspaces"
        body = {"slug": "staging", "name": "Staging"}
        made = written_by(team, lambda: team.done(team.admin, "POST", path, body))
        staging = made["subject"]
        assert (by(team, made), made["action"], made["details"]) == ("admin", "workspace.created", body)
        at = f"/workspaces/{staging}"
        changed = written_by(team, lambda: team.done(team.owner, "PATCH", at, {"slug": "live"}), staging)
        assert (by(team, changed), changed["action"], changed["subject"]) == ("owner", "workspace.changed", staging)
        assert changed["details"] == {"slug": {"old": "staging", "new": "live"}}
        for archived in ({"archived": True}, {"archived": False}):
            written = written_by(team, partial(team.done, team.admin, "PATCH", at, archived), staging)
            assert (written["action"], written["details"]) == ("workspace.changed", archived)
        deleted = written_by(team, lambda: team.done(team.admin, "DELETE", at), staging)
        assert (deleted["action"], deleted["details"]) == ("workspace.deleted", {"slug": "live"})

    def test_of_members_and_invitations(self, team: Team) -> None:
        path, member = f"{team.path}/invitations", team.member.user.id
        body = {"email": "new@acme.example", "role": "admin"}
        made: dict[str, Any] = {}
        invited = written_by(team, lambda: made.update(team.done(team.owner, "POST", path, body)))
        assert (by(team, invited), invited["action"], invited["details"]) == ("owner", "invitation.made", body)
        assert invited["subject"] == made["id"]
        user, token = team.newcomer("new")
        accepted = {"token": link_secret(made)}
        joined = written_by(team, lambda: team.done(token, "POST", "/invitations/accept", accepted))
        assert (joined["action"], joined["subject"], joined["actor"]) == ("member.joined", user.id, "new")
        assert (joined["credential"], joined["user_id"]) == ("access token", user.id)
        assert joined["details"] == {"invitation": made["id"], "role": "admin"}
        changed = written_by(
            team, lambda: team.done(team.owner, "PATCH", f"{team.path}/members/{member}", {"role": "admin"})
        )
        assert (changed["action"], changed["subject"]) == ("member.role-changed", member)
        assert changed["details"] == {"old": "member", "new": "admin"}
        removed = written_by(team, lambda: team.done(team.owner, "DELETE", f"{team.path}/members/{user.id}"))
        assert (removed["action"], removed["details"]) == ("member.removed", {"role": "admin"})
        left = written_by(team, lambda: team.done(team.admin, "DELETE", f"{team.path}/members/{team.admin.user.id}"))
        assert (left["action"], left["actor"]) == ("member.left", "admin")
        again = team.done(team.owner, "POST", path, body)
        withdrawn = written_by(team, lambda: team.done(team.owner, "DELETE", f"{path}/{again['id']}"))
        assert (withdrawn["action"], withdrawn["details"]) == ("invitation.withdrawn", {"email": "new@acme.example"})

    def test_of_keys_and_by_a_key(self, team: Team) -> None:
        path, workspace = f"{team.at}/api-keys", team.workspace.id
        body = {"name": "deploy", "purpose": "administer", "expires_at": "2026-11-24T00:00:00+00:00"}
        made: dict[str, Any] = {}
        created = written_by(team, lambda: made.update(team.done(team.admin, "POST", path, body)), workspace)
        assert (by(team, created), created["action"], created["subject"]) == ("admin", "api-key.created", made["id"])
        assert created["details"] == body
        root = {"name": "default", "uri_prefix": "/data/"}
        added = written_by(team, lambda: team.done(made["key"], "POST", f"{team.at}/target-roots", root), workspace)
        assert (added["credential"], added["actor"]) == ("api key", "API key deploy")
        assert (added["user_id"], added["api_key_id"]) == (None, made["id"])
        assert (added["action"], added["subject"]) == ("target-root.added", "default")
        assert added["details"] == {"old": None, "new": "/data/", "builds": 0}
        revoked = written_by(team, lambda: team.done(team.admin, "DELETE", f"{path}/{made['id']}"), workspace)
        assert (revoked["action"], revoked["details"]) == ("api-key.revoked", {"name": "deploy"})

    def test_of_target_roots(self, team: Team) -> None:
        path, workspace = f"{team.at}/target-roots", team.workspace.id
        team.done(team.admin, "POST", path, {"name": "default", "uri_prefix": "/1/"})
        team.done(team.member, "POST", f"{team.at}/builds", {"target_roots": {"default": "/1/"}})
        place = f"{path}/default"
        changed = written_by(team, lambda: team.done(team.admin, "PATCH", place, {"uri_prefix": "/2/"}), workspace)
        assert (changed["action"], changed["subject"]) == ("target-root.changed", "default")
        assert changed["details"] == {"old": "/1/", "new": "/2/", "builds": 1}
        removed = written_by(team, lambda: team.done(team.admin, "DELETE", place), workspace)
        assert (removed["action"], removed["details"]["new"]) == ("target-root.removed", None)

    def test_of_builds_and_tasks(self, team: Team) -> None:
        path, workspace = f"{team.at}/builds", team.workspace.id
        made: dict[str, Any] = {}
        body: dict[str, Any] = {"target_roots": {}}
        registered = written_by(team, lambda: made.update(team.done(team.member, "POST", path, body)), workspace)
        assert (by(team, registered), registered["action"]) == ("member", "build.registered")
        assert registered["subject"] == made["id"]
        at = f"{path}/{made['id']}"
        tasks = {"tasks": [{"name": "train", "parameters": {"n": n}, "status": "running"} for n in range(3)]}
        recorded = written_by(team, lambda: team.done(team.member, "POST", f"{at}/tasks", tasks), workspace)
        assert (recorded["action"], recorded["details"]) == ("tasks.recorded", {"count": 3})
        ended = written_by(team, lambda: team.done(team.member, "PATCH", at, {"status": "failed"}), workspace)
        assert (ended["action"], ended["subject"]) == ("build.failed", made["id"])

    def test_of_the_first_sign_in_to_an_organization(self, team: Team) -> None:
        team.sign_in(team.member.user)
        team.sign_in(team.member.user)
        (made,) = team.audit()
        assert (made["action"], made["actor"], made["credential"]) == ("workspace.created", "member", "access token")
        assert (made["user_id"], made["address"]) == (team.member.user.id, WHERE)
        assert made["subject"] == made["workspace_id"]

    def test_of_organizations(self, team: Team) -> None:
        user, token = team.newcomer("newcomer")
        made = team.done(token, "POST", "/organizations", {"slug": "startup", "name": "Start-up"})
        own = team.registry.tokens.make(user.id, made["id"])
        (written,) = team.whole_list(own, "/organizations/startup/audit")
        assert (written["action"], written["subject"]) == ("organization.created", made["id"])
        assert (written["credential"], written["user_id"], written["address"]) == ("access token", user.id, WHERE)
        assert written["details"] == {"slug": "startup", "name": "Start-up"}
        team.done(own, "DELETE", "/organizations/startup")
        with team.registry.furnish.database.reading() as reading:
            deleted, _ = reading.audit_of(made["id"], AuditFilter(), None, 10)
        assert (deleted.action, deleted.user_id, deleted.address) == ("organization.deleted", user.id, WHERE)

    def test_of_people_who_sign_in_for_the_first_time_or_with_another_address(self, team: Team) -> None:
        team.registry.furnish.organization("default")
        newcomer = User("", ADDRESS, "new", "new", "new@acme.example", email_verified=True)
        for email in ("new@acme.example", "new@acme.example", "owner@localhost"):
            body = {"id_token": team.registry.id_token(newcomer, email=email)}
            team.done(team.registry.access_token(newcomer), "PUT", "/me", body)
        database = team.registry.furnish.database
        assert isinstance(database, SqlDatabase)
        with database.engine.connect() as connection:
            statement = "SELECT action, actor, credential, address FROM audit ORDER BY id"
            written = [tuple(row) for row in connection.exec_driver_sql(statement)]
        how = ("new", "access token", WHERE)
        assert written == [("user.created", *how), ("user.changed", *how), ("member.joined", *how)]


class TestNothing:
    """What writes no row."""

    def test_a_refused_request(self, team: Team) -> None:
        build = team.done(team.member, "POST", f"{team.at}/builds", {"target_roots": {}})["id"]
        before = team.audit()
        roots = f"{team.at}/target-roots"
        last_owner = f"{team.path}/members/{team.owner.user.id}"
        refused: list[tuple[Any, str, str, object]] = [
            (team.member, "POST", f"{team.path}/workspaces", {"slug": "new"}),
            (team.admin, "POST", f"{team.path}/workspaces", {"slug": "production"}),
            (team.admin, "POST", f"{team.path}/workspaces", {"slug": "!"}),
            (team.admin, "PATCH", team.at, {"slug": "personal-me"}),
            (team.admin, "DELETE", f"/workspaces/{NOBODYS}", None),
            (team.owner, "DELETE", last_owner, None),
            (team.owner, "PATCH", last_owner, {"role": "member"}),
            (team.admin, "DELETE", team.path, None),
            (team.admin, "POST", f"{team.path}/invitations", {"email": "member@acme.example"}),
            (team.admin, "DELETE", f"{team.path}/invitations/{NOBODYS}", None),
            (team.member, "POST", "/invitations/accept", {"token": "A" * 43}),
            (team.member, "POST", "/organizations", {"slug": "acme"}),
            (team.admin, "POST", f"{team.at}/api-keys", {"name": ""}),
            (team.admin, "DELETE", f"{team.at}/api-keys/{NOBODYS}", None),
            (team.member, "POST", roots, {"name": "new", "uri_prefix": "/new/"}),
            (team.admin, "DELETE", f"{roots}/new", None),
            (team.member, "POST", f"{team.at}/builds", {"target_roots": {"!": "/"}}),
            (team.member, "PATCH", f"{team.at}/builds/{build}", {"status": "failed", "error": "\x00"}),
            (team.member, "POST", f"{team.at}/builds/{build}/tasks", {"tasks": []}),
            (None, "DELETE", team.at, None),
        ]
        for who, method, path, body in refused:
            assert team.refused(who, method, path, body)[0] in range(400, 500)
        assert team.audit() == before

    def test_a_change_that_changes_nothing(self, team: Team) -> None:
        body: dict[str, Any] = {"target_roots": {}}
        roots = f"{team.at}/target-roots"
        headers = {"Idempotency-Key": "one"}
        team.done(team.admin, "POST", roots, {"name": "default", "uri_prefix": "/data/"})
        build = team.done(team.member, "POST", f"{team.at}/builds", body, headers=headers)["id"]
        team.done(team.member, "PATCH", f"{team.at}/builds/{build}", {"status": "completed"})
        key = team.done(team.admin, "POST", f"{team.at}/api-keys", {"name": "a key"})["id"]
        team.done(team.admin, "DELETE", f"{team.at}/api-keys/{key}")
        before = team.audit()
        team.done(team.admin, "PATCH", team.at, {})
        team.done(team.admin, "PATCH", team.at, {"slug": "production", "name": "Production", "archived": False})
        team.done(team.owner, "PATCH", f"{team.path}/members/{team.member.user.id}", {"role": "member"})
        team.done(team.admin, "PATCH", f"{roots}/default", {"uri_prefix": "/data/"})
        team.done(team.member, "POST", f"{team.at}/builds", body, headers=headers)
        team.done(team.member, "PATCH", f"{team.at}/builds/{build}", {"status": "completed"})
        team.done(team.member, "POST", f"{team.at}/builds/{build}/heartbeat")
        team.done(team.admin, "DELETE", f"{team.at}/api-keys/{key}")
        team.done(team.member, "GET", team.at)
        assert team.audit() == before


def test_nobodys_secret_is_in_it(team: Team) -> None:
    key = team.done(team.admin, "POST", f"{team.at}/api-keys", {"name": "a key", "purpose": "administer"})["key"]
    link = team.done(team.owner, "POST", f"{team.path}/invitations", {"email": "new@acme.example"})
    _, token = team.newcomer("new")
    team.done(token, "POST", "/invitations/accept", {"token": link_secret(link)})
    team.done(key, "POST", f"{team.at}/target-roots", {"name": "default", "uri_prefix": "/data/"})
    database = team.registry.furnish.database
    assert isinstance(database, SqlDatabase)
    with database.engine.connect() as connection:
        whole = repr(connection.exec_driver_sql("SELECT * FROM audit").all())
    assert "api-key.created" in whole
    for secret in (key, key.split("_")[2], link_secret(link), token, team.owner.token, team.admin.token):
        assert secret not in whole


def test_those_of_one_workspace_are_listed_alone(team: Team) -> None:
    other = team.registry.furnish.workspace(team.organization, "staging")
    for workspace in (team.workspace, other):
        body = {"name": workspace.slug, "uri_prefix": "/data/"}
        team.done(team.admin, "POST", f"/workspaces/{workspace.id}/target-roots", body)
    for reference in (other.id, other.id.upper()):
        assert [entry["subject"] for entry in team.audit(workspace=reference)] == ["staging"]
    assert team.audit(workspace=NOBODYS) == []


def test_those_of_one_action_and_one_user_are_listed_alone(team: Team) -> None:
    for who, name in ((team.admin, "a"), (team.owner, "b")):
        team.done(who, "POST", f"{team.at}/target-roots", {"name": name, "uri_prefix": "/data/"})
    team.done(team.admin, "DELETE", f"{team.at}/target-roots/b")
    assert [entry["subject"] for entry in team.audit(action="target-root.added")] == ["a", "b"]
    assert [entry["action"] for entry in team.audit(user=team.admin.user.id.upper())] == [
        "target-root.added",
        "target-root.removed",
    ]
    both = {"action": "target-root.added", "user": team.admin.user.id, "workspace": team.workspace.id}
    assert [entry["subject"] for entry in team.audit(**both)] == ["a"]
    assert team.audit(**both | {"workspace": NOBODYS}) == []
    assert team.whole_list(team.owner, f"{team.path}/audit", limit=1, order="oldest", **both) == team.audit(**both)


@pytest.mark.parametrize("workspace", ["production", "", "%", "x" * 36])
def test_what_is_no_workspaces_id_is_refused(team_on_sqlite: Team, workspace: str) -> None:
    path = f"{team_on_sqlite.path}/audit"
    answer = team_on_sqlite.ask(team_on_sqlite.owner, "GET", path, params={"workspace": workspace})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "query.workspace")


def test_a_header_tells_no_address_where_no_proxy_is_trusted(team_on_sqlite: Team) -> None:
    team = team_on_sqlite
    headers = {"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.7"}
    team.done(team.admin, "PATCH", team.at, {"name": "Live"}, headers=headers)
    assert team.audit()[-1]["address"] == WHERE
