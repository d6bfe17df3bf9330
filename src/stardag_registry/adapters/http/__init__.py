"""The registry over HTTP: FastAPI, problem+json, entity tags, and pages that need nothing from another host."""

from stardag_registry.adapters.http.application import create_app
from stardag_registry.adapters.http.hosts import AllowedHosts
from stardag_registry.adapters.http.use_cases import UseCases

__all__ = ["AllowedHosts", "UseCases", "create_app"]
