"""Changes workspaces, and the API keys that belong to them."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stardag.domain.names import is_id
from stardag_registry.app.authorization import authorized_workspace
from stardag_registry.app.changes import Changes, name_of
from stardag_registry.app.creation import Create
from stardag_registry.app.paging import Page, PageRequest, Position, is_position, page_of
from stardag_registry.app.ports import Database
from stardag_registry.domain.api_keys import ApiKey, ApiKeySecret, Purpose
from stardag_registry.domain.errors import AlreadyExists, Archived, InvalidField, NotFound, TooMany
from stardag_registry.domain.organizations import Workspace, check_shared_slug
from stardag_registry.domain.permissions import ApiKeyCaller, MemberCaller, WorkspaceAction

MAX_WORKSPACES = 10_000
"""Of one organization, personal ones included."""

MAX_API_KEYS = 1000
"""Of one workspace, that count."""

LONGEST_LIFETIME = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class WorkspaceEdit:
    """What a workspace shall be from now on; None leaves it as it is."""

    slug: str | None = None
    name: str | None = None
    description: str | None = None
    archived: bool | None = None


@dataclass(frozen=True, slots=True)
class EditWorkspaces:
    """Makes and changes workspaces. Every operation raises what Changes raises, and what stands there."""

    changes: Changes
    create: Create

    def add(
        self, caller: ApiKeyCaller | MemberCaller, organization: str, slug: str, name: str, description: str
    ) -> Workspace:
        """Make a workspace.

        Raises:
            InvalidName, InvalidField: slug, name or description cannot be one.
            AlreadyExists: the slug is taken.
            TooMany: the organization is full.
        """
        with self.changes.in_organization(caller, "create workspaces", organization) as change:
            check_shared_slug(slug)
            own = change.organization
            if len(change.transaction.workspaces_of(own.id)) >= MAX_WORKSPACES:
                raise TooMany("workspace", MAX_WORKSPACES, "An organization")
            workspace = self.create.workspace(change.transaction, own.id, slug, name, description)
            change.record("workspace.created", workspace.id, slug=slug, name=name)
        return workspace

    def change(self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, edit: WorkspaceEdit) -> Workspace:
        """Rename, describe, archive, or bring back. One that is archived is brought back first, by itself.

        Raises:
            InvalidName, InvalidField: what is given cannot be one.
            AlreadyExists: the slug is taken.
        """
        action: WorkspaceAction = "change workspace" if edit.archived is None else "archive workspace"
        with self.changes.in_workspace(caller, action, workspace_id) as change:
            old = change.workspace
            if edit.slug is not None and edit.slug != old.slug:
                check_shared_slug(edit.slug)
                if old.owner_id is not None:
                    raise InvalidField("body.slug", "a personal workspace keeps its slug")
                if any(each.slug == edit.slug for each in change.transaction.workspaces_of(old.organization_id)):
                    raise AlreadyExists("workspace", edit.slug)
            new = replace(
                old,
                slug=old.slug if edit.slug is None else edit.slug,
                name=old.name if edit.name is None else edit.name,
                description=old.description if edit.description is None else edit.description,
                archived_at=_archived_at(old, edit.archived, change.at),
            )
            if old.archived_at is not None and new not in {old, replace(old, archived_at=None)}:
                raise Archived
            if new != old:
                change.transaction.change_workspace(new)
                change.record("workspace.changed", new.id, **_differences(old, new))
        return new

    def delete(self, caller: ApiKeyCaller | MemberCaller, workspace_id: str) -> None:
        """Delete a workspace: it is nowhere any more, and none of its keys count. What is stored below its target
        roots stays, and so does the audit."""
        with self.changes.in_workspace(caller, "archive workspace", workspace_id) as change:
            change.transaction.delete_workspace(change.workspace.id, change.at)
            change.record("workspace.deleted", change.workspace.id, slug=change.workspace.slug)


def _archived_at(old: Workspace, archived: bool | None, now: datetime) -> datetime | None:
    if archived is None:
        return old.archived_at
    return (old.archived_at or now) if archived else None


def _differences(old: Workspace, new: Workspace) -> dict[str, object]:
    texts = {
        field: {"old": getattr(old, field), "new": getattr(new, field)}
        for field in ("slug", "name", "description")
        if getattr(old, field) != getattr(new, field)
    }
    if (old.archived_at is None) != (new.archived_at is None):
        return {**texts, "archived": new.archived_at is not None}
    return {**texts}


@dataclass(frozen=True, slots=True)
class ManageApiKeys:
    """Makes, lists and revokes the API keys of a workspace. Every operation raises what Changes raises, and what
    stands there."""

    database: Database
    changes: Changes
    create: Create

    def list(
        self,
        caller: ApiKeyCaller | MemberCaller,
        workspace_id: str,
        request: PageRequest,
        *,
        revoked: bool,
        purpose: Purpose | None = None,
    ) -> Page[ApiKey]:
        """One page, by the time that they were made: those that count or have expired, or those that were revoked. Of
        one purpose, where that is given.

        Raises:
            InvalidField: the cursor is no good.
        """
        with self.database.reading() as reading:
            workspace = authorized_workspace(reading, caller, "revoke API keys", workspace_id)
            api_keys = reading.api_keys_of(workspace.id)
        wanted = [
            api_key
            for api_key in api_keys
            if (api_key.revoked_at is not None) == revoked and purpose in {None, api_key.purpose}
        ]
        return page_of(wanted, lambda each: str(Position(each.created_at, each.id)), request, is_position)

    def make(
        self,
        caller: ApiKeyCaller | MemberCaller,
        workspace_id: str,
        name: str,
        purpose: Purpose,
        expires_at: datetime | None,
    ) -> tuple[ApiKey, ApiKeySecret]:
        """A key, and its secret, which is nowhere else and cannot be had again.

        Raises:
            InvalidField: the name cannot be one, or the end is in the past, or too far in the future.
            TooMany: the workspace is full.
        """
        with self.changes.in_workspace(caller, "make API keys", workspace_id) as change:
            if expires_at is not None and not change.at < expires_at <= change.at + LONGEST_LIFETIME:
                raise InvalidField("body.expires_at", "it is within the next ten years")
            counting = [each for each in change.transaction.api_keys_of(change.workspace.id) if each.revoked_at is None]
            if len(counting) >= MAX_API_KEYS:
                raise TooMany("API key", MAX_API_KEYS)
            made = self.create.api_key(
                change.transaction, change.workspace.id, name, purpose, expires_at, name_of(change.caller)
            )
            ends = None if expires_at is None else expires_at.isoformat()
            change.record("api-key.created", made[0].id, name=name, purpose=purpose, expires_at=ends)
        return made

    def revoke(self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, api_key_id: str) -> None:
        """Revoke a key at once; one that was revoked already stays as it is.

        Raises:
            NotFound: there is no such key in the workspace.
        """
        with self.changes.in_workspace(caller, "revoke API keys", workspace_id) as change:
            wanted = api_key_id.lower()
            found = change.transaction.caller_by_key_id(wanted) if is_id(wanted) else None
            if found is None or found.workspace.id != change.workspace.id:
                raise NotFound("API key")
            if found.api_key.revoked_at is None:
                change.transaction.revoke_api_key(wanted, change.at)
                change.record("api-key.revoked", wanted, name=found.api_key.name)
