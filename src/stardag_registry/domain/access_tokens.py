"""Access tokens: what a member has made for a command that runs without them.

A token acts as its user in one organization with a member's rights at most, whatever the user is there, for twelve
hours at most, and until it is revoked. Unlike an organization's token it is looked up, so that revoking it counts at
once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from stardag_registry.domain.errors import InvalidField
from stardag_registry.domain.made_secrets import MadeSecret, kind_of, spell

MAX_LIFETIME = timedelta(hours=12)

MAX_ACCESS_TOKENS = 100
"""Of one user in one organization, that count."""

_KIND = "access"


class AccessTokenSecret(MadeSecret):
    """A token as its holder has it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What is known of a token besides its secret: whose it is, where, and how long it counts."""

    id: str
    organization_id: str
    user_id: str
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    def counts_at(self, moment: datetime) -> bool:
        """Whether the token is a credential at `moment`: neither revoked nor expired."""
        return self.revoked_at is None and moment < self.expires_at


def make_access_token_secret(entropy: bytes) -> AccessTokenSecret:
    """The token that as many random bytes as a secret is made of give."""
    return AccessTokenSecret(spell(_KIND, entropy))


def parse_access_token_secret(text: str) -> AccessTokenSecret | None:
    """The token that `text` spells, or None where it can be none."""
    return AccessTokenSecret(text) if kind_of(text) == _KIND else None


def checked_lifetime(seconds: int) -> timedelta:
    """How long a token is to count.

    Raises:
        InvalidField: it is nothing, or too long.
    """
    longest = int(MAX_LIFETIME.total_seconds())
    if not 1 <= seconds <= longest:
        raise InvalidField("body.lifetime_seconds", f"it is 1 to {longest}")
    return timedelta(seconds=seconds)
