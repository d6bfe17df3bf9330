"""Where devices begin, and where command lines sign out."""

# pyright's own description of Authlib is of another version and leaves much out. The tests look at the real one.
# pyright: basic, reportArgumentType=false, reportAssignmentType=false, reportOptionalMemberAccess=false
# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false, reportReturnType=false

import logging
from datetime import timedelta
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError
from authlib.oauth2.rfc7009 import RevocationEndpoint as AuthlibRevocationEndpoint
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint

from stardag_registry.adapters.openid_provider.authorization_server.known import Client, KnownRefreshToken
from stardag_registry.adapters.openid_provider.authorization_server.requests import ProviderRequest
from stardag_registry.adapters.openid_provider.links import DEVICE
from stardag_registry.domain.grants import DEVICE_CODE_LIFETIME, DEVICE_INTERVAL

_log = logging.getLogger("stardag_registry.provider")


class DeviceEndpoint(DeviceAuthorizationEndpoint):
    """Where a device begins (RFC 8628, section 3.1)."""

    CLIENT_AUTH_METHODS = ["none"]  # noqa: RUF012 (Authlib's form)

    def create_endpoint_response(self, request: ProviderRequest) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """RFC 8628, section 3.2."""
        client: Client = self.authenticate_client(request)
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


class RevocationEndpoint(AuthlibRevocationEndpoint):
    """Where a command line signs out (RFC 7009)."""

    CLIENT_AUTH_METHODS = ["none"]  # noqa: RUF012 (Authlib's form)

    def check_params(self, request: ProviderRequest, client: Client) -> None:  # noqa: ARG002 (Authlib's form)
        """A hint that is not known is passed over (RFC 7009, section 2.2.1)."""
        if "token" not in request.form:
            raise InvalidRequestError("Missing 'token' in request.")

    def query_token(self, token_string: str, token_type_hint: str | None) -> KnownRefreshToken | None:  # noqa: ARG002
        """Only refresh tokens can be revoked; access tokens end by themselves."""
        found = self.server.use_cases.refresh.find(token_string)
        return None if found is None else KnownRefreshToken(token_string, found)

    def revoke_token(self, token: KnownRefreshToken, request: ProviderRequest) -> None:  # noqa: ARG002
        """The whole family."""
        family_id = token.token.family.id
        if self.server.use_cases.revoke(family_id):
            _log.info("family %s revoked: its client signed out", family_id)


def _seconds(duration: timedelta) -> int:
    return int(duration.total_seconds())
