"""Reads the tokens that the registry's own provider gave."""

from collections.abc import Mapping
from dataclasses import dataclass

from stardag_registry.app.ports import Clock, TokenSigner
from stardag_registry.app.provider.tokens import ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE
from stardag_registry.domain.errors import Unauthenticated
from stardag_registry.domain.users import Claims, claims_of


@dataclass(frozen=True, slots=True)
class OwnIssuerTokens:
    """Keeps the promises of the port `IssuerTokens`, asking nobody."""

    issuer: str
    client_id: str
    signer: TokenSigner
    clock: Clock

    def check(self) -> None:
        """Nothing can be wrong."""

    def subject_of(self, access_token: str) -> str:
        """Whose access token it is."""
        return str(self.access_token_claims(access_token)["sub"])

    def look_up_subject(self, access_token: str) -> str:
        """The same."""
        return self.subject_of(access_token)

    def claims_in(self, id_token: str, access_token: str, subject: str | None) -> Claims:
        """What an ID token says, that is about whom the access token is."""
        claims = self._claims_in(id_token, ID_TOKEN_TYPE, self.client_id)
        if claims["sub"] != (subject or self.subject_of(access_token)):
            raise Unauthenticated
        return claims_of(self.issuer, str(claims["sub"]), claims)

    def access_token_claims(self, access_token: str) -> Mapping[str, object]:
        """All that an access token says.

        Raises:
            Unauthenticated: it is none of ours for this registry, or not any more.
        """
        return self._claims_in(access_token, ACCESS_TOKEN_TYPE, self.issuer)

    def _claims_in(self, token: str, typ: str, audience: str) -> Mapping[str, object]:
        claims = self.signer.verify(token, typ)
        expires = claims.get("exp")
        if claims.get("iss") != self.issuer or claims.get("aud") != audience or not isinstance(claims.get("sub"), str):
            raise Unauthenticated
        if type(expires) is not int or self.clock().timestamp() >= expires:
            raise Unauthenticated
        return claims
