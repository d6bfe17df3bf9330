"""Changes a workspace's target roots. Every change and its entry in the history are one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass

from stardag.domain.names import is_name
from stardag.domain.new_target_roots import check_new_uri_prefix
from stardag.domain.target_roots import TargetRoot
from stardag_registry.app.authorization import authorized_workspace
from stardag_registry.app.changes import Changes, WorkspaceChange, name_of
from stardag_registry.app.paging import Page, PageRequest, number_in, page_of_rows
from stardag_registry.app.ports import Database, RevisionFilter
from stardag_registry.domain.errors import InvalidField, NotFound, TooMany
from stardag_registry.domain.permissions import ApiKeyCaller, MemberCaller
from stardag_registry.domain.target_roots import MAX_TARGET_ROOTS, TargetRootRevision


@dataclass(frozen=True, slots=True)
class TargetRootUse:
    """A target root and how many builds were validated with it as it is now."""

    root: TargetRoot
    builds: int


@dataclass(frozen=True, slots=True)
class TargetRootHistory:
    """Looks at how target roots are used, and how they came to be what they are."""

    database: Database

    def use(self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, name: str) -> TargetRootUse:
        """A root, and how many builds look incomplete once it is changed or removed.

        Raises:
            NotFound: there is no such root, or it is not the caller's workspace.
            DatabaseUnavailable: the database cannot be read.
        """
        with self.database.reading() as reading:
            workspace = authorized_workspace(reading, caller, "read", workspace_id)
            root = _named(reading.target_roots(workspace.id), name)
            return TargetRootUse(root, reading.builds_using(workspace.id, root))

    def __call__(
        self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, wanted: RevisionFilter, request: PageRequest
    ) -> Page[TargetRootRevision]:
        """One page of the workspace's history.

        Raises:
            NotFound: it is not the caller's workspace.
            InvalidField: the cursor is no good, or no root can have such a name.
            DatabaseUnavailable: the database cannot be read.
        """
        after = number_in(request)
        if wanted.name is not None and not is_name(wanted.name):
            raise InvalidField("query.name", "it is no target root's name")
        with self.database.reading() as reading:
            workspace = authorized_workspace(reading, caller, "read", workspace_id)
            rows = reading.target_root_revisions(workspace.id, wanted, after, request.limit + 1)
        return page_of_rows(rows, lambda revision: str(revision.number), request)


@dataclass(frozen=True, slots=True)
class EditTargetRoots:
    """Adds, changes and removes target roots. Every operation raises what Changes raises, and what stands there."""

    changes: Changes

    def add(self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, name: str, uri_prefix: str) -> TargetRoot:
        """Add a root.

        Raises:
            InvalidName, InvalidValue: it cannot be one.
            AlreadyExists: the name is taken.
            TooMany: the workspace is full.
        """
        with self.changes.in_workspace(caller, "change target roots", workspace_id) as change:
            root = TargetRoot(name, check_new_uri_prefix(uri_prefix))
            names = {other.name for other in change.transaction.target_roots(change.workspace.id)}
            if name not in names and len(names) >= MAX_TARGET_ROOTS:
                raise TooMany("target root", MAX_TARGET_ROOTS)
            change.transaction.add_target_root(change.workspace.id, root)
            _keep(change, name, None, root)
        return root

    def change(self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, name: str, uri_prefix: str) -> TargetRoot:
        """Give a root another prefix; the one it has already changes nothing.

        Raises:
            NotFound: there is no such root.
            InvalidValue: the prefix cannot be one.
        """
        with self.changes.in_workspace(caller, "change target roots", workspace_id) as change:
            check_new_uri_prefix(uri_prefix)
            old = _named(change.transaction.target_roots(change.workspace.id), name)
            root = TargetRoot(old.name, uri_prefix)
            if root != old:
                change.transaction.change_target_root(change.workspace.id, root)
                _keep(change, name, old, root)
        return root

    def remove(self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, name: str) -> None:
        """Remove a root; its history stays.

        Raises:
            NotFound: there is no such root.
        """
        with self.changes.in_workspace(caller, "change target roots", workspace_id) as change:
            old = _named(change.transaction.target_roots(change.workspace.id), name)
            change.transaction.remove_target_root(change.workspace.id, name)
            _keep(change, name, old, None)


def _named(roots: Sequence[TargetRoot], name: str) -> TargetRoot:
    for root in roots:
        if root.name == name:
            return root
    raise NotFound("target root")


def _keep(change: WorkspaceChange, name: str, old: TargetRoot | None, new: TargetRoot | None) -> None:
    """Append to the history of the roots, and to the audit."""
    transaction, workspace, caller = change.transaction, change.workspace, change.caller
    old_prefix = None if old is None else old.uri_prefix
    new_prefix = None if new is None else new.uri_prefix
    builds = 0 if old is None else transaction.builds_using(workspace.id, old)
    transaction.add_target_root_revision(
        TargetRootRevision(
            workspace.id,
            name,
            old_prefix,
            new_prefix,
            change.at,
            api_key_id=caller.api_key.id if isinstance(caller, ApiKeyCaller) else None,
            user_id=caller.user.id if isinstance(caller, MemberCaller) else None,
            by=name_of(caller),
            builds=builds,
        )
    )
    action = "added" if old is None else "removed" if new is None else "changed"
    change.record(f"target-root.{action}", name, old=old_prefix, new=new_prefix, builds=builds)
