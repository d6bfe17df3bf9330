"""Who is signed in where, as far as that can be told without spending a refresh token; and a token for scripts."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from stardag.app.choose_registry import ChooseRegistry
from stardag.app.connect import OpenRegistry
from stardag.app.registry_ports import KeyIdentity
from stardag.app.sign_in.fixed_credential import FixedCredential
from stardag.app.sign_in.organization import organization_of
from stardag.app.sign_in.ports import SignIns
from stardag.app.sign_in.renew_tokens import RenewTokens
from stardag.domain.credentials import Secret
from stardag.domain.errors import OutOfReach
from stardag.domain.profile import ActiveProfile, Selection
from stardag.domain.registry_errors import NoCredential, NotSignedIn, RefusedCredential
from stardag.domain.sign_in import SignIn, User

CredentialKind: TypeAlias = Literal["api-key", "access-token", "sign-in"]


class Status(NamedTuple):
    """The credential for a registry, and what the registry says of it.

    `sign_in` is None where an API key or an access token from the environment is used. `identity` is None where it was
    not verified, for the reason `not_verified`; `account` is who signed in, as the sign-in noted it.
    """

    profile: ActiveProfile
    registry: str | None
    sign_in: SignIn | None
    identity: KeyIdentity | User | None
    not_verified: str | None
    account: User | None = None

    @property
    def user(self) -> User | None:
        """Who is signed in: as the registry says, else as was noted when they signed in."""
        return self.identity if isinstance(self.identity, User) else self.account

    @property
    def credential(self) -> CredentialKind:
        """What is used."""
        if self.sign_in is not None:
            return "sign-in"
        return "access-token" if self.profile.api_key.value is None else "api-key"


@dataclass(frozen=True, slots=True)
class TellStatus:
    """Tells which credential is used, and asks the registry about it where one is at hand that it takes.

    Raises:
        NoCredential: there is none.
        RefusedCredential, AccessTokenEnded: the registry does not take the API key or the access token at hand.
        UnusableSecrets: the file that keeps the sign-in is broken, or others can read it.
        and whatever ChooseRegistry and OpenRegistry raise.
    """

    choose_registry: ChooseRegistry
    open_registry: OpenRegistry
    sign_ins: SignIns
    renew_tokens: RenewTokens

    def __call__(self, selection: Selection) -> Status:
        """The status."""
        if selection.registry is None:
            profile = self.choose_registry.resolve(selection)
            if _is_at_hand(profile):
                return self._of_what_is_at_hand(profile)
        profile, registry = self.choose_registry(selection)
        if _is_at_hand(profile):
            return self._of_what_is_at_hand(profile)
        url = profile.registry_url.value
        sign_in = self.sign_ins.find(profile.directory, registry, url)
        if sign_in is None:
            raise NoCredential(url, registry, profile.unused_token)
        identity, not_verified = self._ask(profile, sign_in)
        return Status(profile, registry, sign_in, identity, not_verified, self.sign_ins.account(sign_in))

    def token(self, selection: Selection) -> tuple[ActiveProfile, Secret, float | None]:
        """A token of the signed-in user for the profile's organization, good until a time in seconds since the epoch;
        one that `stardag exec` handed down is good until its command ends, and for that nobody here knows a time.

        Raises:
            MissingSetting: no organization is named.
            NotSignedIn: nobody is signed in, though there may be an API key.
            and whatever RenewTokens raises.
        """
        profile = self.choose_registry.resolve(selection)
        if profile.access_token.value is not None:
            return profile, profile.access_token.value, None
        profile, registry = self.choose_registry(selection)
        url = profile.registry_url.value
        sign_in = self.sign_ins.find(profile.directory, registry, url)
        if sign_in is None:
            raise NotSignedIn(registry, url)
        organization = organization_of(profile)
        cached = self.renew_tokens.cached(sign_in, organization)
        if cached is None:
            self.open_registry.check_named(profile)
            self.open_registry.without_credential(url, profile)  # whether it may be asked at all
            cached = self.renew_tokens(sign_in, organization, profile.timeout)
        return profile, cached.token, cached.expires_at

    def _of_what_is_at_hand(self, profile: ActiveProfile) -> Status:
        try:
            identity = self.open_registry(profile).identity()
        except OutOfReach as error:
            return Status(profile, profile.registry.value, None, None, error.message)
        return Status(profile, profile.registry.value, None, identity, None)

    def _ask(self, profile: ActiveProfile, sign_in: SignIn) -> tuple[KeyIdentity | User | None, str | None]:
        organization = profile.organization.value
        token = None if organization is None else self.renew_tokens.cached(sign_in, organization_of(profile))
        if token is None:
            return None, "No valid access token is at hand; the next command that asks the registry gets one."
        try:
            api = self.open_registry.without_credential(sign_in.registry_url, profile, FixedCredential(token.token))
            return api.identity(), None
        except RefusedCredential:
            return None, "The registry does not take the access token at hand; the next command gets another."
        except OutOfReach as error:
            return None, error.message


def _is_at_hand(profile: ActiveProfile) -> bool:
    """Whether the environment holds a credential for this place."""
    return profile.api_key.value is not None or profile.access_token.value is not None
