"""A signed-in user's tokens, as what is shown to a registry: had when they are needed."""

from dataclasses import dataclass, field

from stardag.app.sign_in.renew_tokens import RenewTokens
from stardag.domain.credential_source import CredentialSource
from stardag.domain.credentials import Secret
from stardag.domain.registry_errors import ClockOff, RefusedCredential
from stardag.domain.sign_in import CLOCK_TOLERANCE, SignIn


@dataclass(slots=True)
class OrganizationCredential:
    """A signed-in user's token for one organization: the cached one, or one that is minted on demand."""

    renew_tokens: RenewTokens
    sign_in: SignIn
    organization: str
    timeout: float
    _is_new: bool = field(default=False, init=False)

    def __call__(self) -> Secret:
        """The token.

        Raises:
            whatever RenewTokens raises.
        """
        cached = self.renew_tokens.cached(self.sign_in, self.organization)
        if cached is not None:
            return cached.token
        self._is_new = True
        return self.renew_tokens(self.sign_in, self.organization, self.timeout).token

    def instead_of(self, refused: Secret, refusal: RefusedCredential) -> Secret | None:
        """A new token, for a cached one that looks good here and that the registry refuses.

        Raises:
            ClockOff: this machine's clock is why it looks good.
            and whatever RenewTokens raises.
        """
        if abs(refusal.clock_offset) > CLOCK_TOLERANCE:
            raise ClockOff(self.sign_in.registry_url, refusal.clock_offset)
        if self._is_new:
            return None
        self._is_new = True
        return self.renew_tokens(self.sign_in, self.organization, self.timeout, refused).token

    def source(self) -> CredentialSource:
        """The sign-in that the token was made from."""
        return self.renew_tokens.source(self.sign_in)


@dataclass(frozen=True, slots=True)
class UserCredential:
    """A signed-in user's token of the issuer, for what comes before any organization. It is kept nowhere."""

    renew_tokens: RenewTokens
    sign_in: SignIn
    timeout: float

    def __call__(self) -> Secret:
        """The token.

        Raises:
            whatever RenewTokens raises.
        """
        return self.renew_tokens.issued(self.sign_in, self.timeout).access_token

    def instead_of(self, refused: Secret, refusal: RefusedCredential) -> Secret | None:
        """Nothing: the refused one was new."""

    def source(self) -> CredentialSource:
        """The sign-in that the token was made from."""
        return self.renew_tokens.source(self.sign_in)
