"""What every database of the registry promises of builds and their tasks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from stardag.domain.target_roots import TargetRoot
from stardag.domain.tasks import Json, canonical_json
from stardag_registry.app.paging import Position
from stardag_registry.app.ports import BuildFilter, Database, TaskFilter
from stardag_registry.domain.builds import (
    LOST_AFTER,
    Build,
    BuildStatus,
    KeptStatus,
    RecordedStatus,
    Task,
    TaskRecord,
    TaskRun,
    TaskStatus,
)
from stardag_registry.domain.errors import AlreadyExists
from stardag_registry.domain.organizations import Organization, Workspace

NOW = datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ACME = Organization("aaaaaaaa-0000-4000-8000-000000000000", "acme", "Acme")
PRODUCTION = Workspace("aaaaaaaa-0000-4000-8000-000000000001", ACME.id, "production", "Production")
STAGING = Workspace("aaaaaaaa-0000-4000-8000-000000000002", ACME.id, "staging", "Staging")
ROOTS = (TargetRoot("default", "s3://bucket/prefix/"), TargetRoot("archive", "/archive"))
DIGEST = "d" * 64


def build(number: int, workspace: Workspace = PRODUCTION, **changed: datetime | str | None) -> Build:
    """Later numbers start later."""
    started = NOW + number * SECOND
    whole = Build(
        f"bbbbbbbb-0000-4000-8000-{number:012}", workspace.id, "running", started, started, "alice", "why", "abc123"
    )
    return replace(whole, **{"name": "nightly", **changed})  # type: ignore[arg-type]  # the fields' own types are checked above


BUILD, THEIRS = build(1), build(100, STAGING)


@pytest.fixture
def furnished(database: Database) -> Database:
    with database.transaction() as transaction:
        transaction.add_organization(ACME, NOW)
        transaction.add_workspace(PRODUCTION, NOW)
        transaction.add_workspace(STAGING, NOW)
    return database


def add(database: Database, *builds: Build, roots: tuple[TargetRoot, ...] = ()) -> None:
    with database.addition() as addition:
        for each in builds:
            addition.add_build(each, roots, None, DIGEST)


def listed(
    database: Database,
    wanted: BuildFilter | None = None,
    now: datetime = NOW,
    after: Build | None = None,
    limit: int = 100,
) -> list[Build]:
    position = None if after is None else Position(after.started_at, after.id)
    with database.reading() as reading:
        return list(reading.builds(PRODUCTION.id, wanted or BuildFilter(), now, position, limit))


class TestBuilds:
    def test_one_is_found_in_its_workspace_alone(self, furnished: Database) -> None:
        add(furnished, BUILD, roots=ROOTS)
        with furnished.reading() as reading:
            assert reading.build(PRODUCTION.id, BUILD.id) == BUILD
            assert reading.build(STAGING.id, BUILD.id) is None
            assert reading.build(PRODUCTION.id, THEIRS.id) is None

    def test_one_carries_its_target_roots_by_name(self, furnished: Database) -> None:
        add(furnished, BUILD, roots=ROOTS)
        add(furnished, THEIRS)
        with furnished.reading() as reading:
            assert list(reading.target_roots_of_build(BUILD.id)) == [ROOTS[1], ROOTS[0]]
            assert list(reading.target_roots_of_build(THEIRS.id)) == []

    @pytest.mark.parametrize("status", get_args(KeptStatus))
    def test_one_gets_another_state_and_keeps_the_rest(self, furnished: Database, status: KeptStatus) -> None:
        add(furnished, BUILD, build(2))
        ended = build(1, kept_status=status, heartbeat_at=NOW + 60 * SECOND, ended_at=NOW, error="two\nlines")
        with furnished.addition() as addition:
            assert addition.build_to_change(PRODUCTION.id, BUILD.id) == BUILD
            addition.change_build(ended)
        with furnished.reading() as reading:
            assert reading.build(PRODUCTION.id, BUILD.id) == ended
            assert reading.build(PRODUCTION.id, build(2).id) == build(2)

    def test_one_of_another_workspace_is_not_there_to_change(self, furnished: Database) -> None:
        add(furnished, THEIRS)
        with furnished.addition() as addition:
            assert addition.build_to_change(PRODUCTION.id, THEIRS.id) is None
            assert addition.build_to_change(PRODUCTION.id, BUILD.id) is None

    def test_an_idempotency_key_belongs_to_one_build_of_a_workspace(self, furnished: Database) -> None:
        with furnished.addition() as addition:
            addition.add_build(BUILD, ROOTS, "a key", DIGEST)
            addition.add_build(THEIRS, (), "a key", "e" * 64)
        with furnished.addition() as addition, pytest.raises(AlreadyExists):
            addition.add_build(build(2), (), "a key", DIGEST)
        add(furnished, build(3), build(4))  # two without one
        with furnished.addition() as addition:
            assert addition.build_by_idempotency_key(PRODUCTION.id, "a key") == (BUILD, DIGEST)
            assert addition.build_by_idempotency_key(STAGING.id, "a key") == (THEIRS, "e" * 64)
            assert addition.build_by_idempotency_key(PRODUCTION.id, "another") is None

    def test_those_that_used_a_root_are_counted_a_trailing_slash_or_not(self, furnished: Database) -> None:
        add(furnished, build(1), roots=(TargetRoot("default", "/data/"),))
        add(furnished, build(2), roots=(TargetRoot("default", "/data"), TargetRoot("other", "/data")))
        add(furnished, build(3), roots=(TargetRoot("default", "/data/deeper"),))
        add(furnished, build(4, STAGING), roots=(TargetRoot("default", "/data"),))
        with furnished.reading() as reading:
            for prefix, count in {"/data": 2, "/data/": 2, "/data/deeper/": 1, "/dat": 0}.items():
                assert reading.builds_using(PRODUCTION.id, TargetRoot("default", prefix)) == count
            assert reading.builds_using(PRODUCTION.id, TargetRoot("third", "/data")) == 0


class TestListOfBuilds:
    def test_it_is_sorted_by_start_either_way_and_of_one_workspace(self, furnished: Database) -> None:
        add(furnished, build(2), build(1), build(3), THEIRS)
        assert listed(furnished) == [build(3), build(2), build(1)]
        assert listed(furnished, BuildFilter(newest_first=False)) == [build(1), build(2), build(3)]
        assert listed(furnished, limit=2) == [build(3), build(2)]

    @pytest.mark.parametrize("newest_first", [True, False])
    def test_it_goes_on_after_any_place_also_where_times_are_equal(
        self, furnished: Database, *, newest_first: bool
    ) -> None:
        wanted = BuildFilter(newest_first=newest_first)
        add(furnished, *(build(n, started_at=NOW + n // 3 * SECOND) for n in range(10)))
        whole = listed(furnished, wanted)
        assert len(whole) == 10
        paged: list[Build] = []
        while page := listed(furnished, wanted, after=paged[-1] if paged else None, limit=2):
            paged += page
        assert paged == whole

    def test_a_place_need_not_be_that_of_a_build_any_more(self, furnished: Database) -> None:
        add(furnished, build(1), build(3))
        assert listed(furnished, after=build(2)) == [build(1)]
        assert listed(furnished, BuildFilter(newest_first=False), after=build(2)) == [build(3)]

    def test_it_is_of_those_that_started_from_then_until_before_then(self, furnished: Database) -> None:
        add(furnished, *(build(n) for n in range(5)))
        between = BuildFilter(started_after=build(1).started_at, started_before=build(3).started_at)
        assert listed(furnished, between) == [build(2), build(1)]

    def test_it_is_of_one_status_where_a_running_one_whose_heart_has_stopped_is_lost(self, furnished: Database) -> None:
        by_status: dict[BuildStatus, Build] = {
            "running": build(1, heartbeat_at=NOW),
            "lost": build(2, heartbeat_at=NOW - LOST_AFTER - timedelta(microseconds=1)),
            "completed": build(3, kept_status="completed"),
            "failed": build(4, kept_status="failed"),
            "cancelled": build(5, kept_status="cancelled", heartbeat_at=NOW - timedelta(days=1)),
        }
        add(furnished, *by_status.values())
        for status, only in by_status.items():
            assert listed(furnished, BuildFilter(status)) == [only]
            assert only.status_at(NOW) == status

    def test_at_the_last_moment_a_build_is_still_running(self, furnished: Database) -> None:
        almost = build(1, heartbeat_at=NOW - LOST_AFTER)
        add(furnished, almost)
        assert listed(furnished, BuildFilter("running")) == [almost]
        assert listed(furnished, BuildFilter("lost")) == []

    def test_it_is_of_those_that_ran_or_reused_a_task(self, furnished: Database) -> None:
        add(furnished, build(1), build(2), build(3), THEIRS)
        train, other = TaskRecord("train", {}, "completed"), TaskRecord("other", {}, "completed")
        with furnished.addition() as addition:
            addition.record_tasks(build(1), [train], NOW)
            addition.record_tasks(build(3), [replace(train, status="reused")], NOW)
            addition.record_tasks(build(2), [other], NOW)
            addition.record_tasks(THEIRS, [train], NOW)
        assert listed(furnished, BuildFilter(task_id=train.id)) == [build(3), build(1)]
        assert listed(furnished, BuildFilter(task_id="0" * 64)) == []


TRAIN = TaskRecord("train", {"lr": 0.1, "layers": [1, 2]}, "running", "default", "train/1", NOW)


def record(database: Database, *records: TaskRecord, of: Build = BUILD, at: datetime = NOW) -> None:
    with database.addition() as addition:
        addition.record_tasks(of, records, at)


def tasks(
    database: Database,
    wanted: TaskFilter | None = None,
    after: Task | None = None,
    limit: int = 100,
    of: Workspace = PRODUCTION,
) -> list[Task]:
    position = None if after is None else Position(after.recorded_at, after.id)
    with database.reading() as reading:
        return list(reading.tasks(of.id, wanted or TaskFilter(), position, limit))


def names(database: Database, wanted: TaskFilter) -> list[str]:
    return [task.name for task in tasks(database, wanted)]


class TestTasks:
    @pytest.fixture
    def built(self, furnished: Database) -> Database:
        add(furnished, BUILD, build(2), THEIRS)
        return furnished

    def test_one_is_kept_with_all_that_was_said_of_it(self, built: Database) -> None:
        said = replace(TRAIN, status="failed", ended_at=NOW + SECOND, error="out\nof memory")
        record(built, said, at=NOW + SECOND)
        whole = Task(
            said.id,
            "train",
            '{"layers":[1,2],"lr":0.1}',
            "failed",
            NOW + SECOND,
            NOW + SECOND,
            "default",
            "train/1",
            NOW,
            NOW + SECOND,
            "out\nof memory",
        )
        with built.reading() as reading:
            assert reading.task(PRODUCTION.id, said.id) == whole
            assert reading.task(STAGING.id, said.id) is None
            assert reading.task(PRODUCTION.id, "0" * 64) is None

    def test_what_is_said_later_takes_the_place_of_what_was_said(self, built: Database) -> None:
        record(built, TRAIN)
        record(built, replace(TRAIN, status="completed", ended_at=NOW, output_path="train/2"), at=NOW + SECOND)
        (task,) = tasks(built)
        assert (task.status, task.output_path, task.ended_at) == ("completed", "train/2", NOW)
        assert (task.recorded_at, task.updated_at) == (NOW, NOW + SECOND)
        with built.reading() as reading:
            assert list(reading.runs_of(PRODUCTION.id, TRAIN.id, 10)) == [
                TaskRun(BUILD.id, "completed", NOW + SECOND),
            ]

    @pytest.mark.parametrize("status", ["running", "failed", "cancelled", "completed"])
    def test_reusing_one_completes_it_and_changes_nothing_else(self, built: Database, status: TaskStatus) -> None:
        record(built, replace(TRAIN, status=status, ended_at=NOW, error="no"))
        record(built, replace(TRAIN, status=status, error="no"), of=THEIRS)
        (before,), theirs = tasks(built), tasks(built, of=STAGING)
        reused = replace(TRAIN, status="reused", output_path="elsewhere", started_at=None, error="none")
        record(built, reused, of=build(2), at=NOW + SECOND)
        completed = before if status == "completed" else replace(before, status="completed", error=None)
        assert tasks(built) == [completed]
        assert tasks(built, of=STAGING) == theirs
        with built.reading() as reading:
            assert [run.status for run in reading.runs_of(PRODUCTION.id, TRAIN.id, 10)] == ["reused", status]

    @pytest.mark.parametrize(
        ("said", "status", "path", "run"),
        [
            (("running", "completed"), "completed", "train/2", "completed"),
            (("completed", "failed"), "failed", "train/2", "failed"),
            (("completed", "reused"), "completed", "train/1", "reused"),
            (("reused", "failed"), "failed", "train/2", "failed"),
            (("failed", "reused"), "completed", "train/1", "reused"),
            (("reused", "reused"), "completed", "train/1", "reused"),
        ],
    )
    @pytest.mark.parametrize("is_known", [False, True])
    def test_what_is_said_twice_at_once_counts_in_that_order(
        self,
        built: Database,
        said: tuple[RecordedStatus, RecordedStatus],
        status: TaskStatus,
        path: str,
        run: RecordedStatus,
        *,
        is_known: bool,
    ) -> None:
        if is_known:
            record(built, replace(TRAIN, status="completed"))
        first, second = said
        record(built, replace(TRAIN, status=first), replace(TRAIN, status=second, output_path="train/2"), of=build(2))
        (task,) = tasks(built)
        assert (task.status, task.output_path) == (status, path)
        with built.reading() as reading:
            runs = {each.build_id: each.status for each in reading.runs_of(PRODUCTION.id, TRAIN.id, 10)}
        assert runs[build(2).id] == run

    def test_many_of_every_kind_are_kept_at_once(self, built: Database) -> None:
        statuses: tuple[RecordedStatus, ...] = ("running", "reused", "completed", "reused", "failed")
        many = [TaskRecord("t", {"number": n, "even": n % 2 == 0}, statuses[n % 5]) for n in range(500)]
        for of in (BUILD, build(2)):
            record(built, *many, of=of)
        found = tasks(built, limit=1000)
        assert len(found) == 500
        assert {each.id: each.status for each in found} == {
            each.id: "completed" if each.status == "reused" else each.status for each in many
        }
        assert len(tasks(built, TaskFilter(parameters=(("even", "true"),)), limit=1000)) == 250
        assert len(tasks(built, TaskFilter(build_id=build(2).id), limit=1000)) == 500

    def test_one_that_is_reused_before_it_was_ever_seen_is_complete(self, built: Database) -> None:
        record(built, replace(TRAIN, status="reused"))
        assert [(task.status, task.output_path) for task in tasks(built)] == [("completed", "train/1")]

    def test_runs_are_told_the_newest_first_and_of_one_workspace(self, built: Database) -> None:
        record(built, TRAIN)
        record(built, TRAIN, of=build(2), at=NOW + SECOND)
        record(built, TRAIN, of=THEIRS, at=NOW + 2 * SECOND)
        with built.reading() as reading:
            newest, older = reading.runs_of(PRODUCTION.id, TRAIN.id, 10)
            assert (newest.build_id, older.build_id) == (build(2).id, BUILD.id)
            assert list(reading.runs_of(PRODUCTION.id, TRAIN.id, 1)) == [newest]
            assert [run.build_id for run in reading.runs_of(STAGING.id, TRAIN.id, 10)] == [THEIRS.id]

    def test_workspaces_have_tasks_of_their_own(self, built: Database) -> None:
        record(built, TRAIN)
        record(built, replace(TRAIN, status="failed"), of=THEIRS)
        assert [task.status for task in tasks(built)] == ["running"]

    def test_the_list_is_filtered_by_name_status_and_build(self, built: Database) -> None:
        record(built, replace(TRAIN, name="a"), replace(TRAIN, name="b", status="failed"))
        record(built, replace(TRAIN, name="c"), replace(TRAIN, name="b", status="reused"), of=build(2))
        record(built, replace(TRAIN, name="a", status="failed"), of=THEIRS)
        assert names(built, TaskFilter(name="a")) == ["a"]
        assert names(built, TaskFilter(name="A")) == []
        assert names(built, TaskFilter(status="completed")) == ["b"]
        assert names(built, TaskFilter(status="failed")) == []
        assert sorted(names(built, TaskFilter(build_id=build(2).id.upper()))) == ["b", "c"]
        assert names(built, TaskFilter(build_id=build(2).id, status="running")) == ["c"]
        assert names(built, TaskFilter(build_id=THEIRS.id)) == []

    @pytest.mark.parametrize(
        ("name", "value", "other"),
        [
            ("n", 1, 1.0),
            ("n", 1, "1"),
            ("n", True, 1),
            ("n", None, "null"),
            ("n", "", None),
            ("n", [1, [2]], [1, 2]),
            ("n", {"b": 1, "a": 2}, {"a": 2}),
            ('a "name" = ü', "a value = ü\n", "a value"),
            ("n", "x" * 10_000, "x" * 9_999),
            ("", 0, -0.0),
        ],
    )
    def test_the_list_is_searched_by_parameters_exactly(
        self, built: Database, name: str, value: Json, other: Json
    ) -> None:
        with_value = TaskRecord("with", {name: value, "more": 1}, "completed")
        record(built, with_value, TaskRecord("without", {name: other, "more": 1}, "completed"))
        wanted = (name, canonical_json(value))
        assert names(built, TaskFilter(parameters=(wanted,))) == ["with"]
        assert names(built, TaskFilter(parameters=(wanted, ("more", "1")))) == ["with"]
        assert names(built, TaskFilter(parameters=(wanted, ("more", "2")))) == []
        assert sorted(names(built, TaskFilter(parameters=(("more", "1"),)))) == ["with", "without"]

    def test_a_name_and_a_value_are_not_taken_for_each_other(self, built: Database) -> None:
        record(built, TaskRecord("t", {"a": "b:c"}, "completed"), TaskRecord("u", {"a:b": "c"}, "completed"))
        assert names(built, TaskFilter(parameters=(("a:b", '"c"'),))) == ["u"]
        assert names(built, TaskFilter(parameters=(("a", '"b:c"'),))) == ["t"]

    @pytest.mark.parametrize("newest_first", [True, False])
    def test_the_list_goes_on_after_any_place_also_where_times_are_equal(
        self, built: Database, *, newest_first: bool
    ) -> None:
        for number in range(9):
            record(built, TaskRecord("t", {"number": number}, "completed"), at=NOW + number // 3 * SECOND)
        wanted = TaskFilter(newest_first=newest_first)
        whole = tasks(built, wanted)
        moments = [task.recorded_at for task in whole]
        assert moments == sorted(moments, reverse=newest_first)
        paged: list[Task] = []
        while page := tasks(built, wanted, after=paged[-1] if paged else None, limit=2):
            paged += page
        assert paged == whole
        assert len(whole) == 9
