"""Access tokens from a sign-in: the cached one, or a new one, one renewal for however many find it stale together.

Whoever renews is alone with the sign-in and looks again first: somebody else may have done it. The successor of a
refresh token is kept before anything else is done with what came along with it, and no signal ends this process between
the request and that: an issuer may end the sign-in of whoever shows it a refresh token that it has replaced.
"""

from contextlib import suppress
from dataclasses import dataclass

from stardag.app.registry_ports import Registries
from stardag.app.sign_in.fixed_credential import FixedCredential
from stardag.app.sign_in.ports import Clock, IdentityProvider, Signals, SignIns
from stardag.domain.credential_source import CredentialSource
from stardag.domain.credentials import Secret
from stardag.domain.errors import StateNotWritable
from stardag.domain.registry_errors import ClockOff, IssuerUnreachable, SignInEnded, SignInRefused
from stardag.domain.registry_url import origin_of
from stardag.domain.sign_in import (
    CLOCK_TOLERANCE,
    SILENCE_REMEMBERED,
    AccessToken,
    IssuedTokens,
    SignIn,
    Silence,
    sign_in_source,
)

NOTICEABLE = 1.0
"""Seconds; an issuer that is known to be out of reach sooner costs nobody anything when it is asked again."""


@dataclass(frozen=True, slots=True)
class RenewTokens:
    """Gives access tokens, renewing them ahead of their end.

    Raises:
        SignInEnded: the issuer does not accept the refresh token any more, or somebody signed out in the meantime.
        IssuerUnreachable: the issuer does not answer, or did not a moment ago.
        NotKnownToRegistry: the registry knows no such organization, or the user is no member (any more).
        ClockOff: this machine's clock is so far off that it cannot tell when a token ends.
        UnusableSecrets, StateNotWritable: of the files that keep the sign-in.
        and whatever IdentityProvider.refresh and RegistryApi.exchange raise.
    """

    sign_ins: SignIns
    identity_provider: IdentityProvider
    registries: Registries
    clock: Clock
    signals: Signals

    def __call__(
        self, sign_in: SignIn, organization: str, timeout: float, refused: Secret | None = None
    ) -> AccessToken:
        """A token for an organization (slug or id), other than one that the registry `refused`."""
        cached = self.cached(sign_in, organization, refused)
        if cached is not None:
            return cached
        with self.sign_ins.alone(sign_in, _patience(timeout)):
            current = self._again(sign_in)
            cached = self.cached(current, organization, refused)
            if cached is not None:
                return cached
            current, issued = self._refresh(current, timeout)
            return self.exchange(current, issued, organization, timeout)

    def issued(self, sign_in: SignIn, timeout: float) -> IssuedTokens:
        """New tokens of the issuer, for what comes before any organization."""
        with self.sign_ins.alone(sign_in, _patience(timeout)):
            return self._refresh(self._again(sign_in), timeout)[1]

    def exchange(self, sign_in: SignIn, issued: IssuedTokens, organization: str, timeout: float) -> AccessToken:
        """Give the issuer's tokens for one of an organization, and cache it under that one's slug."""
        now = self.clock()
        credential = FixedCredential(issued.access_token, self.source(sign_in))
        api = self.registries.connect(sign_in.registry_url, credential, timeout)
        exchanged = api.exchange(organization, issued.id_token)
        if abs(exchanged.clock_offset) > CLOCK_TOLERANCE:
            raise ClockOff(sign_in.registry_url, exchanged.clock_offset)
        token = AccessToken(exchanged.token, now + exchanged.lifetime)
        with suppress(StateNotWritable):  # the next command exchanges once more
            self.sign_ins.keep_access_token(sign_in, exchanged.organization_slug, token)
        return token

    def cached(self, sign_in: SignIn, organization: str, refused: Secret | None = None) -> AccessToken | None:
        """The cached token for an organization (by slug), where it can still be used; asks nobody."""
        token = self.sign_ins.access_token(sign_in, organization)
        if token is None or token.token == refused or not token.is_fresh_at(self.clock()):
            return None
        return token

    def source(self, sign_in: SignIn) -> CredentialSource:
        """Where a token of this sign-in comes from, for the error where the registry rejects it."""
        return sign_in_source(sign_in, self.sign_ins.file_of(sign_in))

    def _again(self, sign_in: SignIn) -> SignIn:
        current = self.sign_ins.again(sign_in)
        if current is None:
            raise self._ended(sign_in, "somebody signed out in the meantime")
        return current

    def _ended(self, sign_in: SignIn, reason: str) -> SignInEnded:
        path = self.sign_ins.file_of(sign_in).path
        return SignInEnded(sign_in.registry, sign_in.registry_url, reason, path)

    def _refresh(self, sign_in: SignIn, timeout: float) -> tuple[SignIn, IssuedTokens]:
        began = self.clock()
        silence = self._recent_silence(sign_in, began)
        with self.signals.held(_patience(timeout)):
            sign_in, issued = self._refresh_now(sign_in, timeout, began)
        if silence is not None:
            self.sign_ins.note_silence(sign_in, None)
        return sign_in, issued

    def _refresh_now(self, sign_in: SignIn, timeout: float, began: float) -> tuple[SignIn, IssuedTokens]:
        try:
            issued = self.identity_provider.refresh(
                sign_in.token_endpoint, sign_in.client_id, sign_in.refresh_token, sign_in.registry_url, timeout
            )
        except IssuerUnreachable as error:
            if self.clock() - began > NOTICEABLE:
                self.sign_ins.note_silence(sign_in, Silence(self.clock(), error.reason))
            raise
        except SignInRefused as error:
            raise self._ended(sign_in, error.reason) from None
        if issued.refresh_token is not None and issued.refresh_token != sign_in.refresh_token:
            sign_in = self.sign_ins.replace_refresh_token(sign_in, issued.refresh_token)
        return sign_in, issued

    def _recent_silence(self, sign_in: SignIn, now: float) -> Silence | None:
        """What was noted of the issuer's silence, if it may be asked again.

        Raises:
            IssuerUnreachable: it may not yet.
        """
        silence = self.sign_ins.silence(sign_in)
        if silence is not None and silence.is_recent_at(now):
            waited = now - silence.at
            raise IssuerUnreachable(
                origin_of(sign_in.token_endpoint),
                f"{silence.reason}; that was {waited:.0f} seconds ago",
                f"It is asked again in {SILENCE_REMEMBERED - waited:.0f} seconds. "
                "An API key in STARDAG_API_KEY needs no issuer.",
            )
        return silence


def _patience(timeout: float) -> float:
    """Seconds to wait for somebody else's renewal, which is two exchanges at most, and some writing."""
    return 2 * timeout + 5.0
