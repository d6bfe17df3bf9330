"""Signing in on another device (RFC 8628)."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from stardag.adapters.oauth.asking import AskedIssuer
from stardag.adapters.oauth.messages import DEVICE_SECONDS_MAX, INTERVAL_SECONDS_MAX, DeviceMessage, Fields
from stardag.app.sign_in.ports import Issuer
from stardag.domain.registry_errors import IssuerUnreachable, SignInRefused
from stardag.domain.sign_in import IssuedTokens

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
SLOWED_BY = 5.0
"""Seconds that are added to the interval when the issuer asks to be asked less often (section 3.5)."""


@dataclass(frozen=True, slots=True, repr=False)
class OnDevice:
    """A code that somebody is about to allow elsewhere. `pause` waits so many seconds."""

    issuer: Issuer
    client_id: str
    resource: str
    timeout: float
    codes: DeviceMessage
    pause: Callable[[float], None]

    @property
    def url(self) -> str:
        """The page to open."""
        return self.codes.verification_uri_complete or self.codes.verification_uri

    @property
    def user_code(self) -> str | None:
        """What is to be compared or typed there."""
        return self.codes.user_code

    def wait(self) -> IssuedTokens:
        """What the issuer hands out once somebody has allowed it; asked every few seconds until then."""
        ends = monotonic() + min(self.codes.expires_in, DEVICE_SECONDS_MAX)
        interval = min(self.codes.interval, INTERVAL_SECONDS_MAX)
        while monotonic() < ends:
            self.pause(interval)
            answer = self._ask()
            if isinstance(answer, IssuedTokens):
                return answer
            match answer:
                case "authorization_pending":
                    pass
                case "slow_down":
                    interval = min(interval + SLOWED_BY, INTERVAL_SECONDS_MAX)
                case "access_denied":
                    raise SignInRefused(self.issuer.url, "it was denied")
                case "expired_token":
                    break
                case code:
                    raise SignInRefused(self.issuer.url, f"the issuer answers {code}")
        raise SignInRefused(self.issuer.url, "nobody allowed it before the code expired")

    def _ask(self) -> IssuedTokens | str:
        fields = Fields(grant_type=GRANT, client_id=self.client_id, device_code=self.codes.device_code)
        asked = AskedIssuer(self.issuer.url, self.timeout)
        try:
            answer = asked.tokens(self.issuer.token_endpoint, fields, self.resource)
        except IssuerUnreachable:
            return "slow_down"  # section 3.5: what breaks off is asked again, less often
        return answer if isinstance(answer, str) else answer.to_domain()
