"""A signing key that lives as long as the process: what signs until keys are kept in the database."""

from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from stardag_registry.domain.errors import Unauthenticated


class ProcessSigner:
    """Keeps the promise of the port `TokenSigner` for one process."""

    def __init__(self) -> None:
        self._key = ECKey.generate_key("P-256", auto_kid=True)

    def sign(self, claims: Mapping[str, object], typ: str) -> str:
        """The claims as a JWT of that type."""
        return jwt.encode({"alg": "ES256", "typ": typ, "kid": self._key.kid}, dict(claims), self._key, ["ES256"])

    def verify(self, token: str, typ: str) -> Mapping[str, object]:
        """The claims of a JWT of that type that this process signed."""
        try:
            decoded = jwt.decode(token, self._key, ["ES256"])
        except (JoseError, ValueError) as error:
            raise Unauthenticated from error
        if decoded.header.get("typ") != typ:
            raise Unauthenticated
        return decoded.claims

    def public_keys(self) -> Mapping[str, object]:
        """The public key, as a JSON Web Key Set."""
        public: dict[str, Any] = dict(self._key.as_dict(private=False))
        return {"keys": [public | {"use": "sig", "alg": "ES256"}]}
