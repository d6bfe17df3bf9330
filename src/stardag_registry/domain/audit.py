"""The audit: one entry for every change, written in the transaction that makes it."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ACTION_MAX_LENGTH = 50
_ACTION = re.compile(r"[a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*")

CredentialKind = Literal["api key", "organization token", "stardag access token", "access token", "server"]
"""An "access token" is the issuer's; the registry's own begin with `stardag_access_`."""


def is_action(text: str) -> bool:
    """Whether what was done may be called that: what it was done to and how, as in `target-root.changed`."""
    return len(text) <= ACTION_MAX_LENGTH and _ACTION.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who changed what, when, with what credential, from where.

    `actor` is what they were called then; `subject` is the id or name of what was changed; `details` is JSON, with the
    old and the new where there are such, and never a secret. `organization_id` is None for what belongs to none.
    """

    at: datetime
    action: str
    subject: str
    details: str
    credential: CredentialKind
    actor: str
    organization_id: str | None = None
    workspace_id: str | None = None
    user_id: str | None = None
    api_key_id: str | None = None
    address: str = ""
    number: int = 0
    """Its place in the audit, given when it is kept."""
