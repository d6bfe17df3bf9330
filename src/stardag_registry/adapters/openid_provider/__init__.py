"""The registry's own OpenID provider over HTTP: Authlib's authorization server on Starlette, and pages for people."""

from stardag_registry.adapters.openid_provider.routes import invitation_route, provider_routes
from stardag_registry.adapters.openid_provider.use_cases import ProviderUseCases

__all__ = ["ProviderUseCases", "invitation_route", "provider_routes"]
