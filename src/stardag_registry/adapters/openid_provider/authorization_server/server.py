"""The authorization server as a whole."""

# pyright's own description of Authlib is of another version and leaves much out. The tests look at the real one.
# pyright: basic, reportArgumentType=false, reportAssignmentType=false, reportOptionalMemberAccess=false
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false, reportReturnType=false

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from authlib.oauth2 import AuthorizationServer, OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, UnsupportedResponseTypeError
from authlib.oauth2.rfc9207 import IssuerParameter

from stardag_registry.adapters.openid_provider.authorization_server.endpoints import DeviceEndpoint, RevocationEndpoint
from stardag_registry.adapters.openid_provider.authorization_server.grants import (
    CodeGrant,
    DeviceGrant,
    OnlyS256,
    RefreshGrant,
    Strict,
)
from stardag_registry.adapters.openid_provider.authorization_server.known import Client
from stardag_registry.adapters.openid_provider.authorization_server.requests import (
    Answer,
    Asked,
    ProviderRequest,
    Refused,
)
from stardag_registry.adapters.openid_provider.links import Links
from stardag_registry.adapters.openid_provider.use_cases import ProviderUseCases
from stardag_registry.app.provider.families import Allowed
from stardag_registry.domain.accounts import BrowserSession
from stardag_registry.domain.grants import CLIENT_ID, is_redirect_uri, known_scopes

MAX_VALUE_LENGTH = 2048

logging.getLogger("authlib").setLevel(logging.INFO)  # at DEBUG it writes down the tokens that it issues


class _Issuer(IssuerParameter):
    def __init__(self, issuer: str) -> None:
        self._issuer = issuer

    def get_issuer(self) -> str:
        """RFC 9207."""
        return self._issuer


class ProviderServer(AuthorizationServer):
    """The authorization server. It is asked with a ProviderRequest and gives an Answer."""

    def __init__(self, use_cases: ProviderUseCases, links: Links) -> None:
        super().__init__()
        self.use_cases = use_cases
        self.links = links
        self._issuer = _Issuer(use_cases.public_url)
        self.register_extension(self._issuer)
        self.register_token_generator("default", self._generate)
        self.register_grant(CodeGrant, [OnlyS256(required=True), Strict()])
        self.register_grant(RefreshGrant)
        self.register_grant(DeviceGrant)
        self.register_endpoint(DeviceEndpoint)
        self.register_endpoint(RevocationEndpoint)

    def check_authorization(self, request: ProviderRequest) -> Asked:
        """What an authorization request asks for.

        Raises:
            Refused: nothing that can be allowed.
        """
        try:
            grant = self._grant_asked_for(request)
            redirect_uri: str = grant.redirect_uri
        except OAuth2Error as error:
            if not error.redirect_uri:
                raise Refused(str(error.description or error.error)) from None
            raise Refused(str(error.error), self._refusal(request, error)) from None
        data = request.payload.data
        prompts, max_age = frozenset(data.get("prompt", "").split()), data.get("max_age")
        asked = Asked(request, grant, redirect_uri, prompts, None)
        if "none" in prompts and len(prompts) > 1:
            raise Refused("invalid_request", self.refuse(asked, "invalid_request", "'prompt=none' goes with no other"))
        if max_age is None:
            return asked
        if not (max_age.isascii() and max_age.isdigit() and len(max_age) < 10):
            raise Refused("invalid_request", self.refuse(asked, "invalid_request", "'max_age' has to be in seconds"))
        return replace(asked, max_age=timedelta(seconds=int(max_age)))

    def answer_authorization(self, asked: Asked, session: BrowserSession | None) -> Answer:
        """Send the code to the client, or, without a session, that it was refused."""
        answer: Answer = self.create_authorization_response(asked.request, grant_user=session, grant=asked.grant)
        return answer

    def refuse(self, asked: Asked, error: str, description: str | None = None) -> Answer:
        """Tell the client that it does not get what it asked for."""
        return self._refusal(
            asked.request, OAuth2Error(error=error, description=description, redirect_uri=asked.redirect_uri)
        )

    def _grant_asked_for(self, request: ProviderRequest) -> Any:
        if request.payload.response_type != "code":  # Authlib's own error cannot always repeat what was asked for
            lists = request.payload.datalist
            uris, is_known = lists.get("redirect_uri", []), lists.get("client_id") == [CLIENT_ID]
            is_sure = is_known and len(uris) == 1 and is_redirect_uri(uris[0])
            raise UnsupportedResponseTypeError(None, redirect_uri=uris[0] if is_sure else None)
        return self.get_consent_grant(request)

    def _refusal(self, request: ProviderRequest, error: OAuth2Error) -> Answer:
        error.state = request.payload.state
        answer: Answer = self.handle_error_response(request, error)
        self._issuer.add_issuer_parameter(self, answer)
        return answer

    def answer_token(self, request: ProviderRequest) -> Answer:
        """The token endpoint."""
        return self._checked(request, lambda: self.create_token_response(request))

    def answer_revocation(self, request: ProviderRequest) -> Answer:
        """The revocation endpoint."""
        return self._checked(request, lambda: self.create_endpoint_response("revocation", request))

    def answer_device(self, request: ProviderRequest) -> Answer:
        """The endpoint where devices begin."""
        return self._checked(request, lambda: self.create_endpoint_response("device_authorization", request))

    def check_parameters(self, request: ProviderRequest) -> None:
        """What holds for every request.

        Raises:
            OAuth2Error: a parameter comes twice or is too long, or the token would be for somebody else (RFC 8707).
        """
        lists = request.payload.datalist
        for name, values in lists.items():
            if len(values) > 1 and name != "resource":
                raise InvalidRequestError("A parameter comes more than once.")
            if any(len(value) > MAX_VALUE_LENGTH for value in values):
                raise InvalidRequestError("A parameter is too long.")
        for resource in lists.get("resource", []):
            if not self.use_cases.names_this_registry(resource):
                raise OAuth2Error(error="invalid_target", description="This server gives tokens for itself alone.")

    def query_client(self, client_id: str) -> Client | None:
        """The one client there is."""
        return Client() if client_id == CLIENT_ID else None

    def save_token(self, token: dict[str, object], request: ProviderRequest) -> None:
        """Nothing: what has to be kept is kept by then."""

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: ProviderRequest) -> ProviderRequest:
        """It is one."""
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Answer:
        """For Starlette to answer."""
        return Answer(status, body, list(headers))

    def _checked(self, request: ProviderRequest, answer: Callable[[], Answer]) -> Answer:
        try:
            self.check_parameters(request)
        except OAuth2Error as error:
            refused: Answer = self.handle_error_response(request, error)
            return refused
        return answer()

    def _generate(self, *, user: Allowed, scope: str, **_others: object) -> dict[str, object]:
        return self.use_cases.issue_tokens(user, known_scopes(scope.split()))
