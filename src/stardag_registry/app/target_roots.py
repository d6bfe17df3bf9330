"""Changes a workspace's target roots. Every change and its entry in the history are one transaction."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from stardag.domain.target_roots import TargetRoot, check_uri_prefix
from stardag_registry.app.authorization import authorized_workspace
from stardag_registry.app.credentials import as_it_counts_now
from stardag_registry.app.ports import Clock, Database, Transaction
from stardag_registry.domain.errors import NotFound, TooMany
from stardag_registry.domain.organizations import Workspace
from stardag_registry.domain.permissions import ApiKeyCaller, MemberCaller
from stardag_registry.domain.target_roots import MAX_TARGET_ROOTS, TargetRootRevision


@dataclass(frozen=True, slots=True)
class EditTargetRoots:
    """Adds, changes and removes target roots.

    Every operation raises NotFound where it is not the caller's workspace, NotAllowed for a key that was made for
    building only and for a role that only reads, Unauthenticated where the key was revoked or the member removed in the
    meantime, and DatabaseUnavailable.
    """

    database: Database
    clock: Clock

    def add(self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, name: str, uri_prefix: str) -> TargetRoot:
        """Add a root.

        Raises:
            InvalidName, InvalidValue: it cannot be one.
            AlreadyExists: the name is taken.
            TooMany: the workspace is full.
        """
        with self._changing(caller, workspace_id) as change:
            root = TargetRoot(name, uri_prefix)
            names = {other.name for other in change.roots()}
            if name not in names and len(names) >= MAX_TARGET_ROOTS:
                raise TooMany("target root", MAX_TARGET_ROOTS)
            change.transaction.add_target_root(change.workspace.id, root)
            change.record(name, None, uri_prefix)
        return root

    def change(self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, name: str, uri_prefix: str) -> TargetRoot:
        """Give a root another prefix; the one it has already changes nothing.

        Raises:
            NotFound: there is no such root.
            InvalidValue: the prefix cannot be one.
        """
        with self._changing(caller, workspace_id) as change:
            check_uri_prefix(uri_prefix)
            old = change.root_named(name)
            root = TargetRoot(old.name, uri_prefix)
            if root != old:
                change.transaction.change_target_root(change.workspace.id, root)
                change.record(name, old.uri_prefix, uri_prefix)
        return root

    def remove(self, caller: ApiKeyCaller | MemberCaller, workspace_id: str, name: str) -> None:
        """Remove a root; its history stays.

        Raises:
            NotFound: there is no such root.
        """
        with self._changing(caller, workspace_id) as change:
            old = change.root_named(name)
            change.transaction.remove_target_root(change.workspace.id, name)
            change.record(name, old.uri_prefix, None)

    @contextmanager
    def _changing(self, caller: ApiKeyCaller | MemberCaller, workspace_id: str) -> Generator["_Change"]:
        with self.database.transaction() as transaction:
            now = as_it_counts_now(transaction, caller, self.clock)
            workspace = authorized_workspace(transaction, now, "change target roots", workspace_id)
            yield _Change(transaction, workspace, now, self.clock())


@dataclass(frozen=True, slots=True)
class _Change:
    """One change to a workspace's roots, by somebody who may."""

    transaction: Transaction
    workspace: Workspace
    caller: ApiKeyCaller | MemberCaller
    at: datetime

    def roots(self) -> Sequence[TargetRoot]:
        return self.transaction.target_roots(self.workspace.id)

    def root_named(self, name: str) -> TargetRoot:
        for root in self.roots():
            if root.name == name:
                return root
        raise NotFound("target root")

    def record(self, name: str, old: str | None, new: str | None) -> None:
        self.transaction.add_target_root_revision(
            TargetRootRevision(
                self.workspace.id,
                name,
                old,
                new,
                self.at,
                api_key_id=self.caller.api_key.id if isinstance(self.caller, ApiKeyCaller) else None,
                user_id=self.caller.user.id if isinstance(self.caller, MemberCaller) else None,
            )
        )
