"""Syncing: how a change of the target roots is accepted."""

import pytest

from stardag.domain.errors import MissingSetting, StateNotWritable
from stardag.domain.layers import Layer
from stardag.domain.profile import Selection
from stardag.domain.registry_errors import RegistryUnreachable
from stardag.domain.root_changes import RootChange, RootChanges
from tests.app.world import World, codes


@pytest.fixture
def world() -> World:
    return World()


DEFAULT = RootChange("default", None, "/local-target-roots/default/default/")


def test_the_first_sync_adds_everything(world: World) -> None:
    synced = world.sync()
    assert synced.changes == RootChanges(added=(DEFAULT,))
    assert (synced.applied, synced.workspace, synced.notices) == (True, "default", ())
    assert world.cached() == {"default": DEFAULT.new}
    assert synced.profile.target_root("default") == DEFAULT.new
    assert synced.profile.target_roots["default"].origin.layer is Layer.CACHE


def test_a_sync_with_nothing_new_is_conditional_and_changes_nothing(world: World) -> None:
    world.synced()
    synced = world.sync()
    assert (synced.changes, synced.applied) == (RootChanges(), False)
    assert [sent.etag is not None for sent in world.registries.conditions] == [True]
    assert synced.profile.target_root("default") == DEFAULT.new


def test_added_modified_and_deleted_roots_are_shown_and_written(world: World) -> None:
    world.set_root("old", "/old")
    world.synced()
    world.set_root("default", "/moved")
    world.set_root("new", "/new")
    world.delete_root("old")
    synced = world.sync()
    assert synced.changes.added == (RootChange("new", None, "/new"),)
    assert synced.changes.modified == (RootChange("default", DEFAULT.new, "/moved"),)
    assert synced.changes.deleted == (RootChange("old", "/old", None),)
    assert world.cached() == {"default": "/moved", "new": "/new"}
    assert set(synced.profile.target_roots) == {"default", "new"}


def test_a_dry_run_shows_the_same_and_writes_nothing(world: World) -> None:
    dry = world.sync(dry_run=True)
    assert (dry.changes, dry.applied) == (RootChanges(added=(DEFAULT,)), False)
    assert world.cached() is None
    assert world.real_state.read(world.directory)[0].identities == ()
    world.synced()
    world.set_root("default", "/moved")
    assert world.sync(dry_run=True).changes.modified
    assert world.cached() == {"default": DEFAULT.new}


def test_roots_that_the_environment_overrides_are_synced_all_the_same(world: World) -> None:
    world.environment.target_roots = {"default": "/mine"}
    synced = world.sync()
    assert world.cached() == {"default": DEFAULT.new}
    assert synced.profile.target_root("default") == "/mine"


def test_a_sync_asks_again_for_a_workspace_that_was_renamed(world: World) -> None:
    world.synced()
    renamed = world.workspace._replace(slug="live")
    world.registry.workspaces[renamed.id] = world.registry.keys[world.registry.owner_key] = renamed
    assert world.sync(Selection(workspace=renamed.id)).workspace == "live"


def test_state_that_cannot_be_written_fails_a_sync_and_not_a_dry_run(world: World) -> None:
    world.make_state_read_only()
    with pytest.raises(StateNotWritable):
        world.sync()
    assert world.sync(dry_run=True).changes.added


def test_a_corrupt_cache_is_set_aside_with_a_word_and_fetched_again(world: World) -> None:
    world.synced()
    world.spoil_cache()
    synced = world.sync()
    assert codes(synced.notices) == ["state-set-aside"]
    assert synced.changes.added == (DEFAULT,)
    assert world.cached() == {"default": DEFAULT.new}
    assert world.sync().notices == ()


def test_without_any_registry_there_is_nothing_to_sync(world: World) -> None:
    world.files.user, world.environment.api_key = None, None
    with pytest.raises(MissingSetting, match="outputs stay on this machine"):
        world.sync()
    assert world.registries.connected == []


def test_a_registry_out_of_reach_fails_a_sync_and_leaves_the_cache(world: World) -> None:
    world.synced()
    world.registry.down = "nothing listens there"
    with pytest.raises(RegistryUnreachable):
        world.sync()
    assert world.cached() == {"default": DEFAULT.new}


def test_another_workspaces_roots_stay(world: World) -> None:
    world.synced()
    organization = world.registry.organizations[world.workspace.organization_id]
    other = world.registry.add_workspace(organization, "other")
    world.registry.set_root(other.id, "default", "/other")
    world.environment.api_key = world.registry.make_key(other).reveal()
    assert world.sync(Selection(workspace="other")).workspace == "other"
    assert world.cached() == {"default": DEFAULT.new}
