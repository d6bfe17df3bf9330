"""Builds and tasks: registered once, kept alive, ended once, and found again page by page."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag.domain.errors import InvalidName, InvalidValue
from stardag.domain.target_roots import TargetRoot
from stardag.domain.tasks import canonical_json
from stardag_registry.app.builds import RUNS_SHOWN, NewBuild, ShownBuild, parsed_parameters
from stardag_registry.app.paging import PageRequest
from stardag_registry.app.ports import BuildFilter, TaskFilter
from stardag_registry.domain.builds import (
    BUILD_NAME_MAX_LENGTH,
    COMMIT_MAX_LENGTH,
    DESCRIPTION_MAX_LENGTH,
    ERROR_MAX_LENGTH,
    LOST_AFTER,
    MAX_RECORDS,
    BuildEnd,
    Task,
    TaskRecord,
    checked_roots,
)
from stardag_registry.domain.errors import (
    BuildEnded,
    IdempotencyKeyReused,
    InvalidField,
    NotFound,
    Unauthenticated,
)
from stardag_registry.domain.target_roots import MAX_TARGET_ROOTS
from tests.registry.app.scene import ROOTS, Team

NEW = NewBuild(ROOTS, "abc123", "why", "nightly")
ENDS: tuple[BuildEnd, ...] = get_args(BuildEnd)
FIRST = PageRequest(100)


def shown(team: Team, build_id: str) -> ShownBuild:
    return team.find_builds.build(team.key(), team.production.id, build_id)[0]


def listed(team: Team, wanted: BuildFilter | None = None) -> list[str]:
    page = team.find_builds.builds(team.key(), team.production.id, wanted or BuildFilter(), FIRST)
    return [each.build.id for each in page.items]


class TestRegistering:
    def test_a_build_carries_what_it_was_registered_with(self, team: Team) -> None:
        made, is_new = team.register_build(team.key(), team.production.id.upper(), NEW, None)
        assert is_new
        assert (made.status, made.build.commit, made.build.description) == ("running", "abc123", "why")
        assert made.build.name == "nightly"
        assert (made.build.started_at, made.build.heartbeat_at) == (team.clock(), team.clock())
        assert made.build.maker == "API key a key"
        found, roots = team.find_builds.build(team.plain, team.production.id, made.build.id.upper())
        assert found == made
        assert list(roots) == [TargetRoot("default", "s3://bucket/prefix/")]

    def test_the_same_request_with_the_same_key_makes_one(self, team: Team) -> None:
        first, _ = team.register_build(team.key(), team.production.id, NEW, "a key")
        again, is_new = team.register_build(team.plain, team.production.id, NEW, "a key")
        assert (again, is_new) == (first, False)
        assert listed(team) == [first.build.id]
        assert team.actions() == ["build.registered"]

    def test_the_same_request_shows_how_the_build_is_by_then(self, team: Team) -> None:
        first, _ = team.register_build(team.key(), team.production.id, NEW, "a key")
        team.clock.move(LOST_AFTER + timedelta(seconds=1))
        assert team.register_build(team.key(), team.production.id, NEW, "a key")[0].status == "lost"
        team.run_build.end(team.key(), team.production.id, first.build.id, "failed", None)
        assert team.register_build(team.key(), team.production.id, NEW, "a key")[0].status == "failed"

    @pytest.mark.parametrize(
        "other",
        [
            replace(NEW, commit=None),
            replace(NEW, description=""),
            replace(NEW, target_roots={}),
            replace(NEW, name=None),
            replace(NEW, name="hourly"),
        ],
    )
    def test_another_request_with_the_same_key_is_refused(self, team: Team, other: NewBuild) -> None:
        team.register_build(team.key(), team.production.id, NEW, "a key")
        with pytest.raises(IdempotencyKeyReused):
            team.register_build(team.key(), team.production.id, other, "a key")
        assert len(listed(team)) == 1

    def test_a_request_without_a_name_has_the_digest_that_was_kept_before_there_were_names(self) -> None:
        before = canonical_json({"target_roots": dict(ROOTS), "commit": "abc123", "description": "why"})
        assert replace(NEW, name=None).digest == hashlib.sha256(before.encode()).hexdigest()

    def test_without_a_key_or_in_another_workspace_it_is_another_build(self, team: Team) -> None:
        staging = team.furnish.workspace(team.acme, "staging")
        team.register_build(team.plain, team.production.id, NEW, "a key")
        assert team.register_build(team.plain, staging.id, NEW, "a key")[1]
        assert team.register_build(team.plain, team.production.id, NEW, None)[1]
        assert team.register_build(team.plain, team.production.id, NEW, None)[1]

    @pytest.mark.parametrize("key", ["", " a", "a ", "a\nb", "a\0", "\ud800", "x" * 201])
    def test_what_is_no_idempotency_key_is_refused(self, team: Team, key: str) -> None:
        with pytest.raises(InvalidField, match="idempotency-key"):
            team.register_build(team.key(), team.production.id, NEW, key)

    @pytest.mark.parametrize(
        ("new", "field"),
        [
            (replace(NEW, name=""), "body.name"),
            (replace(NEW, name=" nightly"), "body.name"),
            (replace(NEW, name="night\nly"), "body.name"),
            (replace(NEW, name="\ud800"), "body.name"),
            (replace(NEW, name="x" * (BUILD_NAME_MAX_LENGTH + 1)), "body.name"),
            (replace(NEW, commit="a\0b"), "body.commit"),
            (replace(NEW, commit=""), "body.commit"),
            (replace(NEW, commit="x" * (COMMIT_MAX_LENGTH + 1)), "body.commit"),
            (replace(NEW, description="\ud800"), "body.description"),
            (replace(NEW, description="\0"), "body.description"),
            (replace(NEW, description="x" * (DESCRIPTION_MAX_LENGTH + 1)), "body.description"),
            (replace(NEW, target_roots={"default": "relative"}), "body.target_roots"),
            (replace(NEW, target_roots={"Default": "/data"}), "body.target_roots"),
            (replace(NEW, target_roots={"default": "/\ud800"}), "body.target_roots"),
            (replace(NEW, target_roots={"default": "/" * 1025}), "body.target_roots"),
            (replace(NEW, target_roots={"a\0": "/"}), "body.target_roots"),
            (replace(NEW, target_roots={f"r{n}": "/" for n in range(MAX_TARGET_ROOTS + 1)}), "body.target_roots"),
        ],
    )
    def test_what_cannot_be_kept_is_refused_the_first_time_and_again(
        self, team: Team, new: NewBuild, field: str
    ) -> None:
        team.register_build(team.key(), team.production.id, NEW, "a key")
        for key in (None, "another", "a key"):
            with pytest.raises(InvalidField) as refusal:
                team.register_build(team.key(), team.production.id, new, key)
            assert refusal.value.field == field
        assert len(listed(team)) == 1

    def test_roots_are_sorted_by_name(self) -> None:
        assert [root.name for root in checked_roots({"b": "/", "a": "/", "c": "/"})] == ["a", "b", "c"]

    def test_a_key_of_another_workspace_or_one_that_was_revoked_registers_none(self, team: Team) -> None:
        staging = team.furnish.workspace(team.acme, "staging")
        with pytest.raises(NotFound):
            team.register_build(team.key(workspace=staging), team.production.id, NEW, None)
        secret = team.furnish.api_key(team.production, "build")
        revoked = team.authenticate(secret.text)
        team.furnish.revoke(secret)
        with pytest.raises(Unauthenticated):
            team.register_build(revoked, team.production.id, NEW, None)


class TestRunning:
    def test_a_heartbeat_keeps_a_build_alive_and_brings_a_lost_one_back(self, team: Team) -> None:
        build = team.build()
        team.clock.move(LOST_AFTER)
        assert shown(team, build.id).status == "running"
        team.clock.move(timedelta(microseconds=1))
        assert shown(team, build.id).status == "lost"
        assert team.run_build.heartbeat(team.key(), team.production.id, build.id).status == "running"
        assert shown(team, build.id).build.heartbeat_at == team.clock()
        assert team.actions() == ["build.registered"]

    def test_a_clock_that_goes_back_takes_no_heartbeat_back(self, team: Team) -> None:
        build = team.build()
        team.clock.move(-timedelta(hours=1))
        team.run_build.heartbeat(team.key(), team.production.id, build.id)
        assert shown(team, build.id).build.heartbeat_at == build.heartbeat_at

    @pytest.mark.parametrize("end", ENDS)
    def test_a_build_ends_once(self, team: Team, end: BuildEnd) -> None:
        build = team.build()
        team.clock.move(timedelta(hours=1))  # it is lost by now
        ended = team.run_build.end(team.plain, team.production.id, build.id.upper(), end, None)
        assert (ended.status, ended.build.ended_at) == (end, team.clock())
        team.clock.move(timedelta(hours=1))
        assert team.run_build.end(team.key(), team.production.id, build.id, end, None) == ended
        for other in ENDS:
            if other != end:
                with pytest.raises(BuildEnded) as refusal:
                    team.run_build.end(team.key(), team.production.id, build.id, other, None)
                assert refusal.value.status == end
        assert team.run_build.heartbeat(team.key(), team.production.id, build.id) == ended == shown(team, build.id)
        assert team.actions() == ["build.registered", f"build.{end}"]

    def test_only_one_that_failed_has_an_error(self, team: Team) -> None:
        build = team.build()
        for end in ("completed", "cancelled"):
            with pytest.raises(InvalidField, match=r"body\.error"):
                team.run_build.end(team.key(), team.production.id, build.id, end, "no")
        for error in ("a\0", "\ud800", "x" * (ERROR_MAX_LENGTH + 1)):
            with pytest.raises(InvalidField, match=r"body\.error"):
                team.run_build.end(team.key(), team.production.id, build.id, "failed", error)
        assert team.run_build.end(team.key(), team.production.id, build.id, "failed", "out\nof it").build.error

    @pytest.mark.parametrize("build_id", ["", "x", "00000000-0000-4000-8000-000000000000", "\ud800"])
    def test_one_that_is_not_there_is_not_found(self, team: Team, build_id: str) -> None:
        self.check_not_found(team, build_id)

    def test_one_of_another_workspace_is_not_there(self, team: Team) -> None:
        self.check_not_found(team, team.build(team.furnish.workspace(team.acme, "staging")).id)

    @staticmethod
    def check_not_found(team: Team, build_id: str) -> None:
        there = team.production.id
        for ask in (
            lambda: team.find_builds.build(team.key(), there, build_id),
            lambda: team.run_build.heartbeat(team.key(), there, build_id),
            lambda: team.run_build.end(team.key(), there, build_id, "completed", None),
            lambda: team.run_build.record_tasks(team.key(), there, build_id, [TRAIN]),
        ):
            with pytest.raises(NotFound):
                ask()


TRAIN = TaskRecord("train", {"lr": 0.1}, "completed", "default", "train/1")


def tasks(team: Team, wanted: TaskFilter | None = None) -> list[Task]:
    return list(team.find_builds.tasks(team.key(), team.production.id, wanted or TaskFilter(), FIRST).items)


class TestRecording:
    def test_ids_are_told_in_the_order_of_the_records(self, team: Team) -> None:
        records = [TaskRecord("t", {"n": number}, "running") for number in range(20)]
        ids, status = team.run_build.record_tasks(team.key(), team.production.id, team.build().id, records)
        assert status == "running"
        assert list(ids) == [record.id for record in records]
        assert {task.id for task in tasks(team)} == set(ids)
        (entry,) = [each for each in team.audit() if each.action == "tasks.recorded"]
        assert entry.details == '{"count": 20}'

    def test_the_last_word_on_a_task_counts_also_within_one_request(self, team: Team) -> None:
        build = team.build()
        said = [replace(TRAIN, status=status) for status in ("running", "failed", "completed")]
        team.run_build.record_tasks(team.key(), team.production.id, build.id, said)
        assert [task.status for task in tasks(team)] == ["completed"]
        team.run_build.record_tasks(team.key(), team.production.id, build.id, said[:2])
        assert [task.status for task in tasks(team)] == ["failed"]

    def test_a_build_that_has_ended_may_still_say_it_and_hears_how_it_ended(self, team: Team) -> None:
        build = team.build()
        team.run_build.end(team.key(), team.production.id, build.id, "cancelled", None)
        recorded = team.run_build.record_tasks(team.key(), team.production.id, build.id, [TRAIN])
        assert len(tasks(team)) == 1
        assert recorded.build_status == "cancelled"

    @pytest.mark.parametrize("count", [0, MAX_RECORDS + 1])
    def test_there_are_neither_none_nor_too_many(self, team: Team, count: int) -> None:
        records = [TaskRecord("t", {"n": number}, "running") for number in range(count)]
        with pytest.raises(InvalidField, match=r"body\.tasks"):
            team.run_build.record_tasks(team.key(), team.production.id, team.build().id, records)

    def test_a_task_knows_the_builds_that_ran_or_reused_it(self, team: Team) -> None:
        first, second = team.build(), team.build()
        team.run_build.record_tasks(team.key(), team.production.id, first.id, [TRAIN])
        team.clock.move(timedelta(seconds=1))
        team.run_build.record_tasks(team.key(), team.production.id, second.id, [replace(TRAIN, status="reused")])
        task, runs = team.find_builds.task(team.plain, team.production.id, TRAIN.id.upper())
        assert (task.status, task.updated_at < team.clock()) == ("completed", True)
        assert [(run.build_id, run.status) for run in runs] == [(second.id, "reused"), (first.id, "completed")]
        assert set(listed(team, BuildFilter(task_id=TRAIN.id))) == {first.id, second.id}

    def test_the_newest_runs_come_with_a_task(self, team: Team) -> None:
        builds = [team.build() for _ in range(RUNS_SHOWN + 1)]
        for build in builds:
            team.clock.move(timedelta(seconds=1))
            team.run_build.record_tasks(team.key(), team.production.id, build.id, [TRAIN])
        _, runs = team.find_builds.task(team.plain, team.production.id, TRAIN.id)
        assert [run.build_id for run in runs] == [build.id for build in reversed(builds[1:])]

    def test_a_task_of_another_workspace_is_not_there(self, team: Team) -> None:
        staging = team.furnish.workspace(team.acme, "staging")
        team.run_build.record_tasks(team.key(workspace=staging), staging.id, team.build(staging).id, [TRAIN])
        for task_id in (TRAIN.id, "", "x", "\ud800", "0" * 64):
            with pytest.raises(NotFound):
                team.find_builds.task(team.key(), team.production.id, task_id)

    @pytest.mark.parametrize(
        "changed",
        [
            {"output_path": None},
            {"output_root": None},
            {"output_path": "/absolute"},
            {"output_path": "../up"},
            {"output_path": "a/../../up"},
            {"output_path": ""},
            {"output_path": "a\0b"},
            {"output_path": "\ud800"},
            {"output_path": "x" * 1025},
            {"error": "\0"},
            {"error": "x" * (ERROR_MAX_LENGTH + 1)},
        ],
    )
    def test_a_record_that_cannot_be_kept_is_none(self, changed: dict[str, Any]) -> None:
        with pytest.raises(InvalidField, match=r"body\.tasks"):
            replace(TRAIN, **changed)

    @pytest.mark.parametrize(
        "changed",
        [{"name": "a/b"}, {"name": ""}, {"parameters": {"a": "\ud800"}}, {"parameters": {"a": float("nan")}}],
    )
    def test_one_that_names_no_task_neither(self, changed: dict[str, Any]) -> None:
        with pytest.raises(InvalidValue):
            replace(TRAIN, **changed)

    def test_one_with_a_root_that_cannot_be_one_neither(self) -> None:
        with pytest.raises(InvalidName):
            replace(TRAIN, output_root="A\0")


class TestFinding:
    def test_the_pages_are_the_list_also_where_builds_started_at_the_same_moment(self, team: Team) -> None:
        for number in range(9):
            team.clock.move(timedelta(seconds=number % 3 == 0))
            team.build()
        for newest_first in (True, False):
            wanted = BuildFilter(newest_first=newest_first)
            seen: list[tuple[datetime, str]] = []
            cursor: str | None = None
            while True:
                page = team.find_builds.builds(team.key(), team.production.id, wanted, PageRequest(2, cursor))
                seen += [(each.build.started_at, each.build.id) for each in page.items]
                cursor = page.next_cursor
                if cursor is None:
                    break
            assert seen == sorted(seen, reverse=newest_first)
            assert len(set(seen)) == 9

    def test_a_cursor_of_tasks_goes_on_with_tasks_and_not_with_builds(self, team: Team) -> None:
        build = team.build()
        records = [TaskRecord("t", {"n": number}, "running") for number in range(3)]
        team.run_build.record_tasks(team.key(), team.production.id, build.id, records)
        team.build()
        of_tasks = team.find_builds.tasks(team.key(), team.production.id, TaskFilter(), PageRequest(1)).next_cursor
        of_builds = team.find_builds.builds(team.key(), team.production.id, BuildFilter(), PageRequest(1)).next_cursor
        assert of_tasks is not None
        assert of_builds is not None
        rest = team.find_builds.tasks(team.key(), team.production.id, TaskFilter(), PageRequest(9, of_tasks))
        assert len(rest.items) == 2
        with pytest.raises(InvalidField):
            team.find_builds.tasks(team.key(), team.production.id, TaskFilter(), PageRequest(9, of_builds))
        with pytest.raises(InvalidField):
            team.find_builds.builds(team.key(), team.production.id, BuildFilter(), PageRequest(9, of_tasks))

    @pytest.mark.parametrize("task_id", ["", "x", "A" * 64, "\ud800"])
    def test_a_filter_that_can_match_nothing_is_refused(self, team: Team, task_id: str) -> None:
        with pytest.raises(InvalidField):
            listed(team, BuildFilter(task_id=task_id))
        for wanted in (TaskFilter(build_id=task_id), TaskFilter(name="a\0b"), TaskFilter(name="\ud800")):
            with pytest.raises(InvalidField):
                tasks(team, wanted)

    def test_tasks_are_searched_by_parameters_as_they_are_typed(self, team: Team) -> None:
        build = team.build()
        records = [TaskRecord("t", {"lr": lr, "data": "mnist"}, "running") for lr in (0.1, 0.2, "0.1")]
        team.run_build.record_tasks(team.key(), team.production.id, build.id, records)

        def found(*texts: str) -> set[str]:
            return {task.id for task in tasks(team, TaskFilter(parameters=parsed_parameters(texts)))}

        assert found("lr=0.1") == {records[0].id}
        assert found('lr="0.1"', "data=mnist") == {records[2].id}
        assert found("data=mnist") == {record.id for record in records}
        assert found("data=cifar") == found("lr=0.1", "lr=0.2") == set()


class TestParameters:
    @pytest.mark.parametrize(
        ("text", "parsed"),
        [
            ("a=1", ("a", "1")),
            ("a=1.0", ("a", "1.0")),
            ("a= 1 ", ("a", "1")),
            ("a=", ("a", '""')),
            ("a=text", ("a", '"text"')),
            ("a=1=2", ("a", '"1=2"')),
            ('a="1"', ("a", '"1"')),
            ('a={"c": 1, "b": [true, null]}', ("a", '{"b":[true,null],"c":1}')),
            ("a=NaN", ("a", '"NaN"')),
            ("a=1e999", ("a", '"1e999"')),
            ("a=\0", ("a", '"\\u0000"')),
            ('a="\\ud800"', ("a", '"\\"\\\\ud800\\""')),
            ("ü=ü", ("ü", '"ü"')),
        ],
    )
    def test_a_value_is_json_or_else_a_text(self, text: str, parsed: tuple[str, str]) -> None:
        assert parsed_parameters([text]) == (parsed,)

    @pytest.mark.parametrize("text", ["", "a", "=1", "="])
    def test_without_a_name_or_a_value_it_is_none(self, text: str) -> None:
        with pytest.raises(InvalidField, match=r"query\.parameter"):
            parsed_parameters(["a=1", text])

    def test_one_that_nests_endlessly_is_a_text(self) -> None:
        deep = "[" * 100_000
        assert parsed_parameters([f"a={deep}"]) == (("a", canonical_json(deep)),)

    @given(st.text(st.characters(codec="utf-8"), max_size=40))
    def test_no_text_breaks_anything(self, text: str) -> None:
        try:
            ((name, value),) = parsed_parameters([text])
        except InvalidField:
            assert "=" not in text or text.startswith("=")
        else:
            assert text.startswith(f"{name}=")
            value.encode()
