"""Who asks: from the text of a credential to a caller, again inside every transaction that writes."""

from dataclasses import dataclass

from stardag_registry.app.ports import Clock, Database, Transaction
from stardag_registry.domain.api_keys import parse_secret
from stardag_registry.domain.errors import Unauthenticated
from stardag_registry.domain.permissions import Caller


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Finds out whose credential it is. Whatever is wrong with it, the answer is the same."""

    database: Database
    clock: Clock

    def __call__(self, credential: str | None) -> Caller:
        """The caller that shows `credential`.

        Raises:
            Unauthenticated: it is missing, malformed, unknown, expired or revoked.
            DatabaseUnavailable: nobody can tell at the moment.
        """
        secret = parse_secret(credential) if credential else None
        if secret is None:
            raise Unauthenticated
        with self.database.reading() as reading:
            caller = reading.caller_by_fingerprint(secret.fingerprint)
        if caller is None or not caller.api_key.counts_at(self.clock()):
            raise Unauthenticated
        return caller


def check_still_counts(transaction: Transaction, caller: Caller, clock: Clock) -> None:
    """Look again, inside the transaction that writes: a revocation that was committed first has to win.

    Raises:
        Unauthenticated: the caller's key was revoked or has expired since it was shown.
    """
    api_key = transaction.api_key(caller.api_key.id)
    if api_key is None or not api_key.counts_at(clock()):
        raise Unauthenticated
