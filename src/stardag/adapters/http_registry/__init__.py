"""The way to registries over HTTP: `answers` and its neighbours say what may be received, `asking` sends and
understands the requests of one call, `calling` makes it one exchange, and a module for each subject makes calls of the
API; all of them are in `registry`. None of that is imported before a registry is asked.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stardag.adapters.http_registry.registry import HttpRegistry
    from stardag.app.registry_ports import Credential


class HttpRegistries:
    """Keeps the promises of `Registries` over HTTP."""

    def connect(self, registry_url: str, credential: "Credential | None", timeout: float) -> "HttpRegistry":
        """A registry to speak to; sends nothing yet. `timeout` is in seconds, for each whole exchange."""
        from stardag.adapters.http_registry.registry import HttpRegistry

        return HttpRegistry(registry_url, credential, timeout)
