"""API keys, as a registry tells of them (guide, "Workspaces")."""

from datetime import datetime
from typing import Literal, NamedTuple

from stardag.domain.credentials import Secret

Purpose = Literal["administer", "build"]
"""What a key is made for: building in its workspace, or administering it, which includes building."""


class ApiKey(NamedTuple):
    """An API key of a workspace, without its secret. `maker` is what whoever made it was called."""

    id: str
    name: str
    purpose: Purpose
    maker: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None

    def is_meant_by(self, reference: str) -> bool:
        """Whether this is the key's name or its id."""
        return reference == self.name or reference.lower() == self.id


class MadeApiKey(NamedTuple):
    """An API key that has just been made, with the key itself, which is shown this once."""

    api_key: ApiKey
    key: Secret
