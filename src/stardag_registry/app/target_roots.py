"""Changes a workspace's target roots. Every change and its entry in the history are one transaction."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from stardag.domain.target_roots import TargetRoot, check_uri_prefix
from stardag_registry.app.credentials import check_still_counts
from stardag_registry.app.ports import Clock, Database, Transaction
from stardag_registry.domain.errors import NotFound, TooMany
from stardag_registry.domain.permissions import Caller, check_allowed
from stardag_registry.domain.target_roots import MAX_TARGET_ROOTS, TargetRootRevision


@dataclass(frozen=True, slots=True)
class EditTargetRoots:
    """Adds, changes and removes target roots.

    Every operation raises NotFound where it is not the caller's workspace, NotAllowed for a key that was made for
    building only, Unauthenticated where the key was revoked in the meantime, and DatabaseUnavailable.
    """

    database: Database
    clock: Clock

    def add(self, caller: Caller, workspace_id: str, name: str, uri_prefix: str) -> TargetRoot:
        """Add a root.

        Raises:
            InvalidName, InvalidValue: it cannot be one.
            AlreadyExists: the name is taken.
            TooMany: the workspace is full.
        """
        check_allowed(caller, "change target roots", workspace_id)
        root = TargetRoot(name, uri_prefix)
        with self._transaction(caller) as transaction:
            names = {other.name for other in transaction.target_roots(caller.workspace.id)}
            if name not in names and len(names) >= MAX_TARGET_ROOTS:
                raise TooMany("target root", MAX_TARGET_ROOTS)
            transaction.add_target_root(caller.workspace.id, root)
            self._record(transaction, caller, name, None, uri_prefix)
        return root

    def change(self, caller: Caller, workspace_id: str, name: str, uri_prefix: str) -> TargetRoot:
        """Give a root another prefix; the one it has already changes nothing.

        Raises:
            NotFound: there is no such root.
            InvalidValue: the prefix cannot be one.
        """
        check_allowed(caller, "change target roots", workspace_id)
        check_uri_prefix(uri_prefix)
        with self._transaction(caller) as transaction:
            old = _root_named(transaction, caller.workspace.id, name)
            root = TargetRoot(old.name, uri_prefix)
            if root != old:
                transaction.change_target_root(caller.workspace.id, root)
                self._record(transaction, caller, name, old.uri_prefix, uri_prefix)
        return root

    def remove(self, caller: Caller, workspace_id: str, name: str) -> None:
        """Remove a root; its history stays.

        Raises:
            NotFound: there is no such root.
        """
        check_allowed(caller, "change target roots", workspace_id)
        with self._transaction(caller) as transaction:
            old = _root_named(transaction, caller.workspace.id, name)
            transaction.remove_target_root(caller.workspace.id, name)
            self._record(transaction, caller, name, old.uri_prefix, None)

    @contextmanager
    def _transaction(self, caller: Caller) -> Generator[Transaction]:
        with self.database.transaction() as transaction:
            check_still_counts(transaction, caller, self.clock)
            yield transaction

    def _record(self, transaction: Transaction, caller: Caller, name: str, old: str | None, new: str | None) -> None:
        transaction.add_target_root_revision(
            TargetRootRevision(caller.workspace.id, name, old, new, self.clock(), caller.api_key.id)
        )


def _root_named(transaction: Transaction, workspace_id: str, name: str) -> TargetRoot:
    for root in transaction.target_roots(workspace_id):
        if root.name == name:
            return root
    raise NotFound("target root")
