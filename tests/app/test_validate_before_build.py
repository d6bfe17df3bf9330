"""What a build start does before anything is built (guide, "Target Roots Synchronization"; readings, section 4)."""

import re

import pytest

from stardag.domain.environment import InheritedPlace
from stardag.domain.errors import StateNotWritable
from stardag.domain.profile import NO_SELECTION, Selection
from stardag.domain.refusals import WorkspaceArchived
from stardag.domain.registry_errors import (
    RegistryUnreachable,
    StorageUnavailable,
    TargetRootCacheLost,
    TargetRootMismatch,
)
from stardag.domain.root_changes import RootChange, RootChanges
from tests.app.world import World, codes

FIRST = "/local-target-roots/default/default/"


@pytest.fixture
def world() -> World:
    return World()


def test_an_archived_workspace_fails_as_the_build_does_in_one_request_and_is_still_synced(world: World) -> None:
    world.synced()
    world.registry.workspaces[world.workspace.id] = world.workspace._replace(is_archived=True)
    world.forget_requests()
    with pytest.raises(WorkspaceArchived) as refused:
        world.validate()
    assert len(world.registry.requests) == 1
    with pytest.raises(WorkspaceArchived, match=re.escape(refused.value.message)):
        world.start_build(NO_SELECTION, "nightly")
    assert not world.sync().changes


def test_unchanged_roots_cost_exactly_one_conditional_request(world: World) -> None:
    world.synced()
    validated = world.validate()
    assert world.registry.requests == [f"GET /workspaces/{world.workspace.id}/target-roots"]
    assert [sent.etag is not None for sent in world.registries.conditions] == [True]
    assert (validated.changes, validated.applied, validated.notices) == (RootChanges(), False, ())
    assert world.storage.checked == [FIRST]


def test_a_workspace_never_synced_before_has_only_additions(world: World) -> None:
    validated = world.validate()
    assert validated.changes == RootChanges(added=(RootChange("default", None, FIRST),))
    assert validated.applied
    assert codes(validated.notices) == ["root-added"]
    assert world.cached() == {"default": FIRST}
    assert validated.profile.target_root("default") == FIRST


def test_added_roots_are_synced_and_said_and_the_next_build_is_quiet(world: World) -> None:
    world.synced()
    world.set_root("archive", "/archive")
    validated = world.validate()
    assert codes(validated.notices) == ["root-added"]
    assert "archive" in validated.notices[0].message
    assert world.cached() == {"archive": "/archive", "default": FIRST}
    assert sorted(world.storage.checked) == ["/archive", FIRST]
    world.forget_requests()
    assert world.validate().notices == ()
    assert [sent.etag is not None for sent in world.registries.conditions] == [True]


def test_modified_or_deleted_roots_stop_the_build_listing_every_difference(world: World) -> None:
    world.set_root("old", "/old")
    world.synced()
    world.set_root("default", "/moved")
    world.set_root("new", "/new")
    world.delete_root("old")
    with pytest.raises(TargetRootMismatch) as caught:
        world.validate()
    message = caught.value.message
    assert "Target root mismatch" in message
    for line in (f"default: {FIRST} -> /moved", "old: /old", "new: /new"):
        assert line in message
    assert "stardag target-roots sync" in caught.value.fix
    assert world.cached() == {"default": FIRST, "old": "/old"}
    assert world.storage.checked == []


def test_the_command_to_run_syncs_the_very_workspace_that_was_validated(world: World) -> None:
    world.synced()
    world.set_root("default", "/moved")
    with pytest.raises(TargetRootMismatch) as caught:
        world.validate(Selection(profile="local", workspace="default"))
    assert caught.value.fix.endswith("stardag target-roots sync --profile local --workspace default")


def test_a_sync_accepts_the_change_and_the_build_starts(world: World) -> None:
    world.synced()
    world.set_root("default", "/moved")
    with pytest.raises(TargetRootMismatch):
        world.validate()
    world.sync()
    assert world.validate().profile.target_root("default") == "/moved"


def test_a_trailing_slash_makes_no_difference(world: World) -> None:
    world.synced()
    world.set_root("default", FIRST.rstrip("/"))
    assert not world.validate().changes


def test_overridden_roots_are_reported_and_left_out_of_the_comparison(world: World) -> None:
    world.synced()
    world.set_root("default", "/moved")
    world.environment.target_roots = {"default": "/mine"}
    validated = world.validate()
    assert not validated.changes
    assert codes(validated.notices) == ["root-overridden"]
    assert "default" in validated.notices[0].message
    assert world.storage.checked == ["/mine"]


def test_additions_are_taken_over_without_a_modification_hidden_behind_an_override(world: World) -> None:
    world.synced()
    world.set_root("default", "/moved")
    world.set_root("archive", "/archive")
    world.environment.target_roots = {"default": "/mine"}
    assert world.validate().changes.added == (RootChange("archive", None, "/archive"),)
    assert world.cached() == {"archive": "/archive", "default": FIRST}
    world.environment.target_roots = {}
    for _ in range(2):  # and it is noticed every time, whatever was remembered of the answer
        with pytest.raises(TargetRootMismatch, match=f"default: {FIRST} -> /moved"):
            world.validate()


def test_a_deletion_hidden_behind_an_override_is_noticed_once_that_goes(world: World) -> None:
    world.synced()
    world.delete_root("default")
    world.environment.target_roots = {"default": "/mine"}
    world.validate()
    world.environment.target_roots = {}
    with pytest.raises(TargetRootMismatch):
        world.validate()


def test_an_added_root_that_the_environment_sets_is_not_taken_over(world: World) -> None:
    world.synced()
    world.environment.target_roots = {"archive": "/mine"}
    world.set_root("archive", "/archive")
    assert not world.validate().changes
    assert world.cached() == {"default": FIRST}


def test_after_a_corrupt_cache_a_build_stops_until_a_sync(world: World) -> None:
    world.synced()
    world.spoil_cache()
    for _ in range(2):
        with pytest.raises(TargetRootCacheLost, match="Target root mismatch"):
            world.validate()
    assert world.registry.requests == []
    world.sync()
    assert not world.validate().changes


def test_a_corrupt_cache_that_cannot_be_set_aside_stops_a_build_too(world: World) -> None:
    world.synced()
    world.spoil_cache()
    world.make_state_read_only()
    with pytest.raises(StateNotWritable):
        world.validate()


def test_state_that_cannot_be_written_stops_no_build(world: World) -> None:
    world.make_state_read_only()
    validated = world.validate()
    assert codes(validated.notices) == ["not-remembered", "root-added", "not-cached"]
    assert validated.profile.target_root("default") == FIRST
    assert world.storage.checked == [FIRST]


def test_without_the_registry_no_build_starts(world: World) -> None:
    world.synced()
    world.registry.down = "nothing listens there"
    with pytest.raises(RegistryUnreachable):
        world.validate()
    assert world.storage.checked == []


def test_offline_no_build_starts(world: World) -> None:
    world.synced()
    with pytest.raises(RegistryUnreachable, match="--offline"):
        world.validate(Selection(offline=True))
    assert world.registry.requests == []


def test_where_nothing_names_a_registry_the_build_is_local_and_says_so(world: World) -> None:
    world.files.user, world.environment.api_key = None, None
    validated = world.validate()
    assert codes(validated.notices) == ["local-build"]
    assert validated.profile.is_local
    assert world.storage.checked == ["/home/me/.stardag/local-target-roots/default/default/"]
    assert world.registries.connected == []


def test_every_effective_root_is_checked_and_every_failure_told(world: World) -> None:
    world.set_root("full", "/full")
    world.set_root("missing", "s3://missing/x/")
    world.storage.problems = {"/full": "it is full", "s3://missing/x/": "there is no bucket 'missing'"}
    with pytest.raises(StorageUnavailable) as caught:
        world.validate()
    assert caught.value.problems == (
        ("full", "/full", "it is full"),
        ("missing", "s3://missing/x/", "there is no bucket 'missing'"),
    )
    assert sorted(world.storage.checked) == sorted([FIRST, "/full", "s3://missing/x/"])


def test_a_root_of_another_scheme_is_not_checked_and_said(world: World) -> None:
    world.set_root("elsewhere", "gs://bucket/x")
    notices = world.validate().notices
    assert codes(notices)[-1:] == ["not-checked"]
    assert "gs://bucket/x" in notices[-1].message
    assert world.storage.checked == [FIRST]


def test_local_roots_that_cannot_be_written_stop_a_local_build(world: World) -> None:
    world.files.user, world.environment.api_key = None, None
    world.storage.problems = {"/home/me/.stardag/local-target-roots/default/default/": "the disk is read-only"}
    with pytest.raises(StorageUnavailable, match="read-only"):
        world.validate()


def test_a_workspace_without_roots_may_build(world: World) -> None:
    world.delete_root("default")
    assert not world.validate().changes
    assert world.cached() == {}
    world.forget_requests()
    world.validate()
    assert [sent.etag is not None for sent in world.registries.conditions] == [True]


class TestInheritedRoots:
    """In a process that was started by another one, which has validated its target roots and handed them down."""

    @pytest.fixture(autouse=True)
    def handed_down(self, world: World) -> None:
        organization = world.workspace.organization_id
        roots = {"default": FIRST}
        world.environment.inherited = InheritedPlace(world.registry.url, organization, world.workspace.id, roots)
        world.environment.organization, world.environment.workspace = organization, world.workspace.id
        world.environment.target_roots = roots

    def test_they_are_no_overrides_and_are_not_said_to_be_any(self, world: World) -> None:
        world.synced()
        assert world.validate().notices == ()
        assert [sent.etag is not None for sent in world.registries.conditions] == [True]

    def test_where_nothing_is_cached_they_are_what_the_registry_is_compared_with(self, world: World) -> None:
        validated = world.validate()
        assert (validated.changes, validated.notices) == (RootChanges(), ())
        assert world.cached() == {"default": FIRST}

    def test_a_change_since_they_were_handed_down_stops_a_build_also_where_a_sync_has_accepted_it(
        self, world: World
    ) -> None:
        world.set_root("default", "/moved")
        for _ in range(2):
            with pytest.raises(TargetRootMismatch, match=f"default: {FIRST} -> /moved") as caught:
                world.validate()
            assert "start the process again that handed down" in caught.value.fix
            world.synced()
