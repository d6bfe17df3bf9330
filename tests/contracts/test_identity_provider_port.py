"""What every keeper of the port `IdentityProvider` promises, and what a registry gives for an issuer's tokens: the
fakes, and the real ones, which sign a person in at the pages of a real registry."""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import httpx
import pytest

from stardag.adapters.http_registry import HttpRegistries
from stardag.adapters.oauth import OAuthIdentityProvider
from stardag.app.registry_ports import Registries, RegistryApi
from stardag.app.sign_in.fixed_credential import FixedCredential
from stardag.app.sign_in.ports import IdentityProvider, Issuer, PendingSignIn
from stardag.domain.credentials import Secret
from stardag.domain.registry_errors import (
    IssuerUnreachable,
    NotKnownToRegistry,
    RefusedCredential,
    SignInRefused,
    UnexpectedIssuerAnswer,
)
from stardag.domain.sign_in import IssuedTokens, User
from tests.end_to_end.signing_in import allow
from tests.fakes.identity_provider import FakeIdentityProvider
from tests.fakes.registry import FakeRegistries, FakeRegistry
from tests.registry.running import RunningRegistry, running_registry

TIMEOUT = 20.0
OWNER = "owner@localhost"

Way = Literal["browser", "device"]


@dataclass(frozen=True, slots=True)
class World:
    """An issuer, the registry that believes it, and a person who may say yes or no."""

    provider: IdentityProvider
    registries: Registries
    url: str
    api_key: Secret
    decide: Callable[[bool], Callable[[PendingSignIn], None]]
    """Prepares the person's decision; what it returns is done at the page."""

    def issuer(self) -> Issuer:
        settings = self.connect(None).sign_in_settings()
        return self.provider.discover(settings.issuer_url, TIMEOUT)

    @property
    def client_id(self) -> str:
        return self.connect(None).sign_in_settings().client_id

    def connect(self, credential: Secret | None) -> RegistryApi:
        return self.registries.connect(self.url, FixedCredential(credential) if credential else None, TIMEOUT)

    def sign_in(self, way: Way = "browser", allowed: bool = True) -> IssuedTokens:
        begin = self.provider.begin_in_browser if way == "browser" else self.provider.begin_on_device
        act = self.decide(allowed)
        with ThreadPoolExecutor(1) as elsewhere, begin(self.issuer(), self.client_id, self.url, TIMEOUT) as pending:
            person = elsewhere.submit(act, pending)
            try:
                return pending.wait()
            finally:
                person.result()

    def refresh(self, token: Secret | None) -> IssuedTokens:
        assert token is not None
        return self.provider.refresh(self.issuer().token_endpoint, self.client_id, token, self.url, TIMEOUT)


def at_the_fake(provider: FakeIdentityProvider) -> Callable[[bool], Callable[[PendingSignIn], None]]:
    def decide(allowed: bool) -> Callable[[PendingSignIn], None]:
        provider.person = OWNER if allowed else None
        return lambda pending: None

    return decide


def at_the_pages(registry: RunningRegistry) -> Callable[[bool], Callable[[PendingSignIn], None]]:
    def decide(allowed: bool) -> Callable[[PendingSignIn], None]:
        def act(pending: PendingSignIn) -> None:
            answer = allow(registry, pending.url, "allow" if allowed else "deny")
            if pending.user_code is None:
                assert httpx.get(answer.headers["location"], trust_env=False).status_code == 200

        return act

    return decide


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningRegistry]:
    with running_registry(tmp_path_factory.mktemp("issuer") / "data") as registry:
        yield registry


@pytest.fixture(params=["fake", "http"])
def world(request: pytest.FixtureRequest) -> World:
    if request.param == "fake":
        fake = FakeRegistry.first_start()
        provider = FakeIdentityProvider(fake)
        fake.add_user(OWNER, next(iter(fake.organizations.values())), "owner")
        return World(provider, FakeRegistries(fake), fake.url, fake.owner_key, at_the_fake(provider))
    running: RunningRegistry = request.getfixturevalue("running")
    real = OAuthIdentityProvider(pause=lambda seconds: None)
    return World(real, HttpRegistries(), running.url, Secret(running.owner_key), at_the_pages(running))


@pytest.mark.parametrize("way", ["browser", "device"])
def test_whoever_signs_in_is_known_to_the_registry(world: World, way: Way) -> None:
    issued = world.sign_in(way)
    user = world.connect(issued.access_token).introduce(issued.id_token)
    assert user.email == OWNER
    assert world.connect(issued.access_token).identity() == user
    assert [each.slug for each in world.connect(issued.access_token).organizations()] == ["default"]


@pytest.mark.parametrize("way", ["browser", "device"])
def test_whoever_is_denied_gets_nothing(world: World, way: Way) -> None:
    with pytest.raises(SignInRefused, match="denied"):
        world.sign_in(way, allowed=False)


def test_a_device_has_a_code_and_a_browser_has_none(world: World) -> None:
    issuer, client_id = world.issuer(), world.client_id
    with world.provider.begin_on_device(issuer, client_id, world.url, TIMEOUT) as pending:
        assert pending.user_code
    with world.provider.begin_in_browser(issuer, client_id, world.url, TIMEOUT) as pending:
        assert pending.user_code is None
        assert pending.url.startswith(issuer.authorization_endpoint)


def test_an_issuer_without_the_device_flow_is_named(world: World) -> None:
    issuer = world.issuer()._replace(device_authorization_endpoint=None)
    with (
        pytest.raises(SignInRefused) as caught,
        world.provider.begin_on_device(issuer, world.client_id, world.url, TIMEOUT),
    ):
        pass
    assert caught.value.issuer_url == issuer.url


def test_an_issuer_that_is_not_there_is_named(world: World) -> None:
    with pytest.raises(IssuerUnreachable) as caught:
        world.provider.discover("http://127.0.0.1:9", TIMEOUT)
    assert caught.value.issuer_url == "http://127.0.0.1:9"


def test_a_refresh_token_gives_a_successor_whose_use_ends_it(world: World) -> None:
    first = world.sign_in()
    second = world.refresh(first.refresh_token)
    third = world.refresh(second.refresh_token)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert world.connect(third.access_token).introduce(third.id_token).email == OWNER
    with pytest.raises(SignInRefused):
        world.refresh(first.refresh_token)


def test_a_refresh_token_that_was_revoked_is_refused(world: World) -> None:
    issuer, token = world.issuer(), world.sign_in().refresh_token
    assert token is not None
    assert issuer.revocation_endpoint is not None
    world.provider.revoke(issuer.revocation_endpoint, world.client_id, token, TIMEOUT)
    with pytest.raises(SignInRefused):
        world.refresh(token)


@pytest.mark.parametrize("nonsense", ["nonsense", "x" * 5000])
def test_what_is_no_refresh_token_is_refused(world: World, nonsense: str) -> None:
    with pytest.raises((SignInRefused, UnexpectedIssuerAnswer)):
        world.refresh(Secret(nonsense))


def test_the_registry_gives_a_token_of_the_organization_for_them(world: World) -> None:
    issued = world.sign_in()
    exchanged = world.connect(issued.access_token).exchange("default", issued.id_token)
    assert exchanged.organization_slug == "default"
    assert exchanged.lifetime == 600
    assert abs(exchanged.clock_offset) < 30
    api = world.connect(exchanged.token)
    (organization,) = api.organizations()
    assert (organization.id, organization.slug, organization.role) == (
        exchanged.organization_id,
        "default",
        "owner",
    )
    for workspace in api.workspaces(exchanged.organization_id):
        assert api.target_roots(workspace.id) is not None
    user = api.identity()
    assert isinstance(user, User)
    assert user.email == OWNER


def test_an_organization_that_is_not_ones_own_is_named(world: World) -> None:
    issued = world.sign_in()
    with pytest.raises(NotKnownToRegistry) as caught:
        world.connect(issued.access_token).exchange("nobodys", issued.id_token)
    assert (caught.value.kind, caught.value.value) == ("organization", "nobodys")


def test_neither_a_key_nor_nonsense_is_exchanged(world: World) -> None:
    for credential in (world.api_key, Secret("nonsense")):
        api = world.connect(credential)
        with pytest.raises(RefusedCredential):
            api.exchange("default", None)
        with pytest.raises(RefusedCredential):
            api.introduce(None)


def test_the_issuers_token_opens_nothing_of_an_organization(world: World) -> None:
    issued = world.sign_in()
    world.connect(issued.access_token).introduce(issued.id_token)
    with pytest.raises(RefusedCredential):
        world.connect(issued.access_token).workspaces("default")
