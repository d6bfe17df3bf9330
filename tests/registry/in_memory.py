"""A database in memory that keeps the promises of the port, for tests that look at the use cases alone."""

import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import datetime

from stardag.domain.organizations import Role
from stardag.domain.target_roots import TargetRoot
from stardag_registry.app.ports import Reading, Transaction
from stardag_registry.domain.api_keys import ApiKey
from stardag_registry.domain.errors import AlreadyExists, NotFound
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import ApiKeyCaller
from stardag_registry.domain.signing_keys import SigningKey
from stardag_registry.domain.target_roots import TargetRootRevision
from stardag_registry.domain.users import Membership, User


@dataclass
class _State:
    organizations: dict[str, Organization] = field(default_factory=dict[str, Organization])
    workspaces: dict[str, Workspace] = field(default_factory=dict[str, Workspace])
    api_keys: dict[str, ApiKey] = field(default_factory=dict[str, ApiKey])
    fingerprints: dict[str, str] = field(default_factory=dict[str, str])
    target_roots: dict[tuple[str, str], TargetRoot] = field(default_factory=dict[tuple[str, str], TargetRoot])
    users: dict[str, User] = field(default_factory=dict[str, User])
    roles: dict[tuple[str, str], Role] = field(default_factory=dict[tuple[str, str], Role])
    signing_keys: dict[str, SigningKey] = field(default_factory=dict[str, SigningKey])
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

    def caller_by_fingerprint(self, fingerprint: str) -> ApiKeyCaller | None:
        api_key_id = self._state.fingerprints.get(fingerprint)
        if api_key_id is None:
            return None
        api_key = self._state.api_keys[api_key_id]
        workspace = self._state.workspaces[api_key.workspace_id]
        return ApiKeyCaller(api_key, workspace, self._state.organizations[workspace.organization_id])

    def target_roots(self, workspace_id: str) -> Sequence[TargetRoot]:
        return [root for (owner, _), root in sorted(self._state.target_roots.items()) if owner == workspace_id]

    def workspace(self, workspace_id: str) -> Workspace | None:
        return self._state.workspaces.get(workspace_id)

    def workspaces_of(self, organization_id: str) -> Sequence[Workspace]:
        own = [each for each in self._state.workspaces.values() if each.organization_id == organization_id]
        return sorted(own, key=lambda workspace: workspace.slug)

    def user(self, issuer: str, subject: str) -> User | None:
        found = [user for user in self._state.users.values() if (user.issuer, user.subject) == (issuer, subject)]
        return found[0] if found else None

    def memberships_of(self, user_id: str) -> Sequence[Membership]:
        own = [
            Membership(self._state.organizations[organization], role)
            for (organization, member), role in self._state.roles.items()
            if member == user_id
        ]
        return sorted(own, key=lambda membership: membership.organization.slug)

    def member(self, organization_id: str, user_id: str) -> tuple[User, Membership] | None:
        role = self._state.roles.get((organization_id, user_id))
        if role is None:
            return None
        return self._state.users[user_id], Membership(self._state.organizations[organization_id], role)

    def signing_keys(self) -> Sequence[SigningKey]:
        return sorted(self._state.signing_keys.values(), key=lambda key: (key.created_at, key.id), reverse=True)


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

    def add_user(self, user: User, at: datetime) -> None:
        for other in self._state.users.values():
            if other.username == user.username or (other.issuer, other.subject) == (user.issuer, user.subject):
                raise AlreadyExists("user", user.username)
        self._state.users[user.id] = user

    def change_user(self, user: User) -> None:
        known = self._state.users[user.id]
        self._state.users[user.id] = replace(known, email=user.email, email_verified=user.email_verified)

    def is_username_taken(self, username: str) -> bool:
        return any(user.username == username for user in self._state.users.values())

    def organization_by_slug(self, slug: str) -> Organization | None:
        found = [each for each in self._state.organizations.values() if each.slug == slug]
        return found[0] if found else None

    def has_owner(self, organization_id: str) -> bool:
        return any(each == organization_id and role == "owner" for (each, _), role in self._state.roles.items())

    def add_member(self, organization_id: str, user_id: str, role: Role, at: datetime) -> None:
        if organization_id not in self._state.organizations:
            raise NotFound("organization")
        if user_id not in self._state.users:
            raise NotFound("user")
        if (organization_id, user_id) in self._state.roles:
            raise AlreadyExists("member", user_id)
        self._state.roles[organization_id, user_id] = role

    def remove_member(self, organization_id: str, user_id: str) -> None:
        if self._state.roles.pop((organization_id, user_id), None) is None:
            raise NotFound("member")

    def add_signing_key(self, key: SigningKey) -> None:
        self._state.signing_keys[key.id] = key

    def remove_signing_key(self, key_id: str) -> None:
        self._state.signing_keys.pop(key_id, None)

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
