"""What a fake registry holds, and how every call to it is made: whether it answers, and whose the credential is."""

import hashlib
import json
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self, TypeVar

from stardag.app.registry_ports import Credential, ServedRoots
from stardag.domain.api_keys import ApiKey, Purpose
from stardag.domain.builds import (
    Build,
    BuildDetail,
    BuildEnd,
    RunStatus,
    Task,
    TaskDetail,
    TaskRecord,
    TaskRun,
    TaskStatus,
)
from stardag.domain.credentials import Secret
from stardag.domain.errors import NotAllowed
from stardag.domain.members import Invitation
from stardag.domain.organizations import Organization, Role, Workspace
from stardag.domain.refusals import WorkspaceArchived
from stardag.domain.registry_errors import (
    MalformedCredential,
    NoCredential,
    NotKnownToRegistry,
    RefusedCredential,
    RegistryUnreachable,
    WorkspaceMoved,
)
from stardag.domain.remembered import WorkspaceIdentity
from stardag.domain.sign_in import User
from stardag.domain.target_roots import TargetRoot
from stardag.domain.tasks import Json, task_id

DEFAULT_URL = "http://localhost:8000"
LIFETIME = 600.0
"""Seconds that an organization's token is good for."""


class Sent(NamedTuple):
    """A request for target roots, and the entity tag that it was conditional on."""

    workspace_id: str
    etag: str | None


class FakeInvitation(NamedTuple):
    """An invitation, found by the secret of its link."""

    organization_id: str
    invitation: Invitation


class FakeKey(NamedTuple):
    """An API key of a workspace."""

    workspace_id: str
    secret: Secret
    api_key: ApiKey


class FakeBuild(NamedTuple):
    """A build of a workspace, and the key that it was registered with."""

    workspace_id: str
    detail: BuildDetail
    idempotency_key: str | None = None


@dataclass(frozen=True)
class OrganizationToken:
    """Whom a token was given, and for which organization; the id of an access token, where it is one."""

    user: User
    organization: Organization
    access_token_id: str | None = None


@dataclass
class FakeRegistry:
    """One registry: what it holds, and which requests it was sent (`requests`, such as "GET /me").

    With a reason in `down`, nothing answers; with one in `instead`, something else than a registry does. A key in
    `forbidden` is known, and may do nothing. Whoever has an access token of the issuer stands in `issued`, a fake
    provider's or the test's own; what was exchanged for one, in `tokens`. `clock_offset` is how far the client's clock
    is ahead.
    """

    url: str = DEFAULT_URL
    organizations: dict[str, Organization] = field(default_factory=dict[str, Organization])
    workspaces: dict[str, Workspace] = field(default_factory=dict[str, Workspace])
    roots: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    keys: dict[Secret, Workspace] = field(default_factory=dict[Secret, Workspace])
    forbidden: set[Secret] = field(default_factory=set[Secret])
    issuer_url: str = ""
    issued: dict[Secret, str] = field(default_factory=dict[Secret, str])
    users: dict[str, User] = field(default_factory=dict[str, User])
    members: dict[tuple[str, str], Role] = field(default_factory=dict[tuple[str, str], Role])
    tokens: dict[Secret, OrganizationToken] = field(default_factory=dict[Secret, OrganizationToken])
    clock_offset: float = 0.0
    invitations: dict[str, FakeInvitation] = field(default_factory=dict[str, FakeInvitation])
    api_keys: dict[str, FakeKey] = field(default_factory=dict[str, FakeKey])
    builds: dict[str, FakeBuild] = field(default_factory=dict[str, FakeBuild])
    tasks: dict[tuple[str, str], TaskDetail] = field(default_factory=dict[tuple[str, str], TaskDetail])
    """By workspace and task; the builds of each, the newest first."""
    one_at_a_time: threading.RLock = field(default_factory=threading.RLock, repr=False, compare=False)
    """What a build's heartbeat and its end, which come on different threads, are done under."""
    now: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)
    requests: list[str] = field(default_factory=list[str])
    conditions: list[Sent] = field(default_factory=list["Sent"])
    down: str | None = None
    instead: str | None = None

    @classmethod
    def first_start(cls, url: str = DEFAULT_URL) -> Self:
        """What a real registry holds after its first start: organization, workspace, target root and one key."""
        registry = cls(url)
        workspace = registry.add_workspace(registry.add_organization("default"), "default")
        registry.set_root(workspace.id, "default", "/local-target-roots/default/default/")
        registry.make_key(workspace)
        return registry

    @property
    def owner_key(self) -> Secret:
        """The key that was made first."""
        return next(iter(self.keys))

    def add_user(self, email: str, organization: Organization | None = None, role: Role = "member") -> User:
        """Somebody who has signed in before, and may be a member."""
        user = self.users.get(email) or User(str(uuid.uuid4()), email.partition("@")[0], email)
        self.users[email] = user
        if organization is not None:
            self.members[organization.id, user.id] = role
        return user

    def issue(self, email: str) -> Secret:
        """An access token of the issuer for whoever has this address."""
        token = Secret(f"issued-{uuid.uuid4().hex}")
        self.issued[token] = email
        return token

    def add_organization(self, slug: str) -> Organization:
        organization = Organization(str(uuid.uuid4()), slug, slug.capitalize())
        self.organizations[organization.id] = organization
        return organization

    def add_workspace(self, organization: Organization, slug: str) -> Workspace:
        workspace = Workspace(str(uuid.uuid4()), slug, slug.capitalize(), organization.id)
        self.workspaces[workspace.id] = workspace
        self.roots[workspace.id] = {}
        return workspace

    def make_key(
        self,
        workspace: Workspace,
        name: str = "a key",
        purpose: Purpose = "administer",
        expires_at: datetime | None = None,
        maker: str = "the server",
    ) -> Secret:
        key = Secret(f"sk_{uuid.uuid4().hex}")
        self.keys[key] = workspace
        api_key = ApiKey(str(uuid.uuid4()), name, purpose, maker, self.tick(), None, expires_at, None)
        self.api_keys[api_key.id] = FakeKey(workspace.id, key, api_key)
        return key

    def tick(self) -> datetime:
        """A moment later than any before."""
        self.now += timedelta(seconds=1)
        return self.now

    def register_build(
        self,
        workspace_id: str,
        description: str = "",
        roots: Mapping[str, str] | None = None,
        name: str | None = None,
    ) -> str:
        """A build that runs, validated with the roots that the workspace has, unless others are given."""
        at = self.tick()
        build = Build(str(uuid.uuid4()), "running", description or None, None, at, at, None, None, "a key", name)
        validated = dict(self.roots[workspace_id] if roots is None else roots)
        self.builds[build.id] = FakeBuild(workspace_id, BuildDetail(build, validated))
        return build.id

    def end_build(self, workspace_id: str, build_id: str, status: BuildEnd) -> None:
        with self.one_at_a_time:
            build = self.builds[build_id].detail.build
            self.change_build(build._replace(status=status, ended_at=self.tick()))

    def change_build(self, build: Build) -> Build:
        """Give a build other values, such as the status "lost"."""
        known = self.builds[build.id]
        self.builds[build.id] = known._replace(detail=known.detail._replace(build=build))
        return build

    def record_task(
        self, workspace_id: str, build_id: str, name: str, parameters: Mapping[str, Json], status: RunStatus
    ) -> str:
        """Say of a task of a build how it is; its id."""
        return self.record(workspace_id, build_id, TaskRecord(name, parameters, status, None, self.now))

    def record(self, workspace_id: str, build_id: str, record: TaskRecord) -> str:
        """The same, with all that can be said. Whoever reuses a task has seen it complete, and says no more of it."""
        at, wanted = self.tick(), task_id(record.name, record.parameters)
        known = self.tasks.get((workspace_id, wanted))
        if record.status == "reused" and known is not None:
            task = known.task._replace(status="completed", error=None)
        else:
            state: TaskStatus = "completed" if record.status == "reused" else record.status
            times = (at if known is None else known.task.recorded_at, at, record.started_at, record.ended_at)
            task = Task(wanted, record.name, record.parameters, state, record.output, *times, record.error)
        runs = () if known is None else tuple(run for run in known.runs if run.build_id != build_id)
        self.tasks[workspace_id, wanted] = TaskDetail(task, (TaskRun(build_id, record.status, at), *runs))
        return wanted

    def set_root(self, workspace_id: str, name: str, uri_prefix: str) -> None:
        """Add or change a target root."""
        root = TargetRoot(name, uri_prefix)
        self.roots[workspace_id][root.name] = root.uri_prefix

    def delete_root(self, workspace_id: str, name: str) -> None:
        del self.roots[workspace_id][name]

    def served_roots(self, workspace_id: str) -> ServedRoots:
        roots = sorted(self.roots[workspace_id].items())
        etag = hashlib.sha256(json.dumps(roots).encode()).hexdigest()[:16]
        return ServedRoots(tuple(TargetRoot(name, uri_prefix) for name, uri_prefix in roots), f'"{etag}"')


Caller = Workspace | OrganizationToken | User
"""Whose credential it is: an API key's workspace, a member, or a user before any organization."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class FakeCalls:
    """A `FakeRegistry`, spoken to with one credential."""

    registry: FakeRegistry
    credential: Credential | None
    expected: str | None = None

    def for_workspace(self, identity: WorkspaceIdentity | None) -> Self:
        slugs = None if identity is None else f"{identity.organization_slug}/{identity.workspace_slug}"
        return replace(self, expected=slugs)

    def _find_organization(self, reference: str) -> Organization:
        for organization in self.registry.organizations.values():
            if reference in (organization.slug, organization.id):
                return organization
        raise NotKnownToRegistry("organization", reference, self.registry.url)

    def _with_role(self, organization: Organization, user: User) -> Organization:
        return organization._replace(role=self.registry.members[organization.id, user.id])

    def _reach_of(self, caller: Workspace | OrganizationToken) -> tuple[Organization, tuple[Workspace, ...]]:
        """The one organization, and the workspaces of it, that a credential may see."""
        if isinstance(caller, Workspace):
            return self.registry.organizations[caller.organization_id], (self.registry.workspaces[caller.id],)
        own = [each for each in self.registry.workspaces.values() if each.organization_id == caller.organization.id]
        return caller.organization, tuple(sorted(own, key=lambda each: each.slug))

    def _send(self, request: str) -> None:
        if self.registry.down is not None:
            raise RegistryUnreachable(self.registry.url, self.registry.down)
        self.registry.requests.append(request)

    def _ask(self, request: str, authenticate: Callable[[Secret], Result]) -> Result:
        """Send a request with the credential, and once more with another where that is refused."""
        if self.credential is None:
            self._send(request)
            raise NoCredential(self.registry.url)
        secret = self.credential()
        try:
            return self._send_with(secret, request, authenticate)
        except RefusedCredential as refusal:
            another = self.credential.instead_of(secret, refusal)
            if another is None or another == secret:
                raise
        return self._send_with(another, request, authenticate)

    def _send_with(self, secret: Secret, request: str, authenticate: Callable[[Secret], Result]) -> Result:
        if not secret.is_well_formed_token:
            raise MalformedCredential("the configuration")
        self._send(request)
        if secret in self.registry.forbidden:
            raise NotAllowed(self.registry.url, "the key is forbidden everything")
        try:
            return authenticate(secret)
        except RefusedCredential as error:
            assert self.credential is not None
            raise RefusedCredential(self.registry.url, error.clock_offset, self.credential.source()) from None

    def _caller_of(self, secret: Secret) -> Caller:
        if secret in self.registry.issued and self.registry.issued[secret] in self.registry.users:
            return self.registry.users[self.registry.issued[secret]]
        return self._caller_in_organization(secret)

    def _caller_in_organization(self, secret: Secret) -> Workspace | OrganizationToken:
        if secret in self.registry.keys:
            return self.registry.keys[secret]
        token = self.registry.tokens.get(secret)
        if token is None or (token.organization.id, token.user.id) not in self.registry.members:
            raise self._refusal()
        return token

    def _issued_to(self, secret: Secret, id_token: Secret | None) -> str:
        """The address of whoever has these tokens of the issuer."""
        if secret not in self.registry.issued:
            raise self._refusal()
        if id_token is not None and id_token.reveal() != self.registry.issued[secret]:
            raise self._refusal()
        return self.registry.issued[secret]

    def _refusal(self) -> RefusedCredential:
        return RefusedCredential(self.registry.url, self.registry.clock_offset)

    def _member(self, request: str, organization: str, *roles: Role) -> OrganizationToken:
        """A member of the organization, with one of these roles where some are given, asks something about it."""
        caller = self._ask(request, self._caller_in_organization)
        own, _ = self._reach_of(caller)
        if organization not in (own.slug, own.id):
            raise NotKnownToRegistry("organization", organization, self.registry.url)
        if isinstance(caller, Workspace):
            raise NotAllowed(self.registry.url, "This needs a member of the organization who has signed in")
        if roles:
            self._check_signed_in(caller)
        if roles and self._role_of(caller) not in roles:
            raise NotAllowed(self.registry.url, f"This needs an {roles[0]} of the organization")
        return caller

    def _check_signed_in(self, caller: OrganizationToken) -> None:
        """That it is no access token, which reads and builds, and that is all."""
        if caller.access_token_id is not None:
            raise NotAllowed(self.registry.url, "This needs somebody who has signed in")

    def _forget_access_tokens(self, which: Callable[[OrganizationToken], bool]) -> None:
        for secret, token in [*self.registry.tokens.items()]:
            if token.access_token_id is not None and which(token):
                del self.registry.tokens[secret]

    def _workspace(self, request: str, workspace_id: str, *roles: Role, changes: bool = False) -> Workspace:
        """Somebody asks something about a workspace that they may see: a key, or a member; with roles, one of those, or
        a key that administers it."""
        caller, secret = self._ask(request, lambda secret: (self._caller_in_organization(secret), secret))
        found = [each for each in self._reach_of(caller)[1] if each.id == workspace_id]
        called = [f"{self.registry.organizations[each.organization_id].slug}/{each.slug}" for each in found]
        if self.expected is not None and called != [self.expected]:
            raise WorkspaceMoved(self.registry.url, self.expected)
        if not found:
            raise NotKnownToRegistry("workspace", workspace_id, self.registry.url)
        if roles and not (
            self._administers(secret) if isinstance(caller, Workspace) else self._role_of(caller) in roles
        ):
            raise NotAllowed(self.registry.url, f"This needs an {roles[0]} of the organization")
        if changes and found[0].is_archived:
            raise WorkspaceArchived(self.registry.url)
        return found[0]

    def _administers(self, secret: Secret) -> bool:
        purposes = [each.api_key.purpose for each in self.registry.api_keys.values() if each.secret == secret]
        return purposes == ["administer"]

    def _role_of(self, caller: OrganizationToken) -> Role:
        if caller.access_token_id is not None:
            return "member"
        return self.registry.members[caller.organization.id, caller.user.id]
