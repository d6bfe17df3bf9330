"""The way to registries over HTTP, with httpx: `exchange` bounds what is sent and received, `answers` says what may be
received, `registry` makes the calls of the API from both. None of that is imported before a registry is asked.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stardag.adapters.http_registry.registry import HttpRegistry
    from stardag.domain.credentials import Secret


class HttpRegistries:
    """Keeps the promises of `Registries` over HTTP."""

    def connect(self, registry_url: str, credential: "Secret | None", timeout: float) -> "HttpRegistry":
        """A registry to speak to; sends nothing yet. `timeout` is in seconds, for each whole exchange."""
        from stardag.adapters.http_registry.registry import HttpRegistry

        return HttpRegistry(registry_url, credential, timeout)
