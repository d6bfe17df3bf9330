"""Tasks over HTTP: recorded many at once, shown in their latest state, found by name and parameter."""

from datetime import timedelta
from typing import Any

import pytest

from stardag.domain.tasks import PARAMETERS_MAX_BYTES, PARAMETERS_MAX_DEPTH, task_id
from stardag_registry.domain.builds import MAX_RECORDS
from tests.registry.http.team import NOBODYS, Team

RUNNING: dict[str, Any] = {"name": "train", "parameters": {}, "status": "running"}


def build_in(team: Team) -> str:
    """The path of a new build."""
    made = team.done(team.member, "POST", f"{team.at}/builds", {"target_roots": {}})
    return f"{team.at}/builds/{made['id']}"


def record(team: Team, build: str, *tasks: dict[str, Any]) -> list[str]:
    """The ids of tasks that a build has told of; what is left out of one is as if it ran."""
    told = [RUNNING | task for task in tasks]
    ids: list[str] = team.done(team.member, "POST", f"{build}/tasks", {"tasks": told})["ids"]
    return ids


def ids_of(team: Team, **parameters: Any) -> list[str]:
    return [each["id"] for each in team.whole_list(team.member, f"{team.at}/tasks", **parameters)]


class TestRecording:
    def test_many_are_recorded_at_once_and_have_the_ids_that_the_client_makes(self, team: Team) -> None:
        tasks = [{"name": f"step-{number}", "parameters": {"number": number}} for number in range(MAX_RECORDS)]
        ids = record(team, build_in(team), *tasks)
        assert ids == [task_id(f"step-{number}", {"number": number}) for number in range(MAX_RECORDS)]
        assert sorted(ids_of(team, limit=300)) == sorted(ids)

    def test_all_is_there_that_was_told(self, team: Team) -> None:
        task: dict[str, Any] = {
            "name": "train",
            "parameters": {"lr": 0.1, "layers": [1, 2], "note": "é\u0000\u2028", "none": None, "deep": {"a": {}}},
            "status": "failed",
            "output": {"root": "default", "path": "train/1.pkl"},
            "started_at": "2026-11-23T12:00:00+02:00",
            "ended_at": "2026-11-23T10:00:01.5Z",
            "error": "No.\n\tNever.",
        }
        build = build_in(team)
        (told_id,) = record(team, build, task)
        shown = team.done(team.member, "GET", f"{team.at}/tasks/{told_id.upper()}")
        assert shown == {
            **task,
            "id": told_id,
            "started_at": "2026-11-23T10:00:00Z",
            "ended_at": "2026-11-23T10:00:01.500000Z",
            "recorded_at": "2026-11-23T12:00:00Z",
            "updated_at": "2026-11-23T12:00:00Z",
            "builds": [{"build_id": build.rpartition("/")[2], "status": "failed", "at": "2026-11-23T12:00:00Z"}],
        }
        del shown["builds"]
        assert team.done(team.member, "GET", f"{team.at}/tasks")["items"] == [shown]

    def test_the_latest_state_is_shown_and_the_first_time_stays(self, team: Team) -> None:
        build, clock = build_in(team), team.registry.furnish.clock
        (told_id,) = record(team, build, {})
        clock.move(timedelta(seconds=1))
        output = {"root": "default", "path": "train/1"}
        record(team, build, {"status": "completed", "output": output})
        shown = team.done(team.member, "GET", f"{team.at}/tasks/{told_id}")
        assert (shown["status"], shown["output"]) == ("completed", output)
        assert (shown["recorded_at"], shown["updated_at"]) == ("2026-11-23T12:00:00Z", "2026-11-23T12:00:01Z")
        assert [run["status"] for run in shown["builds"]] == ["completed"]

    def test_a_task_knows_the_builds_that_ran_or_reused_it(self, team: Team) -> None:
        builds: list[str] = []
        told_id = task_id("train", {})
        for status in ("failed", "completed", "reused"):
            builds.append(build_in(team))
            assert record(team, builds[-1], {"status": status}) == [told_id]
            record(team, builds[-1], {"name": "other"})
            team.registry.furnish.clock.move(timedelta(seconds=1))
        build_in(team)
        ids = [build.rpartition("/")[2] for build in builds]
        shown = team.done(team.member, "GET", f"{team.at}/tasks/{told_id}")
        assert shown["status"] == "completed"
        assert [run["build_id"] for run in shown["builds"]] == ids[::-1]
        assert [run["status"] for run in shown["builds"]] == ["reused", "completed", "failed"]
        listed = team.whole_list(team.member, f"{team.at}/builds", task=told_id)
        assert [each["id"] for each in listed] == ids[::-1]

    def test_one_that_failed_and_is_reused_is_complete(self, team: Team) -> None:
        (told_id,) = record(team, build_in(team), {"status": "failed", "error": "no"})
        before = team.done(team.member, "GET", f"{team.at}/tasks/{told_id}")
        record(team, build_in(team), {"status": "reused"})
        shown = team.done(team.member, "GET", f"{team.at}/tasks/{told_id}")
        assert {**shown, "builds": 0} == {**before, "status": "completed", "error": None, "builds": 0}
        assert team.done(team.member, "GET", f"{team.at}/tasks", params={"status": "failed"})["items"] == []

    def test_all_of_it_is_kept_or_nothing(self, team: Team) -> None:
        build = build_in(team)
        body = {"tasks": [RUNNING, RUNNING | {"name": "!"}]}
        answer = team.ask(team.member, "POST", f"{build}/tasks", body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.tasks.1.name")
        assert ids_of(team) == []

    def test_a_build_that_has_ended_may_still_tell(self, team_on_sqlite: Team) -> None:
        build = build_in(team_on_sqlite)
        team_on_sqlite.done(team_on_sqlite.member, "PATCH", build, {"status": "completed"})
        assert len(record(team_on_sqlite, build, {"status": "completed"})) == 1

    @pytest.mark.parametrize("count", [0, MAX_RECORDS + 1])
    def test_none_and_too_many_are_refused(self, team_on_sqlite: Team, count: int) -> None:
        tasks = [{"name": "train", "parameters": {"number": number}, "status": "running"} for number in range(count)]
        answer = team_on_sqlite.ask(
            team_on_sqlite.member, "POST", f"{build_in(team_on_sqlite)}/tasks", {"tasks": tasks}
        )
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.tasks")

    def test_the_same_task_of_two_workspaces_is_two(self, team: Team) -> None:
        (told_id,) = record(team, build_in(team), {"status": "completed"})
        other = team.registry.furnish.workspace(team.organization, "staging")
        assert team.refused(team.owner, "GET", f"/workspaces/{other.id}/tasks/{told_id}") == (404, "not-found")
        assert team.whole_list(team.owner, f"/workspaces/{other.id}/tasks") == []

    def test_parameters_may_be_as_large_and_as_deep_as_the_limits(self, team_on_sqlite: Team) -> None:
        deep: Any = {}
        for _ in range(PARAMETERS_MAX_DEPTH - 1):
            deep = {"a": deep}
        large = {"a": "x" * (PARAMETERS_MAX_BYTES - len('{"a":""}'))}
        record(team_on_sqlite, build_in(team_on_sqlite), {"parameters": deep}, {"parameters": large})
        for spoilt in ({"a": deep}, {"a": large["a"] + "x"}):
            body = {"tasks": [{"name": "train", "parameters": spoilt, "status": "running"}]}
            answer = team_on_sqlite.ask(team_on_sqlite.member, "POST", f"{build_in(team_on_sqlite)}/tasks", body)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.tasks.0.parameters")


class TestFinding:
    def test_they_are_found_by_name_parameter_status_and_build(self, team: Team) -> None:
        build = build_in(team)
        small, large = record(
            team,
            build,
            {"parameters": {"lr": 0.1, "layers": [1, 2], "name": "a"}, "status": "completed"},
            {"parameters": {"lr": 0.2, "layers": [1, 2], "name": "7"}, "status": "failed"},
        )
        (other,) = record(team, build_in(team), {"name": "load", "parameters": {"lr": 0.1}})
        assert set(ids_of(team)) == {small, large, other}
        assert set(ids_of(team, name="train")) == {small, large}
        assert set(ids_of(team, parameter="lr=0.1")) == {small, other}
        assert set(ids_of(team, parameter="layers=[1, 2]")) == {small, large}
        assert set(ids_of(team, parameter=["lr=0.1", "layers=[1,2]"])) == {small}
        assert set(ids_of(team, name="train", parameter="lr=0.1")) == {small}
        assert set(ids_of(team, parameter="name=a")) == {small}
        assert set(ids_of(team, parameter='name="7"')) == {large}
        assert ids_of(team, parameter="name=7") == []
        assert ids_of(team, parameter="lr=0.3") == []
        assert ids_of(team, status="failed") == [large]
        assert set(ids_of(team, build=build.rpartition("/")[2].upper())) == {small, large}
        assert ids_of(team, build=NOBODYS) == []

    def test_they_are_listed_by_the_time_that_they_were_recorded_first(self, team: Team) -> None:
        build, ids = build_in(team), list[str]()
        for number in range(3):
            ids += record(team, build, {"parameters": {"number": number}})
            team.registry.furnish.clock.move(timedelta(seconds=1))
        record(team, build, {"parameters": {"number": 0}, "status": "completed"})
        assert ids_of(team) == ids[::-1]
        assert ids_of(team, order="oldest", limit=2) == ids

    @pytest.mark.parametrize("told_id", [NOBODYS, "no-such", "%00", "0" * 64, "A" * 64])
    def test_one_that_is_not_there_is_not_found(self, team_on_sqlite: Team, told_id: str) -> None:
        path = f"{team_on_sqlite.at}/tasks/{told_id}"
        assert team_on_sqlite.refused(team_on_sqlite.member, "GET", path) == (404, "not-found")
