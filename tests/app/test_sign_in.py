"""Signing in and out, status and tokens, over fakes."""

import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from stardag.app.log_in import Way
from stardag.app.sign_in.ports import PendingSignIn
from stardag.app.sign_in.user_credentials import OrganizationCredential, UserCredential
from stardag.domain.credentials import Secret
from stardag.domain.errors import ConfigurationError, MissingSetting, StardagError, StateNotWritable, UnknownName
from stardag.domain.profile import NO_SELECTION, Selection
from stardag.domain.registry_errors import (
    ClockOff,
    IssuerUnreachable,
    NoCredential,
    NotKnownToRegistry,
    RefusedCredential,
    RegistryUnreachable,
    SignInEnded,
    SignInRefused,
    SignInWithheld,
    UnusableSecrets,
)
from stardag.domain.sign_in import IssuedTokens, User
from tests.app.world import World, codes, sample
from tests.fakes.environment import FakeEnvironment
from tests.fakes.registry import DEFAULT_URL, FakeRegistryApi
from tests.fakes.signals import FakeSignals

ALICE = "alice@acme.example"
TIMEOUT = 5.0

LIKE_THE_REGISTRY = {
    "another host": "https://registry.evil.example",
    "another port": "http://localhost:8001",
    "the real one as user information": "http://localhost:8000@127.0.0.1:8001",
    "a host that looks like it": "https://localhost.localdomain:8000",
    "the real one as a path": "https://registry.evil.example/localhost:8000",
    "a path below it that is another registry's": "http://localhost:8000/other",
}


class Dialogue:
    """What a person was shown."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str]] = []
        self.shown: list[tuple[str, str | None]] = []

    def signing_in(self, registry: str, registry_url: str, issuer_url: str) -> None:
        assert not self.shown
        self.said.append((registry, registry_url, issuer_url))

    def show(self, pending: PendingSignIn) -> None:
        self.shown.append((pending.url, pending.user_code))


@pytest.fixture
def world() -> World:
    world = World()
    world.environment = FakeEnvironment()
    world.identity_provider.person = ALICE
    world.registry.add_user(ALICE, next(iter(world.registry.organizations.values())))
    return world


class TestLoggingIn:
    def test_it_names_the_registry_keeps_the_sign_in_and_syncs(self, world: World) -> None:
        dialogue = Dialogue()
        logged_in = world.log_in(NO_SELECTION, dialogue)
        assert dialogue.said == [("local", DEFAULT_URL, "https://issuer.example")]
        assert (logged_in.registry, logged_in.user.email, logged_in.notices) == ("local", ALICE, ())
        kept = world.sign_ins.find(world.directory, "local", DEFAULT_URL)
        assert kept is not None
        assert kept.refresh_token in world.identity_provider.good
        assert world.cached() == {"default": "/local-target-roots/default/default/"}
        assert world.identity_provider.refreshes == []

    def test_the_token_is_asked_for_this_registry_alone(self, world: World) -> None:
        dialogue = Dialogue()
        world.log_in(NO_SELECTION, dialogue)
        assert dialogue.shown == [(f"https://issuer.example/a?resource={DEFAULT_URL}", None)]

    @pytest.mark.parametrize("way", ["device", "either"])
    def test_a_device_shows_a_code_and_either_takes_that_where_the_issuer_has_it(self, world: World, way: Way) -> None:
        dialogue = Dialogue()
        world.log_in(NO_SELECTION, dialogue, way)
        assert dialogue.shown == [("https://issuer.example/device", "ABCD-EFGH")]

    def test_either_takes_the_browser_where_the_issuer_has_no_device_flow(self, world: World) -> None:
        world.identity_provider.issuer = world.identity_provider.issuer._replace(device_authorization_endpoint=None)
        dialogue = Dialogue()
        world.log_in(NO_SELECTION, dialogue, "either")
        assert dialogue.shown[0][1] is None

    def test_a_refresh_token_that_is_given_is_spent_and_its_successor_kept(self, world: World) -> None:
        given = world.identity_provider.sign_in(ALICE).refresh_token
        world.log_in(NO_SELECTION, Dialogue(), refresh_token=given)
        kept = world.sign_ins.find(world.directory, "local", DEFAULT_URL)
        assert world.identity_provider.refreshes == [given]
        assert kept is not None
        assert kept.refresh_token != given

    @pytest.mark.parametrize(
        "failure", [RegistryUnreachable(DEFAULT_URL, "nothing listens there"), RefusedCredential(DEFAULT_URL)]
    )
    def test_the_successor_of_a_token_that_is_given_is_kept_though_the_registry_fails(
        self, world: World, failure: StardagError
    ) -> None:
        class Failing(FakeRegistryApi):
            def introduce(self, id_token: Secret | None) -> User:
                raise failure

        world.registries.api = Failing
        given = world.identity_provider.sign_in(ALICE).refresh_token
        with pytest.raises((RegistryUnreachable, SignInRefused)) as caught:
            world.log_in(NO_SELECTION, Dialogue(), refresh_token=given)
        kept = world.sign_ins.find(world.directory, "local", DEFAULT_URL)
        assert kept is not None
        assert kept.refresh_token in world.identity_provider.good
        assert world.sign_ins.file_of(kept).path in caught.value.fix

    def test_what_was_denied_leaves_nothing(self, world: World) -> None:
        world.identity_provider.person = None
        with pytest.raises(SignInRefused):
            world.log_in(NO_SELECTION, Dialogue())
        assert world.sign_ins.kept == {}

    def test_nobody_is_sent_to_a_browser_for_what_cannot_be_kept(self, world: World) -> None:
        world.sign_ins.is_writable = False
        dialogue = Dialogue()
        with pytest.raises(StateNotWritable):
            world.log_in(NO_SELECTION, dialogue)
        assert (dialogue.said, dialogue.shown) == ([], [])

    def test_a_registry_that_only_a_project_names_is_not_signed_in_to(self, world: World) -> None:
        theirs = "https://registry.evil.example"
        world.files.project = sample(theirs)
        with pytest.raises(SignInWithheld):
            world.log_in(NO_SELECTION, Dialogue())
        assert world.registries.connected == []

    def test_a_sync_that_fails_takes_nothing_back(self, world: World) -> None:
        organization = next(iter(world.registry.organizations.values()))
        user = world.registry.users[ALICE]
        del world.registry.members[organization.id, user.id]
        assert codes(world.log_in(NO_SELECTION, Dialogue()).notices) == ["not-synced"]
        assert world.sign_ins.find(world.directory, "local", DEFAULT_URL) is not None

    def test_an_api_key_that_is_used_first_is_mentioned(self, world: World) -> None:
        world.environment = FakeEnvironment(api_key=world.registry.owner_key.reveal())
        assert codes(world.log_in(NO_SELECTION, Dialogue()).notices) == ["api-key-first"]


class TestTokens:
    def test_a_fresh_one_is_taken_from_the_cache(self, world: World) -> None:
        sign_in = world.signed_in()
        first = world.renew_tokens(sign_in, "default", TIMEOUT)
        world.now += 539
        assert world.renew_tokens(sign_in, "default", TIMEOUT) == first
        assert len(world.identity_provider.refreshes) == 1

    def test_it_is_renewed_a_minute_before_its_end(self, world: World) -> None:
        sign_in = world.signed_in()
        first = world.renew_tokens(sign_in, "default", TIMEOUT)
        world.now += 541
        assert world.renew_tokens(sign_in, "default", TIMEOUT) != first

    def test_the_successor_is_kept_even_if_the_exchange_fails(self, world: World) -> None:
        sign_in = world.signed_in()
        world.registry.members.clear()
        with pytest.raises(NotKnownToRegistry):
            world.renew_tokens(sign_in, "default", TIMEOUT)
        again = world.sign_ins.again(sign_in)
        assert again is not None
        assert again.refresh_token in world.identity_provider.good

    def test_a_thousand_threads_make_one_refresh(self, world: World) -> None:
        sign_in = world.signed_in()
        barrier = threading.Barrier(1000)

        def renew() -> Secret:
            barrier.wait()
            return world.renew_tokens(sign_in, "default", 60.0).token

        with ThreadPoolExecutor(1000) as pool:
            tokens = {future.result() for future in [pool.submit(renew) for _ in range(1000)]}
        assert len(tokens) == 1
        assert len(world.identity_provider.refreshes) == 1

    def test_an_issuer_that_refuses_has_ended_the_sign_in(self, world: World) -> None:
        sign_in = world.signed_in()
        world.identity_provider.good.clear()
        with pytest.raises(SignInEnded) as caught:
            world.renew_tokens(sign_in, "default", TIMEOUT)
        assert "stardag auth login --registry local" in caught.value.fix

    def test_whoever_was_signed_out_meanwhile_is_told(self, world: World) -> None:
        sign_in = world.signed_in()
        world.sign_ins.remove(sign_in)
        with pytest.raises(SignInEnded):
            world.renew_tokens(sign_in, "default", TIMEOUT)
        assert world.identity_provider.refreshes == []

    def test_no_signal_ends_the_process_between_a_refresh_and_keeping_its_successor(self, world: World) -> None:
        sign_in = world.signed_in()
        noted: list[tuple[int, int, bool]] = []

        class NotingSignals(FakeSignals):
            @contextmanager
            def held(self, timeout: float) -> Generator[None]:
                before = len(world.identity_provider.refreshes)
                yield
                kept = world.sign_ins.again(sign_in)
                noted.append((before, len(world.identity_provider.refreshes), kept != sign_in))

        world.signals = NotingSignals()
        world.renew_tokens(sign_in, "default", TIMEOUT)
        assert noted == [(0, 1, True)]

    def test_an_issuer_that_was_silent_for_long_is_not_asked_again_at_once(self, world: World) -> None:
        sign_in = world.signed_in()
        times = iter([0.0, 5.0, 5.0, 6.0, 40.0, 41.0, 41.0, 41.0])
        renew = world.renew_tokens
        slow = type(renew)(
            renew.sign_ins, renew.identity_provider, renew.registries, lambda: next(times), world.signals
        )
        world.identity_provider.down = "it hangs"
        with pytest.raises(IssuerUnreachable, match="it hangs"):
            slow.issued(sign_in, TIMEOUT)
        world.identity_provider.down = None
        with pytest.raises(IssuerUnreachable, match="1 seconds ago"):
            slow.issued(sign_in, TIMEOUT)
        assert slow.issued(sign_in, TIMEOUT).access_token in world.registry.issued
        assert world.sign_ins.silence(sign_in) is None

    def test_a_token_that_the_registry_refuses_is_replaced_once(self, world: World) -> None:
        sign_in = world.signed_in()
        world.renew_tokens(sign_in, "default", TIMEOUT)
        world.registry.tokens.clear()
        assert world.connect(NO_SELECTION).identity.workspace_slug == "default"
        assert len(world.identity_provider.refreshes) == 2

    def test_a_clock_that_is_far_off_is_named_after_two_requests(self, world: World) -> None:
        sign_in = world.signed_in()
        world.renew_tokens(sign_in, "default", TIMEOUT)
        world.registry.tokens.clear()
        world.registry.clock_offset = 86400.0
        world.forget_requests()
        with pytest.raises(ClockOff, match="1 day ahead"):
            world.connect(NO_SELECTION)
        assert len(world.registry.requests) <= 2

    def test_a_clock_that_is_far_off_is_named_when_a_token_is_renewed(self, world: World) -> None:
        world.signed_in()
        world.registry.clock_offset = -86400.0
        with pytest.raises(ClockOff, match="1 day behind"):
            world.connect(NO_SELECTION)
        assert world.registry.requests == ["POST /auth/exchange"]


class TestUsingASignIn:
    def test_the_workspace_is_found_and_remembered(self, world: World) -> None:
        world.signed_in()
        assert world.connect(NO_SELECTION).identity.organization_slug == "default"
        world.forget_requests()
        world.connect(NO_SELECTION)
        assert world.registry.requests == []

    def test_an_organization_has_to_be_named(self, world: World) -> None:
        world.signed_in()
        world.files.user = {"registry": {"local": {"url": DEFAULT_URL}}, "profile": {"local": {"registry": "local"}}}
        with pytest.raises(MissingSetting):
            world.connect(Selection("local"))

    def test_a_workspace_that_is_not_there_is_named(self, world: World) -> None:
        world.signed_in()
        with pytest.raises(NotKnownToRegistry, match="'staging'"):
            world.connect(Selection(workspace="staging"))

    @pytest.mark.parametrize("url", LIKE_THE_REGISTRY.values(), ids=list(LIKE_THE_REGISTRY))
    def test_a_name_that_a_project_points_elsewhere_gets_nothing(self, world: World, url: str) -> None:
        world.signed_in()
        world.files.project = sample(url)
        with pytest.raises(ConfigurationError if "@" in url else NoCredential):
            world.connect(NO_SELECTION)
        assert world.registries.connected == []
        assert world.identity_provider.refreshes == []


class TestStatus:
    def test_it_is_verified_with_a_token_at_hand(self, world: World) -> None:
        sign_in = world.signed_in()
        world.renew_tokens(sign_in, "default", TIMEOUT)
        status = world.tell_status(NO_SELECTION)
        assert isinstance(status.identity, User)
        assert (status.identity.email, status.not_verified) == (ALICE, None)

    def test_it_never_spends_a_refresh_token(self, world: World) -> None:
        world.signed_in()
        status = world.tell_status(NO_SELECTION)
        assert status.identity is None
        assert status.not_verified is not None
        assert world.identity_provider.refreshes == world.registry.requests == []

    def test_a_token_that_is_refused_is_not_verified(self, world: World) -> None:
        world.renew_tokens(world.signed_in(), "default", TIMEOUT)
        world.registry.tokens.clear()
        assert world.tell_status(NO_SELECTION).not_verified is not None
        assert len(world.identity_provider.refreshes) == 1

    def test_without_any_credential_it_says_so(self, world: World) -> None:
        with pytest.raises(NoCredential):
            world.tell_status(NO_SELECTION)

    def test_an_api_key_that_is_no_good_is_refused(self, world: World) -> None:
        world.environment = FakeEnvironment(api_key="stardag_admin_wrong")
        with pytest.raises(RefusedCredential):
            world.tell_status(NO_SELECTION)


def test_a_token_that_the_registry_rejects_is_told_by_its_sign_in_and_file(world: World) -> None:
    sign_in = world.signed_in()
    never_issued = IssuedTokens(Secret("never-issued"), None, None)
    with pytest.raises(RefusedCredential) as caught:
        world.renew_tokens.exchange(sign_in, never_issued, "default", TIMEOUT)
    file = f"{sign_in.directory}/credentials/local.json"
    assert f"rejected the access token of the sign-in to 'local' ({file})" in caught.value.message
    assert caught.value.fix == "Sign in again with: stardag auth login --registry local"
    credentials = (
        OrganizationCredential(world.renew_tokens, sign_in, "default", TIMEOUT),
        UserCredential(world.renew_tokens, sign_in, TIMEOUT),
    )
    assert [each.source().fix for each in credentials] == [caught.value.fix] * 2


def test_a_sign_in_that_has_ended_names_its_file(world: World) -> None:
    sign_in = world.signed_in()
    world.identity_provider.good.clear()
    with pytest.raises(SignInEnded, match=f"{sign_in.directory}/credentials/local.json"):
        world.renew_tokens(sign_in, "default", TIMEOUT)


def test_signing_in_shows_what_the_sync_changed(world: World) -> None:
    world.signed_in(ALICE)
    world.synced()
    world.set_root("default", "/moved")
    world.set_root("more", "/more")
    world.identity_provider.person = ALICE
    synced = world.log_in(NO_SELECTION, Dialogue()).synced
    assert synced is not None
    assert [change.name for change in synced.changes.modified] == ["default"]
    assert [change.name for change in synced.changes.added] == ["more"]
    assert synced.applied


def test_who_has_just_signed_in_is_named_without_asking_anybody(world: World) -> None:
    world.registry.add_user(ALICE, next(iter(world.registry.organizations.values())))
    world.identity_provider.person = ALICE
    world.log_in(NO_SELECTION, Dialogue())
    world.sign_ins.tokens.clear()
    world.forget_requests()
    status = world.tell_status(NO_SELECTION)
    assert status.user is not None
    assert (status.user.email, status.identity) == (ALICE, None)
    assert world.registry.requests == []


class TestLoggingOut:
    def test_it_is_revoked_and_deleted(self, world: World) -> None:
        sign_in = world.signed_in()
        _, gone = world.log_out(NO_SELECTION)
        assert [each.not_revoked for each in gone] == [None]
        assert world.identity_provider.revoked == [sign_in.refresh_token]
        assert world.sign_ins.kept == {}

    def test_it_is_deleted_whatever_the_issuer_says(self, world: World) -> None:
        world.signed_in()
        world.identity_provider.down = "it hangs"
        _, gone = world.log_out(NO_SELECTION)
        assert gone[0].not_revoked is not None
        assert world.sign_ins.kept == {}

    def test_the_token_goes_to_no_other_issuer(self, world: World) -> None:
        world.signed_in()
        issuer = world.identity_provider.issuer
        world.identity_provider.issuer = issuer._replace(token_endpoint="https://other.example/t")
        world.log_out(NO_SELECTION)
        assert world.identity_provider.revoked == []

    def test_nobody_signed_in_is_no_error(self, world: World) -> None:
        assert world.log_out(NO_SELECTION)[1] == ()

    def test_a_broken_file_goes_as_well(self, world: World) -> None:
        world.signed_in()
        world.sign_ins.spoil(world.directory, "local")
        with pytest.raises(UnusableSecrets):
            world.tell_status(NO_SELECTION)
        world.log_out(NO_SELECTION)
        with pytest.raises(NoCredential):
            world.tell_status(NO_SELECTION)

    def test_a_registry_that_was_removed_can_still_be_signed_out_of(self, world: World) -> None:
        sign_in = world.signed_in()
        world.files.user = {}
        _, gone = world.log_out(Selection(registry="local"))
        assert [(each.registry, each.not_revoked) for each in gone] == [("local", None)]
        assert world.identity_provider.revoked == [sign_in.refresh_token]
        with pytest.raises(UnknownName):
            world.log_out(Selection(registry="local"))

    def test_all_means_every_registry(self, world: World) -> None:
        world.signed_in()
        _, gone = world.log_out(NO_SELECTION, every=True)
        assert [each.registry for each in gone] == ["local"]
