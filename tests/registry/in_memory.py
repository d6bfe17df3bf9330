"""A database in memory that keeps the promises of the port, for tests that look at the use cases alone."""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime

from stardag.domain.target_roots import TargetRoot
from stardag_registry.app.ports import Reading, Transaction
from stardag_registry.domain.api_keys import ApiKey
from stardag_registry.domain.errors import AlreadyExists, NotFound
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import Caller
from stardag_registry.domain.target_roots import TargetRootRevision


@dataclass
class _State:
    organizations: dict[str, Organization] = field(default_factory=dict[str, Organization])
    workspaces: dict[str, Workspace] = field(default_factory=dict[str, Workspace])
    api_keys: dict[str, ApiKey] = field(default_factory=dict[str, ApiKey])
    fingerprints: dict[str, str] = field(default_factory=dict[str, str])
    target_roots: dict[tuple[str, str], TargetRoot] = field(default_factory=dict[tuple[str, str], TargetRoot])
    revisions: list[TargetRootRevision] = field(default_factory=list[TargetRootRevision])


class InMemoryDatabase:
    """Commits by putting a changed copy in the place of what was there."""

    def __init__(self) -> None:
        self._state = _State()
        self._writing = threading.Lock()

    @contextmanager
    def reading(self) -> Generator[Reading]:
        yield _InMemoryReading(self._state)

    @contextmanager
    def transaction(self) -> Generator[Transaction]:
        with self._writing:
            state = deepcopy(self._state)
            yield _InMemoryTransaction(state)
            self._state = state


class _InMemoryReading:
    def __init__(self, state: _State) -> None:
        self._state = state

    def has_organizations(self) -> bool:
        return bool(self._state.organizations)

    def caller_by_fingerprint(self, fingerprint: str) -> Caller | None:
        api_key_id = self._state.fingerprints.get(fingerprint)
        if api_key_id is None:
            return None
        api_key = self._state.api_keys[api_key_id]
        workspace = self._state.workspaces[api_key.workspace_id]
        return Caller(api_key, workspace, self._state.organizations[workspace.organization_id])

    def target_roots(self, workspace_id: str) -> Sequence[TargetRoot]:
        return [root for (owner, _), root in sorted(self._state.target_roots.items()) if owner == workspace_id]


class _InMemoryTransaction(_InMemoryReading):
    def api_key(self, api_key_id: str) -> ApiKey | None:
        return self._state.api_keys.get(api_key_id)

    def add_organization(self, organization: Organization, at: datetime) -> None:
        if any(other.slug == organization.slug for other in self._state.organizations.values()):
            raise AlreadyExists("organization", organization.slug)
        self._state.organizations[organization.id] = organization

    def add_workspace(self, workspace: Workspace, at: datetime) -> None:
        if workspace.organization_id not in self._state.organizations:
            raise NotFound("organization")
        taken = {(other.organization_id, other.slug) for other in self._state.workspaces.values()}
        if (workspace.organization_id, workspace.slug) in taken:
            raise AlreadyExists("workspace", workspace.slug)
        self._state.workspaces[workspace.id] = workspace

    def add_api_key(self, api_key: ApiKey, fingerprint: str) -> None:
        self._check_workspace(api_key.workspace_id)
        self._state.api_keys[api_key.id] = api_key
        self._state.fingerprints[fingerprint] = api_key.id

    def revoke_api_key(self, api_key_id: str, at: datetime) -> None:
        api_key = self._state.api_keys.get(api_key_id)
        if api_key is not None and api_key.revoked_at is None:
            self._state.api_keys[api_key_id] = replace(api_key, revoked_at=at)

    def add_target_root(self, workspace_id: str, root: TargetRoot) -> None:
        self._check_workspace(workspace_id)
        if (workspace_id, root.name) in self._state.target_roots:
            raise AlreadyExists("target root", root.name)
        self._state.target_roots[workspace_id, root.name] = root

    def change_target_root(self, workspace_id: str, root: TargetRoot) -> None:
        self._check_target_root(workspace_id, root.name)
        self._state.target_roots[workspace_id, root.name] = root

    def remove_target_root(self, workspace_id: str, name: str) -> None:
        self._check_target_root(workspace_id, name)
        del self._state.target_roots[workspace_id, name]

    def add_target_root_revision(self, revision: TargetRootRevision) -> None:
        self._state.revisions.append(revision)

    def target_root_revisions(self, workspace_id: str) -> Sequence[TargetRootRevision]:
        return [revision for revision in self._state.revisions if revision.workspace_id == workspace_id]

    def _check_workspace(self, workspace_id: str) -> None:
        if workspace_id not in self._state.workspaces:
            raise NotFound("workspace")

    def _check_target_root(self, workspace_id: str, name: str) -> None:
        if (workspace_id, name) not in self._state.target_roots:
            raise NotFound("target root")
