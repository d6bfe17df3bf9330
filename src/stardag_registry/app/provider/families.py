"""Refresh tokens: families that rotate, in which a lost answer can be had again and a stolen token ends everything.

A token is presented and gives its successor. The successor is derived from the one presented and the registry's secret
(HMAC), so that it can be given again while nothing but fingerprints is kept. Whoever presents the newest token a second
time has lost the answer; whoever presents an older one shares it with somebody else (RFC 9700, section 4.14.2).
"""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from stardag_registry.app.ports import Clock, Randomness
from stardag_registry.app.provider.derived_secrets import Derive, random_text
from stardag_registry.app.provider.ports import ProviderDatabase, ProviderTransaction
from stardag_registry.domain.accounts import Account, fingerprint_of
from stardag_registry.domain.grants import REFRESH_LIFETIME, Grant, RefreshFamily, RefreshToken

PREFIX = "stardag_refresh_"
"""What every refresh token begins with, so that people and scanners recognise one that leaked."""

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, repr=False)
class Allowed:
    """What a client may have tokens for now, and the refresh token that goes with them, which is kept nowhere."""

    account: Account
    grant: Grant
    refresh_token: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a refresh token that was presented, for the journal: nothing in it is secret."""

    kind: Literal["granted", "repeated", "refused"]
    family_id: str | None = None
    generation: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Refresh:
    """Gives the successor of a refresh token."""

    database: ProviderDatabase
    derive: Derive
    clock: Clock

    def find(self, token: str) -> RefreshToken | None:
        """What is known of a refresh token, whether it counts or not."""
        with self.database.reading() as reading:
            return reading.refresh_token(fingerprint_of(token))

    def __call__(self, token: str) -> tuple[Allowed | None, Outcome]:
        """What the token allows and its successor, or None; and what happened.

        However many present the same token at once, in however many processes, all get one and the same successor.
        """
        successor = PREFIX + self.derive("successor", token)
        for _ in range(_ATTEMPTS):
            with self.database.transaction() as transaction:
                answer = self._decide(transaction, token, successor)
            if answer is not None:
                return answer
        return None, Outcome("refused", reason="its family kept changing")

    def _decide(
        self, transaction: ProviderTransaction, token: str, successor: str
    ) -> tuple[Allowed | None, Outcome] | None:
        """None where the family changed between looking and writing, which only some databases allow."""
        now = self.clock()
        found = transaction.refresh_token(fingerprint_of(token))
        if found is None:
            return None, Outcome("refused", reason="it is not known")
        family, generation = found.family, found.generation
        if family.revoked_at is not None or now >= family.expires_at:
            reason = "its family has expired" if family.revoked_at is None else "its family was revoked"
            return None, Outcome("refused", family.id, generation, reason)
        if generation < family.used:
            transaction.revoke_family(family.id, now)
            reason = f"generation {family.used} was used already: the family is revoked"
            return None, Outcome("refused", family.id, generation, reason)
        account = transaction.account(family.grant.account_id)
        if account is None:
            return None, Outcome("refused", family.id, generation, "its account is gone")
        allowed = Allowed(account, family.grant, successor)
        if generation == family.used:
            return allowed, Outcome("repeated", family.id, generation)
        if not transaction.use_refresh_token(found, fingerprint_of(successor), now + REFRESH_LIFETIME):
            return None
        return allowed, Outcome("granted", family.id, generation)


@dataclass(frozen=True, slots=True)
class Revoke:
    """Ends a family, whichever of its tokens is shown (RFC 7009)."""

    database: ProviderDatabase
    clock: Clock

    def __call__(self, family_id: str) -> bool:
        """Whether there was something to revoke."""
        with self.database.transaction() as transaction:
            return transaction.revoke_family(family_id, self.clock())


def begin_family(
    transaction: ProviderTransaction, grant: Grant, now: datetime, randomness: Randomness
) -> tuple[str | None, str | None]:
    """The id of a new family and its first token; neither where the grant is not lasting."""
    if not grant.is_lasting:
        return None, None
    token = PREFIX + random_text(randomness)
    family_id = str(uuid.UUID(bytes=randomness(16), version=4))
    lasting = replace(
        grant, nonce=None
    )  # which is for the first ID token alone (OpenID Connect Core 1.0, section 12.2)
    transaction.add_family(RefreshFamily(family_id, lasting, -1, now + REFRESH_LIFETIME), fingerprint_of(token))
    return family_id, token
