"""The registry's own tokens: each says that a user asks as a member of one organization, for ten minutes."""

import uuid
from dataclasses import dataclass

from stardag_registry.app.ports import Clock, Randomness, TokenSigner
from stardag_registry.domain.errors import Unauthenticated
from stardag_registry.domain.signing_keys import TOKEN_LIFETIME

ORGANIZATION_TOKEN_TYPE = "stardag-organization+jwt"  # noqa: S105 (no secret)
"""Stands in the header, so that no token that is made for something else passes for one of these (RFC 8725, 3.11)."""


@dataclass(frozen=True, slots=True)
class OrganizationTokens:
    """Makes and reads them. `public_url` is both who makes them and whom they are for.

    Raises:
        DatabaseUnavailable: the signing keys cannot be read.
    """

    public_url: str
    signer: TokenSigner
    clock: Clock
    randomness: Randomness

    def make(self, user_id: str, organization_id: str) -> str:
        """A token for a user in an organization."""
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.public_url,
            "aud": self.public_url,
            "sub": user_id,
            "organization": organization_id,
            "iat": now,
            "exp": now + int(TOKEN_LIFETIME.total_seconds()),
            "jti": str(uuid.UUID(bytes=self.randomness(16), version=4)),
        }
        return self.signer.sign(claims, ORGANIZATION_TOKEN_TYPE)

    def read(self, token: str) -> tuple[str, str]:
        """The ids of the user and of the organization. Whether that is a member still is another question.

        Raises:
            Unauthenticated: it is no such token, or its time is over.
        """
        claims = self.signer.verify(token, ORGANIZATION_TOKEN_TYPE)
        user_id, organization_id, expires = claims.get("sub"), claims.get("organization"), claims.get("exp")
        if claims.get("iss") != self.public_url or claims.get("aud") != self.public_url:
            raise Unauthenticated
        if type(expires) is not int or self.clock().timestamp() >= expires:
            raise Unauthenticated
        if not isinstance(user_id, str) or not isinstance(organization_id, str):
            raise Unauthenticated
        return user_id, organization_id
