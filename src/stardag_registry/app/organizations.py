"""Organizations and who is in them: making and deleting them, members, their roles, and personal workspaces."""

from dataclasses import dataclass, replace

from stardag.domain.names import NAME_MAX_LENGTH, is_id
from stardag.domain.organizations import PERSONAL_PREFIX, Role
from stardag_registry.app.changes import Changes, OrganizationChange, entry_of
from stardag_registry.app.creation import Create
from stardag_registry.app.paging import Page, PageRequest, number_in, page_of, page_of_rows
from stardag_registry.app.ports import AuditFilter, Clock, Database, Transaction
from stardag_registry.domain.audit import AuditEntry, is_action
from stardag_registry.domain.errors import InvalidField, LastOwner, NotFound, TooMany
from stardag_registry.domain.organizations import Organization
from stardag_registry.domain.permissions import (
    ApiKeyCaller,
    Caller,
    MemberCaller,
    OrganizationAction,
    UserCaller,
    check_allowed_in_organization,
    check_may_give,
    check_signed_in,
)
from stardag_registry.domain.users import Member, Membership, User

MAX_MEMBERSHIPS = 1000
"""How many organizations somebody may belong to; they are read at once."""


@dataclass(frozen=True, slots=True)
class MakeOrganization:
    """Makes an organization that the caller owns: anyone who can sign in may (readings, section 7)."""

    database: Database
    create: Create
    clock: Clock

    def __call__(self, caller: Caller, slug: str, name: str) -> Membership:
        """What the caller is in the new organization.

        Raises:
            NotAllowed: an API key asks, which is nobody, or an access token.
            InvalidName, InvalidField: slug or name cannot be one.
            AlreadyExists: the slug is taken.
            TooMany: the caller belongs to as many organizations as anybody may.
            DatabaseUnavailable: nothing was changed.
        """
        user = check_signed_in(caller, "a user who has signed in").user
        with self.database.transaction() as transaction:
            if len(transaction.memberships_of(user.id)) >= MAX_MEMBERSHIPS:
                raise TooMany("organization", MAX_MEMBERSHIPS, "A user")
            organization = self.create.organization(transaction, slug, name)
            transaction.add_member(organization.id, user.id, "owner", self.clock())
            details = {"slug": slug, "name": name}
            transaction.add_audit_entry(
                entry_of(caller, self.clock(), "organization.created", organization.id, details, organization.id)
            )
        return Membership(organization, "owner")


@dataclass(frozen=True, slots=True)
class ListMembers:
    """Lists the members of an organization."""

    database: Database

    def __call__(
        self, caller: ApiKeyCaller | MemberCaller, organization: str, role: Role | None, request: PageRequest
    ) -> Page[Member]:
        """One page, by username; of one role where that is given.

        Raises:
            NotFound: it is not the caller's organization.
            NotAllowed: an API key asks.
            InvalidField: the cursor is no good.
            DatabaseUnavailable: the database cannot be read.
        """
        member = check_allowed_in_organization(caller, "see members", organization)
        with self.database.reading() as reading:
            members = reading.members_of(member.organization.id)
        wanted = [each for each in members if role in {None, each.role}]
        return page_of(wanted, lambda each: each.user.username, request)


@dataclass(frozen=True, slots=True)
class EditOrganization:
    """Changes an organization and who is in it. Every operation raises what Changes raises, and what stands there."""

    changes: Changes

    def delete(self, caller: ApiKeyCaller | MemberCaller, organization: str) -> None:
        """Delete it: nobody is a member any more and none of its keys count. The audit stays."""
        with self.changes.in_organization(caller, "delete", organization) as change:
            change.transaction.delete_organization(change.organization.id, change.at)
            change.record("organization.deleted", change.organization.id, slug=change.organization.slug)

    def set_role(self, caller: ApiKeyCaller | MemberCaller, organization: str, user_id: str, role: Role) -> Member:
        """Change what a member is.

        Raises:
            NotFound: there is no such member.
            LastOwner: the organization would have none.
        """
        with self.changes.in_organization(caller, "change roles", organization) as change:
            member = _member(change, user_id)
            if member.role != role:
                _check_owner_left(change, member)
                change.transaction.change_role(change.organization.id, member.user.id, role)
                change.record("member.role-changed", member.user.id, old=member.role, new=role)
            return Member(member.user, role, member.since)

    def remove(self, caller: ApiKeyCaller | MemberCaller, organization: str, user_id: str) -> None:
        """Remove a member; anybody may leave. The personal workspace stays, and none of its keys count any more: they
        were the way in of somebody who is out now.

        Raises:
            NotFound: there is no such member.
            NotAllowed: the member is admin or owner, and the caller no owner.
            LastOwner: the organization would have none.
        """
        leaves = isinstance(caller, MemberCaller) and caller.user.id == user_id.lower()
        action: OrganizationAction = "leave" if leaves else "remove members"
        with self.changes.in_organization(caller, action, organization) as change:
            member = _member(change, user_id)
            if not leaves:
                check_may_give(change.caller, member.role)
            _check_owner_left(change, member)
            change.transaction.remove_member(change.organization.id, member.user.id)
            _revoke_personal_keys(change, member.user)
            change.record("member.left" if leaves else "member.removed", member.user.id, role=member.role)


@dataclass(frozen=True, slots=True)
class ReadAudit:
    """Reads who changed what in an organization."""

    database: Database

    def __call__(
        self,
        caller: ApiKeyCaller | MemberCaller,
        organization: str,
        wanted: AuditFilter,
        request: PageRequest,
    ) -> Page[AuditEntry]:
        """One page of an organization's audit.

        Raises:
            NotFound: it is not the caller's organization.
            NotAllowed: the caller is neither admin nor owner.
            InvalidField: the cursor is no good; no workspace or user has such an id, or no action is called that.
            DatabaseUnavailable: the database cannot be read.
        """
        after = number_in(request)
        member = check_allowed_in_organization(caller, "read audit", organization)
        if wanted.action is not None and not is_action(wanted.action):
            raise InvalidField("query.action", "it is no action, as target-root.changed is one")
        wanted = replace(
            wanted,
            workspace_id=_checked_id("workspace", wanted.workspace_id),
            user_id=_checked_id("user", wanted.user_id),
        )
        with self.database.reading() as reading:
            entries = reading.audit_of(member.organization.id, wanted, after, request.limit + 1)
        return page_of_rows(entries, lambda entry: str(entry.number), request)


def _checked_id(parameter: str, value: str | None) -> str | None:
    """The id as it is kept."""
    if value is not None and not is_id(value):
        raise InvalidField(f"query.{parameter}", f"it is no {parameter}'s id")
    return None if value is None else value.lower()


@dataclass(frozen=True, slots=True)
class MakePersonalWorkspace:
    """Makes the workspace `personal-<username>` at a user's first sign-in to an organization (readings, section 7)."""

    database: Database
    create: Create
    clock: Clock

    def __call__(self, user: User, organization: Organization, address: str) -> None:
        """Make it, where there is none yet, for somebody at that network address. Raises DatabaseUnavailable."""
        with self.database.reading() as reading:
            if reading.personal_workspace(organization.id, user.id) is not None:
                return
        with self.database.transaction() as transaction:
            is_member = transaction.member(organization.id, user.id) is not None
            if not is_member or transaction.personal_workspace(organization.id, user.id) is not None:
                return
            slug = _free_slug(transaction, organization.id, f"{PERSONAL_PREFIX}{user.username}")
            workspace = self.create.workspace(transaction, organization.id, slug, slug, owner_id=user.id)
            caller, details = UserCaller(user, (), address), {"slug": slug}
            transaction.add_audit_entry(
                entry_of(
                    caller, self.clock(), "workspace.created", workspace.id, details, organization.id, workspace.id
                )
            )


def _free_slug(transaction: Transaction, organization_id: str, slug: str) -> str:
    """The slug, or the same with a number where a workspace from before it was kept for this has it."""
    taken = {workspace.slug for workspace in transaction.workspaces_of(organization_id)}
    number = 1
    free = slug[:NAME_MAX_LENGTH].rstrip("-_")
    while free in taken:
        number += 1
        suffix = f"-{number}"
        free = f"{slug[: NAME_MAX_LENGTH - len(suffix)].rstrip('-_')}{suffix}"
    return free


def _member(change: OrganizationChange, user_id: str) -> Member:
    if is_id(user_id):
        for member in change.transaction.members_of(change.organization.id):
            if member.user.id == user_id.lower():
                return member
    raise NotFound("member")


def _revoke_personal_keys(change: OrganizationChange, user: User) -> None:
    workspace = change.transaction.personal_workspace(change.organization.id, user.id)
    if workspace is not None:
        for api_key in change.transaction.api_keys_of(workspace.id):
            change.transaction.revoke_api_key(api_key.id, change.at)


def _check_owner_left(change: OrganizationChange, without: Member) -> None:
    """No two of these run at the same time, so of two owners who leave at once one stays."""
    owners = [each for each in change.transaction.members_of(change.organization.id) if each.role == "owner"]
    if without.role == "owner" and len(owners) == 1:
        raise LastOwner
