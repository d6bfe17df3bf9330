"""Notes when API keys are used, in batches, so that no request waits for a write on that account."""

import threading
from datetime import datetime, timedelta

from stardag_registry.app.ports import Database
from stardag_registry.domain.api_keys import ApiKey
from stardag_registry.domain.errors import DatabaseUnavailable

GRAIN = timedelta(minutes=1)
"""How exactly the last use of a key is known."""


class KeyUses:
    """What has been noted and not kept yet. A server that is killed forgets it, which is a few seconds' worth."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[str, datetime] = {}
        self._lock = threading.Lock()

    def note(self, api_key: ApiKey, at: datetime) -> None:
        """That a key has been used."""
        if api_key.last_used_at is None or at - api_key.last_used_at >= GRAIN:
            with self._lock:
                self._noted[api_key.id] = at

    def keep(self) -> None:
        """Write down what has been noted; where the database cannot, it is tried again the next time."""
        with self._lock:
            noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            with self._database.addition() as transaction:
                transaction.note_uses(noted)
        except DatabaseUnavailable:
            with self._lock:
                self._noted = noted | self._noted
