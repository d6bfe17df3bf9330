"""Signing in: through a browser, with a code on another device, or with a refresh token that somebody has already."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from stardag.app.choose_registry import ChooseRegistry
from stardag.app.connect import OpenRegistry
from stardag.app.registry_ports import Registries
from stardag.app.sign_in.fixed_credential import FixedCredential
from stardag.app.sign_in.ports import IdentityProvider, Issuer, PendingSignIn, SignIns
from stardag.app.sign_in.renew_tokens import RenewTokens
from stardag.app.sync_target_roots import Synced, SyncTargetRoots
from stardag.domain.credentials import Secret
from stardag.domain.errors import StardagError
from stardag.domain.layers import Notice
from stardag.domain.lines import lines
from stardag.domain.profile import ActiveProfile, Selection
from stardag.domain.registry_errors import RefusedCredential, SignInRefused
from stardag.domain.sign_in import IssuedTokens, SignIn, SignInSettings, User

Way = Literal["browser", "device", "either"]
"""How a person signs in; "either" is on another device where the issuer has that, else through a browser."""


_EXCHANGES_UNTIL_KEPT = 3
"""A refresh, which an issuer may ask to be sent in another form, and the registry being told."""


class Dialogue(Protocol):
    """What a person has to see while signing in."""

    def signing_in(self, registry: str, registry_url: str, issuer_url: str) -> None:
        """Where it leads, said before anything is opened."""
        ...

    def show(self, pending: PendingSignIn) -> None:
        """The page to open, and what to compare or type there."""
        ...


class LoggedIn(NamedTuple):
    """Who is signed in where, and what a person should hear of what followed. `synced` is None where the active
    workspace's target roots were not synced."""

    profile: ActiveProfile
    registry: str
    user: User
    synced: Synced | None
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class LogIn:
    """Signs in to a registry, keeps what that leaves, and syncs the active workspace's target roots.

    Raises:
        SignInWithheld: only a project's file names the registry, and the user never did.
        StateNotWritable: what it leaves could not be kept; said before a browser opens.
        SignInRefused: see IdentityProvider.
        and whatever ChooseRegistry, OpenRegistry, RegistryApi and IdentityProvider raise.
    """

    choose_registry: ChooseRegistry
    open_registry: OpenRegistry
    registries: Registries
    sign_ins: SignIns
    identity_provider: IdentityProvider
    renew_tokens: RenewTokens
    sync: SyncTargetRoots

    def __call__(
        self, selection: Selection, dialogue: Dialogue, way: Way = "browser", refresh_token: Secret | None = None
    ) -> LoggedIn:
        """Sign in; with a `refresh_token`, nobody is asked anything."""
        profile, registry = self.choose_registry(selection)
        url, timeout = profile.registry_url.value, profile.timeout
        self.open_registry.check_sign_in(profile)
        api = self.open_registry.without_credential(url, profile)
        self.sign_ins.check_writable(profile.directory)
        settings = api.sign_in_settings()
        dialogue.signing_in(registry, url, settings.issuer_url)
        issuer = self.identity_provider.discover(settings.issuer_url, timeout)
        issued = self._ask_person(issuer, settings, profile, way, dialogue) if refresh_token is None else None
        # What the issuer has given is there once: no signal ends this process before it is kept.
        with self.renew_tokens.signals.held(_EXCHANGES_UNTIL_KEPT * timeout):
            if refresh_token is not None:
                issued = self.identity_provider.refresh(
                    issuer.token_endpoint, settings.client_id, refresh_token, url, timeout
                )
            assert issued is not None
            kept = issued.refresh_token or refresh_token
            if kept is None:
                raise SignInRefused(issuer.url, "it gave no refresh token, which staying signed in needs")
            sign_in = SignIn(profile.directory.path, registry, url, issuer.token_endpoint, settings.client_id, kept)
            is_rotated = refresh_token is not None and kept != refresh_token
            if is_rotated:  # the token that was given is spent: its successor stays, whatever the registry answers
                self.sign_ins.keep(profile.directory, sign_in)
            user = self._introduce(sign_in, issuer.url, issued, timeout, is_rotated=is_rotated)
            self.sign_ins.keep(profile.directory, sign_in, user)
        synced, notices = self._sync(selection._replace(registry=registry), profile, sign_in, issued)
        return LoggedIn(profile, registry, user, synced, (*profile.notices, *notices))

    def _ask_person(
        self, issuer: Issuer, settings: SignInSettings, profile: ActiveProfile, way: Way, dialogue: Dialogue
    ) -> IssuedTokens:
        has_device_flow = issuer.device_authorization_endpoint is not None
        begin = (
            self.identity_provider.begin_on_device
            if way == "device" or (way == "either" and has_device_flow)
            else self.identity_provider.begin_in_browser
        )
        with begin(issuer, settings.client_id, profile.registry_url.value, profile.timeout) as pending:
            dialogue.show(pending)
            return pending.wait()

    def _introduce(
        self, sign_in: SignIn, issuer_url: str, issued: IssuedTokens, timeout: float, *, is_rotated: bool
    ) -> User:
        api = self.registries.connect(sign_in.registry_url, FixedCredential(issued.access_token), timeout)
        failure: StardagError
        try:
            return api.introduce(issued.id_token)
        except RefusedCredential:
            failure = SignInRefused(
                issuer_url,
                f"the registry {sign_in.registry_url} does not take the tokens that it gives",
                "Ask whoever runs the registry whether its --oidc-client-id and --oidc-audience are right.",
            )
        except StardagError as error:
            failure = error
        if is_rotated:
            path = self.sign_ins.file_of(sign_in).path
            failure.fix = lines(
                failure.fix, f"The issuer replaced the refresh token that was given; the new one is in {path}"
            )
        raise failure

    def _sync(
        self, selection: Selection, profile: ActiveProfile, sign_in: SignIn, issued: IssuedTokens
    ) -> tuple[Synced | None, tuple[Notice, ...]]:
        """Fetch the active workspace's target roots, where there is one. The sign-in stands, whatever comes of that."""
        organization = profile.organization.value
        for code, first in (("api-key-first", profile.api_key), ("access-token-first", profile.access_token)):
            if first.value is not None:
                return None, (Notice(code, f"{first.origin} is set, and is used rather than this sign-in."),)
        if organization is None:
            return None, ()
        try:
            self.renew_tokens.exchange(sign_in, issued, organization, profile.timeout)
            if profile.workspace.value is None:
                return None, ()
            synced = self.sync(selection)
            return synced, synced.notices
        except StardagError as error:
            return None, (Notice("not-synced", f"The target roots were not synced. {error.message}"),)
