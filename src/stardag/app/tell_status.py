"""Who is signed in where, as far as that can be told without spending a refresh token; and a token for scripts."""

from dataclasses import dataclass
from typing import NamedTuple

from stardag.app.choose_registry import ChooseRegistry
from stardag.app.connect import OpenRegistry
from stardag.app.registry_ports import KeyIdentity
from stardag.app.sign_in.fixed_credential import FixedCredential
from stardag.app.sign_in.organization import organization_of
from stardag.app.sign_in.ports import SignIns
from stardag.app.sign_in.renew_tokens import RenewTokens
from stardag.domain.errors import NoCredential, NotSignedIn, OutOfReach, RefusedCredential
from stardag.domain.profile import ActiveProfile, Selection
from stardag.domain.sign_in import AccessToken, SignIn, User


class Status(NamedTuple):
    """The credential for a registry, and what the registry says of it.

    `sign_in` is None where an API key is used. `identity` is None where it was not verified, for the reason
    `not_verified`.
    """

    profile: ActiveProfile
    registry: str | None
    sign_in: SignIn | None
    identity: KeyIdentity | User | None
    not_verified: str | None


@dataclass(frozen=True, slots=True)
class TellStatus:
    """Tells which credential is used, and asks the registry about it where one is at hand that it takes.

    Raises:
        NoCredential: there is none.
        RefusedCredential: the registry does not take the API key.
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
            if profile.api_key.value is not None:
                return self._of_api_key(profile)
        profile, registry = self.choose_registry(selection)
        if profile.api_key.value is not None:
            return self._of_api_key(profile)
        url = profile.registry_url.value
        sign_in = self.sign_ins.find(profile.directory, registry, url)
        if sign_in is None:
            raise NoCredential(url, registry)
        identity, not_verified = self._ask(profile, sign_in)
        return Status(profile, registry, sign_in, identity, not_verified)

    def token(self, selection: Selection) -> tuple[ActiveProfile, AccessToken]:
        """A token of the signed-in user for the profile's organization, good for a while.

        Raises:
            MissingSetting: no organization is named.
            NotSignedIn: nobody is signed in, though there may be an API key.
            and whatever RenewTokens raises.
        """
        profile, registry = self.choose_registry(selection)
        url = profile.registry_url.value
        sign_in = self.sign_ins.find(profile.directory, registry, url)
        if sign_in is None:
            raise NotSignedIn(registry, url)
        organization = organization_of(profile)
        cached = self.renew_tokens.cached(sign_in, organization)
        if cached is None:
            self.open_registry.without_credential(url, profile)  # whether it may be asked at all
            cached = self.renew_tokens(sign_in, organization, profile.timeout)
        return profile, cached

    def _of_api_key(self, profile: ActiveProfile) -> Status:
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
