"""Authlib's authorization server with what this registry adds: S256 only, one use of codes, families of refresh tokens.

Authlib checks the protocol; the use cases decide, each in one transaction. This is the one module that knows Authlib.
"""

# pyright's own description of Authlib is of another version and leaves much out. The tests look at the real one.
# pyright: basic, reportArgumentType=false, reportAssignmentType=false, reportOptionalMemberAccess=false
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false, reportReturnType=false

import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import (
    AccessDeniedError,
    AuthorizationCodeMixin,
    ClientMixin,
    InvalidGrantError,
    InvalidRequestError,
    InvalidScopeError,
    OAuth2Payload,
    TokenMixin,
    UnsupportedResponseTypeError,
)
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import (
    DEVICE_CODE_GRANT_TYPE,
    AuthorizationPendingError,
    DeviceAuthorizationEndpoint,
    DeviceCodeGrant,
    ExpiredTokenError,
    SlowDownError,
)
from authlib.oauth2.rfc9207 import IssuerParameter

from stardag_registry.adapters.openid_provider.links import DEVICE, Links
from stardag_registry.adapters.openid_provider.parameters import Parameters
from stardag_registry.adapters.openid_provider.use_cases import ProviderUseCases
from stardag_registry.app.provider.families import Allowed, Outcome
from stardag_registry.domain.accounts import BrowserSession
from stardag_registry.domain.grants import (
    CLIENT_ID,
    DEVICE_CODE_LIFETIME,
    DEVICE_INTERVAL,
    AuthorizationCode,
    DeviceAuthorization,
    Grant,
    RefreshToken,
    is_challenge,
    is_redirect_uri,
    known_scopes,
)

GRANT_TYPES = ("authorization_code", "refresh_token", DEVICE_CODE_GRANT_TYPE)
MAX_VALUE_LENGTH = 2048
NONCE_MAX_LENGTH = 255

_OF_REQUEST_OBJECTS = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}

_log = logging.getLogger("stardag_registry.provider")

logging.getLogger("authlib").setLevel(logging.INFO)  # at DEBUG it writes down the tokens that it issues


@dataclass
class Answer:
    """What Authlib wants to answer, before it is an answer of Starlette's."""

    status: int
    body: Any
    headers: list[tuple[str, str]]

    @property
    def location(self) -> str | None:
        """Where the browser is sent."""
        return dict(self.headers).get("Location")

    @location.setter
    def location(self, value: str) -> None:
        self.headers = [(name, value if name == "Location" else other) for name, other in self.headers]


class Refused(Exception):
    """An authorization request that nobody is asked about. The message is a reason for people.

    `answer` sends the browser back to the client; without one, nobody knows where the client is.
    """

    def __init__(self, reason: str, answer: Answer | None = None) -> None:
        super().__init__(reason)
        self.answer = answer


@dataclass(frozen=True)
class Asked:
    """An authorization request in order: `grant` is Authlib's."""

    request: "ProviderRequest"
    grant: Any
    redirect_uri: str
    prompts: frozenset[str]
    max_age: timedelta | None


class ProviderRequest(OAuth2Request):
    """Parameters as Authlib takes them. Values that come more than once are refused, `resource` aside."""

    def __init__(self, method: str, parameters: Parameters, address: str = "") -> None:
        # Authlib refuses plain http beyond loopback; which addresses a registry has is for whoever runs it to say.
        super().__init__(method, "https://registry.invalid/")
        self.payload = _Payload(parameters)
        self.address = address

    @property
    def form(self) -> dict[str, str]:
        """The parameters, as the grants look at them."""
        return self.payload.data

    @property
    def args(self) -> dict[str, str]:
        """The same."""
        return self.payload.data


class _Payload(OAuth2Payload):
    def __init__(self, parameters: Parameters) -> None:
        self._lists: defaultdict[str, list[str]] = defaultdict(list)
        for name, value in parameters:
            if value:  # without a value is like not there (RFC 6749, section 3.1)
                self._lists[name].append(value)

    @property
    def data(self) -> dict[str, str]:
        return {name: values[0] for name, values in self._lists.items()}

    @property
    def datalist(self) -> defaultdict[str, list[str]]:
        return self._lists


class _Client(ClientMixin):
    """stardag on somebody's command line."""

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str | None) -> str | None:
        scopes = known_scopes((scope or "").split())
        return " ".join(scopes) if "openid" in scopes else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return is_redirect_uri(redirect_uri)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:  # noqa: ARG002 (Authlib's form)
        return method == "none"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in GRANT_TYPES


@dataclass
class _KnownCode(AuthorizationCodeMixin):
    code: AuthorizationCode
    code_challenge_method: str = "S256"

    @property
    def code_challenge(self) -> str:
        return self.code.challenge

    def get_redirect_uri(self) -> str:
        return self.code.redirect_uri

    def get_scope(self) -> str:
        return " ".join(self.code.grant.scopes)


@dataclass(repr=False)
class _KnownRefreshToken(TokenMixin):
    text: str
    token: RefreshToken

    def check_client(self, client: _Client) -> bool:
        return client.get_client_id() == self.token.family.grant.client_id

    def get_scope(self) -> str:
        return " ".join(self.token.family.grant.scopes)


@dataclass(repr=False)
class _KnownDevice:
    text: str
    device: DeviceAuthorization

    def get_client_id(self) -> str:
        return self.device.client_id

    def get_scope(self) -> str:
        return " ".join(self.device.scopes)


class _OnlyS256(CodeChallenge):
    """PKCE as RFC 9700, section 2.1.1, has it: always, and never `plain`."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]  # noqa: RUF012 (Authlib's form)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Raises InvalidRequestError."""
        data = grant.request.payload.data
        if data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is needed, with 'code_challenge_method=S256'")
        if not is_challenge(data.get("code_challenge", "")):
            raise InvalidRequestError("'code_challenge' has to be a SHA-256 in base64url")
        super().validate_code_challenge(grant, redirect_uri)


class _Strict:
    """What is asked of an authorization request beyond what Authlib looks at."""

    def __call__(self, grant: Any) -> None:
        """Extend a grant."""
        grant.register_hook("after_validate_authorization_request_payload", self._check)

    def _check(self, grant: Any, _redirect_uri: str) -> None:
        data = grant.request.payload.data
        grant.server.check_parameters(grant.request)
        for name, error in _OF_REQUEST_OBJECTS.items():
            if name in data:
                raise OAuth2Error(error=error)
        if data.get("response_mode", "query") != "query":
            raise InvalidRequestError("Only 'response_mode=query' is supported")
        if len(data.get("nonce", "")) > NONCE_MAX_LENGTH:
            raise InvalidRequestError(f"'nonce' has more than {NONCE_MAX_LENGTH} characters")


class _CodeGrant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["none"]  # noqa: RUF012 (Authlib's form)

    @staticmethod
    def validate_no_multiple_request_parameter(request: ProviderRequest) -> None:
        """Two clients are none; whatever else comes twice is told to the client, once it is known."""
        if len(request.payload.datalist.get("client_id", [])) > 1:
            raise InvalidRequestError("'client_id' comes more than once")

    @staticmethod
    def validate_authorization_redirect_uri(request: ProviderRequest, client: _Client) -> str:
        """Without repeating what was given, which Authlib's own cannot always."""
        uris = request.payload.datalist.get("redirect_uri", [])
        if len(uris) != 1 or not client.check_redirect_uri(uris[0]):
            raise InvalidRequestError("'redirect_uri' has to be http://127.0.0.1:PORT/callback")
        return uris[0]

    def generate_authorization_code(self) -> str:
        """Made and kept in one."""
        request, session = self.request, self.request.user
        assert isinstance(session, BrowserSession)
        data = request.payload.data
        scopes = known_scopes(request.scope.split())
        grant = Grant(session.account.id, CLIENT_ID, scopes, session.signed_in_at, data.get("nonce"))
        code: str = self.server.use_cases.codes.issue(grant, data["redirect_uri"], data["code_challenge"])
        return code

    def save_authorization_code(self, code: str, request: ProviderRequest) -> None:
        """It is kept already."""

    def query_authorization_code(self, code: str, client: _Client) -> _KnownCode | None:
        """None where it is used, which revokes what it gave."""
        found = self.server.use_cases.codes.find(code, client.get_client_id())
        return None if found is None else _KnownCode(found)

    def authenticate_user(self, authorization_code: _KnownCode) -> Allowed | None:
        """The one use of the code: Authlib asks this once everything else was right."""
        allowed: Allowed | None = self.server.use_cases.codes.redeem(authorization_code.code)
        return allowed

    def delete_authorization_code(self, authorization_code: _KnownCode) -> None:
        """It is marked already."""


class _RefreshGrant(RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["none"]  # noqa: RUF012 (Authlib's form)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> _KnownRefreshToken | None:
        """None where it is not known at all."""
        found = self.server.use_cases.refresh.find(refresh_token)
        if found is None:
            _write_down(Outcome("refused", reason="it is not known"))
            return None
        return _KnownRefreshToken(refresh_token, found)

    def authenticate_user(self, refresh_token: _KnownRefreshToken) -> Allowed:
        """The use of the token: Authlib asks this once everything else was right."""
        allowed, outcome = self.server.use_cases.refresh(refresh_token.text)
        _write_down(outcome)
        if allowed is None:
            raise InvalidGrantError("The refresh token does not count any more.")
        granted: Allowed = allowed
        return granted

    def revoke_old_credential(self, refresh_token: _KnownRefreshToken) -> None:
        """It counts until its successor is used."""


class _DeviceGrant(DeviceCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["none"]  # noqa: RUF012 (Authlib's form)

    def query_device_credential(self, device_code: str) -> _KnownDevice:
        """Raises InvalidGrantError where there is none, which Authlib would call an invalid request."""
        found = self.server.use_cases.devices.find(device_code)
        if found is None:
            raise InvalidGrantError("There is no such device code.")
        return _KnownDevice(device_code, found)

    def validate_device_credential(self, credential: _KnownDevice) -> Allowed:
        """How things stand, decided in one transaction; RFC 8628, section 3.5, names the errors."""
        polled = self.server.use_cases.devices.poll(credential.text)
        if polled.allowed is not None:
            allowed: Allowed = polled.allowed
            return allowed
        raise {
            "pending": AuthorizationPendingError,
            "slow down": SlowDownError,
            "expired": ExpiredTokenError,
            "refused": AccessDeniedError,
        }.get(polled.state, InvalidGrantError)


class _DeviceEndpoint(DeviceAuthorizationEndpoint):
    CLIENT_AUTH_METHODS = ["none"]  # noqa: RUF012 (Authlib's form)

    def create_endpoint_response(self, request: ProviderRequest) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """RFC 8628, section 3.2."""
        client: _Client = self.authenticate_client(request)
        self.server.check_parameters(request)
        scope = client.get_allowed_scope(request.payload.scope)
        if scope is None:
            raise InvalidScopeError
        device = self.server.use_cases.devices.begin(client.get_client_id(), tuple(scope.split()), request.address)
        page = self.server.links.absolute(DEVICE)
        body = {
            "device_code": device.device_code,
            "user_code": device.user_code,
            "verification_uri": page,
            "verification_uri_complete": add_params_to_uri(page, [("user_code", device.user_code)]),
            "expires_in": _seconds(DEVICE_CODE_LIFETIME),
            "interval": _seconds(DEVICE_INTERVAL),
        }
        return 200, body, [("Cache-Control", "no-store")]


class _RevocationEndpoint(RevocationEndpoint):
    CLIENT_AUTH_METHODS = ["none"]  # noqa: RUF012 (Authlib's form)

    def check_params(self, request: ProviderRequest, client: _Client) -> None:  # noqa: ARG002 (Authlib's form)
        """A hint that is not known is passed over (RFC 7009, section 2.2.1)."""
        if "token" not in request.form:
            raise InvalidRequestError("Missing 'token' in request.")

    def query_token(self, token_string: str, token_type_hint: str | None) -> _KnownRefreshToken | None:  # noqa: ARG002
        """Only refresh tokens can be revoked; access tokens end by themselves."""
        found = self.server.use_cases.refresh.find(token_string)
        return None if found is None else _KnownRefreshToken(token_string, found)

    def revoke_token(self, token: _KnownRefreshToken, request: ProviderRequest) -> None:  # noqa: ARG002
        """The whole family."""
        family_id = token.token.family.id
        if self.server.use_cases.revoke(family_id):
            _log.info("family %s revoked: its client signed out", family_id)


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
        self.register_grant(_CodeGrant, [_OnlyS256(required=True), _Strict()])
        self.register_grant(_RefreshGrant)
        self.register_grant(_DeviceGrant)
        self.register_endpoint(_DeviceEndpoint)
        self.register_endpoint(_RevocationEndpoint)

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

    def query_client(self, client_id: str) -> _Client | None:
        """The one client there is."""
        return _Client() if client_id == CLIENT_ID else None

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


def _write_down(outcome: Outcome) -> None:
    """In the journal, which never holds a token."""
    level = logging.WARNING if "revoked" in outcome.reason and "was used" in outcome.reason else logging.INFO
    _log.log(
        level,
        "refresh %s: family %s generation %s%s",
        outcome.kind,
        outcome.family_id or "unknown",
        "unknown" if outcome.generation is None else outcome.generation,
        f": {outcome.reason}" if outcome.reason else "",
    )


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
