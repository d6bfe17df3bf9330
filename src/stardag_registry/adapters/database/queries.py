"""Keeps the promises of the ports `Reading` and `Transaction` in portable SQL; rows become the domain's values here."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, RowMapping, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from stardag.domain.target_roots import TargetRoot
from stardag_registry.adapters.database.tables import (
    api_keys,
    organizations,
    target_root_revisions,
    target_roots,
    workspaces,
)
from stardag_registry.domain.api_keys import ApiKey, Purpose
from stardag_registry.domain.errors import AlreadyExists, NotFound
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import Caller
from stardag_registry.domain.target_roots import TargetRootRevision

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


class SqlReading:
    """Looks at what is committed, on a connection that commits every statement by itself."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def has_organizations(self) -> bool:
        """Whether the registry holds anything at all."""
        return bool(self._connection.scalar(select(exists(select(organizations.c.id)))))

    def caller_by_fingerprint(self, fingerprint: str) -> Caller | None:
        """Whose key it is, by the unique index on fingerprints."""
        row = self._connection.execute(_CALLER.where(api_keys.c.fingerprint == fingerprint)).mappings().first()
        if row is None:
            return None
        organization = Organization(row["organization_id"], row["organization_slug"], row["organization_name"])
        workspace = Workspace(row["workspace_id"], row["organization_id"], row["workspace_slug"], row["workspace_name"])
        return Caller(_api_key_of(row), workspace, organization)

    def target_roots(self, workspace_id: str) -> Sequence[TargetRoot]:
        """All roots of a workspace, sorted here: how a database orders text depends on how it was made."""
        rows = self._connection.execute(
            select(target_roots.c.name, target_roots.c.uri_prefix).where(target_roots.c.workspace_id == workspace_id)
        )
        return sorted((TargetRoot(name, uri_prefix) for name, uri_prefix in rows), key=lambda root: root.name)


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
            )
            for row in rows
        ]

    def _check_there(self, kind: str, wanted_id: str) -> None:
        ids = {"organization": organizations.c.id, "workspace": workspaces.c.id}[kind]
        if not self._connection.scalar(select(exists(select(ids).where(ids == wanted_id)))):
            raise NotFound(kind)


@contextmanager
def _refused_as(error: AlreadyExists) -> Generator[None]:
    """Say `error` where the database refuses a row because one of its unique columns is taken."""
    try:
        yield
    except IntegrityError as refusal:
        raise error from refusal


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
