"""Keeps the promises of the ports `Reading` and `Transaction` in portable SQL; rows become the domain's values here."""

from collections.abc import Sequence
from typing import Any, cast

from sqlalchemy import Select, bindparam, delete, insert, select, update

from stardag.domain.target_roots import TargetRoot
from stardag_registry.adapters.database.build_queries import BuildReading, BuildTransaction
from stardag_registry.adapters.database.people_queries import PeopleReading, PeopleTransaction, refused_as
from stardag_registry.adapters.database.tables import audit, signing_keys, target_root_revisions, target_roots
from stardag_registry.app.ports import AuditFilter, RevisionFilter
from stardag_registry.domain.audit import AuditEntry, CredentialKind
from stardag_registry.domain.errors import AlreadyExists, NotFound
from stardag_registry.domain.signing_keys import SigningKey
from stardag_registry.domain.target_roots import TargetRootRevision

_TARGET_ROOTS = select(target_roots.c.name, target_roots.c.uri_prefix).where(
    target_roots.c.workspace_id == bindparam("workspace_id")
)


class SqlReading(PeopleReading, BuildReading):
    """Looks at what is committed, on a connection that commits every statement by itself."""

    def target_roots(self, workspace_id: str) -> Sequence[TargetRoot]:
        """All roots of a workspace, sorted here: how a database orders text depends on how it was made."""
        rows = self._connection.execute(_TARGET_ROOTS, {"workspace_id": workspace_id})
        return sorted((TargetRoot(name, uri_prefix) for name, uri_prefix in rows), key=lambda root: root.name)

    def target_root_revisions(
        self, workspace_id: str, wanted: RevisionFilter, after: int | None, limit: int
    ) -> Sequence[TargetRootRevision]:
        """By an index on the workspace and the number."""
        there = select(target_root_revisions).where(target_root_revisions.c.workspace_id == workspace_id)
        if wanted.name is not None:
            there = there.where(target_root_revisions.c.name == wanted.name)
        there = _from_number(there, target_root_revisions.c.id, after, newest_first=wanted.newest_first)
        rows = self._connection.execute(there.limit(limit)).mappings()
        return [
            TargetRootRevision(
                workspace_id=row["workspace_id"],
                name=row["name"],
                old=row["old_uri_prefix"],
                new=row["new_uri_prefix"],
                at=row["at"],
                api_key_id=row["api_key_id"],
                user_id=row["user_id"],
                by=row["maker"],
                builds=row["builds"],
                number=row["id"],
            )
            for row in rows
        ]

    def audit_of(
        self, organization_id: str, wanted: AuditFilter, after: int | None, limit: int
    ) -> Sequence[AuditEntry]:
        """By an index on the organization, or the workspace, and the number."""
        there = select(audit).where(audit.c.organization_id == organization_id)
        if wanted.workspace_id is not None:
            there = there.where(audit.c.workspace_id == wanted.workspace_id)
        if wanted.action is not None:
            there = there.where(audit.c.action == wanted.action)
        if wanted.user_id is not None:
            there = there.where(audit.c.user_id == wanted.user_id)
        there = _from_number(there, audit.c.id, after, newest_first=wanted.newest_first)
        rows = self._connection.execute(there.limit(limit)).mappings()
        return [
            AuditEntry(
                at=row["at"],
                action=row["action"],
                subject=row["subject"],
                details=row["details"],
                credential=cast("CredentialKind", row["credential"]),
                actor=row["actor"],
                organization_id=row["organization_id"],
                workspace_id=row["workspace_id"],
                user_id=row["user_id"],
                api_key_id=row["api_key_id"],
                address=row["address"],
                number=row["id"],
            )
            for row in rows
        ]

    def signing_keys(self) -> Sequence[SigningKey]:
        """All keys, the newest first."""
        rows = self._connection.execute(select(signing_keys)).mappings()
        keys = [SigningKey(row["id"], row["private_key"], row["created_at"]) for row in rows]
        return sorted(keys, key=lambda key: (key.created_at, key.id), reverse=True)


class SqlTransaction(SqlReading, PeopleTransaction, BuildTransaction):
    """Reads and writes inside one transaction, which whoever made it commits or rolls back."""

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
        with refused_as(AlreadyExists("target root", root.name)):
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
            insert(target_root_revisions),
            {
                "workspace_id": revision.workspace_id,
                "name": revision.name,
                "old_uri_prefix": revision.old,
                "new_uri_prefix": revision.new,
                "at": revision.at,
                "api_key_id": revision.api_key_id,
                "user_id": revision.user_id,
                "maker": revision.by,
                "builds": revision.builds,
            },
        )

    def add_audit_entry(self, entry: AuditEntry) -> None:
        """Append to the audit."""
        self._connection.execute(
            insert(audit),  # with the values apart, the statement is the same every time, and costs half as much
            {
                "at": entry.at,
                "organization_id": entry.organization_id,
                "workspace_id": entry.workspace_id,
                "action": entry.action,
                "subject": entry.subject,
                "details": entry.details,
                "credential": entry.credential,
                "actor": entry.actor,
                "user_id": entry.user_id,
                "api_key_id": entry.api_key_id,
                "address": entry.address,
            },
        )


def _from_number(statement: Select[Any], number: Any, after: int | None, *, newest_first: bool) -> Select[Any]:
    """What comes after a number in a list that is sorted by it."""
    if after is not None:
        statement = statement.where(number < after if newest_first else number > after)
    return statement.order_by(number.desc() if newest_first else number)
