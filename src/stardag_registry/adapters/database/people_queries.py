"""Organizations, workspaces, keys, users, and who is what in an organization, in portable SQL."""

import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, RowMapping, and_, bindparam, delete, exists, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from stardag.domain.organizations import Role
from stardag_registry.adapters.database.tables import (
    access_tokens,
    api_keys,
    invitations,
    memberships,
    organizations,
    users,
    workspaces,
)
from stardag_registry.domain.access_tokens import AccessToken
from stardag_registry.domain.api_keys import ApiKey, Purpose
from stardag_registry.domain.errors import AlreadyExists, NotFound
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import ApiKeyCaller
from stardag_registry.domain.users import Invitation, Member, Membership, User

_CALLER = (
    select(
        api_keys,
        *(workspaces.c[name].label(f"workspace_{name}") for name in ("slug", "name", "description")),
        workspaces.c.organization_id,
        workspaces.c.owner_id,
        workspaces.c.archived_at,
        workspaces.c.target_roots_version,
        organizations.c.slug.label("organization_slug"),
        organizations.c.name.label("organization_name"),
    )
    .join(workspaces, workspaces.c.id == api_keys.c.workspace_id)
    .join(organizations, organizations.c.id == workspaces.c.organization_id)
)

_CALLER_BY_FINGERPRINT = _CALLER.where(api_keys.c.fingerprint == bindparam("fingerprint"))
_CALLER_BY_KEY_ID = _CALLER.where(api_keys.c.id == bindparam("api_key_id"))

_ORGANIZATION = (
    organizations.c.id.label("organization_id"),
    organizations.c.slug.label("organization_slug"),
    organizations.c.name.label("organization_name"),
)

_MEMBERSHIP = select(*_ORGANIZATION, memberships.c.role).join_from(
    memberships, organizations, organizations.c.id == memberships.c.organization_id
)

_MEMBER = _MEMBERSHIP.add_columns(users).join(users, users.c.id == memberships.c.user_id)

_TOKEN = tuple(access_tokens.c[name].label(f"token_{name}") for name in ("id", "made_at", "expires_at", "revoked_at"))

_HOLDER = _MEMBER.add_columns(*_TOKEN).join(
    access_tokens,
    and_(
        access_tokens.c.organization_id == memberships.c.organization_id,
        access_tokens.c.user_id == memberships.c.user_id,
    ),
)
_HOLDER_BY_FINGERPRINT = _HOLDER.where(access_tokens.c.fingerprint == bindparam("fingerprint"))
_HOLDER_BY_TOKEN_ID = _HOLDER.where(access_tokens.c.id == bindparam("access_token_id"))

_UNIQUENESS = frozenset({"23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"})
"""What PostgreSQL and SQLite call it when a row cannot be there twice."""


class PeopleReading:
    """What is committed of these."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has_organizations(self) -> bool:
        """Whether the registry holds anything at all."""
        return bool(self._connection.scalar(select(exists(select(organizations.c.id)))))

    def caller_by_fingerprint(self, fingerprint: str) -> ApiKeyCaller | None:
        """Whose key it is, by the unique index on fingerprints."""
        row = self._connection.execute(_CALLER_BY_FINGERPRINT, {"fingerprint": fingerprint}).mappings().first()
        return None if row is None else _caller_of(row)

    def caller_by_key_id(self, api_key_id: str) -> ApiKeyCaller | None:
        """Which key has that id."""
        row = self._connection.execute(_CALLER_BY_KEY_ID, {"api_key_id": api_key_id}).mappings().first()
        return None if row is None else _caller_of(row)

    def api_keys_of(self, workspace_id: str) -> Sequence[ApiKey]:
        """All keys of a workspace, sorted here."""
        rows = self._connection.execute(select(api_keys).where(api_keys.c.workspace_id == workspace_id)).mappings()
        return sorted((_api_key_of(row) for row in rows), key=lambda each: (each.created_at, each.id))

    def workspace(self, workspace_id: str) -> Workspace | None:
        """The workspace with that id, unless it was deleted."""
        there = select(workspaces).where(workspaces.c.id == workspace_id, workspaces.c.deleted_at.is_(None))
        row = self._connection.execute(there).mappings().first()
        return None if row is None else _workspace_of(row)

    def workspaces_of(self, organization_id: str) -> Sequence[Workspace]:
        """All workspaces of an organization, sorted here: how a database orders text depends on how it was made."""
        there = select(workspaces).where(
            workspaces.c.organization_id == organization_id, workspaces.c.deleted_at.is_(None)
        )
        rows = self._connection.execute(there).mappings()
        return sorted((_workspace_of(row) for row in rows), key=lambda workspace: workspace.slug)

    def personal_workspace(self, organization_id: str, user_id: str) -> Workspace | None:
        """The user's own."""
        there = select(workspaces).where(
            workspaces.c.owner_id == user_id,
            workspaces.c.organization_id == organization_id,
            workspaces.c.deleted_at.is_(None),
        )
        row = self._connection.execute(there).mappings().first()
        return None if row is None else _workspace_of(row)

    def user(self, issuer: str, subject: str) -> User | None:
        """Who that is to the registry."""
        there = select(users).where(users.c.issuer == issuer, users.c.subject == subject)
        row = self._connection.execute(there).mappings().first()
        return None if row is None else _user_of(row)

    def memberships_of(self, user_id: str) -> Sequence[Membership]:
        """What the user is in each organization, sorted here."""
        rows = self._connection.execute(_MEMBERSHIP.where(memberships.c.user_id == user_id)).mappings()
        return sorted((_membership_of(row) for row in rows), key=lambda membership: membership.organization.slug)

    def member(self, organization_id: str, user_id: str) -> tuple[User, Membership] | None:
        """The user and what they are in the organization, by the memberships' primary key."""
        there = _MEMBER.where(memberships.c.organization_id == organization_id, memberships.c.user_id == user_id)
        row = self._connection.execute(there).mappings().first()
        return None if row is None else (_user_of(row), _membership_of(row))

    def holder_by_fingerprint(self, fingerprint: str) -> tuple[AccessToken, User, Membership] | None:
        """Whose access token it is, by the unique index on fingerprints."""
        row = self._connection.execute(_HOLDER_BY_FINGERPRINT, {"fingerprint": fingerprint}).mappings().first()
        return None if row is None else _holder_of(row)

    def holder_by_token_id(self, access_token_id: str) -> tuple[AccessToken, User, Membership] | None:
        """The same for the token of that id."""
        row = self._connection.execute(_HOLDER_BY_TOKEN_ID, {"access_token_id": access_token_id}).mappings().first()
        return None if row is None else _holder_of(row)

    def members_of(self, organization_id: str) -> Sequence[Member]:
        """All members, sorted here."""
        there = (
            select(users, memberships.c.role, memberships.c.created_at.label("since"))
            .join(memberships, memberships.c.user_id == users.c.id)
            .where(memberships.c.organization_id == organization_id)
        )
        rows = self._connection.execute(there).mappings()
        found = [Member(_user_of(row), cast("Role", row["role"]), row["since"]) for row in rows]
        return sorted(found, key=lambda member: member.user.username)

    def invitations_of(self, organization_id: str) -> Sequence[Invitation]:
        """All invitations, sorted here."""
        there = select(invitations).where(invitations.c.organization_id == organization_id)
        rows = self._connection.execute(there).mappings()
        return sorted((_invitation_of(row) for row in rows), key=lambda invitation: invitation.email)

    def invitation(self, fingerprint: str) -> tuple[Invitation, Organization] | None:
        """The invitation whose link has a secret of that fingerprint."""
        there = (
            select(invitations, *_ORGANIZATION[1:])
            .join(organizations, organizations.c.id == invitations.c.organization_id)
            .where(invitations.c.fingerprint == fingerprint)
        )
        row = self._connection.execute(there).mappings().first()
        return None if row is None else (_invitation_of(row), _organization_of(row))


class PeopleTransaction(PeopleReading):
    """Changes of these."""

    def add_organization(self, organization: Organization, at: datetime) -> None:
        """Raises AlreadyExists where the slug is taken."""
        with refused_as(AlreadyExists("organization", organization.slug)):
            self._connection.execute(
                insert(organizations).values(
                    id=organization.id, slug=organization.slug, name=organization.name, created_at=at
                )
            )

    def delete_organization(self, organization_id: str, at: datetime) -> None:
        """Rows that others refer to stay, and can be reached by nobody."""
        own = select(workspaces.c.id).where(workspaces.c.organization_id == organization_id)
        self._revoke(api_keys.c.workspace_id.in_(own), at)
        for table in (memberships, invitations, access_tokens):
            self._connection.execute(delete(table).where(table.c.organization_id == organization_id))
        self._connection.execute(
            update(organizations)
            .where(organizations.c.id == organization_id)
            .values(slug=_slug_that_nobody_has(), deleted_at=at)
        )

    def add_workspace(self, workspace: Workspace, at: datetime) -> None:
        """Raises AlreadyExists where the slug is taken in the organization, NotFound without the organization."""
        self._check_there("organization", workspace.organization_id)
        with refused_as(AlreadyExists("workspace", workspace.slug)):
            self._connection.execute(
                insert(workspaces).values(
                    organization_id=workspace.organization_id, created_at=at, **_values_of(workspace)
                )
            )

    def change_workspace(self, workspace: Workspace) -> None:
        """Give it the new values."""
        self._connection.execute(
            update(workspaces).where(workspaces.c.id == workspace.id).values(**_values_of(workspace))
        )

    def delete_workspace(self, workspace_id: str, at: datetime) -> None:
        """The row stays, since builds refer to it, and nobody finds it."""
        self._revoke(api_keys.c.workspace_id == workspace_id, at)
        self._connection.execute(
            update(workspaces)
            .where(workspaces.c.id == workspace_id)
            .values(slug=_slug_that_nobody_has(), deleted_at=at)
        )

    def add_api_key(self, api_key: ApiKey, fingerprint: str) -> None:
        """Raises NotFound where there is no such workspace."""
        self._check_there("workspace", api_key.workspace_id)
        self._connection.execute(
            insert(api_keys).values(
                id=api_key.id,
                workspace_id=api_key.workspace_id,
                name=api_key.name,
                purpose=api_key.purpose,
                fingerprint=fingerprint,
                created_at=api_key.created_at,
                expires_at=api_key.expires_at,
                revoked_at=api_key.revoked_at,
                maker=api_key.maker,
                last_used_at=api_key.last_used_at,
            )
        )

    def revoke_api_key(self, api_key_id: str, at: datetime) -> None:
        """Mark the key as revoked, unless it is."""
        self._revoke(api_keys.c.id == api_key_id, at)

    def note_uses(self, uses: Mapping[str, datetime]) -> None:
        """One statement for all; what is later stays. In one order, so that two servers never wait in a ring."""
        if not uses:
            return
        noting = (
            update(api_keys)
            .where(
                api_keys.c.id == bindparam("key"),
                or_(api_keys.c.last_used_at.is_(None), api_keys.c.last_used_at < bindparam("moment")),
            )
            .values(last_used_at=bindparam("moment"))
        )
        self._connection.execute(noting, [{"key": key, "moment": uses[key]} for key in sorted(uses)])

    def add_user(self, user: User, at: datetime) -> None:
        """Raises AlreadyExists where the issuer's subject or the username is taken."""
        with refused_as(AlreadyExists("user", user.username)):
            self._connection.execute(
                insert(users).values(
                    id=user.id,
                    issuer=user.issuer,
                    subject=user.subject,
                    username=user.username,
                    email=user.email,
                    email_verified=user.email_verified,
                    created_at=at,
                )
            )

    def change_user(self, user: User) -> None:
        """Give the user of that id the new address."""
        self._connection.execute(
            update(users).where(users.c.id == user.id).values(email=user.email, email_verified=user.email_verified)
        )

    def is_username_taken(self, username: str) -> bool:
        """Whether a user has that name."""
        return bool(self._connection.scalar(select(exists(select(users.c.id).where(users.c.username == username)))))

    def organization_by_slug(self, slug: str) -> Organization | None:
        """The organization."""
        there = select(*_ORGANIZATION).where(organizations.c.slug == slug)
        row = self._connection.execute(there).mappings().first()
        return None if row is None else _organization_of(row)

    def has_owner(self, organization_id: str) -> bool:
        """Whether a member owns the organization."""
        owners = select(memberships.c.user_id).where(
            memberships.c.organization_id == organization_id, memberships.c.role == "owner"
        )
        return bool(self._connection.scalar(select(exists(owners))))

    def add_member(self, organization_id: str, user_id: str, role: Role, at: datetime) -> None:
        """Raises AlreadyExists where the user is a member, NotFound without the organization or the user."""
        self._check_there("organization", organization_id)
        self._check_there("user", user_id)
        with refused_as(AlreadyExists("member", user_id)):
            self._connection.execute(
                insert(memberships).values(organization_id=organization_id, user_id=user_id, role=role, created_at=at)
            )

    def change_role(self, organization_id: str, user_id: str, role: Role) -> None:
        """Raises NotFound where the user is no member."""
        changed = self._connection.execute(
            update(memberships)
            .where(memberships.c.organization_id == organization_id, memberships.c.user_id == user_id)
            .values(role=role)
        )
        if not changed.rowcount:
            raise NotFound("member")

    def remove_member(self, organization_id: str, user_id: str) -> None:
        """Raises NotFound where the user is no member."""
        self._connection.execute(
            delete(access_tokens).where(
                access_tokens.c.organization_id == organization_id, access_tokens.c.user_id == user_id
            )
        )
        removed = self._connection.execute(
            delete(memberships).where(
                memberships.c.organization_id == organization_id, memberships.c.user_id == user_id
            )
        )
        if not removed.rowcount:
            raise NotFound("member")

    def replace_invitation(self, invitation: Invitation, fingerprint: str) -> None:
        """Keep it in place of any other of the same address."""
        self._connection.execute(
            delete(invitations).where(
                invitations.c.organization_id == invitation.organization_id, invitations.c.email == invitation.email
            )
        )
        self._connection.execute(
            insert(invitations).values(
                id=invitation.id,
                organization_id=invitation.organization_id,
                email=invitation.email,
                role=invitation.role,
                fingerprint=fingerprint,
                made_at=invitation.made_at,
                expires_at=invitation.expires_at,
                maker=invitation.maker,
            )
        )

    def remove_invitation(self, invitation_id: str) -> None:
        """Forget an invitation."""
        self._connection.execute(delete(invitations).where(invitations.c.id == invitation_id))

    def add_access_token(self, access_token: AccessToken, fingerprint: str) -> None:
        """Keep an access token."""
        self._connection.execute(
            insert(access_tokens).values(
                id=access_token.id,
                organization_id=access_token.organization_id,
                user_id=access_token.user_id,
                fingerprint=fingerprint,
                made_at=access_token.made_at,
                expires_at=access_token.expires_at,
                revoked_at=access_token.revoked_at,
            )
        )

    def revoke_access_token(self, access_token_id: str, at: datetime) -> None:
        """Mark the token as revoked."""
        self._connection.execute(
            update(access_tokens).where(access_tokens.c.id == access_token_id).values(revoked_at=at)
        )

    def remove_expired_access_tokens(self, at: datetime) -> None:
        """By the index on the end."""
        self._connection.execute(delete(access_tokens).where(access_tokens.c.expires_at <= at))

    def count_access_tokens(self, organization_id: str, user_id: str) -> int:
        """How many there are that are not revoked."""
        counted = select(func.count()).where(
            access_tokens.c.organization_id == organization_id,
            access_tokens.c.user_id == user_id,
            access_tokens.c.revoked_at.is_(None),
        )
        return self._connection.scalar(counted) or 0

    def _revoke(self, which: Any, at: datetime) -> None:
        self._connection.execute(update(api_keys).where(which, api_keys.c.revoked_at.is_(None)).values(revoked_at=at))

    def _check_there(self, kind: str, wanted_id: str) -> None:
        ids = {"organization": organizations.c.id, "workspace": workspaces.c.id, "user": users.c.id}[kind]
        if not self._connection.scalar(select(exists(select(ids).where(ids == wanted_id)))):
            raise NotFound(kind)


@contextmanager
def refused_as(error: AlreadyExists) -> Generator[None]:
    """Say `error` where the database refuses a row because one of its unique columns is taken."""
    try:
        yield
    except IntegrityError as refusal:
        if _UNIQUENESS.isdisjoint({getattr(refusal.orig, name, None) for name in ("sqlstate", "sqlite_errorname")}):
            raise
        raise error from refusal


def _slug_that_nobody_has() -> str:
    """A slug for what is deleted, so that the one before is free; one that could be foreseen could also be taken."""
    return f"deleted-{uuid.uuid4().hex}"


def _values_of(workspace: Workspace) -> dict[str, object]:
    return {
        "id": workspace.id,
        "slug": workspace.slug,
        "name": workspace.name,
        "description": workspace.description,
        "owner_id": workspace.owner_id,
        "archived_at": workspace.archived_at,
    }


def _caller_of(row: RowMapping) -> ApiKeyCaller:
    workspace = Workspace(
        row["workspace_id"],
        row["organization_id"],
        row["workspace_slug"],
        row["workspace_name"],
        row["workspace_description"],
        row["owner_id"],
        row["archived_at"],
        row["target_roots_version"],
    )
    return ApiKeyCaller(_api_key_of(row), workspace, _organization_of(row))


def _organization_of(row: RowMapping) -> Organization:
    return Organization(row["organization_id"], row["organization_slug"], row["organization_name"])


def _workspace_of(row: RowMapping) -> Workspace:
    return Workspace(
        row["id"],
        row["organization_id"],
        row["slug"],
        row["name"],
        row["description"],
        row["owner_id"],
        row["archived_at"],
        row["target_roots_version"],
    )


def _user_of(row: RowMapping) -> User:
    return User(row["id"], row["issuer"], row["subject"], row["username"], row["email"], row["email_verified"])


def _membership_of(row: RowMapping) -> Membership:
    return Membership(_organization_of(row), cast("Role", row["role"]))


def _holder_of(row: RowMapping) -> tuple[AccessToken, User, Membership]:
    user, membership = _user_of(row), _membership_of(row)
    access_token = AccessToken(
        row["token_id"],
        membership.organization.id,
        user.id,
        row["token_made_at"],
        row["token_expires_at"],
        row["token_revoked_at"],
    )
    return access_token, user, membership


def _invitation_of(row: RowMapping) -> Invitation:
    return Invitation(
        row["id"],
        row["organization_id"],
        row["email"],
        cast("Role", row["role"]),
        row["made_at"],
        row["expires_at"],
        row["maker"],
    )


def _api_key_of(row: RowMapping) -> ApiKey:
    return ApiKey(
        id=row["id"],
        workspace_id=row["workspace_id"],
        name=row["name"],
        purpose=cast("Purpose", row["purpose"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        maker=row["maker"],
        last_used_at=row["last_used_at"],
    )
