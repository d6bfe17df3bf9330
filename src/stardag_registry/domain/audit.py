"""The audit: one entry for every change, written in the transaction that makes it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

CredentialKind = Literal["api key", "organization token", "access token", "server"]


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
