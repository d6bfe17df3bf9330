"""What the tokens of an existing provider say. Algorithm, issuer, audience, type and expiry are pinned (RFC 8725)."""

import base64
import hashlib
import hmac
import logging
import math
from collections.abc import Mapping
from typing import TypeGuard, cast

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol

from stardag_registry.adapters.existing_provider.asking import Issuer
from stardag_registry.adapters.existing_provider.documents import IssuerDocuments, PublicKey
from stardag_registry.app.identity_provider import ExistingIdentityProvider
from stardag_registry.app.ports import Clock
from stardag_registry.domain.errors import Unauthenticated
from stardag_registry.domain.users import SUBJECT_MAX_LENGTH, Claims, claims_of

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
"""Those with a public key; never `none`, nor one whose key the registry would have to share."""

_log = logging.getLogger("stardag_registry.issuer")

LEEWAY = 60.0
"""Seconds by which the issuer's clock and this machine's may differ."""

TOKEN_MAX_LENGTH = 16 * 1024

_TYPES_OF_ACCESS_TOKENS = frozenset({"at+jwt", "application/at+jwt"})  # RFC 9068
_ACCESS_TOKEN_TYPES = _TYPES_OF_ACCESS_TOKENS | {"jwt", None}  # and what came before it
_ID_TOKEN_TYPES = frozenset({"jwt", None})
_MARKS_OF_ID_TOKENS = ("nonce", "at_hash", "c_hash")
_OTHER_KINDS = frozenset({"id", "refresh", "offline", "logout"})  # as Keycloak says it in a claim `typ`


class ExistingIssuerTokens:
    """Keeps the promises of the port `IssuerTokens`."""

    def __init__(self, provider: ExistingIdentityProvider, public_url: str, clock: Clock) -> None:
        self._provider = provider
        self._audience = provider.audience or public_url
        self._takes_client = provider.audience is None
        self._issuer = Issuer(provider.issuer, clock)
        self._documents = IssuerDocuments(self._issuer, clock)
        self._clock = clock

    @property
    def issuer(self) -> str:
        """The issuer, as its tokens name it."""
        return self._provider.issuer

    @property
    def client_id(self) -> str:
        """The client that this registry's users sign in with."""
        return self._provider.client_id

    def check(self) -> None:
        """Make sure that the issuer can be asked."""
        self._documents.endpoints()

    def subject_of(self, access_token: str) -> str | None:
        """Whose access token it is: as it says itself, or, where it says nothing, the issuer's introspection."""
        if len(access_token) > TOKEN_MAX_LENGTH:
            raise Unauthenticated
        if access_token.count(".") != 2:
            return self._introspected(access_token)
        typ, claims = self._decoded(access_token, _ACCESS_TOKEN_TYPES)
        if not self._is_for_us(typ, claims) or any(mark in claims for mark in _MARKS_OF_ID_TOKENS):
            raise Unauthenticated
        if str(claims.get("typ", "")).lower() in _OTHER_KINDS or claims.get("token_use", "access") != "access":
            raise Unauthenticated
        return _subject_in(claims)

    def look_up_subject(self, access_token: str) -> str:
        """The same for an access token that names none: the issuer's userinfo endpoint is asked."""
        endpoint = self._documents.endpoints().userinfo
        if endpoint is None:
            raise Unauthenticated
        subject = _subject_in(self._issuer.get(endpoint, access_token))
        if subject is None:
            raise Unauthenticated
        return subject

    def claims_in(self, id_token: str, access_token: str, subject: str | None) -> Claims:
        """What an ID token says, that belongs to this access token."""
        if len(id_token) > TOKEN_MAX_LENGTH:
            raise Unauthenticated
        _, claims = self._decoded(id_token, _ID_TOKEN_TYPES)
        audiences, party = _list_of(claims.get("aud")), claims.get("azp")
        if self.client_id not in audiences or party not in (None, self.client_id):
            raise Unauthenticated
        named = _subject_in(claims)
        if named is None or named != (subject or self._subject_beside(claims, named, access_token)):
            raise Unauthenticated
        return claims_of(self.issuer, named, claims)

    def _subject_beside(self, claims: Mapping[str, object], named: str, access_token: str) -> str | None:
        """The subject of an access token that names none: the ID token's, if that carries the access token's hash."""
        at_hash = claims.get("at_hash")
        if at_hash is None:
            return self.look_up_subject(access_token)
        is_same = isinstance(at_hash, str) and any(
            hmac.compare_digest(at_hash.encode(), half) for half in _half_hashes(access_token)
        )
        return named if is_same else None

    def _is_for_us(self, typ: object, claims: Mapping[str, object]) -> bool:
        """Whether an access token names the audience that is asked for.

        Where none was named to the registry, the client counts as well if the token says by its type that it is an
        access token: the client is the audience of ID tokens.
        """
        audiences = _list_of(claims.get("aud"))
        is_typed = isinstance(typ, str) and typ.lower() in _TYPES_OF_ACCESS_TOKENS
        is_for_us = self._audience in audiences or (self._takes_client and is_typed and self.client_id in audiences)
        if not is_for_us:
            _log.warning(
                "an access token is for the audience %.200r, not for %r: is --oidc-audience right?",
                claims.get("aud"),
                self._audience,
            )
        return is_for_us

    def _decoded(self, token: str, types: frozenset[str | None]) -> tuple[object, Mapping[str, object]]:
        """The type and the claims of a JWT that the issuer signed, of such a type, and that counts now."""
        try:
            token.encode("ascii")
            decoded = jwt.decode(token, lambda guest: self._key_for(guest, types), ALGORITHMS)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise Unauthenticated from error
        claims: Mapping[str, object] = decoded.claims
        if claims.get("iss") != self.issuer or not self._is_in_time(claims.get("nbf", 0), claims.get("exp")):
            raise Unauthenticated
        return decoded.header.get("typ"), claims

    def _is_in_time(self, begins: object, expires: object) -> bool:
        now = self._clock().timestamp()
        return _is_number(begins) and _is_number(expires) and begins - LEEWAY <= now < expires + LEEWAY

    def _key_for(self, token: GuestProtocol, types: frozenset[str | None]) -> PublicKey:
        header = token.headers()
        typ: object = header.get("typ")
        if "crit" in header or header.get("alg") not in ALGORITHMS:
            raise Unauthenticated
        if (typ.lower() if isinstance(typ, str) else typ) not in types:
            raise Unauthenticated
        keys = [key for key in self._documents.keys_named(header.get("kid")) if key.alg in (None, header.get("alg"))]
        if len(keys) != 1:  # which of several it is, has to be said
            raise Unauthenticated
        return keys[0]

    def _introspected(self, access_token: str) -> str | None:
        """What the issuer says of a token that says nothing itself (RFC 7662)."""
        endpoint = self._documents.endpoints().introspection
        if endpoint is None:
            raise Unauthenticated
        fields = {"token": access_token, "token_type_hint": "access_token", "client_id": self.client_id}
        answer = self._issuer.post_form(endpoint, fields)
        if answer.get("active") is not True:
            raise Unauthenticated
        if str(answer.get("token_type") or "bearer").lower() not in {"bearer", "access_token", "dpop"}:
            raise Unauthenticated
        is_ours = self._is_for_us("at+jwt", answer) if "aud" in answer else answer.get("client_id") == self.client_id
        if answer.get("iss", self.issuer) != self.issuer or not is_ours:
            raise Unauthenticated
        if not self._is_in_time(answer.get("nbf", 0), answer.get("exp", self._clock().timestamp())):
            raise Unauthenticated
        return _subject_in(answer)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _list_of(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else [value]


def _subject_in(claims: Mapping[str, object]) -> str | None:
    subject = claims.get("sub")
    if subject is None:
        return None
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MAX_LENGTH or not subject.isprintable():
        raise Unauthenticated
    return subject


def _half_hashes(token: str) -> list[bytes]:
    """What `at_hash` can be for a token (OpenID Connect Core 1.0, section 3.1.3.6), whichever algorithm signed."""
    digests = [hashlib.new(name, token.encode()).digest() for name in ("sha256", "sha384", "sha512")]
    return [base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=") for digest in digests]
