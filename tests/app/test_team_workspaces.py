"""What is changed in workspaces and asked about builds: what is confirmed, what is not sent, and what is said."""

from datetime import UTC, datetime, timedelta

import pytest

from stardag.domain.builds import TaskFilter
from stardag.domain.errors import ConfirmationNeeded, InvalidName, InvalidValue, MissingSetting
from stardag.domain.profile import NO_SELECTION, Selection
from stardag.domain.refusals import AlreadyExists, AmbiguousName
from stardag.domain.registry_errors import NotKnownToRegistry
from tests.app.world import World, codes

OWNER = "owner@acme.example"


@pytest.fixture
def world() -> World:
    """The environment has a key that administers the workspace, whose one root two builds have used."""
    world = World()
    for _ in range(2):
        world.registry.register_build(world.workspace.id)
    return world


@pytest.fixture
def owner(world: World) -> World:
    """The same, with the owner signed in, in place of the key."""
    world.signed_in(OWNER, "owner")
    return world


def roots(world: World) -> dict[str, str]:
    return world.registry.roots[world.workspace.id]


class TestWorkspaces:
    def test_one_is_made_in_the_active_organization(self, owner: World) -> None:
        reply = owner.edit_workspaces.create(NO_SELECTION, "staging", None, "Before production.")
        assert (reply.value.slug, reply.value.name, reply.place) == ("staging", "staging", "default")

    def test_what_cannot_be_a_slug_is_not_sent(self, owner: World) -> None:
        owner.forget_requests()
        with pytest.raises(InvalidName):
            owner.edit_workspaces.create(NO_SELECTION, "No Slug", None, "")
        assert owner.registry.requests == []

    @pytest.mark.parametrize("by_id", [True, False])
    def test_one_is_archived_and_brought_back_by_slug_or_id(self, owner: World, by_id: bool) -> None:
        reference = owner.workspace.id if by_id else "default"
        for undo, archived in ((False, True), (False, True), (True, False), (True, False)):
            now, changed = owner.edit_workspaces.archive(NO_SELECTION, reference, undo=undo, confirmed=True).value
            assert now.is_archived is archived
            assert changed is (owner.registry.requests[-1].startswith("PATCH"))
        assert sum(request.startswith("PATCH") for request in owner.registry.requests) == 2

    def test_one_that_is_not_there_is_named_with_the_nearest_archived_or_not(self, owner: World) -> None:
        owner.edit_workspaces.archive(NO_SELECTION, "default", undo=False, confirmed=True)
        with pytest.raises(NotKnownToRegistry, match="Did you mean 'default'"):
            owner.edit_workspaces.archive(NO_SELECTION, "defalt", undo=False, confirmed=True)

    def test_an_archived_workspace_is_still_read(self, owner: World) -> None:
        owner.edit_workspaces.archive(NO_SELECTION, "default", undo=False, confirmed=True)
        assert len(owner.read_builds.builds(NO_SELECTION, None, None, 10).value.items) == 2


class TestTargetRoots:
    def test_one_is_added_and_the_cache_left_as_it_is(self, world: World) -> None:
        world.synced()
        before = world.cached()
        reply = world.edit_target_roots.add(NO_SELECTION, "archive", "s3://archive/", confirmed=False)
        assert reply.value.change == ("archive", None, "s3://archive/")
        assert roots(world)["archive"] == "s3://archive/"
        assert world.cached() == before

    @pytest.mark.parametrize(
        ("prefix", "says"),
        [
            (
                "/shared/default/x",
                "'new' (/shared/default/x) would lie inside the target root 'unused' (/shared/default)",
            ),
            ("/shared", "'new' (/shared) would lie around the target root 'unused' (/shared/default)"),
            ("/home/alice/x", "/home/alice/x lies below one person's home (/home/alice), and the workspace 'default'"),
        ],
    )
    def test_what_is_rarely_meant_is_asked_first_and_done_once_confirmed(
        self, world: World, prefix: str, says: str
    ) -> None:
        world.set_root("unused", "/shared/default")
        with pytest.raises(ConfirmationNeeded) as caught:
            world.edit_target_roots.add(NO_SELECTION, "new", prefix, confirmed=False)
        assert says in caught.value.message
        assert caught.value.option == "--yes"
        assert "new" not in roots(world)
        world.edit_target_roots.add(NO_SELECTION, "new", prefix, confirmed=True)
        world.edit_target_roots.change(NO_SELECTION, "new", "/apart", confirmed=False)
        with pytest.raises(ConfirmationNeeded) as caught:
            world.edit_target_roots.change(NO_SELECTION, "new", prefix, confirmed=False)
        assert says in caught.value.message

    def test_a_name_that_is_taken_is_said_before_anything_is_asked(self, world: World) -> None:
        world.set_root("unused", "/shared/default")
        with pytest.raises(AlreadyExists, match="'unused'"):
            world.edit_target_roots.add(NO_SELECTION, "unused", "/home/alice/x", confirmed=False)

    def test_a_change_shows_all_that_there_is_to_confirm_at_once(self, world: World) -> None:
        with pytest.raises(ConfirmationNeeded) as caught:
            world.edit_target_roots.change(NO_SELECTION, "default", "/root/x", confirmed=False)
        assert "2 builds have used the target root" in caught.value.message
        assert "one person's home (/root)" in caught.value.message

    def test_a_prefix_below_each_ones_home_is_told_and_not_asked(self, world: World) -> None:
        reply = world.edit_target_roots.add(NO_SELECTION, "new", "~/x", confirmed=False)
        assert codes(reply.notices) == ["root-below-each-home"]

    def test_a_change_of_one_that_builds_have_used_is_confirmed_with_the_guides_warning(self, world: World) -> None:
        old = roots(world)["default"]
        with pytest.raises(ConfirmationNeeded) as caught:
            world.edit_target_roots.change(NO_SELECTION, "default", "/elsewhere", confirmed=False)
        assert (caught.value.option, roots(world)["default"]) == ("--yes", old)
        for words in (
            "2 builds have used the target root 'default'",
            old,
            "/elsewhere",
            "appear incomplete",
            "history of these builds refers to a path",
            "1. add a new target root with the new path: stardag target-roots add NAME /elsewhere",
            "2. update task definitions to use the new root",
            "3. keep 'default' for historical reference, or migrate its data manually",
        ):
            assert words in caught.value.message
        reply = world.edit_target_roots.change(NO_SELECTION, "default", "/elsewhere", confirmed=True)
        assert (reply.value.change, reply.value.builds) == (("default", old, "/elsewhere"), 2)
        assert roots(world)["default"] == "/elsewhere"

    def test_removing_one_that_builds_have_used_is_confirmed_too(self, world: World) -> None:
        with pytest.raises(ConfirmationNeeded, match="Once it is removed"):
            world.edit_target_roots.remove(NO_SELECTION, "default", confirmed=False)
        assert "default" in roots(world)
        assert world.edit_target_roots.remove(NO_SELECTION, "default", confirmed=True).value.builds == 2
        assert roots(world) == {}

    def test_nobody_is_asked_where_nothing_can_look_incomplete(self, world: World) -> None:
        old = roots(world)["default"]
        assert world.edit_target_roots.change(
            NO_SELECTION, "default", f"{old.rstrip('/')}", confirmed=False
        ).value.changed
        world.set_root("unused", "/unused")
        world.edit_target_roots.change(NO_SELECTION, "unused", "/elsewhere", confirmed=False)
        world.edit_target_roots.remove(NO_SELECTION, "unused", confirmed=False)

    def test_the_same_prefix_again_changes_nothing_and_sends_no_change(self, world: World) -> None:
        old = roots(world)["default"]
        reply = world.edit_target_roots.change(NO_SELECTION, "default", old, confirmed=False)
        assert not reply.value.changed
        assert not any(request.startswith("PATCH") for request in world.registry.requests)

    def test_builds_with_the_root_as_it_was_once_do_not_count(self, world: World) -> None:
        world.edit_target_roots.change(NO_SELECTION, "default", "/elsewhere", confirmed=True)
        world.edit_target_roots.change(NO_SELECTION, "default", "/further", confirmed=False)

    @pytest.mark.parametrize(
        ("name", "prefix", "error"),
        [
            ("No Name", "/x", InvalidName),
            ("x", "relative", InvalidValue),
            ("x", "s3://", InvalidValue),
            ("x", "/*", InvalidValue),
        ],
    )
    def test_what_cannot_be_one_is_not_sent(self, world: World, name: str, prefix: str, error: type[Exception]) -> None:
        with pytest.raises(error):
            world.edit_target_roots.add(NO_SELECTION, name, prefix, confirmed=True)
        with pytest.raises(error):
            world.edit_target_roots.change(NO_SELECTION, name, prefix, confirmed=True)
        assert world.registry.requests == []

    def test_where_nothing_names_a_registry_there_is_nothing_to_change(self, world: World) -> None:
        world.files.user = None
        world.environment.api_key = None
        with pytest.raises(MissingSetting, match="nothing to ask"):
            world.edit_target_roots.add(NO_SELECTION, "x", "/x", confirmed=False)


class TestApiKeys:
    def test_the_end_is_counted_from_now(self, world: World) -> None:
        made = world.edit_api_keys.make(NO_SELECTION, "ci", "build", timedelta(days=90)).value
        assert made.api_key.expires_at == datetime.fromtimestamp(world.now, UTC) + timedelta(days=90)
        assert world.edit_api_keys.make(NO_SELECTION, "more", "build", None).value.api_key.expires_at is None

    def test_a_span_that_no_calendar_has_is_refused_before_anybody_is_asked(self, world: World) -> None:
        with pytest.raises(InvalidValue, match="too long"):
            world.edit_api_keys.make(NO_SELECTION, "ci", "build", timedelta(days=99_999_999))
        assert world.registry.requests == []

    def test_revoking_is_confirmed_and_final(self, world: World) -> None:
        made = world.edit_api_keys.make(NO_SELECTION, "ci", "build", None).value
        with pytest.raises(ConfirmationNeeded, match="'ci' of workspace 'default'"):
            world.edit_api_keys.revoke(NO_SELECTION, "ci", confirmed=False)
        assert made.key in world.registry.keys
        world.edit_api_keys.revoke(NO_SELECTION, "ci", confirmed=True)
        assert made.key not in world.registry.keys
        (revoked,) = world.edit_api_keys.list(NO_SELECTION, revoked=True).value
        assert revoked.name == "ci"
        with pytest.raises(NotKnownToRegistry, match="no API key 'ci'"):
            world.edit_api_keys.revoke(NO_SELECTION, "ci", confirmed=True)

    def test_a_name_that_two_keys_have_names_neither_and_an_id_does(self, world: World) -> None:
        ids = [world.edit_api_keys.make(NO_SELECTION, "ci", "build", None).value.api_key.id for _ in range(2)]
        with pytest.raises(AmbiguousName) as caught:
            world.edit_api_keys.revoke(NO_SELECTION, "ci", confirmed=True)
        assert list(caught.value.ids) == ids
        assert world.edit_api_keys.revoke(NO_SELECTION, ids[0], confirmed=True).value.id == ids[0]


class TestBuildsAndTasks:
    def test_since_is_a_moment_or_a_span_that_ends_now(self, world: World) -> None:
        newest = world.read_builds.builds(NO_SELECTION, None, None, 1).value.items[0]
        world.now = (newest.started_at + timedelta(hours=1)).timestamp()
        for since, number in (
            (timedelta(hours=1), 1),
            (timedelta(hours=2), 2),
            (newest.started_at, 1),
            (newest.started_at + timedelta(seconds=1), 0),
        ):
            assert len(world.read_builds.builds(NO_SELECTION, None, since, 10).value.items) == number
        with pytest.raises(InvalidValue, match="too long ago"):
            world.read_builds.builds(NO_SELECTION, None, timedelta(weeks=150_000), 10)

    def test_builds_are_shown_and_cancelled_in_the_active_workspace_alone(self, world: World) -> None:
        organization = world.registry.organizations[world.workspace.organization_id]
        elsewhere = world.registry.register_build(world.registry.add_workspace(organization, "other").id)
        mine = world.registry.register_build(world.workspace.id, "A night of training")
        shown = world.read_builds.build(NO_SELECTION, mine).value
        assert (shown.build.description, dict(shown.target_roots)) == ("A night of training", roots(world))
        assert world.read_builds.cancel(NO_SELECTION, mine).value.status == "cancelled"
        for call in (world.read_builds.build, world.read_builds.cancel):
            with pytest.raises(NotKnownToRegistry, match="no build"):
                call(NO_SELECTION, elsewhere)

    def test_tasks_are_found_and_shown(self, world: World) -> None:
        build = world.registry.register_build(world.workspace.id)
        task = world.registry.record_task(world.workspace.id, build, "train", {"rate": 0.1}, "completed")
        world.registry.record_task(world.workspace.id, build, "load", {}, "completed")
        found = world.read_builds.tasks(NO_SELECTION, TaskFilter(parameters=("rate=0.1",)), 10).value
        assert [each.id for each in found.items] == [task]
        assert [run.build_id for run in world.read_builds.task(NO_SELECTION, task).value.runs] == [build]

    def test_the_workspace_may_be_another_than_the_profiles(self, owner: World) -> None:
        organization = owner.registry.organizations[owner.workspace.organization_id]
        other = owner.registry.add_workspace(organization, "other")
        owner.registry.register_build(other.id)
        reply = owner.read_builds.builds(Selection(workspace="other"), None, None, 10)
        assert (len(reply.value.items), reply.place) == (1, "other")
