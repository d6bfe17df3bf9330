"""Finding target roots: without the registry where it is known what they are, and with one sync where nothing is."""

import pytest

from stardag.domain.configuration import StardagDirectory
from stardag.domain.errors import UnknownTargetRoot
from stardag.domain.output_errors import UnsupportedScheme
from stardag.domain.outputs import RootPlace
from stardag.domain.profile import Selection
from stardag.domain.registry_errors import RegistryUnreachable, TargetRootCacheLost
from stardag.domain.remembered import CachedRoots, WorkspaceIdentity
from tests.app.world import World, codes
from tests.fakes.state import FakeState

DEFAULT = "/local-target-roots/default/default/"


@pytest.fixture
def world() -> World:
    return World()


def requests(world: World) -> int:
    return len(world.registries.conditions)


def test_a_cached_root_is_found_without_a_request(world: World) -> None:
    world.synced()
    find = world.find_target_root
    assert find() == RootPlace("default", DEFAULT)
    assert find(Selection("local"), "default", read_only=True) == RootPlace("default", DEFAULT, is_read_only=True)
    assert world.registries.connected == []


def test_where_nothing_is_cached_the_roots_are_fetched_once_and_kept(world: World) -> None:
    world.set_root("other", "/other")
    assert world.find_target_root().uri_prefix == DEFAULT
    assert world.find_target_root(name="other").uri_prefix == "/other"
    assert requests(world) == 1
    assert world.cached() == {"default": DEFAULT, "other": "/other"}


def test_what_was_fetched_is_what_a_validation_begins_with(world: World) -> None:
    world.find_target_root()
    world.validate()
    assert [sent.etag is not None for sent in world.registries.conditions] == [False, True]


def test_a_root_that_there_is_not_is_refused_with_those_that_there_are(world: World) -> None:
    for _ in range(2):
        with pytest.raises(UnknownTargetRoot, match="no target root 'missing'; it has: default"):
            world.find_target_root(name="missing")
    assert requests(world) == 1


def test_a_root_that_was_added_since_the_last_sync_waits_for_one(world: World) -> None:
    world.synced()
    world.set_root("new", "/new")
    with pytest.raises(UnknownTargetRoot) as raised:
        world.find_target_root(name="new")
    assert "stardag target-roots sync" in raised.value.fix
    assert requests(world) == 0


def test_a_workspace_without_roots_is_not_asked_of_again(world: World) -> None:
    world.delete_root("default")
    for _ in range(2):
        with pytest.raises(UnknownTargetRoot, match="it has: none"):
            world.find_target_root()
    assert requests(world) == 1


def test_a_root_of_the_environment_needs_no_registry_and_no_cache(world: World) -> None:
    world.environment.target_roots = {"mine": "/mine"}
    assert world.find_target_root(name="mine").uri_prefix == "/mine"
    assert world.registries.connected == []
    assert world.find_target_root().uri_prefix == DEFAULT


def test_where_nothing_names_a_registry_outputs_stay_here(world: World) -> None:
    world.environment.api_key = None
    world.files.user = None
    assert world.find_target_root().uri_prefix.endswith("/local-target-roots/default/default/")
    with pytest.raises(UnknownTargetRoot):
        world.find_target_root(name="missing")
    assert world.registries.connected == []


def test_a_scheme_that_nothing_is_opened_under_is_refused(world: World) -> None:
    world.set_root("bucket", "gs://bucket/prefix/")
    with pytest.raises(UnsupportedScheme, match="'gs' is not supported"):
        world.find_target_root(name="bucket")


def test_offline_a_cached_root_is_found_and_an_empty_cache_is_said_to_be_so(world: World) -> None:
    world.environment.offline = True
    with pytest.raises(RegistryUnreachable, match="STARDAG_OFFLINE asks to work offline"):
        world.find_target_root()
    world.environment.offline = None
    world.synced()
    world.environment.offline = True
    assert world.find_target_root().uri_prefix == DEFAULT


def test_after_the_cache_was_lost_no_root_is_taken_over_unseen(world: World) -> None:
    world.synced()
    world.real_state.spoil(world.directory)
    with pytest.raises(TargetRootCacheLost):
        world.find_target_root()
    world.sync()
    assert world.find_target_root().uri_prefix == DEFAULT


def test_where_the_cache_cannot_be_written_a_process_asks_once_and_is_told(world: World) -> None:
    world.make_state_read_only()
    find = world.find_target_root
    assert "not-cached" in codes(find.profile(Selection(), "default").notices)
    for _ in range(3):
        assert find().uri_prefix == DEFAULT
    assert requests(world) == 1
    with pytest.raises(UnknownTargetRoot):
        find(name="missing")
    assert requests(world) == 1


class QuickerElsewhere(FakeState):
    """State that another process writes while this one looks up the workspace."""

    def __init__(self, roots: CachedRoots) -> None:
        super().__init__()
        self._roots = roots

    def remember_identity(self, directory: StardagDirectory, identity: WorkspaceIdentity) -> None:
        super().remember_identity(directory, identity)
        self.remember_roots(directory, self._roots)


def test_whoever_finds_the_cache_filled_by_another_fetches_nothing(world: World) -> None:
    key = (world.registry.url, world.workspace.organization_id, world.workspace.id)
    world.state = QuickerElsewhere(CachedRoots(*key, {"default": DEFAULT}))
    assert world.find_target_root().uri_prefix == DEFAULT
    assert requests(world) == 0
