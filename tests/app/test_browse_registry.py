"""Browsing organizations and workspaces with the active profile's credential."""

import pytest

from stardag.app.browse_registry import BrowseRegistry
from stardag.domain.profile import Selection
from stardag.domain.registry_errors import NoCredential, NotKnownToRegistry, RegistryUnreachable
from tests.app.world import World


@pytest.fixture
def world() -> World:
    return World()


def browse(world: World) -> BrowseRegistry:
    return BrowseRegistry(world.resolve, world.open_registry)


def test_organizations_with_one_request(world: World) -> None:
    profile, organizations = browse(world).organizations()
    assert [organization.slug for organization in organizations] == ["default"]
    assert profile.registry.value == "local"
    assert world.registry.requests == ["GET /organizations"]


def test_workspaces_of_the_profiles_organization_with_one_request(world: World) -> None:
    _, workspaces = browse(world).workspaces()
    assert [workspace.slug for workspace in workspaces] == ["default"]
    assert world.registry.requests == ["GET /organizations/default/workspaces"]


def test_without_an_organization_the_keys_own_counts(world: World) -> None:
    world.files.user = None
    world.environment.registry_url = world.registry.url
    _, workspaces = browse(world).workspaces()
    assert [workspace.id for workspace in workspaces] == [world.workspace.id]
    assert world.registry.requests[0] == "GET /me"


def test_an_organization_that_is_not_known_there_is_an_error(world: World) -> None:
    with pytest.raises(NotKnownToRegistry) as caught:
        browse(world).workspaces(Selection(organization="other"))
    assert (caught.value.kind, caught.value.value) == ("organization", "other")


def test_no_key_and_no_registry_are_errors(world: World) -> None:
    with pytest.raises(RegistryUnreachable):
        browse(world).organizations(Selection(offline=True))
    world.environment.api_key = None
    with pytest.raises(NoCredential):
        browse(world).organizations()
