"""Resolving the active profile: files, variables and caches are read, and the network is never asked."""

import pytest

from stardag.domain.errors import InvalidFile, UntrustedFile
from stardag.domain.layers import Layer, Notice
from stardag.domain.profile import Selection
from tests.app.world import World, codes, sample


@pytest.fixture
def world() -> World:
    return World()


def test_the_network_is_never_asked(world: World) -> None:
    profile = world.resolve()
    assert (profile.registry.value, profile.workspace.value) == ("local", "default")
    assert profile.target_roots == {}
    assert world.registries.connected == []


def test_with_nothing_at_all_there_is_a_local_profile(world: World) -> None:
    world.files.user, world.environment.api_key = None, None
    profile = world.resolve()
    assert profile.is_local
    assert list(profile.target_roots) == ["default"]


def test_cached_roots_are_read_without_the_registry(world: World) -> None:
    world.synced()
    world.registry.down = "nothing listens there"
    assert world.resolve(Selection(offline=True)).target_root("default") == "/local-target-roots/default/default/"
    assert world.registry.requests == []


def test_a_projects_file_replaces_the_users_whole(world: World) -> None:
    world.files.project = {"registry": {"project": {"url": "https://project.example"}}}
    profile = world.resolve()
    assert (profile.profile.value, profile.registry.value) == (None, "central")
    assert profile.directory.path == "/srv/project/.stardag"


def test_state_lies_beside_the_file_in_force(world: World) -> None:
    world.synced()
    world.files.project = sample()
    assert world.resolve().target_roots == {}
    world.sync()
    assert list(world.resolve().target_roots) == ["default"]


def test_what_was_fetched_just_now_counts_whether_or_not_it_could_be_kept(world: World) -> None:
    world.make_state_read_only()
    profile = world.validate().profile
    assert profile.target_roots["default"].origin.layer is Layer.CACHE


def test_notices_of_environment_files_and_state_come_together(world: World) -> None:
    world.environment.notices = (Notice("one", "1"),)
    world.files.notices = (Notice("two", "2"),)
    world.spoil_cache()
    assert codes(world.resolve().notices) == ["one", "two", "state-set-aside"]


def test_a_file_that_cannot_be_used_is_its_error(world: World) -> None:
    world.files.project = sample()
    world.files.untrusted = True
    with pytest.raises(UntrustedFile):
        world.resolve()
    world.files.untrusted = False
    world.files.project["profile"]["local"]["registry"] = "missing"
    with pytest.raises(InvalidFile):
        world.resolve()
