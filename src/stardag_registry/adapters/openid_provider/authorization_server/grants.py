"""The grants: what is checked beyond what Authlib looks at, and the use case that decides each."""

# pyright's own description of Authlib is of another version and leaves much out. The tests look at the real one.
# pyright: basic, reportArgumentType=false, reportAssignmentType=false, reportOptionalMemberAccess=false
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false, reportReturnType=false

import logging
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AccessDeniedError, InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, RefreshTokenGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc8628 import AuthorizationPendingError, DeviceCodeGrant, ExpiredTokenError, SlowDownError

from stardag_registry.adapters.openid_provider.authorization_server.known import (
    Client,
    KnownCode,
    KnownDevice,
    KnownRefreshToken,
)
from stardag_registry.adapters.openid_provider.authorization_server.requests import ProviderRequest
from stardag_registry.app.provider.families import Allowed, Outcome
from stardag_registry.domain.accounts import BrowserSession
from stardag_registry.domain.grants import CLIENT_ID, Grant, is_challenge, known_scopes

NONCE_MAX_LENGTH = 255

_OF_REQUEST_OBJECTS = {
    "request": "request_not_supported",
    "request_uri": "request_uri_not_supported",
    "registration": "registration_not_supported",
}

_log = logging.getLogger("stardag_registry.provider")


class OnlyS256(CodeChallenge):
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


class Strict:
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


class CodeGrant(AuthorizationCodeGrant):
    """Authorization code (RFC 6749, section 4.1)."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["none"]  # noqa: RUF012 (Authlib's form)

    @staticmethod
    def validate_no_multiple_request_parameter(request: ProviderRequest) -> None:
        """Two clients are none; whatever else comes twice is told to the client, once it is known."""
        if len(request.payload.datalist.get("client_id", [])) > 1:
            raise InvalidRequestError("'client_id' comes more than once")

    @staticmethod
    def validate_authorization_redirect_uri(request: ProviderRequest, client: Client) -> str:
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

    def query_authorization_code(self, code: str, client: Client) -> KnownCode | None:
        """None where it is used, which revokes what it gave."""
        found = self.server.use_cases.codes.find(code, client.get_client_id())
        return None if found is None else KnownCode(found)

    def authenticate_user(self, authorization_code: KnownCode) -> Allowed | None:
        """The one use of the code: Authlib asks this once everything else was right."""
        allowed: Allowed | None = self.server.use_cases.codes.redeem(authorization_code.code)
        return allowed

    def delete_authorization_code(self, authorization_code: KnownCode) -> None:
        """It is marked already."""


class RefreshGrant(RefreshTokenGrant):
    """Refresh tokens (RFC 6749, section 6)."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["none"]  # noqa: RUF012 (Authlib's form)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> KnownRefreshToken | None:
        """None where it is not known at all."""
        found = self.server.use_cases.refresh.find(refresh_token)
        if found is None:
            _write_down(Outcome("refused", reason="it is not known"))
            return None
        return KnownRefreshToken(refresh_token, found)

    def authenticate_user(self, refresh_token: KnownRefreshToken) -> Allowed:
        """The use of the token: Authlib asks this once everything else was right."""
        allowed, outcome = self.server.use_cases.refresh(refresh_token.text)
        _write_down(outcome)
        if allowed is None:
            raise InvalidGrantError("The refresh token does not count any more.")
        granted: Allowed = allowed
        return granted

    def revoke_old_credential(self, refresh_token: KnownRefreshToken) -> None:
        """It counts until its successor is used."""


class DeviceGrant(DeviceCodeGrant):
    """Device codes (RFC 8628, section 3.4)."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["none"]  # noqa: RUF012 (Authlib's form)

    def query_device_credential(self, device_code: str) -> KnownDevice:
        """Raises InvalidGrantError where there is none, which Authlib would call an invalid request."""
        found = self.server.use_cases.devices.find(device_code)
        if found is None:
            raise InvalidGrantError("There is no such device code.")
        return KnownDevice(device_code, found)

    def validate_device_credential(self, credential: KnownDevice) -> Allowed:
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
