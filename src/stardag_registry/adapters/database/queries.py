"""Keeps the promises of the ports `Reading` and `Transaction` in portable SQL; rows become the domain's values here."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, RowMapping, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from stardag.domain.organizations import Role
from stardag.domain.target_roots import TargetRoot
from stardag_registry.adapters.database.tables import (
    api_keys,
    memberships,
    organizations,
    signing_keys,
    target_root_revisions,
    target_roots,
    users,
    workspaces,
)
from stardag_registry.domain.api_keys import ApiKey, Purpose
from stardag_registry.domain.errors import AlreadyExists, NotFound
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import ApiKeyCaller
from stardag_registry.domain.signing_keys import SigningKey
from stardag_registry.domain.target_roots import TargetRootRevision
from stardag_registry.domain.users import Membership, User

_CALLER = (
    select(
        api_keys,
        workspaces.c.organization_id,
        workspaces.c.slug.label("workspace_slug"),
        workspaces.c.name.label("workspace_name"),
        organizations.c.slug.label("organization_slug"),
        organizations.c.name.label("organization_name"),
    )
    .join(workspaces, workspaces.c.id == api_keys.c.workspace_id)
    .join(organizations, organizations.c.id == workspaces.c.organization_id)
)

_MEMBERSHIP = select(
    organizations.c.id.label("organization_id"),
    organizations.c.slug.label("organization_slug"),
    organizations.c.name.label("organization_name"),
    memberships.c.role,
).join_from(memberships, organizations, organizations.c.id == memberships.c.organization_id)


class SqlReading:
    """Looks at what is committed, on a connection that commits every statement by itself."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has_organizations(self) -> bool:
        """Whether the registry holds anything at all."""
        return bool(self._connection.scalar(select(exists(select(organizations.c.id)))))

    def caller_by_fingerprint(self, fingerprint: str) -> ApiKeyCaller | None:
        """Whose key it is, by the unique index on fingerprints."""
        row = self._connection.execute(_CALLER.where(api_keys.c.fingerprint == fingerprint)).mappings().first()
        if row is None:
            return None
        organization = Organization(row["organization_id"], row["organization_slug"], row["organization_name"])
        workspace = Workspace(row["workspace_id"], row["organization_id"], row["workspace_slug"], row["workspace_name"])
        return ApiKeyCaller(_api_key_of(row), workspace, organization)

    def target_roots(self, workspace_id: str) -> Sequence[TargetRoot]:
        """All roots of a workspace, sorted here: how a database orders text depends on how it was made."""
        rows = self._connection.execute(
            select(target_roots.c.name, target_roots.c.uri_prefix).where(target_roots.c.workspace_id == workspace_id)
        )
        return sorted((TargetRoot(name, uri_prefix) for name, uri_prefix in rows), key=lambda root: root.name)

    def workspace(self, workspace_id: str) -> Workspace | None:
        """The workspace with that id."""
        row = self._connection.execute(select(workspaces).where(workspaces.c.id == workspace_id)).mappings().first()
        return None if row is None else _workspace_of(row)

    def workspaces_of(self, organization_id: str) -> Sequence[Workspace]:
        """All workspaces of an organization, sorted here."""
        rows = self._connection.execute(
            select(workspaces).where(workspaces.c.organization_id == organization_id)
        ).mappings()
        return sorted((_workspace_of(row) for row in rows), key=lambda workspace: workspace.slug)

    def user(self, issuer: str, subject: str) -> User | None:
        """Who that is to the registry."""
        row = (
            self._connection.execute(select(users).where(users.c.issuer == issuer, users.c.subject == subject))
            .mappings()
            .first()
        )
        return None if row is None else _user_of(row)

    def memberships_of(self, user_id: str) -> Sequence[Membership]:
        """What the user is in each organization, sorted here."""
        rows = self._connection.execute(_MEMBERSHIP.where(memberships.c.user_id == user_id)).mappings()
        return sorted((_membership_of(row) for row in rows), key=lambda membership: membership.organization.slug)

    def member(self, organization_id: str, user_id: str) -> tuple[User, Membership] | None:
        """The user and what they are in the organization, by the memberships' primary key."""
        row = (
            self._connection.execute(
                _MEMBERSHIP.add_columns(users)
                .join(users, users.c.id == memberships.c.user_id)
                .where(memberships.c.organization_id == organization_id, memberships.c.user_id == user_id)
            )
            .mappings()
            .first()
        )
        return None if row is None else (_user_of(row), _membership_of(row))

    def signing_keys(self) -> Sequence[SigningKey]:
        """All keys, the newest first."""
        rows = self._connection.execute(select(signing_keys)).mappings()
        keys = [SigningKey(row["id"], row["private_key"], row["created_at"]) for row in rows]
        return sorted(keys, key=lambda key: (key.created_at, key.id), reverse=True)


class SqlTransaction(SqlReading):
    """Reads and writes inside one transaction, which whoever made it commits or rolls back."""

    def api_key(self, api_key_id: str) -> ApiKey | None:
        """The key with that id."""
        row = self._connection.execute(select(api_keys).where(api_keys.c.id == api_key_id)).mappings().first()
        return None if row is None else _api_key_of(row)

    def add_organization(self, organization: Organization, at: datetime) -> None:
        """Raises AlreadyExists where the slug is taken."""
        with _refused_as(AlreadyExists("organization", organization.slug)):
            self._connection.execute(
                insert(organizations).values(
                    id=organization.id, slug=organization.slug, name=organization.name, created_at=at
                )
            )

    def add_workspace(self, workspace: Workspace, at: datetime) -> None:
        """Raises AlreadyExists where the slug is taken in the organization, NotFound without the organization."""
        self._check_there("organization", workspace.organization_id)
        with _refused_as(AlreadyExists("workspace", workspace.slug)):
            self._connection.execute(
                insert(workspaces).values(
                    id=workspace.id,
                    organization_id=workspace.organization_id,
                    slug=workspace.slug,
                    name=workspace.name,
                    created_at=at,
                )
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
            )
        )

    def revoke_api_key(self, api_key_id: str, at: datetime) -> None:
        """Mark the key as revoked since `at`, unless it is already."""
        self._connection.execute(
            update(api_keys).where(api_keys.c.id == api_key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=at)
        )

    def add_user(self, user: User, at: datetime) -> None:
        """Raises AlreadyExists where the issuer's subject or the username is taken."""
        with _refused_as(AlreadyExists("user", user.username)):
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
        """Give the user the new address."""
        self._connection.execute(
            update(users).where(users.c.id == user.id).values(email=user.email, email_verified=user.email_verified)
        )

    def is_username_taken(self, username: str) -> bool:
        """Whether a user has that name, by its unique index."""
        return bool(self._connection.scalar(select(exists(select(users.c.id).where(users.c.username == username)))))

    def organization_by_slug(self, slug: str) -> Organization | None:
        """The organization."""
        row = self._connection.execute(select(organizations).where(organizations.c.slug == slug)).mappings().first()
        return None if row is None else Organization(row["id"], row["slug"], row["name"])

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
        with _refused_as(AlreadyExists("member", user_id)):
            self._connection.execute(
                insert(memberships).values(organization_id=organization_id, user_id=user_id, role=role, created_at=at)
            )

    def remove_member(self, organization_id: str, user_id: str) -> None:
        """Raises NotFound where the user is no member."""
        removed = self._connection.execute(
            delete(memberships).where(
                memberships.c.organization_id == organization_id, memberships.c.user_id == user_id
            )
        )
        if not removed.rowcount:
            raise NotFound("member")

    def add_signing_key(self, key: SigningKey) -> None:
        """Keep a key."""
        self._connection.execute(
            insert(signing_keys).values(id=key.id, private_key=key.private_key, created_at=key.created_at)
        )

    def remove_signing_key(self, key_id: str) -> None:
        """Forget a key."""
        self._connection.execute(delete(signing_keys).where(signing_keys.c.id == key_id))

    def add_target_root(self, workspace_id: str, root: TargetRoot) -> None:
        """Raises AlreadyExists where the name is taken in the workspace, NotFound where there is no such workspace."""
        self._check_there("workspace", workspace_id)
        with _refused_as(AlreadyExists("target root", root.name)):
            self._connection.execute(
                insert(target_roots).values(workspace_id=workspace_id, name=root.name, uri_prefix=root.uri_prefix)
            )

    def change_target_root(self, workspace_id: str, root: TargetRoot) -> None:
        """Raises NotFound where there is none of that name."""
        changed = self._connection.execute(
            update(target_roots)
            .where(target_roots.c.workspace_id == workspace_id, target_roots.c.name == root.name)
            .values(uri_prefix=root.uri_prefix)
        )
        if not changed.rowcount:
            raise NotFound("target root")

    def remove_target_root(self, workspace_id: str, name: str) -> None:
        """Raises NotFound where there is none of that name."""
        removed = self._connection.execute(
            delete(target_roots).where(target_roots.c.workspace_id == workspace_id, target_roots.c.name == name)
        )
        if not removed.rowcount:
            raise NotFound("target root")

    def add_target_root_revision(self, revision: TargetRootRevision) -> None:
        """Append to the history."""
        self._connection.execute(
            insert(target_root_revisions).values(
                workspace_id=revision.workspace_id,
                name=revision.name,
                old_uri_prefix=revision.old,
                new_uri_prefix=revision.new,
                at=revision.at,
                api_key_id=revision.api_key_id,
                user_id=revision.user_id,
            )
        )

    def target_root_revisions(self, workspace_id: str) -> Sequence[TargetRootRevision]:
        """The history, oldest first."""
        rows = self._connection.execute(
            select(target_root_revisions)
            .where(target_root_revisions.c.workspace_id == workspace_id)
            .order_by(target_root_revisions.c.id)
        ).mappings()
        return [
            TargetRootRevision(
                workspace_id=row["workspace_id"],
                name=row["name"],
                old=row["old_uri_prefix"],
                new=row["new_uri_prefix"],
                at=row["at"],
                api_key_id=row["api_key_id"],
                user_id=row["user_id"],
            )
            for row in rows
        ]

    def _check_there(self, kind: str, wanted_id: str) -> None:
        ids = {"organization": organizations.c.id, "workspace": workspaces.c.id, "user": users.c.id}[kind]
        if not self._connection.scalar(select(exists(select(ids).where(ids == wanted_id)))):
            raise NotFound(kind)


@contextmanager
def _refused_as(error: AlreadyExists) -> Generator[None]:
    """Say `error` where the database refuses a row because one of its unique columns is taken."""
    try:
        yield
    except IntegrityError as refusal:
        raise error from refusal


def _workspace_of(row: RowMapping) -> Workspace:
    return Workspace(row["id"], row["organization_id"], row["slug"], row["name"])


def _user_of(row: RowMapping) -> User:
    return User(row["id"], row["issuer"], row["subject"], row["username"], row["email"], row["email_verified"])


def _membership_of(row: RowMapping) -> Membership:
    organization = Organization(row["organization_id"], row["organization_slug"], row["organization_name"])
    return Membership(organization, cast("Role", row["role"]))


def _api_key_of(row: RowMapping) -> ApiKey:
    values: dict[str, Any] = dict(row)
    return ApiKey(
        id=values["id"],
        workspace_id=values["workspace_id"],
        name=values["name"],
        purpose=cast("Purpose", values["purpose"]),
        created_at=values["created_at"],
        expires_at=values["expires_at"],
        revoked_at=values["revoked_at"],
    )
