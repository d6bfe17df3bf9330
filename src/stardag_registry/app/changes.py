"""What every change has in common: who asks is looked at again, whether they may is decided, and one entry of the audit
is written, all in the transaction that makes the change."""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from stardag_registry.app.authorization import authorized_workspace
from stardag_registry.app.credentials import as_it_counts_now
from stardag_registry.app.ports import Clock, Database, Transaction
from stardag_registry.domain.audit import AuditEntry, CredentialKind
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import (
    ApiKeyCaller,
    Caller,
    MemberCaller,
    OrganizationAction,
    UserCaller,
    WorkspaceAction,
    check_allowed_in_organization,
)

THE_SERVER = "the server"


@dataclass(slots=True)
class _Recording:
    """Writes at most one entry: a change that turns out to change nothing writes none."""

    transaction: Transaction
    at: datetime
    done: bool = field(default=False, init=False)

    def write(self, entry: AuditEntry) -> None:
        assert not self.done, "one change, one entry"
        self.done = True
        self.transaction.add_audit_entry(entry)


@dataclass(slots=True)
class WorkspaceChange(_Recording):
    """A change in a workspace, by somebody who may."""

    workspace: Workspace
    caller: ApiKeyCaller | MemberCaller

    def record(self, action: str, subject: str, **details: object) -> None:
        """Say in the audit what was changed, and from what to what; never a secret."""
        workspace = self.workspace
        self.write(entry_of(self.caller, self.at, action, subject, details, workspace.organization_id, workspace.id))


@dataclass(slots=True)
class OrganizationChange(_Recording):
    """A change in an organization, by a member who may."""

    organization: Organization
    caller: MemberCaller

    def record(self, action: str, subject: str, **details: object) -> None:
        """The same for an organization."""
        self.write(entry_of(self.caller, self.at, action, subject, details, self.organization.id))


@dataclass(frozen=True, slots=True)
class Changes:
    """The way to every change.

    Each raises:
        Unauthenticated: the key was revoked or the member removed since the credential was shown.
        NotFound: it is not the caller's workspace or organization, whether it exists or not.
        NotAllowed: the key was not made for this, or the role does not include it.
        Archived: the workspace is.
        DatabaseUnavailable: nothing was changed.
    """

    database: Database
    clock: Clock

    @contextmanager
    def in_workspace(
        self, caller: ApiKeyCaller | MemberCaller, action: WorkspaceAction, workspace_id: str
    ) -> Generator[WorkspaceChange]:
        """One change in a workspace; no other runs meanwhile."""
        with self.database.transaction() as transaction:
            yield self._of_workspace(transaction, caller, action, workspace_id)

    @contextmanager
    def beside_others(
        self, caller: ApiKeyCaller | MemberCaller, action: WorkspaceAction, workspace_id: str
    ) -> Generator[WorkspaceChange]:
        """One addition to a workspace's builds or tasks: many may run at once, and none beside a change of the other
        kind."""
        with self.database.addition() as transaction:
            yield self._of_workspace(transaction, caller, action, workspace_id)

    @contextmanager
    def in_organization(
        self, caller: ApiKeyCaller | MemberCaller, action: OrganizationAction, organization: str
    ) -> Generator[OrganizationChange]:
        """One change in an organization (asked for by slug or id); no other runs meanwhile."""
        with self.database.transaction() as transaction:
            now = as_it_counts_now(transaction, caller, self.clock)
            member = check_allowed_in_organization(now, action, organization)
            yield OrganizationChange(transaction, self.clock(), member.organization, member)

    def _of_workspace(
        self,
        transaction: Transaction,
        caller: ApiKeyCaller | MemberCaller,
        action: WorkspaceAction,
        workspace_id: str,
    ) -> WorkspaceChange:
        now = as_it_counts_now(transaction, caller, self.clock)
        workspace = authorized_workspace(transaction, now, action, workspace_id)
        return WorkspaceChange(transaction, self.clock(), workspace, now)


def entry_of(
    caller: Caller | None,
    at: datetime,
    action: str,
    subject: str,
    details: Mapping[str, object],
    organization_id: str | None = None,
    workspace_id: str | None = None,
) -> AuditEntry:
    """The entry of the audit about a change by a caller; by the server itself where that is None."""
    return AuditEntry(
        at=at,
        action=action,
        subject=subject,
        details=json.dumps(details, ensure_ascii=False, sort_keys=True),
        credential=_credential_of(caller),
        actor=name_of(caller),
        organization_id=organization_id,
        workspace_id=workspace_id,
        user_id=caller.user.id if isinstance(caller, MemberCaller | UserCaller) else None,
        api_key_id=caller.api_key.id if isinstance(caller, ApiKeyCaller) else None,
        address=caller.address if caller is not None else "",
    )


def name_of(caller: Caller | None) -> str:
    """What somebody is called in lists and in the audit: a username, or an API key's name."""
    if caller is None:
        return THE_SERVER
    return f"API key {caller.api_key.name}" if isinstance(caller, ApiKeyCaller) else caller.user.username


def _credential_of(caller: Caller | None) -> CredentialKind:
    match caller:
        case ApiKeyCaller():
            return "api key"
        case MemberCaller():
            return "organization token" if caller.access_token is None else "stardag access token"
        case UserCaller():
            return "access token"
        case None:
            return "server"
