"""API keys: what they are made for and how long they count (readings, section 7).

A key is a secret as the registry makes them, `stardag_build_…` or `stardag_admin_…`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from stardag_registry.domain.made_secrets import MadeSecret, kind_of, spell

Purpose = Literal["administer", "build"]
"""What a key is made for: building in its workspace, or administering it, which includes building."""

PURPOSES: tuple[Purpose, ...] = get_args(Purpose)

_KINDS: Mapping[Purpose, str] = {"administer": "admin", "build": "build"}


class ApiKeySecret(MadeSecret):
    """A key as its holder has it."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key besides its secret: whose it is, what for, and how long it counts."""

    id: str
    workspace_id: str
    name: str
    purpose: Purpose
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    maker: str = "the server"
    """What whoever made it was called then."""
    last_used_at: datetime | None = None

    def counts_at(self, moment: datetime) -> bool:
        """Whether the key is a credential at `moment`: neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or moment < self.expires_at)


def make_secret(purpose: Purpose, entropy: bytes) -> ApiKeySecret:
    """The key that as many random bytes as a secret is made of give."""
    return ApiKeySecret(spell(_KINDS[purpose], entropy))


def parse_secret(text: str) -> ApiKeySecret | None:
    """The key that `text` spells, or None where it can be none."""
    return ApiKeySecret(text) if kind_of(text) in _KINDS.values() else None
