"""All calls of the registry's API together."""

from stardag.adapters.http_registry.builds import BuildsCalls
from stardag.adapters.http_registry.organizations import OrganizationsCalls
from stardag.adapters.http_registry.signing_in import SigningInCalls
from stardag.adapters.http_registry.workspaces import WorkspacesCalls


class HttpRegistry(SigningInCalls, OrganizationsCalls, WorkspacesCalls, BuildsCalls):
    """Keeps the promises of `RegistryApi` over HTTP. Nothing is retried but with another credential."""
