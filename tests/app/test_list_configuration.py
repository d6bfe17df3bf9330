"""Listing registries and profiles, also where the choice among them is wrong."""

import pytest

from stardag.app.list_configuration import ListConfiguration
from stardag.domain.errors import InvalidFile, InvalidVariable, UnknownName
from stardag.domain.layers import Notice
from stardag.domain.profile import Selection
from tests.app.world import codes, sample
from tests.fakes.configuration import FakeConfigurationFiles
from tests.fakes.environment import FakeEnvironment


class World:
    def __init__(self) -> None:
        self.environment = FakeEnvironment()
        self.files = FakeConfigurationFiles(user=sample())
        self.list = ListConfiguration(self.environment, self.files)


@pytest.fixture
def world() -> World:
    return World()


def test_registries_profiles_and_which_are_active(world: World) -> None:
    listing = world.list()
    assert [(it.name, it.url) for it in listing.registries] == [
        ("central", "https://api.stardag.com"),
        ("local", "http://localhost:8000"),
    ]
    assert [profile.name for profile in listing.profiles] == ["local"]
    assert (listing.active_registry, listing.active_profile, listing.notices) == ("local", "local", ())


def test_without_any_file_there_is_the_default_registry(world: World) -> None:
    world.files.user = None
    listing = world.list()
    assert [registry.name for registry in listing.registries] == ["central"]
    assert (listing.profiles, listing.active_registry, listing.active_profile) == ((), "central", None)


def test_the_file_says_where_central_is(world: World) -> None:
    world.files.user = {"registry": {"central": {"url": "https://own.example"}}}
    assert [(it.name, it.url) for it in world.list().registries] == [("central", "https://own.example")]


def test_an_address_without_a_name_leaves_no_registry_active(world: World) -> None:
    world.environment.registry_url = "https://unnamed.example"
    assert world.list().active_registry is None


def test_a_wrong_choice_is_listed_with_a_word_on_it(world: World) -> None:
    world.environment.profile = "lokal"
    world.environment.notices = (Notice("first", "1"),)
    listing = world.list()
    assert [profile.name for profile in listing.profiles] == ["local"]
    assert (listing.active_registry, listing.active_profile) == (None, None)
    assert codes(listing.notices) == ["first", "unknown-name"]
    assert "Did you mean 'local'?" in listing.notices[1].message
    assert listing.unknown is not None
    assert listing.unknown.value == "lokal"


@pytest.mark.parametrize("selection", [Selection(profile="lokal"), Selection(registry="lokal")])
def test_a_flag_that_names_what_does_not_exist_is_an_error(world: World, selection: Selection) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'local'"):
        world.list(selection)


def test_a_selection_counts(world: World) -> None:
    assert world.list(Selection(registry="central")).active_registry == "central"


def test_a_file_or_variable_that_cannot_be_used_is_its_error(world: World) -> None:
    world.environment.profile = "No Name"
    with pytest.raises(InvalidVariable):
        world.list()
    world.environment.profile = None
    world.files.user = {"profile": {"x": {"registry": "missing"}}}
    with pytest.raises(InvalidFile):
        world.list()
