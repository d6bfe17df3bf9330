"""Authlib's authorization server with what this registry adds: S256 only, one use of codes, families of refresh tokens.

Authlib checks the protocol; the use cases decide, each in one transaction. No other package knows Authlib.
"""

from stardag_registry.adapters.openid_provider.authorization_server.known import GRANT_TYPES
from stardag_registry.adapters.openid_provider.authorization_server.requests import (
    Answer,
    Asked,
    ProviderRequest,
    Refused,
)
from stardag_registry.adapters.openid_provider.authorization_server.server import ProviderServer

__all__ = ["GRANT_TYPES", "Answer", "Asked", "ProviderRequest", "ProviderServer", "Refused"]
