"""Authorization codes: given once, used once. One that comes again takes back what the first use gave."""

from dataclasses import dataclass

from stardag_registry.app.ports import Clock, Randomness
from stardag_registry.app.provider.derived_secrets import random_text
from stardag_registry.app.provider.families import Allowed, begin_family
from stardag_registry.app.provider.ports import ProviderDatabase
from stardag_registry.domain.accounts import fingerprint_of
from stardag_registry.domain.grants import CODE_LIFETIME, AuthorizationCode, Grant


@dataclass(frozen=True, slots=True)
class AuthorizationCodes:
    """Makes codes, and gives what they stand for."""

    database: ProviderDatabase
    clock: Clock
    randomness: Randomness

    def issue(self, grant: Grant, redirect_uri: str, challenge: str) -> str:
        """A new code for a grant. It counts for that redirect URI, and for whoever knows what the challenge is of."""
        now = self.clock()
        code = random_text(self.randomness)
        with self.database.transaction() as transaction:
            transaction.forget_ended(now)
            transaction.add_authorization_code(
                AuthorizationCode(fingerprint_of(code), grant, redirect_uri, challenge, now + CODE_LIFETIME)
            )
        return code

    def find(self, code: str, client_id: str) -> AuthorizationCode | None:
        """What the code stands for, unused; None for every other.

        A client's code that was used before is a copy, so what it gave is revoked (RFC 6749, section 4.1.2).
        """
        with self.database.reading() as reading:
            found = reading.authorization_code(fingerprint_of(code))
        if found is None or found.grant.client_id != client_id:
            return None
        if found.used_at is not None:
            self._take_back(found)
            return None
        return found if self.clock() < found.expires_at else None

    def redeem(self, found: AuthorizationCode) -> Allowed | None:
        """What the code gives, to one of any number who ask; to the others None, and it is taken back."""
        now = self.clock()
        with self.database.transaction() as transaction:
            account = transaction.account(found.grant.account_id)
            current = transaction.authorization_code(found.fingerprint)
            if account is not None and current is not None and current.used_at is None:
                family_id, refresh_token = begin_family(transaction, found.grant, now, self.randomness)
                if transaction.use_authorization_code(found.fingerprint, family_id, now):
                    return Allowed(account, found.grant, refresh_token)
                if family_id is not None:  # somebody was faster, on a database that lets two write at once
                    transaction.revoke_family(family_id, now)
        self._take_back(found)
        return None

    def _take_back(self, found: AuthorizationCode) -> None:
        with self.database.transaction() as transaction:
            current = transaction.authorization_code(found.fingerprint)
            if current is not None and current.family_id is not None:
                transaction.revoke_family(current.family_id, self.clock())
