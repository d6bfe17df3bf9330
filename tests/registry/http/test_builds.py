"""Builds over HTTP: registered once whatever is retried, kept alive, lost, ended; and target roots that they used."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest

from stardag_registry.domain.builds import LOST_AFTER
from stardag_registry.domain.target_roots import MAX_TARGET_ROOTS
from tests.registry.http.team import NOBODYS, Team

BODY = {
    "target_roots": {"default": "/data/", "archive": "s3://bucket/"},
    "name": "nightly",
    "commit": "abc123",
    "description": "What comes\nevery night.",
}


def build_in(team: Team, **changed: Any) -> str:
    """The id of a new build."""
    body: dict[str, Any] = {"target_roots": {}}
    return str(team.done(team.member, "POST", f"{team.at}/builds", body | changed)["id"])


def ids_of(team: Team, **parameters: Any) -> list[str]:
    return [each["id"] for each in team.whole_list(team.member, f"{team.at}/builds", **parameters)]


class TestRegistering:
    def test_it_keeps_what_it_was_validated_with(self, team: Team) -> None:
        made = team.done(team.member, "POST", f"{team.at}/builds", BODY)
        assert (made["status"], made["heartbeat_seconds"], made["maker"]) == ("running", 30, "member")
        assert made["started_at"] == made["heartbeat_at"] == "2026-11-23T12:00:00Z"
        assert (made["ended_at"], made["error"]) == (None, None)
        shown = team.done(team.member, "GET", f"{team.at}/builds/{made['id'].upper()}")
        del made["heartbeat_seconds"]
        assert shown == {**made, "target_roots": BODY["target_roots"]}
        assert (shown["name"], shown["commit"]) == ("nightly", "abc123")
        assert shown["description"] == "What comes\nevery night."

    def test_a_retry_with_the_same_key_gives_the_same_build(self, team: Team) -> None:
        headers = {"Idempotency-Key": "one"}
        first = team.ask(team.member, "POST", f"{team.at}/builds", BODY, headers=headers)
        team.registry.furnish.clock.move(timedelta(seconds=10))
        again = team.ask(team.member, "POST", f"{team.at}/builds", BODY, headers=headers)
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json() == first.json()
        assert ids_of(team) == [first.json()["id"]]

    @pytest.mark.parametrize(
        "changed",
        [
            {"target_roots": {}},
            {"commit": "def"},
            {"description": None},
            {"name": None},
            {"name": "hourly"},
            {"target_roots": {"default": "/"}},
        ],
    )
    def test_another_request_with_the_same_key_is_refused(self, team_on_sqlite: Team, changed: Any) -> None:
        team, headers = team_on_sqlite, {"Idempotency-Key": "one"}
        team.done(team.member, "POST", f"{team.at}/builds", BODY, headers=headers)
        refused = team.refused(team.member, "POST", f"{team.at}/builds", BODY | changed, headers=headers)
        assert refused == (409, "idempotency-key-reused")
        assert len(ids_of(team)) == 1

    def test_a_key_counts_in_its_workspace_alone(self, team: Team) -> None:
        other = team.registry.furnish.workspace(team.organization, "staging")
        headers = {"Idempotency-Key": "one"}
        made = [
            team.done(team.member, "POST", f"/workspaces/{workspace}/builds", BODY, headers=headers)["id"]
            for workspace in (team.workspace.id, other.id)
        ]
        assert len(set(made)) == 2

    def test_without_a_key_every_request_makes_a_build(self, team_on_sqlite: Team) -> None:
        assert build_in(team_on_sqlite) != build_in(team_on_sqlite)

    def test_the_same_request_many_times_at_once_makes_one_build(self, team: Team) -> None:
        def register(_: int) -> httpx.Response:
            return team.ask(team.member, "POST", f"{team.at}/builds", BODY, headers={"Idempotency-Key": "one"})

        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(register, range(16)))
        assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert len(ids_of(team)) == 1
        assert sum(entry["action"] == "build.registered" for entry in team.audit()) == 1

    @pytest.mark.parametrize("key", ["", " ", "a" * 201, "\x7f", "a\tb", "\x85"])
    def test_what_is_no_idempotency_key_is_refused(self, team_on_sqlite: Team, key: str) -> None:
        headers = {"Idempotency-Key": key.encode("latin-1")}
        path = f"{team_on_sqlite.at}/builds"
        answer = team_on_sqlite.ask(team_on_sqlite.member, "POST", path, BODY, headers=headers)
        field = answer.json()["errors"][0]["field"]
        assert (answer.status_code, field.lower()) == (422, "header.idempotency-key")


class TestRunning:
    def test_without_a_heartbeat_for_two_minutes_it_is_lost_and_with_one_it_runs_again(self, team: Team) -> None:
        clock, build = team.registry.furnish.clock, build_in(team)
        path = f"{team.at}/builds/{build}"
        clock.move(LOST_AFTER)
        assert team.done(team.member, "GET", path)["status"] == "running"
        assert ids_of(team, status="lost") == []
        clock.move(timedelta(microseconds=1))
        assert team.done(team.member, "GET", path)["status"] == "lost"
        assert (ids_of(team, status="lost"), ids_of(team, status="running")) == ([build], [])
        assert [each["status"] for each in team.whole_list(team.member, f"{team.at}/builds")] == ["lost"]
        alive = team.done(team.member, "POST", f"{path}/heartbeat")
        assert (alive["status"], alive["heartbeat_at"]) == ("running", "2026-11-23T12:02:00.000001Z")
        assert team.done(team.member, "GET", path)["status"] == "running"
        assert (ids_of(team, status="lost"), ids_of(team, status="running")) == ([], [build])

    @pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
    def test_it_ends_once(self, team: Team, end: str) -> None:
        path = f"{team.at}/builds/{build_in(team)}"
        team.registry.furnish.clock.move(timedelta(seconds=5))
        ended = team.done(team.member, "PATCH", path, {"status": end})
        assert (ended["status"], ended["ended_at"], ended["error"]) == (end, "2026-11-23T12:00:05Z", None)
        team.registry.furnish.clock.move(timedelta(seconds=5))
        assert team.done(team.member, "PATCH", path, {"status": end}) == ended
        for other in {"completed", "failed", "cancelled"} - {end}:
            assert team.refused(team.member, "PATCH", path, {"status": other}) == (409, "build-ended")
        assert ended.items() <= team.done(team.member, "GET", path).items()

    def test_a_failed_one_says_why(self, team: Team) -> None:
        path = f"{team.at}/builds/{build_in(team)}"
        body = {"status": "failed", "error": "ZeroDivisionError: division by zero\n\tin train()"}
        assert team.done(team.member, "PATCH", path, body)["error"] == body["error"]
        assert team.done(team.member, "GET", path)["error"] == body["error"]

    @pytest.mark.parametrize("end", ["completed", "cancelled"])
    def test_only_a_failed_one_says_why(self, team_on_sqlite: Team, end: str) -> None:
        path = f"{team_on_sqlite.at}/builds/{build_in(team_on_sqlite)}"
        answer = team_on_sqlite.ask(team_on_sqlite.member, "PATCH", path, {"status": end, "error": "Why?"})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.error")
        assert team_on_sqlite.done(team_on_sqlite.member, "GET", path)["status"] == "running"

    def test_the_heartbeat_of_one_that_was_cancelled_says_so(self, team: Team) -> None:
        path = f"{team.at}/builds/{build_in(team)}"
        team.done(team.admin, "PATCH", path, {"status": "cancelled"})
        team.registry.furnish.clock.move(timedelta(minutes=5))
        told = team.done(team.member, "POST", f"{path}/heartbeat")
        assert (told["status"], told["heartbeat_at"]) == ("cancelled", "2026-11-23T12:00:00Z")

    def test_a_lost_one_may_be_ended(self, team_on_sqlite: Team) -> None:
        path = f"{team_on_sqlite.at}/builds/{build_in(team_on_sqlite)}"
        team_on_sqlite.registry.furnish.clock.move(timedelta(minutes=5))
        assert team_on_sqlite.done(team_on_sqlite.member, "PATCH", path, {"status": "failed"})["status"] == "failed"

    @pytest.mark.parametrize("build", [NOBODYS, "no-such", "%00"])
    def test_one_that_is_not_there_is_not_found(self, team_on_sqlite: Team, build: str) -> None:
        team, path = team_on_sqlite, f"{team_on_sqlite.at}/builds/{build}"
        missing = (404, "not-found")
        assert team.refused(team.member, "GET", path) == missing
        assert team.refused(team.member, "PATCH", path, {"status": "failed"}) == missing
        assert team.refused(team.member, "POST", f"{path}/heartbeat") == missing
        body: dict[str, Any] = {"tasks": [{"name": "train", "parameters": {}, "status": "running"}]}
        assert team.refused(team.member, "POST", f"{path}/tasks", body) == missing


class TestFinding:
    def test_they_are_listed_by_the_time_that_they_started(self, team: Team) -> None:
        builds: list[str] = []
        for _ in range(4):
            builds.append(build_in(team))
            team.registry.furnish.clock.move(timedelta(seconds=1))
        assert ids_of(team) == builds[::-1]
        assert ids_of(team, order="oldest") == builds
        after, before = "2026-11-23T12:00:01Z", "2026-11-23T13:00:03+01:00"
        assert ids_of(team, started_after=after) == builds[:0:-1]
        assert ids_of(team, started_before=before) == builds[2::-1]
        assert ids_of(team, started_after=after, started_before=before, order="oldest") == builds[1:3]

    def test_those_of_one_status_are_listed_alone(self, team: Team) -> None:
        builds = {end: build_in(team) for end in ("completed", "failed", "cancelled")}
        for end, build in builds.items():
            team.done(team.member, "PATCH", f"{team.at}/builds/{build}", {"status": end})
        builds["lost"] = build_in(team)
        team.registry.furnish.clock.move(timedelta(minutes=3))
        builds["running"] = build_in(team)
        for status, build in builds.items():
            listed = team.whole_list(team.member, f"{team.at}/builds", status=status)
            assert [(each["id"], each["status"]) for each in listed] == [(build, status)]

    @pytest.mark.parametrize("order", ["newest", "oldest"])
    def test_pages_are_stable_while_builds_are_added_and_end(self, team: Team, order: str) -> None:
        there = [build_in(team) for _ in range(5)]  # all at one moment, so that ids decide
        expected = sorted(there, reverse=order == "newest")
        seen: list[str] = []
        parameters: dict[str, Any] = {"limit": 2, "order": order}
        while True:
            page = team.done(team.member, "GET", f"{team.at}/builds", params=parameters)
            seen += [each["id"] for each in page["items"]]
            if page["next_cursor"] is None:
                break
            parameters["cursor"] = page["next_cursor"]
            if len(seen) < 5:
                team.registry.furnish.clock.move(timedelta(seconds=1))
                build_in(team)
                team.done(team.member, "PATCH", f"{team.at}/builds/{seen[-1]}", {"status": "completed"})
        assert seen[:5] == expected
        assert len(seen) == len(set(seen)) == (5 if order == "newest" else 7)

    def test_those_of_another_workspace_are_not_among_them(self, team: Team) -> None:
        build = build_in(team)
        other = team.registry.furnish.workspace(team.organization, "staging")
        assert team.whole_list(team.owner, f"/workspaces/{other.id}/builds") == []
        assert team.refused(team.owner, "GET", f"/workspaces/{other.id}/builds/{build}") == (404, "not-found")


class TestTargetRoots:
    """What hangs on a root, and how it came to be what it is."""

    def test_a_root_tells_how_many_builds_used_it_as_it_is(self, team: Team) -> None:
        path = f"{team.at}/target-roots"
        team.done(team.admin, "POST", path, {"name": "default", "uri_prefix": "/data/"})
        assert team.done(team.member, "GET", f"{path}/default") == {
            "name": "default",
            "uri_prefix": "/data/",
            "builds": 0,
        }
        for prefix in ("/data/", "/data", "/other/"):  # a slash at the end makes no difference
            build_in(team, target_roots={"default": prefix, "archive": "/data/"})
        assert team.done(team.member, "GET", f"{path}/default")["builds"] == 2
        team.done(team.admin, "PATCH", f"{path}/default", {"uri_prefix": "/other/"})
        assert team.done(team.member, "GET", f"{path}/default")["builds"] == 1
        assert team.refused(team.member, "GET", f"{path}/archive") == (404, "not-found")

    def test_builds_of_another_workspace_do_not_count(self, team_on_sqlite: Team) -> None:
        team = team_on_sqlite
        team.done(team.admin, "POST", f"{team.at}/target-roots", {"name": "default", "uri_prefix": "/data/"})
        other = team.registry.furnish.workspace(team.organization, "staging")
        body = {"target_roots": {"default": "/data/"}}
        team.done(team.member, "POST", f"/workspaces/{other.id}/builds", body)
        assert team.done(team.member, "GET", f"{team.at}/target-roots/default")["builds"] == 0

    def test_the_history_tells_who_when_old_new_and_how_many_builds(self, team: Team) -> None:
        path, clock = f"{team.at}/target-roots", team.registry.furnish.clock
        key = team.registry.furnish.api_key(team.workspace).text
        team.done(team.admin, "POST", path, {"name": "default", "uri_prefix": "/1/"})
        build_in(team, target_roots={"default": "/1/"})
        clock.move(timedelta(seconds=1))
        team.done(team.owner, "PATCH", f"{path}/default", {"uri_prefix": "/2/"})
        team.done(team.owner, "PATCH", f"{path}/default", {"uri_prefix": "/2/"})  # changes nothing
        clock.move(timedelta(seconds=1))
        team.done(key, "DELETE", f"{path}/default")
        history = team.whole_list(team.member, f"{team.at}/target-root-history", limit=1)
        at = "2026-11-23T12:00:0{}Z".format
        assert history == [
            {"name": "default", "old": "/2/", "new": None, "at": at(2), "by": "API key a key", "builds": 0},
            {"name": "default", "old": "/1/", "new": "/2/", "at": at(1), "by": "owner", "builds": 1},
            {"name": "default", "old": None, "new": "/1/", "at": at(0), "by": "admin", "builds": 0},
        ]

    def test_a_build_has_at_most_as_many_roots_as_a_workspace(self, team_on_sqlite: Team) -> None:
        roots = {f"root-{number}": "/data/" for number in range(MAX_TARGET_ROOTS + 1)}
        answer = team_on_sqlite.ask(
            team_on_sqlite.member, "POST", f"{team_on_sqlite.at}/builds", {"target_roots": roots}
        )
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.target_roots")
