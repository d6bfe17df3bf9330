"""Listing target roots: where each came from, how the registry's compare, and that nothing is written."""

import copy

import pytest

from stardag.app.list_target_roots import Listing, Status
from stardag.domain.errors import NotAllowed
from stardag.domain.layers import Layer
from stardag.domain.profile import Selection
from stardag.domain.registry_errors import NoCredential, RegistryUnreachable
from tests.app.world import World, codes

FIRST = "/local-target-roots/default/default/"


@pytest.fixture
def world() -> World:
    return World()


def statuses(listing: Listing) -> dict[str, Status]:
    return {root.name: root.status for root in listing.roots}


def test_same_new_changed_gone_and_overridden_roots(world: World) -> None:
    for name in ("changed", "gone", "mine"):
        world.set_root(name, f"/{name}")
    world.synced()
    world.set_root("changed", "/elsewhere")
    world.set_root("new", "/new")
    world.delete_root("gone")
    world.environment.target_roots = {"mine": "/home", "extra": "/extra"}
    listing = world.list_roots()
    assert statuses(listing) == {
        "changed": "changed",
        "default": "same",
        "extra": "overridden",
        "gone": "gone",
        "mine": "overridden",
        "new": "new",
    }
    by_name = {root.name: root for root in listing.roots}
    assert (by_name["changed"].setting, by_name["changed"].served) == (
        listing.profile.target_roots["changed"],
        "/elsewhere",
    )
    assert (by_name["new"].setting, by_name["new"].served) == (None, "/new")
    assert by_name["gone"].served is None
    assert by_name["mine"].served == "/mine"


def test_nothing_is_written(world: World) -> None:
    before = copy.deepcopy(world.real_state)
    world.list_roots()
    assert world.cached() is None
    assert world.real_state.read(world.directory) == before.read(world.directory)
    world.synced()
    world.set_root("default", "/moved")
    world.list_roots()
    assert world.cached() == {"default": FIRST}


def test_unchanged_roots_cost_one_conditional_request(world: World) -> None:
    world.synced()
    assert statuses(world.list_roots()) == {"default": "same"}
    assert world.registry.requests == [f"GET /workspaces/{world.workspace.id}/target-roots"]
    assert world.registries.conditions[0].etag is not None


def test_never_synced_roots_are_all_new(world: World) -> None:
    assert statuses(world.list_roots()) == {"default": "new"}


@pytest.mark.parametrize("trouble", ["down", "offline", "no key"])
def test_where_the_registry_cannot_be_asked_the_cached_roots_are_listed_with_a_word(world: World, trouble: str) -> None:
    world.synced()
    if trouble == "down":
        world.registry.down = "nothing listens there"
    if trouble == "no key":
        world.environment.api_key = None
    listing = world.list_roots(Selection(offline=trouble == "offline"))
    assert statuses(listing) == {"default": "unknown"}
    assert codes(listing.notices) == ["not-compared"]
    assert listing.profile.target_roots["default"].origin.layer is Layer.CACHE


def test_with_nothing_cached_and_nobody_to_ask_it_is_an_error(world: World) -> None:
    world.registry.down = "nothing listens there"
    with pytest.raises(RegistryUnreachable):
        world.list_roots()
    world.environment.api_key = None
    with pytest.raises(NoCredential):
        world.list_roots()


def test_a_registry_that_refuses_is_not_taken_for_one_out_of_reach(world: World) -> None:
    world.synced()
    world.registry.forbidden.add(world.registry.owner_key)
    with pytest.raises(NotAllowed):
        world.list_roots()


def test_local_roots_are_listed_without_any_registry(world: World) -> None:
    world.files.user, world.environment.api_key = None, None
    listing = world.list_roots()
    assert statuses(listing) == {"default": "local"}
    assert world.registries.connected == []


def test_a_corrupt_cache_is_spoken_of(world: World) -> None:
    world.synced()
    world.spoil_cache()
    listing = world.list_roots()
    assert statuses(listing) == {"default": "new"}
    assert codes(listing.notices) == ["state-set-aside"]
