"""Signing in through a browser: authorization code with PKCE, S256 alone (RFC 7636 and 8252; OpenID Connect Core)."""

# Authlib has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import secrets
from dataclasses import dataclass, field

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from stardag.adapters.oauth.asking import AskedIssuer
from stardag.adapters.oauth.loopback import Listener
from stardag.adapters.oauth.messages import Fields, nonce_in
from stardag.app.sign_in.ports import Issuer
from stardag.domain.registry_errors import SignInRefused, UnexpectedIssuerAnswer
from stardag.domain.sign_in import IssuedTokens

SCOPE = "openid profile email offline_access"
PATIENCE = 600.0
"""Seconds that a person has for signing in."""

_CODE_MAX_LENGTH = 4096


def _random() -> str:
    return secrets.token_urlsafe(48)


@dataclass(frozen=True, slots=True, repr=False)
class InBrowser:
    """A sign-in that a browser has been sent to, or is about to be."""

    issuer: Issuer
    client_id: str
    resource: str
    timeout: float
    listener: Listener
    patience: float = PATIENCE
    user_code: str | None = None
    state: str = field(default_factory=_random)
    nonce: str = field(default_factory=_random)
    verifier: str = field(default_factory=_random)

    def __post_init__(self) -> None:
        self.listener.expect(self.state)

    @property
    def url(self) -> str:
        """The page to open."""
        return str(
            prepare_grant_uri(
                self.issuer.authorization_endpoint,
                self.client_id,
                "code",
                self.listener.redirect_uri,
                SCOPE,
                self.state,
                nonce=self.nonce,
                code_challenge=create_s256_code_challenge(self.verifier),
                code_challenge_method="S256",
                prompt="consent",
                resource=self.resource,
            )
        )

    def wait(self) -> IssuedTokens:
        """What the issuer hands out for the code that comes."""
        answer = self.listener.wait(self.patience)
        if answer is None:
            raise SignInRefused(self.issuer.url, f"nobody signed in within {self.patience / 60:.0f} minutes")
        fields = Fields(
            grant_type="authorization_code",
            client_id=self.client_id,
            code=self._code_in(answer),
            redirect_uri=self.listener.redirect_uri,
            code_verifier=self.verifier,
        )
        asked = AskedIssuer(self.issuer.url, self.timeout)
        tokens = asked.tokens(self.issuer.token_endpoint, fields, self.resource)
        if isinstance(tokens, str):
            raise SignInRefused(self.issuer.url, f"the issuer does not take its own answer ({tokens})")
        issued = tokens.to_domain()
        if issued.id_token is not None and nonce_in(issued.id_token) != self.nonce:
            raise UnexpectedIssuerAnswer(self.issuer.url, "its ID token is not for this sign-in")
        return issued

    def _code_in(self, answer: Fields) -> str:
        named = answer.get("iss")
        if named != self.issuer.url and (named is not None or self.issuer.names_itself):
            raise SignInRefused(self.issuer.url, "the answer comes from another issuer (RFC 9207)")
        error = answer.get("error")
        if error == "access_denied":
            raise SignInRefused(self.issuer.url, "it was denied")
        code = answer.get("code", "")
        if error is not None or not 0 < len(code) <= _CODE_MAX_LENGTH:
            known = (
                error if error is not None and error.isascii() and error.isidentifier() and len(error) < 40 else None
            )
            raise SignInRefused(self.issuer.url, f"the issuer gave no code ({known or 'and no reason'})")
        return code
