"""The port `IdentityProvider` over HTTP. httpx and pydantic are imported when an issuer is asked, which most commands
that could ask one never do."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from stardag.app.sign_in.ports import Issuer, PendingSignIn
from stardag.domain.credentials import Secret
from stardag.domain.registry_errors import SignInRefused, UnexpectedIssuerAnswer
from stardag.domain.registry_url import is_plain_beyond_loopback, origin_of
from stardag.domain.sign_in import IssuedTokens


class OAuthIdentityProvider:
    """OpenID providers over HTTP. `pause` waits so many seconds between two questions about a device's code."""

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self._pause = pause

    def discover(self, issuer_url: str, timeout: float) -> Issuer:
        """What the issuer says of itself."""
        from stardag.adapters.oauth.asking import AskedIssuer
        from stardag.adapters.oauth.messages import DiscoveryMessage

        address = f"{issuer_url.rstrip('/')}/.well-known/openid-configuration"
        found = AskedIssuer(issuer_url, timeout).get(address, DiscoveryMessage)
        if found.issuer != issuer_url:
            raise UnexpectedIssuerAnswer(issuer_url, "it calls itself something else")
        methods = found.code_challenge_methods_supported
        if methods is not None and "S256" not in methods:
            raise UnexpectedIssuerAnswer(issuer_url, "it does not support PKCE with S256")
        issuer = Issuer(
            issuer_url,
            found.authorization_endpoint,
            found.token_endpoint,
            found.revocation_endpoint,
            found.device_authorization_endpoint,
            found.authorization_response_iss_parameter_supported,
        )
        for endpoint in issuer[1:5]:
            if isinstance(endpoint, str):
                _check_transport(issuer_url, endpoint)
        return issuer

    @contextmanager
    def begin_in_browser(
        self, issuer: Issuer, client_id: str, resource: str, timeout: float
    ) -> Generator[PendingSignIn]:
        """Authorization code with PKCE and a loopback redirect; listens until the block ends."""
        from stardag.adapters.oauth.in_browser import InBrowser  # and with it Authlib, which only this needs
        from stardag.adapters.oauth.loopback import listening

        with listening() as listener:
            yield InBrowser(issuer, client_id, resource, timeout, listener)

    @contextmanager
    def begin_on_device(
        self, issuer: Issuer, client_id: str, resource: str, timeout: float
    ) -> Generator[PendingSignIn]:
        """The device flow."""
        from stardag.adapters.oauth.asking import AskedIssuer
        from stardag.adapters.oauth.in_browser import SCOPE
        from stardag.adapters.oauth.messages import DeviceMessage, Fields
        from stardag.adapters.oauth.on_device import OnDevice

        endpoint = issuer.device_authorization_endpoint
        if endpoint is None:
            raise SignInRefused(
                issuer.url, "it has no device flow", "Use a browser on this machine: stardag auth login --no-browser"
            )
        fields = Fields(client_id=client_id, scope=SCOPE)
        codes = AskedIssuer(issuer.url, timeout).post(endpoint, fields, DeviceMessage)
        if isinstance(codes, str):
            raise SignInRefused(issuer.url, f"the issuer answers {codes}")
        _check_transport(issuer.url, codes.verification_uri)
        _check_transport(issuer.url, codes.verification_uri_complete or codes.verification_uri)
        yield OnDevice(issuer, client_id, resource, timeout, codes, self._pause)

    def refresh(
        self, token_endpoint: str, client_id: str, refresh_token: Secret, resource: str, timeout: float
    ) -> IssuedTokens:
        """New tokens for a refresh token."""
        from stardag.adapters.oauth.asking import AskedIssuer, name_of
        from stardag.adapters.oauth.messages import Fields

        fields = Fields(grant_type="refresh_token", client_id=client_id, refresh_token=refresh_token.reveal())
        issuer_url = name_of(token_endpoint)
        tokens = AskedIssuer(issuer_url, timeout).tokens(token_endpoint, fields, resource)
        match tokens:
            case "invalid_grant":
                raise SignInRefused(issuer_url, "the issuer does not accept the refresh token any more")
            case str() as code:
                raise SignInRefused(issuer_url, f"the issuer answers {code}")
            case _:
                return tokens.to_domain()

    def revoke(self, revocation_endpoint: str, client_id: str, refresh_token: Secret, timeout: float) -> None:
        """Make a refresh token worthless."""
        from stardag.adapters.oauth.asking import AskedIssuer, name_of
        from stardag.adapters.oauth.messages import Fields

        fields = Fields({"client_id": client_id, "token": refresh_token.reveal(), "token_type_hint": "refresh_token"})
        AskedIssuer(name_of(revocation_endpoint), timeout).send(revocation_endpoint, fields)


def _check_transport(issuer_url: str, endpoint: str) -> None:
    """Plain http goes nowhere but to loopback, or to the very origin that the user allowed it for."""
    if is_plain_beyond_loopback(endpoint) and origin_of(endpoint) != origin_of(issuer_url):
        raise UnexpectedIssuerAnswer(
            issuer_url, "it leads to an address that is to be reached by plain http, which others can read"
        )
