"""What clients get: access tokens (RFC 9068), ID tokens (OpenID Connect Core 1.0, section 2)."""

import base64
import hashlib
import uuid
from dataclasses import dataclass

from stardag_registry.app.ports import Clock, Randomness, TokenSigner
from stardag_registry.app.provider.families import Allowed
from stardag_registry.domain.accounts import Account
from stardag_registry.domain.signing_keys import TOKEN_LIFETIME

ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 (no secret)
ID_TOKEN_TYPE = "JWT"  # noqa: S105 (no secret)


@dataclass(frozen=True, slots=True)
class IssueTokens:
    """Makes the tokens that an allowed client gets."""

    issuer: str
    signer: TokenSigner
    clock: Clock
    randomness: Randomness

    def __call__(self, allowed: Allowed, scopes: tuple[str, ...]) -> dict[str, object]:
        """The answer of the token endpoint (RFC 6749, section 5.1), for these of the scopes that were allowed."""
        now = int(self.clock().timestamp())
        grant, account = allowed.grant, allowed.account
        shared: dict[str, object] = {
            "iss": self.issuer,
            "sub": account.id,
            "iat": now,
            "exp": now + int(TOKEN_LIFETIME.total_seconds()),
        }
        access_token = self.signer.sign(
            shared
            | {
                "aud": self.issuer,
                "client_id": grant.client_id,
                "scope": " ".join(scopes),
                "jti": str(uuid.UUID(bytes=self.randomness(16), version=4)),
            },
            ACCESS_TOKEN_TYPE,
        )
        answer: dict[str, object] = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": int(TOKEN_LIFETIME.total_seconds()),
            "scope": " ".join(scopes),
        }
        if allowed.refresh_token is not None:
            answer["refresh_token"] = allowed.refresh_token
        if "openid" in scopes:
            claims = (
                shared
                | {
                    "aud": grant.client_id,
                    "auth_time": int(grant.signed_in_at.timestamp()),
                    "at_hash": _half_hash(access_token),
                }
                | claims_about(account, scopes)
            )
            if grant.nonce is not None:
                claims["nonce"] = grant.nonce
            answer["id_token"] = self.signer.sign(claims, ID_TOKEN_TYPE)
        return answer


def claims_about(account: Account, scopes: tuple[str, ...]) -> dict[str, object]:
    """What is told of a person in these scopes."""
    claims: dict[str, object] = {}
    if "profile" in scopes:
        claims |= {"preferred_username": account.username, "name": account.username}
    if "email" in scopes:
        claims |= {"email": account.email, "email_verified": account.email_verified}
    return claims


def _half_hash(token: str) -> str:
    """The left half of the SHA-256, as `at_hash` has it (OpenID Connect Core 1.0, section 3.1.3.6)."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()[:16]).decode().rstrip("=")
