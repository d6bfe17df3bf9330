"""What the registry knows, as Authlib asks about it: the one client, codes, refresh tokens and devices."""

# pyright's own description of Authlib is of another version and leaves much out. The tests look at the real one.
# pyright: basic, reportArgumentType=false, reportAssignmentType=false, reportOptionalMemberAccess=false
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false, reportReturnType=false

from dataclasses import dataclass

from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, TokenMixin
from authlib.oauth2.rfc8628 import DEVICE_CODE_GRANT_TYPE

from stardag_registry.domain.grants import (
    CLIENT_ID,
    AuthorizationCode,
    DeviceAuthorization,
    RefreshToken,
    is_redirect_uri,
    known_scopes,
)

GRANT_TYPES = ("authorization_code", "refresh_token", DEVICE_CODE_GRANT_TYPE)


class Client(ClientMixin):
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
class KnownCode(AuthorizationCodeMixin):
    """A code that has not been used."""

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
class KnownRefreshToken(TokenMixin):
    """A refresh token, whether it counts or not; `text` is the token itself."""

    text: str
    token: RefreshToken

    def check_client(self, client: Client) -> bool:
        return client.get_client_id() == self.token.family.grant.client_id

    def get_scope(self) -> str:
        return " ".join(self.token.family.grant.scopes)


@dataclass(repr=False)
class KnownDevice:
    """A device that waits; `text` is its code."""

    text: str
    device: DeviceAuthorization

    def get_client_id(self) -> str:
        return self.device.client_id

    def get_scope(self) -> str:
        return " ".join(self.device.scopes)
