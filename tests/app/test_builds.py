"""Builds: started, joined, ended, and told of later where a registry does not answer."""

import json
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from stardag.app.builds.join_build import JoinedBuilds
from stardag.app.builds.reporting import LOGGER
from stardag.app.builds.running_build import RunningBuild
from stardag.domain.builds import (
    Build,
    BuildEnd,
    BuildStatus,
    Output,
    RegisteredBuild,
    Registration,
    RunStatus,
    TaskRecord,
)
from stardag.domain.endings import Ending
from stardag.domain.errors import NotAllowed
from stardag.domain.names import is_id
from stardag.domain.output_errors import BuildCancelled
from stardag.domain.profile import NO_SELECTION, Selection
from stardag.domain.refusals import BuildEnded, RefusedValue, WorkspaceArchived
from stardag.domain.registry_errors import (
    NotKnownToRegistry,
    RegistryUnreachable,
    StorageUnavailable,
    TargetRootMismatch,
)
from stardag.domain.tasks import task_id
from tests.app.world import World, codes
from tests.fakes.environment import FakeEnvironment
from tests.fakes.registry import FakeRegistryApi

FIRST = "/local-target-roots/default/default/"
AT = datetime(2026, 11, 26, tzinfo=UTC)


class HeldApi(FakeRegistryApi):
    """A registry whose answer is not heard: what it is asked for happens all the same."""

    lost_answers = 1

    def register_build(self, workspace_id: str, registration: Registration, idempotency_key: str) -> RegisteredBuild:
        registered = super().register_build(workspace_id, registration, idempotency_key)
        if self.registry.requests.count(f"POST /workspaces/{workspace_id}/builds") <= self.lost_answers:
            raise RegistryUnreachable(self.registry.url, "the connection was closed without an answer")
        return registered


class NeverHeardApi(HeldApi):
    lost_answers = 1000


@pytest.fixture
def world() -> World:
    return World().synced()


@pytest.fixture
def begun() -> Iterator[list[RunningBuild]]:
    """Builds that a test leaves running are stopped when it ends."""
    builds: list[RunningBuild] = []
    yield builds
    for build in builds:
        build.end("completed")


def start(world: World, name: str = "nightly", selection: Selection = NO_SELECTION) -> RunningBuild:
    return world.start_build(selection, name)


def tell(build: RunningBuild, name: str = "train", status: RunStatus = "completed") -> None:
    build.record(task_id(name, {}), TaskRecord(name, {}, status, Output("default", f"{name}/x"), AT))


def registered(world: World) -> Build:
    (build,) = world.registry.builds.values()
    return build.detail.build


def paths(world: World) -> list[str]:
    return [request.replace(world.workspace.id, "W") for request in world.registry.requests]


def test_with_warm_caches_and_unchanged_roots_a_build_takes_two_requests_to_start_and_one_to_end(world: World) -> None:
    build = world.start_build(NO_SELECTION, "nightly", "every night", "abc123")
    assert paths(world) == ["GET /workspaces/W/target-roots", "POST /workspaces/W/builds"]
    assert [sent.etag is not None for sent in world.registries.conditions] == [True]
    assert len(world.registries.connected) == 1
    shown = registered(world)
    assert (shown.name, shown.description, shown.commit, shown.status) == (
        "nightly",
        "every night",
        "abc123",
        "running",
    )
    assert (build.id, build.notices) == (shown.id, ())
    assert build.end("completed") == ()
    assert paths(world)[2:] == [f"PATCH /workspaces/W/builds/{shown.id}"]
    assert registered(world).status == "completed"


def test_a_build_is_registered_with_the_effective_target_roots(world: World) -> None:
    world.set_root("archive", "s3://bucket/archive/")
    world.environment.target_roots = {"scratch": "/scratch"}
    build = start(world)
    (known,) = world.registry.builds.values()
    assert known.detail.target_roots == {
        "default": FIRST,
        "archive": "s3://bucket/archive/",
        "scratch": "/scratch",
    }
    assert build.profile.target_root("archive") == "s3://bucket/archive/"
    assert codes(build.notices) == ["root-added", "root-overridden"]
    build.end("completed")


def test_a_registration_whose_answer_is_lost_is_sent_once_more_and_makes_no_second_build(world: World) -> None:
    world.registries.api = HeldApi
    build = start(world)
    assert paths(world).count("POST /workspaces/W/builds") == 2
    assert build.id == registered(world).id
    build.end("completed")


def test_a_registration_that_is_never_answered_is_given_up(world: World) -> None:
    world.registries.api = NeverHeardApi
    with pytest.raises(RegistryUnreachable):
        start(world)
    assert paths(world).count("POST /workspaces/W/builds") == 2


def test_two_builds_are_two(world: World) -> None:
    first, second = start(world), start(world)
    assert first.id != second.id
    assert len(world.registry.builds) == 2
    first.end("completed")
    second.end("completed")


@pytest.mark.parametrize("selection", [NO_SELECTION, Selection(offline=True)])
def test_without_the_registry_no_build_is_begun(world: World, selection: Selection) -> None:
    world.registry.down = "nothing listens there"
    before = threading.active_count()
    with pytest.raises(RegistryUnreachable):
        start(world, selection=selection)
    assert threading.active_count() == before
    assert world.outcomes.kept == {}


def test_with_roots_that_differ_or_a_storage_that_fails_none_is_registered(world: World) -> None:
    world.storage.problems = {FIRST: "it is full"}
    with pytest.raises(StorageUnavailable):
        start(world)
    world.set_root("default", "/moved")
    with pytest.raises(TargetRootMismatch):
        start(world)
    assert world.registry.builds == {}


def test_what_the_registry_does_not_accept_is_said(world: World) -> None:
    with pytest.raises(RefusedValue, match="the name"):
        start(world, "two\nlines")
    world.registry.workspaces[world.workspace.id] = world.workspace._replace(is_archived=True)
    with pytest.raises(WorkspaceArchived):
        start(world)


def test_where_nothing_names_a_registry_a_build_stays_on_this_machine_and_says_so(world: World) -> None:
    world.files.user, world.environment.api_key = None, None
    build = start(world)
    assert build.id is None
    assert codes(build.notices) == ["local-build"]
    tell(build)
    build.check_goes_on()
    variables = {name: value for name, value in build.environment().items() if value}
    assert sorted(variables) == ["STARDAG_INHERITED", "STARDAG_TARGET_ROOTS"]
    assert variables["STARDAG_TARGET_ROOTS"] == '{"default":"/home/me/.stardag/local-target-roots/default/default/"}'
    assert build.end("failed", "ValueError") == ()
    assert (world.registry.requests, world.outcomes.kept) == ([], {})


@pytest.mark.parametrize(("end", "error"), [("completed", None), ("failed", "ValueError"), ("cancelled", None)])
def test_it_ends_as_it_is_said_to_with_all_that_is_known_of_its_tasks(
    world: World, end: BuildEnd, error: str | None
) -> None:
    build = start(world)
    tell(build)
    assert build.end(end, error) == ()
    shown = registered(world)
    assert (shown.status, shown.error) == (end, error)
    assert world.registry.tasks[world.workspace.id, task_id("train", {})].task.status == "completed"
    assert build.end("failed", "again") == (), "only once"
    assert not build.is_open


def test_a_build_that_somebody_cancelled_begins_no_more_tasks_and_stays_cancelled(world: World) -> None:
    heard = threading.Event()
    statuses: list[BuildStatus] = []
    world.monotonic = -1000.0

    def hear(status: BuildStatus) -> None:
        statuses.append(status)
        heard.set()

    build = world.start_build(NO_SELECTION, "nightly", on_end=hear)
    assert build.id is not None
    build.check_goes_on()
    world.registry.end_build(world.workspace.id, build.id, "cancelled")
    world.monotonic = 1000.0  # time for a heartbeat, and something to wake up for
    tell(build)
    assert heard.wait(30)
    assert (statuses, build.ended_as) == (["cancelled"], "cancelled")
    with pytest.raises(BuildCancelled, match="ended as cancelled"):
        build.check_goes_on()
    (notice,) = build.end("completed")
    assert notice.code == "build-ended"
    assert "was ended as cancelled" in notice.message
    assert registered(world).status == "cancelled"


def test_one_that_was_cancelled_just_before_its_end_says_so(world: World) -> None:
    build = start(world)
    world.registry.end_build(world.workspace.id, str(build.id), "cancelled")
    (notice,) = build.end("completed")
    assert notice.code == "build-ended"
    assert str(build.id) in notice.message


def test_so_does_one_that_hears_it_with_its_last_tasks(world: World) -> None:
    build = start(world)
    tell(build)
    world.registry.end_build(world.workspace.id, str(build.id), "cancelled")
    assert codes(build.end("completed")) == ["build-ended"]
    assert registered(world).status == "cancelled"


@pytest.mark.parametrize("is_local", [False, True])
def test_after_its_end_no_task_is_begun_and_one_that_went_on_is_said(
    world: World, is_local: bool, caplog: pytest.LogCaptureFixture
) -> None:
    if is_local:
        world.files.user, world.environment.api_key = None, None
    build = start(world)
    build.end("completed")
    with pytest.raises(RuntimeError, match="has ended"):
        build.check_goes_on()
    tell(build)
    assert ("went on after the end" in caplog.text) is not is_local


def test_other_processes_belong_to_it_by_its_environment(world: World, begun: list[RunningBuild]) -> None:
    build = start(world)
    begun.append(build)
    variables = {name: value for name, value in build.environment().items() if value}
    inherited = json.loads(variables.pop("STARDAG_INHERITED"))
    assert inherited == {
        "registry_url": world.registry.url,
        "organization": world.workspace.organization_id,
        "workspace": world.workspace.id,
        "organization_slug": "default",
        "workspace_slug": "default",
        "target_roots": {"default": FIRST},
    }
    assert variables == {
        "STARDAG_REGISTRY_URL": world.registry.url,
        "STARDAG_ORGANIZATION_ID": world.workspace.organization_id,
        "STARDAG_WORKSPACE_ID": world.workspace.id,
        "STARDAG_TARGET_ROOTS": f'{{"default":"{FIRST}"}}',
        "STARDAG_BUILD_ID": build.id,
    }


def test_a_forked_process_says_and_ends_nothing(
    world: World, begun: list[RunningBuild], caplog: pytest.LogCaptureFixture
) -> None:
    build = start(world)
    begun.append(build)
    world.process = 2
    tell(build)
    tell(build, "report")
    assert build.end("failed", "ValueError") == ()
    assert not build.is_open
    assert caplog.text.count("forked process") == 1
    assert LOGGER.name == "stardag"
    world.process = 1
    assert registered(world).status == "running"
    assert build.end("completed") == ()
    assert world.registry.tasks == {}


# What cannot be told is kept, and delivered once


def interrupted(world: World, end: BuildEnd = "failed", error: str | None = "ValueError") -> RunningBuild:
    """A build whose registry went away while it ran."""
    build = start(world)
    world.registry.down = "nothing listens there"
    tell(build)
    (notice,) = build.end(end, error)
    assert notice.code == "outcome-kept"
    assert "nothing listens there" in notice.message
    assert "/home/me/.stardag/build-outcomes/" in notice.message
    world.registry.down = None
    world.forget_requests()
    return build


def test_where_the_registry_does_not_answer_the_outcome_is_kept(world: World) -> None:
    build = interrupted(world)
    (outcome,) = world.outcomes.kept.values()
    assert (outcome.registry_url, outcome.workspace_id, outcome.build_id) == (
        world.registry.url,
        world.workspace.id,
        build.id,
    )
    assert outcome.ending == Ending("failed", "ValueError")
    assert outcome.at == datetime.fromtimestamp(world.now, UTC)
    assert [record.name for record in outcome.records] == ["train"]


def test_what_there_is_no_room_for_is_said(world: World) -> None:
    build = start(world)
    world.registry.down = "nothing listens there"
    world.outcomes.most_records = 1
    for name in ("split", "train", "report"):
        tell(build, name)
    (notice,) = build.end("completed")
    assert notice.message.endswith("It has no room for 2 of the tasks.")


def test_the_next_command_delivers_it_once_tasks_first(world: World) -> None:
    build = interrupted(world)
    connection = world.connect(NO_SELECTION)
    assert paths(world) == [f"POST /workspaces/W/builds/{build.id}/tasks", f"PATCH /workspaces/W/builds/{build.id}"]
    assert codes(connection.notices) == ["outcome-delivered"]
    assert str(build.id) in connection.notices[0].message
    assert registered(world).status == "failed"
    assert world.outcomes.kept == {}
    world.forget_requests()
    assert world.connect(NO_SELECTION).notices == ()
    assert world.registry.requests == []


def test_so_does_the_next_build_which_says_so(world: World, begun: list[RunningBuild]) -> None:
    interrupted(world)
    begun.append(start(world))
    assert codes(begun[0].notices) == ["outcome-delivered"]


def test_a_command_that_is_to_change_nothing_delivers_nothing(world: World) -> None:
    interrupted(world)
    world.sync(dry_run=True)
    assert len(world.outcomes.kept) == 1


def test_a_command_at_another_workspace_leaves_it_alone(world: World) -> None:
    interrupted(world)
    organization = next(iter(world.registry.organizations.values()))
    other = world.registry.add_workspace(organization, "other")
    world.environment = FakeEnvironment(api_key=world.registry.make_key(other).reveal())
    assert world.connect(Selection(workspace="other")).notices == ()
    assert len(world.outcomes.kept) == 1


def test_while_the_registry_is_away_it_stays_kept_and_the_command_fails(world: World) -> None:
    interrupted(world)
    world.registry.down = "nothing listens there"
    with pytest.raises(RegistryUnreachable):
        world.connect(NO_SELECTION)
    assert len(world.outcomes.kept) == 1


@pytest.mark.parametrize("end", ["cancelled", "completed"])
def test_a_build_that_has_another_end_by_now_settles_it(world: World, end: BuildEnd) -> None:
    build = interrupted(world)
    world.registry.end_build(world.workspace.id, str(build.id), end)
    (notice,) = world.connect(NO_SELECTION).notices
    assert notice.code == "outcome-settled"
    assert "has ended already" in notice.message
    assert world.outcomes.kept == {}


def test_a_build_that_is_gone_settles_it(world: World) -> None:
    interrupted(world)
    world.registry.builds.clear()
    assert codes(world.connect(NO_SELECTION).notices) == ["outcome-settled"]
    assert world.outcomes.kept == {}


def test_any_other_refusal_leaves_it_in_place_and_is_said(world: World) -> None:
    interrupted(world)
    key = world.registry.owner_key
    world.registry.forbidden.add(key)
    (notice,) = world.connect(NO_SELECTION).notices
    assert notice.code == "outcome-waiting"
    assert "does not allow" in notice.message
    world.registry.forbidden.clear()
    assert codes(world.connect(NO_SELECTION).notices) == ["outcome-delivered"]


def test_one_that_somebody_else_delivers_is_left_to_them(world: World) -> None:
    interrupted(world)
    with world.outcomes.claimed(world.directory, world.registry.url, world.workspace.id) as claim:
        assert len(claim.outcomes) == 1
        assert world.connect(NO_SELECTION).notices == ()
    assert world.registry.requests == []
    assert codes(world.connect(NO_SELECTION).notices) == ["outcome-delivered"]


def test_one_that_cannot_be_read_is_said_and_does_not_hold_up_the_command(world: World) -> None:
    interrupted(world)
    world.outcomes.spoil(world.directory)
    assert codes(world.connect(NO_SELECTION).notices) == ["state-set-aside"]
    assert registered(world).status == "running"


def test_where_it_cannot_be_kept_either_the_registry_will_show_it_as_lost(world: World) -> None:
    build = start(world)
    world.registry.down = "nothing listens there"
    world.outcomes.is_read_only = True
    (notice,) = build.end("completed")
    assert notice.code == "outcome-not-kept"
    assert "show it as lost" in notice.message
    assert "read-only file system" in notice.message


class Hurry(FakeRegistryApi):
    """Somebody presses Ctrl-C while the registry is told."""

    def end_build(self, workspace_id: str, build_id: str, end: BuildEnd, error: str | None = None) -> Build:
        raise KeyboardInterrupt


def test_whoever_is_in_a_hurry_at_the_end_loses_nothing(world: World) -> None:
    world.registries.api = Hurry
    build = start(world)
    with pytest.raises(KeyboardInterrupt):
        build.end("completed")
    world.registries.api = FakeRegistryApi
    assert codes(world.connect(NO_SELECTION).notices) == ["outcome-delivered"]
    assert registered(world).status == "completed"


class Unforeseen(FakeRegistryApi):
    def end_build(self, workspace_id: str, build_id: str, end: BuildEnd, error: str | None = None) -> Build:
        raise RuntimeError("can't start new thread: hunter2")


def test_what_is_not_foreseen_at_the_end_is_no_failure_of_the_build(world: World) -> None:
    world.registries.api = Unforeseen
    (notice,) = start(world).end("completed")
    assert notice.code == "outcome-kept"
    assert "hunter2" not in notice.message


class Revoked(FakeRegistryApi):
    def end_build(self, workspace_id: str, build_id: str, end: BuildEnd, error: str | None = None) -> Build:
        raise NotAllowed(self.registry.url, "the key may only read")


def test_an_outcome_that_is_refused_is_kept_as_well(world: World) -> None:
    world.registries.api = Revoked
    assert codes(start(world).end("completed")) == ["outcome-kept"]


class Choosy(FakeRegistryApi):
    def record_tasks(self, workspace_id: str, build_id: str, records: Sequence[TaskRecord]) -> None:
        if any(record.name == "poison" for record in records):
            raise RefusedValue(self.registry.url, "the parameters")
        super().record_tasks(workspace_id, build_id, records)


def test_a_task_that_is_not_accepted_does_not_hold_up_what_is_delivered(world: World) -> None:
    build = start(world)
    world.registry.down = "nothing listens there"
    for name in ("split", "poison", "train"):
        tell(build, name)
    build.end("completed")
    world.registry.down = None
    world.registries.api = Choosy
    (notice,) = world.connect(NO_SELECTION).notices
    assert "without 1 task" in notice.message
    assert {detail.task.name for detail in world.registry.tasks.values()} == {"split", "train"}
    assert registered(world).status == "completed"


# Joining the build of another process


def worker(world: World, build: RunningBuild, **changes: str) -> World:
    """The same machine in a process that was given the build's variables: no files, nothing remembered."""
    other = World()
    other.registry = world.registry
    other.registries.registries = world.registries.registries
    other.registries.conditions = world.registry.conditions
    other.workspace = world.workspace
    other.files.user = None
    other.make_state_read_only()
    variables = {**build.environment(), **changes}
    roots = variables["STARDAG_TARGET_ROOTS"]
    other.environment = FakeEnvironment(
        registry_url=variables["STARDAG_REGISTRY_URL"],
        api_key=world.registry.owner_key.reveal(),
        organization=variables["STARDAG_ORGANIZATION_ID"],
        workspace=variables["STARDAG_WORKSPACE_ID"],
        target_roots={"default": FIRST} if roots else {},
        build_id=variables["STARDAG_BUILD_ID"],
    )
    world.forget_requests()
    return other


def join(world: World, known: JoinedBuilds | None = None, name: str = "in a worker") -> RunningBuild:
    build = world.join_build(NO_SELECTION, name, known or JoinedBuilds())
    assert build is not None
    return build


@pytest.fixture
def driver(world: World, begun: list[RunningBuild]) -> RunningBuild:
    begun.append(start(world))
    return begun[0]


def test_without_the_variable_nothing_is_joined(world: World) -> None:
    assert world.join_build(NO_SELECTION, "x", JoinedBuilds()) is None
    assert world.registry.requests == []


def test_a_worker_joins_with_one_request_and_only_tells_of_its_tasks(world: World, driver: RunningBuild) -> None:
    other = worker(world, driver)
    build = join(other)
    assert paths(world) == [f"GET /workspaces/W/builds/{driver.id}"]
    assert (build.id, build.name, build.notices) == (driver.id, "nightly", ())
    tell(build)
    assert build.end("failed", "ValueError") == ()
    assert paths(world)[1:] == [f"POST /workspaces/W/builds/{driver.id}/tasks"]
    assert registered(world).status == "running"
    assert build.environment()["STARDAG_BUILD_ID"] == driver.id


def test_it_asks_once_a_process_whatever_number_of_threads_join(world: World, driver: RunningBuild) -> None:
    other, known = worker(world, driver), JoinedBuilds()
    builds: list[RunningBuild] = []
    threads = [threading.Thread(target=lambda: builds.append(join(other, known))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for build in builds:
        assert build.id == driver.id
        build.end("completed")
    assert len(builds) == 8
    assert len(paths(world)) == 1


def test_the_pinned_roots_are_in_force_whatever_has_changed_since(world: World, driver: RunningBuild) -> None:
    other = worker(world, driver)
    world.set_root("default", "/moved")
    world.set_root("new", "/new")
    other.environment.target_roots = {"default": "/of-the-worker"}
    build = join(other)
    assert {name: setting.value for name, setting in build.profile.target_roots.items()} == {"default": FIRST}
    assert str(build.profile.target_roots["default"].origin) == "STARDAG_BUILD_ID"
    assert other.storage.checked == []
    build.end("completed")


@pytest.mark.parametrize("end", ["completed", "failed", "cancelled"])
def test_a_build_that_has_ended_cannot_be_joined(world: World, driver: RunningBuild, end: BuildEnd) -> None:
    other = worker(world, driver)
    driver.end(end)
    with pytest.raises(BuildEnded, match="has ended already") as caught:
        join(other)
    assert str(driver.id) in caught.value.fix


def test_once_it_hears_of_the_end_a_worker_begins_no_more_tasks_and_joins_no_more(
    world: World, driver: RunningBuild
) -> None:
    known, other = JoinedBuilds(), worker(world, driver)
    build = join(other, known)
    build.check_goes_on()
    world.registry.end_build(world.workspace.id, str(driver.id), "cancelled")
    tell(build)
    assert build.end("completed") == (), "that is for the driver to say"
    assert build.ended_as == "cancelled"
    with pytest.raises(BuildEnded):
        join(other, known)


def test_an_unknown_build_cannot_nor_can_one_of_another_workspace(world: World, driver: RunningBuild) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    with pytest.raises(NotKnownToRegistry, match="build"):
        join(worker(world, driver, STARDAG_BUILD_ID=unknown))
    other = worker(world, driver)
    elsewhere = world.registry.add_workspace(next(iter(world.registry.organizations.values())), "elsewhere")
    other.environment.api_key = world.registry.make_key(elsewhere).reveal()
    other.environment.workspace = elsewhere.id
    with pytest.raises(NotKnownToRegistry, match="build"):
        join(other)


def test_by_slugs_the_workspace_is_looked_up_first(world: World, driver: RunningBuild) -> None:
    other = worker(world, driver, STARDAG_WORKSPACE_ID="default", STARDAG_ORGANIZATION_ID="default")
    build = join(other)
    assert paths(world) == ["GET /me", f"GET /workspaces/W/builds/{driver.id}"]
    assert is_id(build.environment()["STARDAG_WORKSPACE_ID"])
    build.end("completed")


def test_out_of_reach_it_goes_on_with_the_roots_of_the_environment_and_keeps_its_tasks(
    world: World, driver: RunningBuild
) -> None:
    other = worker(world, driver)
    world.registry.down = "nothing listens there"
    known = JoinedBuilds()
    build = join(other, known)
    assert codes(build.notices) == ["joined-out-of-reach"]
    assert build.profile.target_root("default") == FIRST
    assert build.name == "in a worker"
    tell(build)
    assert codes(build.end("completed")) == ["outcome-kept"]
    (outcome,) = other.outcomes.kept.values()
    assert (outcome.ending, len(outcome.records)) == (None, 1)
    second = join(other, known)
    assert second.end("completed") == (), "and nothing is kept where there is nothing to tell"
    world.registry.down = None
    (notice,) = other.connect(NO_SELECTION).notices[-1:]
    assert notice.code == "outcome-delivered"
    assert registered(world).status == "running"
    assert len(world.registry.tasks) == 1


def test_working_offline_it_does_too(world: World, driver: RunningBuild) -> None:
    other = worker(world, driver)
    other.environment.offline = True
    build = join(other)
    assert codes(build.notices) == ["joined-out-of-reach"]
    tell(build)
    assert codes(build.end("completed")) == ["outcome-kept"]


def test_out_of_reach_and_without_roots_it_fails(world: World, driver: RunningBuild) -> None:
    other = worker(world, driver, STARDAG_TARGET_ROOTS="")
    world.registry.down = "nothing listens there"
    with pytest.raises(RegistryUnreachable):
        join(other)


def test_a_failure_to_join_is_not_remembered(world: World, driver: RunningBuild) -> None:
    other, known = worker(world, driver, STARDAG_TARGET_ROOTS=""), JoinedBuilds()
    world.registry.down = "nothing listens there"
    with pytest.raises(RegistryUnreachable):
        join(other, known)
    world.registry.down = None
    join(other, known).end("completed")


def test_a_process_that_is_forked_while_another_thread_joins_can_join(world: World, driver: RunningBuild) -> None:
    known = JoinedBuilds()
    known.lock.acquire()
    known.renew_lock()
    join(worker(world, driver), known).end("completed")


def test_a_selection_of_another_place_joins_nothing(world: World, driver: RunningBuild) -> None:
    other = worker(world, driver)
    other.files.user = {"registry": {"b": {"url": "https://b.example"}}, "profile": {"b": {"registry": "b"}}}
    assert other.join_build(Selection(profile="b"), "x", JoinedBuilds()) is None
