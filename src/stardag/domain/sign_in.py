"""Signing in: what it leaves on this machine, what issuers and registries hand out, and how long that is good for.

Commands that ask no registry never import this module.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from stardag.domain.credential_source import CredentialSource
from stardag.domain.credentials import Secret

RENEWED_AHEAD = 60.0
"""Seconds before its end at which an access token is renewed, so that none ends on its way."""

LIFETIME_MAX = 3600.0
"""Seconds that an access token can be good for; one that claims more was kept by a clock that has been set back."""

CLOCK_TOLERANCE = 600.0
"""Seconds by which this machine's clock and a server's may differ before a person has to hear of it."""

SILENCE_REMEMBERED = 30.0
"""Seconds for which an issuer that did not answer is not asked again by others."""


class SignIn(NamedTuple):
    """What signing in to a registry leaves: the content of `credentials/<registry>.json` (readings, section 5).

    `directory` is the stardag directory that keeps it. The refresh token goes to `token_endpoint` alone, and what is
    made from it to `registry_url` alone.
    """

    directory: str
    registry: str
    registry_url: str
    token_endpoint: str
    client_id: str
    refresh_token: Secret


class SignInFile(NamedTuple):
    """The file that keeps a sign-in, and when it was last written, in seconds since the epoch, where that is known."""

    path: str
    written_at: float | None


def sign_in_source(sign_in: SignIn, file: SignInFile) -> CredentialSource:
    """A token of a sign-in, as what a registry may reject."""
    written = ""
    if file.written_at is not None:
        written = f", written {datetime.fromtimestamp(file.written_at, UTC):%Y-%m-%d %H:%M} UTC"
    return CredentialSource(
        f"the access token of the sign-in to {sign_in.registry!r} ({file.path}{written})",
        f"Sign in again with: stardag auth login --registry {sign_in.registry}",
    )


class AccessToken(NamedTuple):
    """An organization-scoped token; `expires_at` is in seconds since the epoch, by this machine's clock."""

    token: Secret
    expires_at: float

    def is_fresh_at(self, now: float) -> bool:
        """Whether it can be used at `now` without being renewed first."""
        return RENEWED_AHEAD < self.expires_at - now <= LIFETIME_MAX


class SignInSettings(NamedTuple):
    """Where the users of a registry sign in, as the registry says."""

    issuer_url: str
    client_id: str


class IssuedTokens(NamedTuple):
    """What an issuer hands out. A refresh token that is None leaves the one before it in force."""

    access_token: Secret
    refresh_token: Secret | None
    id_token: Secret | None


class ExchangedToken(NamedTuple):
    """What a registry gives for an issuer's tokens: one for this organization.

    `lifetime` is in seconds, and so is `clock_offset`, by which this machine's clock is ahead of the registry's.
    """

    token: Secret
    lifetime: float
    organization_id: str
    organization_slug: str
    clock_offset: float = 0.0


class User(NamedTuple):
    """Who is signed in, as the registry says."""

    id: str
    username: str
    email: str | None


class Silence(NamedTuple):
    """That an issuer did not answer: when, in seconds since the epoch, and what was said of it."""

    at: float
    reason: str

    def is_recent_at(self, now: float) -> bool:
        """Whether it is too early to ask again. One from the future was noted by a clock that has been set back."""
        return 0 <= now - self.at < SILENCE_REMEMBERED
