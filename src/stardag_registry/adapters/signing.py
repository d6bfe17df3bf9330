"""Signs the registry's tokens, with ES256 keys that live in its database, so that any number of processes agree."""

import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, GuestProtocol

from stardag_registry.app.ports import Clock, Database
from stardag_registry.domain.errors import Unauthenticated
from stardag_registry.domain.signing_keys import RETIREMENT, SigningKey

ALGORITHM = "ES256"
TOKEN_MAX_LENGTH = 16 * 1024
KEYS_REREAD = timedelta(minutes=1)
"""How often a process looks whether another has put a new key in the place of the one it signs with."""


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys as they were read at a moment, the newest first."""

    keys: Sequence[ECKey]
    read_at: datetime

    def named(self, key_id: object) -> ECKey | None:
        return next((key for key in self.keys if key.kid == key_id), None)


class DatabaseSigner:
    """Keeps the promise of the port `TokenSigner`. Thread-safe."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: _Keys | None = None
        self._reading = threading.Lock()

    def sign(self, claims: Mapping[str, object], typ: str) -> str:
        """The claims as a JWT of that type, signed with the newest key."""
        key = self._keys().keys[0]
        return jwt.encode({"alg": ALGORITHM, "typ": typ, "kid": key.kid}, dict(claims), key, [ALGORITHM])

    def verify(self, token: str, typ: str) -> Mapping[str, object]:
        """The claims of a JWT of that type that one of the keys signed. The header has to be exactly what `sign` makes.

        Whatever else it is, no signature is verified, so that a wrong token costs no more than a right one.
        """
        try:
            if len(token) > TOKEN_MAX_LENGTH:
                raise Unauthenticated
            return jwt.decode(token, partial(self._key_for, typ), [ALGORITHM]).claims
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise Unauthenticated from error

    def _key_for(self, typ: str, token: GuestProtocol) -> ECKey:
        header = token.headers()
        key_id = header.get("kid")
        if header != {"alg": ALGORITHM, "typ": typ, "kid": key_id}:
            raise Unauthenticated
        key = self._keys().named(key_id) or self._keys(known_to_lack=key_id).named(key_id)
        if key is None:
            raise Unauthenticated
        return key

    def public_keys(self) -> Mapping[str, object]:
        """The public keys, as a JSON Web Key Set."""
        return {"keys": [_public(key) for key in self._keys().keys]}

    def rotate(self) -> str:
        """Sign with a new key from now on, and return its id. Those that have been replaced for long are removed; the
        others still verify what they signed."""
        now = self._clock()
        made = _new_key(now)
        with self._database.transaction() as transaction:
            for retired in _retired(transaction.signing_keys(), now):
                transaction.remove_signing_key(retired.id)
            transaction.add_signing_key(made)
        return made.id

    def _keys(self, known_to_lack: object = None) -> _Keys:
        """The keys, read again where that was long ago, or where one is asked for that was not among them."""
        now, known = self._clock(), self._known
        if known is not None and known_to_lack is None and abs(now - known.read_at) < KEYS_REREAD:
            return known
        with self._reading:
            if self._known is not known and self._known is not None:  # somebody else has just read them
                return self._known
            self._known = _Keys([_private(key) for key in self._read(now)], now)
            return self._known

    def _read(self, now: datetime) -> Sequence[SigningKey]:
        with self._database.reading() as reading:
            found = reading.signing_keys()
        if not found:
            with self._database.transaction() as transaction:
                if not transaction.signing_keys():
                    transaction.add_signing_key(_new_key(now))
                found = transaction.signing_keys()
        retired = _retired(found, now)
        return [key for key in found if key not in retired]


def _retired(newest_first: Sequence[SigningKey], now: datetime) -> Sequence[SigningKey]:
    """The keys whose successor has signed for so long that nothing they signed can count any more."""
    pairs = itertools.pairwise(newest_first)
    return [key for successor, key in pairs if now - successor.created_at > RETIREMENT]


def _new_key(now: datetime) -> SigningKey:
    key = ECKey.generate_key("P-256", auto_kid=True)
    return SigningKey(str(key.kid), key.as_pem(private=True).decode(), now)


def _private(key: SigningKey) -> ECKey:
    return ECKey.import_key(key.private_key, {"kid": key.id})


def _public(key: ECKey) -> Mapping[str, object]:
    public: dict[str, Any] = dict(key.as_dict(private=False))
    return public | {"use": "sig", "alg": ALGORITHM}
