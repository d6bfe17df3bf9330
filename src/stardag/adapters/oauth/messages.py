"""What an issuer may answer, held against the rules before anything uses it. Unknown fields are let through."""

import base64
import json
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from stardag.domain.credentials import Secret
from stardag.domain.registry_url import URL_MAX_LENGTH
from stardag.domain.sign_in import IssuedTokens

DEVICE_SECONDS_MAX = 1800.0
"""How long a device's code is waited for at most, whatever the issuer says."""

INTERVAL_SECONDS_MAX = 60.0


def _check_address(value: str) -> str:
    if not value.startswith(("https://", "http://")) or "@" in value.split("/")[2] or not value.isprintable():
        raise ValueError("it is no http or https URL")
    return value


def _check_token(value: str) -> str:
    if not Secret(value).is_well_formed_token:
        raise ValueError("it cannot be a token")
    return value


def _check_token_type(value: str) -> str:
    if value.lower() != "bearer":
        raise ValueError("it is not Bearer")
    return value


Address = Annotated[str, Field(max_length=URL_MAX_LENGTH, pattern=r"^[!-~]+$"), AfterValidator(_check_address)]
Token = Annotated[str, AfterValidator(_check_token)]


class Fields(dict[str, str]):
    """The fields of a form, some of them secret; its `repr`, which tracebacks may show, has the names alone."""

    def __repr__(self) -> str:
        return f"Fields({', '.join(self)})"


class Message(BaseModel):
    """What every message has in common. Its `repr` shows no value: many of them are secret."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)

    def __repr_args__(self) -> Sequence[tuple[str | None, object]]:
        return ()


class DiscoveryMessage(Message):
    """What an issuer says of itself (OpenID Connect Discovery 1.0, section 3; RFC 8414, section 2)."""

    issuer: str
    authorization_endpoint: Address
    token_endpoint: Address
    revocation_endpoint: Address | None = None
    device_authorization_endpoint: Address | None = None
    code_challenge_methods_supported: list[str] | None = None
    authorization_response_iss_parameter_supported: bool = False


class TokenMessage(Message):
    """Tokens (RFC 6749, section 5.1; OpenID Connect Core 1.0, section 3.1.3.3)."""

    access_token: Token
    token_type: Annotated[str, AfterValidator(_check_token_type)]
    refresh_token: Token | None = None
    id_token: Token | None = None

    def to_domain(self) -> IssuedTokens:
        """The tokens."""
        return IssuedTokens(Secret(self.access_token), _secret(self.refresh_token), _secret(self.id_token))


class DeviceMessage(Message):
    """Codes for a device (RFC 8628, section 3.2); `expires_in` and `interval` are in seconds."""

    device_code: Token
    user_code: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[!-~]([ -~]*[!-~])?$")]
    verification_uri: Address
    verification_uri_complete: Address | None = None
    expires_in: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    interval: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 5.0


class ErrorMessage(Message):
    """An error (RFC 6749, section 5.2). The issuer's own words for it are not shown: they could hold anything."""

    error: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]


def nonce_in(id_token: Secret) -> object:
    """The nonce that an ID token names. Its signature is the registry's to verify, which is whom the token is for."""
    parts = id_token.reveal().split(".")
    try:
        claims: object = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, IndexError, RecursionError):
        return None
    return claims.get("nonce") if isinstance(claims, dict) else None  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]  # anything may stand there


def _secret(value: str | None) -> Secret | None:
    return None if value is None else Secret(value)
