"""What the registry adds to target roots: how many there may be, and their history (readings, section 7)."""

from dataclasses import dataclass
from datetime import datetime

MAX_TARGET_ROOTS = 1000
"""In one workspace. Every build compares them all, so they are read at once and have to stay few."""


@dataclass(frozen=True, slots=True)
class TargetRootRevision:
    """One entry of the history: who changed which root from what to what, and when.

    `old` is None for a root that was added, `new` for one that was removed. An API key or a user did it, or, where both
    are None, the server itself at its first start; `by` is what they were called then.
    """

    workspace_id: str
    name: str
    old: str | None
    new: str | None
    at: datetime
    api_key_id: str | None = None
    user_id: str | None = None
    by: str = "the server"
    builds: int = 0
    """How many builds had used the old one."""

    number: int = 0
    """Its place in the history, given when it is kept."""
