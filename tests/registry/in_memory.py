"""A database in memory that keeps the promises of the port, for tests that look at the use cases alone."""

import threading
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import TypeVar

from stardag.domain.organizations import Role
from stardag.domain.target_roots import TargetRoot, same_prefix
from stardag.domain.tasks import canonical_json
from stardag_registry.app.paging import Position
from stardag_registry.app.ports import AuditFilter, BuildFilter, Reading, RevisionFilter, TaskFilter, Transaction
from stardag_registry.domain.access_tokens import AccessToken
from stardag_registry.domain.api_keys import ApiKey
from stardag_registry.domain.audit import AuditEntry
from stardag_registry.domain.builds import Build, Task, TaskRecord, TaskRun
from stardag_registry.domain.errors import AlreadyExists, DatabaseUnavailable, NotFound
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import ApiKeyCaller
from stardag_registry.domain.signing_keys import SigningKey
from stardag_registry.domain.target_roots import TargetRootRevision
from stardag_registry.domain.users import Invitation, Member, Membership, User

T = TypeVar("T")
P = TypeVar("P", int, tuple[datetime, str])
"""A place in a list."""

BUSY = 10.0
"""Seconds that a transaction waits for the one before it."""


@dataclass
class _State:
    """Maps are from ids, or from tuples of those that identify together. What is deleted stays, and is said to be."""

    organizations: dict[str, Organization] = field(default_factory=dict[str, Organization])
    workspaces: dict[str, Workspace] = field(default_factory=dict[str, Workspace])
    deleted: set[str] = field(default_factory=set[str])
    api_keys: dict[str, ApiKey] = field(default_factory=dict[str, ApiKey])
    fingerprints: dict[str, str] = field(default_factory=dict[str, str])
    target_roots: dict[tuple[str, str], TargetRoot] = field(default_factory=dict[tuple[str, str], TargetRoot])
    users: dict[str, User] = field(default_factory=dict[str, User])
    members: dict[tuple[str, str], tuple[Role, datetime]] = field(
        default_factory=dict[tuple[str, str], tuple[Role, datetime]]
    )
    invitations: dict[str, tuple[Invitation, str]] = field(default_factory=dict[str, tuple[Invitation, str]])
    access_tokens: dict[str, tuple[AccessToken, str]] = field(default_factory=dict[str, tuple[AccessToken, str]])
    signing_keys: dict[str, SigningKey] = field(default_factory=dict[str, SigningKey])
    revisions: list[TargetRootRevision] = field(default_factory=list[TargetRootRevision])
    audit: list[AuditEntry] = field(default_factory=list[AuditEntry])
    builds: dict[str, Build] = field(default_factory=dict[str, Build])
    build_roots: dict[str, tuple[TargetRoot, ...]] = field(default_factory=dict[str, tuple[TargetRoot, ...]])
    idempotency_keys: dict[tuple[str, str], tuple[str, str]] = field(
        default_factory=dict[tuple[str, str], tuple[str, str]]
    )
    tasks: dict[tuple[str, str], Task] = field(default_factory=dict[tuple[str, str], Task])
    parameters: dict[str, frozenset[tuple[str, str]]] = field(default_factory=dict[str, frozenset[tuple[str, str]]])
    runs: dict[tuple[str, str], TaskRun] = field(default_factory=dict[tuple[str, str], TaskRun])

    def copied(self) -> "_State":
        """The same; what it is made of cannot be changed."""
        return _State(**{each.name: copy(getattr(self, each.name)) for each in fields(self)})


class InMemoryDatabase:
    """Commits by putting a changed copy in the place of what was there."""

    is_shared = False

    def __init__(self) -> None:
        self._state = _State()
        self._writing = threading.Lock()

    @contextmanager
    def reading(self) -> Generator[Reading]:
        yield _InMemoryTransaction(self._state)

    @contextmanager
    def transaction(self) -> Generator[Transaction]:
        if not self._writing.acquire(timeout=BUSY):
            raise DatabaseUnavailable
        try:
            state = self._state.copied()
            yield _InMemoryTransaction(state)
            self._state = state
        finally:
            self._writing.release()

    addition = transaction


class _People:
    def __init__(self, state: _State) -> None:
        self._state = state

    def has_organizations(self) -> bool:
        return bool(self._state.organizations)

    def caller_by_fingerprint(self, fingerprint: str) -> ApiKeyCaller | None:
        api_key_id = self._state.fingerprints.get(fingerprint)
        return None if api_key_id is None else self.caller_by_key_id(api_key_id)

    def caller_by_key_id(self, api_key_id: str) -> ApiKeyCaller | None:
        api_key = self._state.api_keys.get(api_key_id)
        if api_key is None:
            return None
        workspace = self._state.workspaces[api_key.workspace_id]
        return ApiKeyCaller(api_key, workspace, self._state.organizations[workspace.organization_id])

    def api_keys_of(self, workspace_id: str) -> Sequence[ApiKey]:
        own = [each for each in self._state.api_keys.values() if each.workspace_id == workspace_id]
        return sorted(own, key=lambda api_key: (api_key.created_at, api_key.id))

    def workspace(self, workspace_id: str) -> Workspace | None:
        return None if workspace_id in self._state.deleted else self._state.workspaces.get(workspace_id)

    def workspaces_of(self, organization_id: str) -> Sequence[Workspace]:
        there = [each for each in self._state.workspaces.values() if each.id not in self._state.deleted]
        own = [each for each in there if each.organization_id == organization_id]
        return sorted(own, key=lambda workspace: workspace.slug)

    def personal_workspace(self, organization_id: str, user_id: str) -> Workspace | None:
        return _first([each for each in self.workspaces_of(organization_id) if each.owner_id == user_id])

    def members_of(self, organization_id: str) -> Sequence[Member]:
        own = [
            Member(self._state.users[user_id], role, since)
            for (organization, user_id), (role, since) in self._state.members.items()
            if organization == organization_id
        ]
        return sorted(own, key=lambda member: member.user.username)

    def invitations_of(self, organization_id: str) -> Sequence[Invitation]:
        own = [each for each, _ in self._state.invitations.values() if each.organization_id == organization_id]
        return sorted(own, key=lambda invitation: invitation.email)

    def invitation(self, fingerprint: str) -> tuple[Invitation, Organization] | None:
        found = _first([each for each, kept in self._state.invitations.values() if kept == fingerprint])
        return None if found is None else (found, self._state.organizations[found.organization_id])

    def user(self, issuer: str, subject: str) -> User | None:
        return _first([user for user in self._state.users.values() if (user.issuer, user.subject) == (issuer, subject)])

    def memberships_of(self, user_id: str) -> Sequence[Membership]:
        own = [
            Membership(self._state.organizations[organization], role)
            for (organization, member), (role, _) in self._state.members.items()
            if member == user_id
        ]
        return sorted(own, key=lambda membership: membership.organization.slug)

    def member(self, organization_id: str, user_id: str) -> tuple[User, Membership] | None:
        found = self._state.members.get((organization_id, user_id))
        if found is None:
            return None
        return self._state.users[user_id], Membership(self._state.organizations[organization_id], found[0])

    def holder_by_fingerprint(self, fingerprint: str) -> tuple[AccessToken, User, Membership] | None:
        found = _first([each.id for each, kept in self._state.access_tokens.values() if kept == fingerprint])
        return None if found is None else self.holder_by_token_id(found)

    def holder_by_token_id(self, access_token_id: str) -> tuple[AccessToken, User, Membership] | None:
        if access_token_id not in self._state.access_tokens:
            return None
        access_token, _ = self._state.access_tokens[access_token_id]
        member = self.member(access_token.organization_id, access_token.user_id)
        return None if member is None else (access_token, *member)

    def add_organization(self, organization: Organization, at: datetime) -> None:
        if any(other.slug == organization.slug for other in self._state.organizations.values()):
            raise AlreadyExists("organization", organization.slug)
        self._state.organizations[organization.id] = organization

    def delete_organization(self, organization_id: str, at: datetime) -> None:
        own = [each.id for each in self._state.workspaces.values() if each.organization_id == organization_id]
        self._revoke([each.id for each in self._state.api_keys.values() if each.workspace_id in own], at)
        self._state.members = {key: what for key, what in self._state.members.items() if key[0] != organization_id}
        for invitation in self.invitations_of(organization_id):
            del self._state.invitations[invitation.id]
        self._forget_access_tokens(lambda each: each.organization_id == organization_id)
        self._state.deleted.add(organization_id)
        old = self._state.organizations[organization_id]
        self._state.organizations[organization_id] = replace(old, slug=_slug_that_nobody_has())

    def add_workspace(self, workspace: Workspace, at: datetime) -> None:
        if workspace.organization_id not in self._state.organizations:
            raise NotFound("organization")
        taken = {(other.organization_id, other.slug) for other in self._state.workspaces.values()}
        if (workspace.organization_id, workspace.slug) in taken:
            raise AlreadyExists("workspace", workspace.slug)
        self._state.workspaces[workspace.id] = workspace

    def change_workspace(self, workspace: Workspace) -> None:
        version = self._state.workspaces[workspace.id].target_roots_version
        self._state.workspaces[workspace.id] = replace(workspace, target_roots_version=version)

    def delete_workspace(self, workspace_id: str, at: datetime) -> None:
        self._revoke([each.id for each in self.api_keys_of(workspace_id)], at)
        self._state.deleted.add(workspace_id)
        old = self._state.workspaces[workspace_id]
        self._state.workspaces[workspace_id] = replace(old, slug=_slug_that_nobody_has())

    def add_api_key(self, api_key: ApiKey, fingerprint: str) -> None:
        self._check_workspace(api_key.workspace_id)
        self._state.api_keys[api_key.id] = api_key
        self._state.fingerprints[fingerprint] = api_key.id

    def revoke_api_key(self, api_key_id: str, at: datetime) -> None:
        self._revoke([api_key_id], at)

    def note_uses(self, uses: Mapping[str, datetime]) -> None:
        for api_key_id, at in uses.items():
            api_key = self._state.api_keys.get(api_key_id)
            if api_key is not None and (api_key.last_used_at is None or api_key.last_used_at < at):
                self._state.api_keys[api_key_id] = replace(api_key, last_used_at=at)

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
        return _first([each for each in self._state.organizations.values() if each.slug == slug])

    def has_owner(self, organization_id: str) -> bool:
        return any(member.role == "owner" for member in self.members_of(organization_id))

    def add_member(self, organization_id: str, user_id: str, role: Role, at: datetime) -> None:
        if organization_id not in self._state.organizations:
            raise NotFound("organization")
        if user_id not in self._state.users:
            raise NotFound("user")
        if (organization_id, user_id) in self._state.members:
            raise AlreadyExists("member", user_id)
        self._state.members[organization_id, user_id] = role, at

    def change_role(self, organization_id: str, user_id: str, role: Role) -> None:
        self._check_member(organization_id, user_id)
        self._state.members[organization_id, user_id] = role, self._state.members[organization_id, user_id][1]

    def remove_member(self, organization_id: str, user_id: str) -> None:
        self._check_member(organization_id, user_id)
        del self._state.members[organization_id, user_id]
        self._forget_access_tokens(lambda each: (each.organization_id, each.user_id) == (organization_id, user_id))

    def replace_invitation(self, invitation: Invitation, fingerprint: str) -> None:
        for other in self.invitations_of(invitation.organization_id):
            if other.email == invitation.email:
                del self._state.invitations[other.id]
        self._state.invitations[invitation.id] = invitation, fingerprint

    def remove_invitation(self, invitation_id: str) -> None:
        self._state.invitations.pop(invitation_id, None)

    def add_access_token(self, access_token: AccessToken, fingerprint: str) -> None:
        self._state.access_tokens[access_token.id] = access_token, fingerprint

    def revoke_access_token(self, access_token_id: str, at: datetime) -> None:
        access_token, fingerprint = self._state.access_tokens[access_token_id]
        self._state.access_tokens[access_token_id] = replace(access_token, revoked_at=at), fingerprint

    def remove_expired_access_tokens(self, at: datetime) -> None:
        self._forget_access_tokens(lambda each: each.expires_at <= at)

    def count_access_tokens(self, organization_id: str, user_id: str) -> int:
        return sum(
            (each.organization_id, each.user_id, each.revoked_at) == (organization_id, user_id, None)
            for each, _ in self._state.access_tokens.values()
        )

    def _forget_access_tokens(self, which: Callable[[AccessToken], bool]) -> None:
        kept = {key: value for key, value in self._state.access_tokens.items() if not which(value[0])}
        self._state.access_tokens = kept

    def _revoke(self, api_key_ids: Sequence[str], at: datetime) -> None:
        for api_key_id in api_key_ids:
            api_key = self._state.api_keys.get(api_key_id)
            if api_key is not None and api_key.revoked_at is None:
                self._state.api_keys[api_key_id] = replace(api_key, revoked_at=at)

    def _check_workspace(self, workspace_id: str) -> None:
        if workspace_id not in self._state.workspaces:
            raise NotFound("workspace")

    def _check_member(self, organization_id: str, user_id: str) -> None:
        if (organization_id, user_id) not in self._state.members:
            raise NotFound("member")


class _Builds:
    def __init__(self, state: _State) -> None:
        self._state = state

    def builds_using(self, workspace_id: str, root: TargetRoot) -> int:
        return sum(
            build.workspace_id == workspace_id
            and any(
                used.name == root.name and same_prefix(used.uri_prefix, root.uri_prefix)
                for used in self._state.build_roots[build.id]
            )
            for build in self._state.builds.values()
        )

    def build(self, workspace_id: str, build_id: str) -> Build | None:
        build = self._state.builds.get(build_id)
        return build if build is not None and build.workspace_id == workspace_id else None

    build_to_change = build

    def builds(
        self, workspace_id: str, wanted: BuildFilter, now: datetime, after: Position | None, limit: int
    ) -> Sequence[Build]:
        own = [
            build
            for build in self._state.builds.values()
            if build.workspace_id == workspace_id
            and wanted.status in {None, build.status_at(now)}
            and (wanted.started_after is None or build.started_at >= wanted.started_after)
            and (wanted.started_before is None or build.started_at < wanted.started_before)
            and (wanted.task_id is None or (build.id, wanted.task_id) in self._state.runs)
        ]
        placed = [((build.started_at, build.id), build) for build in own]
        return _slice(placed, _place(after), limit, newest_first=wanted.newest_first)

    def target_roots_of_build(self, build_id: str) -> Sequence[TargetRoot]:
        return sorted(self._state.build_roots.get(build_id, ()), key=lambda root: root.name)

    def task(self, workspace_id: str, task_id: str) -> Task | None:
        return self._state.tasks.get((workspace_id, task_id))

    def tasks(self, workspace_id: str, wanted: TaskFilter, after: Position | None, limit: int) -> Sequence[Task]:
        build_id = None if wanted.build_id is None else wanted.build_id.lower()
        own = [
            task
            for (workspace, _), task in self._state.tasks.items()
            if workspace == workspace_id
            and wanted.name in {None, task.name}
            and wanted.status in {None, task.status}
            and self._state.parameters[task.id].issuperset(wanted.parameters)
            and (
                build_id is None
                or (self.build(workspace_id, build_id) is not None and (build_id, task.id) in self._state.runs)
            )
        ]
        placed = [((task.recorded_at, task.id), task) for task in own]
        return _slice(placed, _place(after), limit, newest_first=wanted.newest_first)

    def runs_of(self, workspace_id: str, task_id: str, limit: int) -> Sequence[TaskRun]:
        own = [
            run
            for (build_id, task), run in self._state.runs.items()
            if task == task_id and self.build(workspace_id, build_id) is not None
        ]
        return sorted(own, key=lambda run: (run.at, run.build_id), reverse=True)[:limit]

    def build_by_idempotency_key(self, workspace_id: str, key: str) -> tuple[Build, str] | None:
        found = self._state.idempotency_keys.get((workspace_id, key))
        return None if found is None else (self._state.builds[found[0]], found[1])

    def add_build(self, build: Build, roots: Sequence[TargetRoot], idempotency_key: str | None, digest: str) -> None:
        if idempotency_key is not None:
            if (build.workspace_id, idempotency_key) in self._state.idempotency_keys:
                raise AlreadyExists("build", build.id)
            self._state.idempotency_keys[build.workspace_id, idempotency_key] = build.id, digest
        self._state.builds[build.id] = build
        self._state.build_roots[build.id] = tuple(roots)

    def change_build(self, build: Build) -> None:
        self._state.builds[build.id] = build

    def record_tasks(self, build: Build, records: Sequence[TaskRecord], at: datetime) -> None:
        for record in records:
            self._record(build, record, at)

    def _record(self, build: Build, record: TaskRecord, at: datetime) -> None:
        known = self._state.tasks.get((build.workspace_id, record.id))
        if known is None or record.status != "reused":
            self._state.tasks[build.workspace_id, record.id] = Task(
                record.id,
                record.name,
                record.canonical_parameters,
                "completed" if record.status == "reused" else record.status,
                at if known is None else known.recorded_at,
                at,
                record.output_root,
                record.output_path,
                record.started_at,
                record.ended_at,
                record.error,
            )
        elif known.status != "completed":
            self._state.tasks[build.workspace_id, record.id] = replace(known, status="completed", error=None)
        self._state.parameters[record.id] = frozenset(
            (name, canonical_json(value)) for name, value in record.parameters.items()
        )
        self._state.runs[build.id, record.id] = TaskRun(build.id, record.status, at)


class _InMemoryTransaction(_People, _Builds):
    def target_roots(self, workspace_id: str) -> Sequence[TargetRoot]:
        return [root for (owner, _), root in sorted(self._state.target_roots.items()) if owner == workspace_id]

    def target_root_revisions(
        self, workspace_id: str, wanted: RevisionFilter, after: int | None, limit: int
    ) -> Sequence[TargetRootRevision]:
        own = [
            (revision.number, revision)
            for revision in self._state.revisions
            if revision.workspace_id == workspace_id and wanted.name in {None, revision.name}
        ]
        return _slice(own, after, limit, newest_first=wanted.newest_first)

    def audit_of(
        self, organization_id: str, wanted: AuditFilter, after: int | None, limit: int
    ) -> Sequence[AuditEntry]:
        own = [
            (entry.number, entry)
            for entry in self._state.audit
            if entry.organization_id == organization_id
            and wanted.workspace_id in {None, entry.workspace_id}
            and wanted.action in {None, entry.action}
            and wanted.user_id in {None, entry.user_id}
        ]
        return _slice(own, after, limit, newest_first=wanted.newest_first)

    def signing_keys(self) -> Sequence[SigningKey]:
        return sorted(self._state.signing_keys.values(), key=lambda key: (key.created_at, key.id), reverse=True)

    def add_signing_key(self, key: SigningKey) -> None:
        self._state.signing_keys[key.id] = key

    def remove_signing_key(self, key_id: str) -> None:
        self._state.signing_keys.pop(key_id, None)

    def add_target_root(self, workspace_id: str, root: TargetRoot) -> None:
        self._check_workspace(workspace_id)
        if (workspace_id, root.name) in self._state.target_roots:
            raise AlreadyExists("target root", root.name)
        self._state.target_roots[workspace_id, root.name] = root
        self._note_change(workspace_id)

    def change_target_root(self, workspace_id: str, root: TargetRoot) -> None:
        self._check_target_root(workspace_id, root.name)
        self._state.target_roots[workspace_id, root.name] = root
        self._note_change(workspace_id)

    def remove_target_root(self, workspace_id: str, name: str) -> None:
        self._check_target_root(workspace_id, name)
        del self._state.target_roots[workspace_id, name]
        self._note_change(workspace_id)

    def add_target_root_revision(self, revision: TargetRootRevision) -> None:
        self._state.revisions.append(replace(revision, number=len(self._state.revisions) + 1))

    def add_audit_entry(self, entry: AuditEntry) -> None:
        self._state.audit.append(replace(entry, number=len(self._state.audit) + 1))

    def _note_change(self, workspace_id: str) -> None:
        old = self._state.workspaces[workspace_id]
        self._state.workspaces[workspace_id] = replace(old, target_roots_version=uuid.uuid4().hex)

    def _check_target_root(self, workspace_id: str, name: str) -> None:
        if (workspace_id, name) not in self._state.target_roots:
            raise NotFound("target root")


def _first(found: Sequence[T]) -> T | None:
    return found[0] if found else None


def _slice(placed: Sequence[tuple[P, T]], after: P | None, limit: int, *, newest_first: bool) -> Sequence[T]:
    """What comes after a place in a list that is sorted by place."""
    there = sorted(placed, key=lambda each: each[0], reverse=newest_first)
    if after is not None:
        there = [each for each in there if (each[0] < after if newest_first else after < each[0])]
    return [item for _, item in there[:limit]]


def _place(position: Position | None) -> tuple[datetime, str] | None:
    return None if position is None else (position.at, position.id)


def _slug_that_nobody_has() -> str:
    return f"deleted-{uuid.uuid4().hex}"
