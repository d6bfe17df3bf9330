"""The port `Trust` in memory."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from stardag.domain.registry_url import origin_of


@dataclass
class FakeTrust:
    """Remembers real paths of trusted project files, and the origins that each named."""

    origins: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])

    def trust(self, path: str, registry_urls: Sequence[str]) -> None:
        self.origins[os.path.realpath(path)] = frozenset(map(origin_of, registry_urls))

    def is_trusted(self, path: str) -> bool:
        return os.path.realpath(path) in self.origins

    def is_trusted_origin(self, path: str, registry_url: str) -> bool:
        return origin_of(registry_url) in self.origins.get(os.path.realpath(path), frozenset())
