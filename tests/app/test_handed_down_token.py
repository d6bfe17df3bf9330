"""The access token that `stardag exec` handed down: where it is shown, and what is said where it is not (readings,
section 5)."""

import pytest

from stardag.domain.command_errors import AccessTokenEnded
from stardag.domain.credentials import Secret
from stardag.domain.profile import NO_SELECTION, Selection
from stardag.domain.registry_errors import MalformedCredential, NoCredential, NotSignedIn, RegistryUnreachable
from stardag.domain.sign_in import User
from tests.app.test_sign_in import Dialogue
from tests.app.world import World, codes
from tests.fakes.configuration import FakeConfigurationFiles
from tests.fakes.environment import FakeEnvironment
from tests.fakes.registry import DEFAULT_URL, FakeRegistries, FakeRegistry, OrganizationToken

TOKEN = Secret("stardag_token_of_a_command")
OTHER_URL = "https://other.example"


@pytest.fixture
def world() -> World:
    """A command on a machine that has neither a file nor a sign-in: all it has is what it was handed."""
    world = World()
    organization = next(iter(world.registry.organizations.values()))
    user = world.registry.add_user("alice@acme.example", organization, "member")
    world.registry.tokens[TOKEN] = OrganizationToken(user, organization)
    world.files = FakeConfigurationFiles()
    world.environment = FakeEnvironment(
        registry_url=DEFAULT_URL,
        organization=organization.id,
        workspace=world.workspace.id,
        access_token=TOKEN.reveal(),
    )
    return world


def test_it_is_all_that_it_takes(world: World) -> None:
    identity = world.connect(NO_SELECTION).identity
    assert (identity.organization_slug, identity.workspace_slug) == ("default", "default")
    assert {each.credential for each in world.registries.connected} == {TOKEN}
    assert codes(world.validate().notices) == ["root-added"]


def test_an_api_key_is_shown_rather_than_it(world: World) -> None:
    world.environment.api_key = world.registry.owner_key.reveal()
    profile = world.connect(NO_SELECTION).profile
    assert {each.credential for each in world.registries.connected} == {world.registry.owner_key}
    assert codes(profile.notices) == ["access-token-not-used"]


def test_it_is_shown_rather_than_a_sign_in(world: World) -> None:
    environment = world.environment
    world.signed_in("bob@acme.example")
    world.environment = environment
    assert world.open_registry(world.resolve()).identity() == world.registry.users["alice@acme.example"]


def test_it_lists_what_its_user_sees_before_any_organization(world: World) -> None:
    api = world.open_registry.before_any_organization(world.resolve())
    assert [each.slug for each in api.organizations()] == ["default"]


@pytest.mark.parametrize(
    "selection",
    [Selection(registry="other", workspace="default"), Selection(organization="other", workspace="default")],
    ids=["registry", "organization"],
)
def test_another_place_never_sees_it(world: World, selection: Selection) -> None:
    other = FakeRegistry.first_start(OTHER_URL)
    world.registries.registries = FakeRegistries(world.registry, other)
    world.files = FakeConfigurationFiles(user={"registry": {"other": {"url": OTHER_URL}}})
    profile = world.resolve(selection)
    assert codes(profile.notices) == ["access-token-not-used"]
    with pytest.raises(NoCredential, match="STARDAG_ACCESS_TOKEN is not used here: it is for the"):
        world.connect(selection)
    assert other.requests == []
    assert [each.credential for each in world.registries.connected] == []


def test_where_it_is_not_for_the_sign_in_serves(world: World) -> None:
    world.files = FakeConfigurationFiles(
        user={
            "registry": {"local": {"url": DEFAULT_URL}},
            "profile": {"local": {"registry": "local", "organization": "default", "workspace": "default"}},
        }
    )
    environment = world.environment
    world.signed_in("bob@acme.example")
    world.environment = environment
    environment.organization = "6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b11"
    api = world.open_registry(world.resolve(Selection(profile="local")))
    assert api.identity() == world.registry.users["bob@acme.example"]


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "kéy", "x" * (16 * 1024 + 1)])
def test_a_malformed_one_is_refused_before_anything_is_sent(world: World, token: str) -> None:
    world.environment.access_token = token
    with pytest.raises(MalformedCredential, match="access token from STARDAG_ACCESS_TOKEN") as caught:
        world.open_registry(world.resolve())
    assert token not in caught.value.message + caught.value.fix
    assert world.registries.connected == []


def test_one_that_has_ended_says_what_it_was(world: World) -> None:
    world.registry.tokens.clear()
    with pytest.raises(AccessTokenEnded, match="stardag exec") as caught:
        world.connect(NO_SELECTION)
    assert TOKEN.reveal() not in caught.value.message + caught.value.fix
    assert len(world.registry.requests) == 1


def test_working_offline_sends_it_nowhere(world: World) -> None:
    with pytest.raises(RegistryUnreachable):
        world.open_registry(world.resolve(Selection(offline=True)))
    assert world.registries.connected == []


def test_what_only_a_person_may_do_is_not_done_with_it(world: World) -> None:
    with pytest.raises(NotSignedIn, match="Nobody is signed in") as caught:
        world.open_registry.as_user(world.resolve(), "local")
    assert "neither an API key nor an access token" in caught.value.fix


def test_the_status_tells_of_it(world: World) -> None:
    status = world.tell_status(NO_SELECTION)
    assert status.credential == "access-token"
    assert isinstance(status.identity, User)
    world.registry.down = "it is down"
    assert world.tell_status(NO_SELECTION).not_verified is not None


def test_the_status_of_one_that_has_ended_is_an_error(world: World) -> None:
    world.registry.tokens.clear()
    with pytest.raises(AccessTokenEnded):
        world.tell_status(NO_SELECTION)


def test_it_is_the_token_that_a_script_gets(world: World) -> None:
    assert world.tell_status.token(NO_SELECTION)[1:] == (TOKEN, None)
    assert world.registries.connected == []


def test_whoever_signs_in_beside_it_hears_that_it_is_used_first(world: World) -> None:
    world.files = FakeConfigurationFiles(user={"registry": {"local": {"url": DEFAULT_URL}}})
    world.identity_provider.person = "alice@acme.example"
    assert codes(world.log_in(NO_SELECTION, Dialogue()).notices) == ["access-token-first"]
