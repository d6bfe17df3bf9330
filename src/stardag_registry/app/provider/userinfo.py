"""Tells clients who an access token is about (OpenID Connect Core 1.0, section 5.3)."""

from collections.abc import Mapping
from dataclasses import dataclass

from stardag_registry.app.provider.own_tokens import OwnIssuerTokens
from stardag_registry.app.provider.ports import ProviderDatabase
from stardag_registry.app.provider.tokens import claims_about
from stardag_registry.domain.errors import Unauthenticated
from stardag_registry.domain.grants import known_scopes


@dataclass(frozen=True, slots=True)
class TellUserinfo:
    """Answers with what the token's scopes allow to see."""

    own_tokens: OwnIssuerTokens
    database: ProviderDatabase

    def __call__(self, access_token: str) -> Mapping[str, object]:
        """The claims.

        Raises:
            Unauthenticated: it is no access token of ours for this, or not any more.
        """
        claims = self.own_tokens.access_token_claims(access_token)
        scopes = known_scopes(str(claims.get("scope", "")).split())
        if "openid" not in scopes:
            raise Unauthenticated
        with self.database.reading() as reading:
            account = reading.account(str(claims["sub"]))
        if account is None:
            raise Unauthenticated
        return {"sub": account.id} | claims_about(account, scopes)
