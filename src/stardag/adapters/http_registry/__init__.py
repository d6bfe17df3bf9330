"""The way to registries over HTTP, with httpx: `exchange` bounds what is sent and received, `answers` says what may be
received, `registry` makes the calls of the API from both.
"""

from stardag.adapters.http_registry.registry import HttpRegistries, HttpRegistry

__all__ = ["HttpRegistries", "HttpRegistry"]
