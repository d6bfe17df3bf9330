"""The way to the registry: which credential goes where, and when the workspace is asked for."""

import pytest

from stardag.domain.credentials import Secret
from stardag.domain.environment import UNKNOWN_VARIABLE
from stardag.domain.errors import InvalidValue
from stardag.domain.layers import Notice
from stardag.domain.profile import NO_SELECTION, Selection
from stardag.domain.registry_errors import (
    MalformedCredential,
    NoCredential,
    RefusedCredential,
    RegistryUnreachable,
    UnknownVariable,
    WithheldCredential,
    WorkspaceDisagrees,
)
from tests.app.world import World, codes, sample

EVIL = "https://evil.example"
PLAIN = "http://registry.example"


@pytest.fixture
def world() -> World:
    return World()


def test_opening_sends_nothing(world: World) -> None:
    world.open_registry(world.resolve())
    assert world.registry.requests == []
    ((url, credential, timeout),) = world.registries.connected
    assert (url, credential, timeout) == (world.registry.url, world.registry.owner_key, 10.0)


def test_the_timeout_is_handed_on(world: World) -> None:
    world.environment.timeout = 2.5
    world.open_registry(world.resolve())
    assert world.registries.connected[0].timeout == 2.5


def test_without_a_key_there_is_nothing_to_show(world: World) -> None:
    world.environment.api_key = None
    with pytest.raises(NoCredential, match=world.registry.url):
        world.open_registry(world.resolve())


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "kéy", "", '"stardag_build_x"', "'stardag_build_x'", '"x'])
def test_a_malformed_key_is_refused_before_anything_is_sent(world: World, key: str) -> None:
    world.environment.api_key = key
    with pytest.raises(MalformedCredential, match="STARDAG_API_KEY"):
        world.open_registry(world.resolve())
    assert world.registries.connected == []


def test_offline_asks_no_registry_and_says_who_wants_that(world: World) -> None:
    with pytest.raises(RegistryUnreachable, match="--offline asks to work offline"):
        world.open_registry(world.resolve(Selection(offline=True)))
    world.environment.offline = True
    with pytest.raises(RegistryUnreachable, match="STARDAG_OFFLINE asks to work offline"):
        world.open_registry(world.resolve())
    assert world.registries.connected == []


def test_plain_http_goes_to_loopback_alone(world: World) -> None:
    world.environment.registry_url = PLAIN
    with pytest.raises(InvalidValue, match="plain http"):
        world.open_registry(world.resolve())
    assert world.registries.connected == []


def test_the_users_own_file_may_allow_plain_http_for_one_registry(world: World) -> None:
    world.environment.registry_url = PLAIN
    world.files.user = {"registry": {"nas": {"url": PLAIN, "allow_http": True}}}
    world.open_registry(world.resolve())
    world.environment.registry_url = "http://other.example"
    with pytest.raises(InvalidValue):
        world.open_registry(world.resolve())


def test_the_environment_may_allow_plain_http_for_the_address_beside_it_alone(world: World) -> None:
    world.environment.registry_url = PLAIN
    with pytest.raises(InvalidValue) as caught:
        world.open_registry(world.resolve())
    assert "set STARDAG_ALLOW_HTTP=true beside STARDAG_REGISTRY_URL" in caught.value.fix
    world.environment.allow_http = False
    with pytest.raises(InvalidValue):
        world.open_registry(world.resolve())
    world.environment.allow_http = True
    world.open_registry(world.resolve())
    world.files.user = {"registry": {"nas": {"url": "http://nas.example"}}}
    with pytest.raises(InvalidValue) as caught:
        world.open_registry(world.resolve(Selection(registry="nas")))
    assert "put `allow_http = true` beside the registry's url in /home/me/.stardag/config.toml" in caught.value.fix
    world.files.user = {"registry": {"nas": {"url": PLAIN}}}
    with pytest.raises(InvalidValue):
        world.open_registry(world.resolve(Selection(registry="nas")))  # the same address, named by something else


def test_no_credential_goes_to_the_default_registry_while_a_variable_may_name_another(world: World) -> None:
    world.files.user = None
    world.environment.notices = (Notice(UNKNOWN_VARIABLE, "The environment variable 'STARDAG_API_URL' is not known."),)
    profile = world.resolve()
    for act in (
        world.open_registry,
        world.open_registry.before_any_organization,
        world.open_registry.check_sign_in,
    ):
        with pytest.raises(UnknownVariable, match=r"'STARDAG_API_URL' is not known.*nothing was sent to the default"):
            act(profile)
    with pytest.raises(UnknownVariable):
        world.log_out(Selection())
    assert world.registries.connected == []
    world.open_registry.without_credential(profile.registry_url.value, profile)
    world.open_registry(world.resolve(Selection(registry="central")))  # somebody names it
    world.environment.registry_url = world.registry.url
    world.open_registry(world.resolve())


def test_a_projects_file_may_not_allow_plain_http(world: World) -> None:
    world.files.project = {"registry": {"nas": {"url": PLAIN, "allow_http": True}}}
    world.trust.trust("/srv/project/.stardag/config.toml", [PLAIN])
    with pytest.raises(InvalidValue):
        world.open_registry(world.resolve(Selection(registry="nas")))


@pytest.mark.parametrize(
    "url", [EVIL, "http://localhost:8001", "https://localhost.localdomain:8000", "https://evil.example/localhost:8000"]
)
def test_a_key_is_withheld_from_where_only_a_projects_file_leads(world: World, url: str) -> None:
    world.files.project = sample(url)
    with pytest.raises(WithheldCredential) as caught:
        world.open_registry(world.resolve())
    assert url in caught.value.message
    assert "/srv/project/.stardag/config.toml" in caught.value.fix
    assert world.registries.connected == []


def test_a_known_name_that_a_project_points_elsewhere_gets_no_key(world: World) -> None:
    world.files.project = {"registry": {"central": {"url": EVIL}}}
    world.environment.workspace = "default"
    with pytest.raises(WithheldCredential):
        world.open_registry(world.resolve())


@pytest.mark.parametrize(
    "project_url", ["http://localhost:8000", "http://localhost:8000/below", "https://api.stardag.com"]
)
def test_an_origin_that_the_user_names_too_gets_the_key(world: World, project_url: str) -> None:
    world.files.project = sample(project_url)
    world.open_registry(world.resolve())
    assert world.registries.connected[0].credential == world.registry.owner_key


def test_an_origin_that_the_environment_names_gets_the_key(world: World) -> None:
    world.files.project = sample(EVIL)
    world.environment.registry_url = EVIL
    world.open_registry(world.resolve())
    assert world.registries.connected[0].url == EVIL


def test_an_origin_that_was_trusted_gets_the_key_and_its_neighbour_does_not(world: World) -> None:
    world.files.project = sample(EVIL)
    world.trust.trust("/srv/project/.stardag/config.toml", [EVIL])
    world.open_registry(world.resolve())
    world.files.project = sample("https://other.example")
    with pytest.raises(WithheldCredential):
        world.open_registry(world.resolve())


def test_connecting_asks_for_the_keys_workspace_once_and_remembers_it(world: World) -> None:
    connection = world.connect(NO_SELECTION)
    assert world.registry.requests == ["GET /me"]
    assert connection.identity.workspace_id == world.workspace.id
    assert connection.profile.identity == connection.identity
    assert connection.notices == ()
    again = world.connect(NO_SELECTION)
    assert world.registry.requests == ["GET /me"]
    assert again.identity == connection.identity


def test_a_remembered_workspace_is_asked_for_again_with_another_key(world: World) -> None:
    world.connect(NO_SELECTION)
    world.environment.api_key = world.registry.make_key(world.workspace).reveal()
    world.connect(NO_SELECTION)
    assert world.registry.requests == ["GET /me"] * 2


def test_asking_again_asks_although_it_is_remembered(world: World) -> None:
    world.connect(NO_SELECTION)
    world.connect(NO_SELECTION, ask_again=True)
    assert world.registry.requests == ["GET /me"] * 2


def test_nothing_is_remembered_where_that_is_not_wanted(world: World) -> None:
    world.connect(NO_SELECTION, remember=False)
    assert world.real_state.read(world.directory)[0].identities == ()


def test_state_that_cannot_be_written_only_costs_asking_again(world: World) -> None:
    world.make_state_read_only()
    connection = world.connect(NO_SELECTION)
    assert codes(connection.notices) == ["not-remembered"]
    assert connection.profile.identity == connection.identity


def test_url_key_and_workspace_are_enough_without_any_file(world: World) -> None:
    world.files.user = None
    world.environment.registry_url = world.registry.url
    world.environment.workspace = "default"
    assert world.connect(NO_SELECTION).identity.organization_slug == "default"


def test_url_and_key_alone_mean_the_keys_own_workspace(world: World) -> None:
    world.files.user = None
    world.environment.registry_url = world.registry.url
    assert world.connect(NO_SELECTION).identity.workspace_id == world.workspace.id


def test_ids_in_place_of_slugs_agree_with_the_key(world: World) -> None:
    selection = Selection(organization=world.workspace.organization_id, workspace=world.workspace.id)
    assert world.connect(selection).identity.workspace_slug == "default"


@pytest.mark.parametrize(
    ("selection", "kind"),
    [
        (Selection(organization="other", workspace="default"), "organization"),
        (Selection(workspace="other"), "workspace"),
    ],
)
def test_a_workspace_that_disagrees_with_the_key_is_an_error(world: World, selection: Selection, kind: str) -> None:
    for _ in range(2):  # remembered or not
        with pytest.raises(WorkspaceDisagrees) as caught:
            world.connect(selection)
        assert caught.value.kind == kind
        assert f"--{kind} names 'other'" in caught.value.message
        assert "STARDAG_API_KEY belongs to" in caught.value.message
        world.connect(NO_SELECTION)


def test_a_disagreeing_key_changes_nothing_that_is_remembered(world: World) -> None:
    with pytest.raises(WorkspaceDisagrees):
        world.connect(Selection(workspace="other"))
    assert world.real_state.read(world.directory)[0].identities == ()


def test_a_key_that_the_registry_refuses_is_its_error(world: World) -> None:
    world.environment.api_key = Secret("sk_unknown").reveal()
    with pytest.raises(RefusedCredential) as caught:
        world.connect(NO_SELECTION)
    assert "rejected the API key from STARDAG_API_KEY:" in caught.value.message
    assert caught.value.fix.startswith("Set STARDAG_API_KEY to a valid API key of the workspace, or unset it")
