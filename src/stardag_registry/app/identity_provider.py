"""Which identity provider signs people in, as the person who starts the server says it."""

from dataclasses import dataclass

DEFAULT_OWNER = "owner@localhost"
"""The e-mail address of the owner that a registry of one's own begins with."""


@dataclass(frozen=True, slots=True)
class ExistingIdentityProvider:
    """An OpenID provider that is there already.

    `audience` is what its access tokens for this registry have to name; None where they name the registry's own
    address (RFC 8707).
    """

    issuer: str
    client_id: str
    audience: str | None = None
