"""How often something secret and short may be tried: passwords, and the codes that devices show."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from stardag_registry.app.ports import Clock
from stardag_registry.app.provider.ports import Attempts, ProviderDatabase
from stardag_registry.domain.accounts import fingerprint_of
from stardag_registry.domain.errors import TooManyAttempts

WINDOW = timedelta(minutes=15)
"""How long attempts are remembered, from the first one on."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many attempts at a subject in one window."""

    subject: str
    count: int


@dataclass(frozen=True, slots=True)
class LimitAttempts:
    """Counts before something is tried, so that many who try at once are all counted, whatever process they reach."""

    database: ProviderDatabase
    clock: Clock

    def take(self, limits: Sequence[Limit]) -> None:
        """Count one attempt at each subject.

        Raises:
            TooManyAttempts: one of them was tried too often; nothing is counted then.
        """
        now = self.clock()
        with self.database.transaction() as transaction:
            transaction.forget_ended(now)
            for limit in limits:
                before = transaction.attempts(limit.subject)
                if before is None or before.until <= now:
                    before = Attempts(0, now + WINDOW)
                if before.count >= limit.count:
                    raise TooManyAttempts(before.until - now)
                transaction.note_attempts(limit.subject, Attempts(before.count + 1, before.until))

    def forgive(self, wholly: Limit, once: Limit) -> None:
        """One attempt was right: forget all at the one subject, and take back that one at the other."""
        with self.database.transaction() as transaction:
            transaction.forget_attempts(wholly.subject)
            noted = transaction.attempts(once.subject)
            if noted is not None and noted.count > 0:
                transaction.note_attempts(once.subject, Attempts(noted.count - 1, noted.until))


def named(purpose: str, name: str) -> str:
    """What attempts at a name are counted under; names that people type are not kept, they might be passwords."""
    return f"{purpose}:{fingerprint_of(name)[:32]}"


def from_address(purpose: str, address: str) -> str:
    """What attempts from a network address are counted under: in IPv6 the network, where everybody has many."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return f"{purpose}-from:unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return f"{purpose}-from:{parsed.ipv4_mapped}"
        return f"{purpose}-from:{ipaddress.ip_network((parsed, 64), strict=False)}"
    return f"{purpose}-from:{parsed}"
