"""What an issuer says of itself (OpenID Connect Discovery 1.0, section 3), and the keys it signs with, as last read."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from stardag.domain.errors import InvalidValue
from stardag.domain.registry_url import is_plain_beyond_loopback, normal_url
from stardag_registry.adapters.existing_provider.asking import Issuer
from stardag_registry.app.ports import Clock
from stardag_registry.domain.errors import IssuerUnavailable

DOCUMENTS_REREAD = timedelta(hours=1)
"""How long what was read counts."""

KEYS_REREAD = timedelta(seconds=30)
"""How soon the keys are read again for a token that names one that is not among them."""

KEYS_MAX = 100

PublicKey = RSAKey | ECKey | OKPKey


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the issuer is asked; None for what it does not have."""

    keys: str
    userinfo: str | None
    introspection: str | None


@dataclass(frozen=True, slots=True)
class _Read:
    endpoints: Endpoints
    keys: Sequence[PublicKey]
    at: datetime


class IssuerDocuments:
    """Reads them when they are needed first, again when they are old, or when a key is missing. Thread-safe.

    Raises:
        IssuerUnavailable: they have never been read, and cannot be now.
    """

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock
        self._last: _Read | None = None
        self._reading = threading.Lock()

    def endpoints(self) -> Endpoints:
        """Where the issuer is asked."""
        return self._read(DOCUMENTS_REREAD).endpoints

    def keys_named(self, key_id: object) -> Sequence[PublicKey]:
        """The keys that a token may have been signed with: those of that name, or all for a token that names none."""
        found = _named(self._read(DOCUMENTS_REREAD).keys, key_id)
        return found or _named(self._read(KEYS_REREAD).keys, key_id)

    def _read(self, no_older_than: timedelta) -> _Read:
        last = self._last
        if last is not None and self._clock() - last.at < no_older_than:
            return last
        with self._reading:
            if self._last is not None and self._last is not last:  # somebody else has just read them
                return self._last
            try:
                endpoints = self._discover()
                self._last = _Read(endpoints, self._keys_at(endpoints.keys), self._clock())
            except IssuerUnavailable:
                if last is None:
                    raise
                self._last = _Read(last.endpoints, last.keys, self._clock())  # what was said before counts on
            return self._last

    def _discover(self) -> Endpoints:
        name = self._issuer.issuer
        document = self._issuer.get(f"{name.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != name:
            raise IssuerUnavailable(name, "its discovery document names another issuer")
        keys = self._address(document, "jwks_uri")
        if keys is None:
            raise IssuerUnavailable(name, "its discovery document names no keys")
        return Endpoints(
            keys, self._address(document, "userinfo_endpoint"), self._address(document, "introspection_endpoint")
        )

    def _address(self, document: Mapping[str, object], field: str) -> str | None:
        url = document.get(field)
        if url is None:
            return None
        try:
            normal_url(str(url).partition("?")[0])
        except InvalidValue:
            url = None
        if not isinstance(url, str) or is_plain_beyond_loopback(url):
            raise IssuerUnavailable(self._issuer.issuer, f"the {field} in its discovery document is no https URL")
        return url

    def _keys_at(self, url: str) -> Sequence[PublicKey]:
        listed = self._issuer.get(url).get("keys")
        if not isinstance(listed, list):
            raise IssuerUnavailable(self._issuer.issuer, "its key set is none")
        candidates = cast("list[object]", listed)[:KEYS_MAX]
        return [key for key in map(_public_key, candidates) if key is not None]


def _public_key(listed: object) -> PublicKey | None:
    """The key, if it is one that signatures can be verified with."""
    if not isinstance(listed, dict):
        return None
    said = cast("dict[str, Any]", listed)
    if said.get("use", "sig") != "sig":
        return None
    try:
        key = import_key(said)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return key if isinstance(key, RSAKey | ECKey | OKPKey) else None


def _named(keys: Sequence[PublicKey], key_id: object) -> Sequence[PublicKey]:
    return keys if key_id is None else [key for key in keys if key.kid == key_id]
