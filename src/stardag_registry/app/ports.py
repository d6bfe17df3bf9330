"""What the use cases need from outside, each as a Protocol. The clock and randomness are among them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from stardag.domain.organizations import Role
from stardag.domain.target_roots import TargetRoot
from stardag_registry.app.paging import Position
from stardag_registry.domain.access_tokens import AccessToken
from stardag_registry.domain.api_keys import ApiKey, ApiKeySecret
from stardag_registry.domain.audit import AuditEntry
from stardag_registry.domain.builds import Build, BuildStatus, Task, TaskRecord, TaskRun, TaskStatus
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import ApiKeyCaller
from stardag_registry.domain.signing_keys import SigningKey
from stardag_registry.domain.target_roots import TargetRootRevision
from stardag_registry.domain.users import Claims, Invitation, Member, Membership, User


@dataclass(frozen=True, slots=True)
class BuildFilter:
    """Which builds of a workspace are wanted, and in which order of the time that they started."""

    status: BuildStatus | None = None
    started_after: datetime | None = None
    started_before: datetime | None = None
    task_id: str | None = None
    newest_first: bool = True


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks of a workspace are wanted, and in which order of the time that they were recorded first.

    `parameters` are names and values as canonical JSON; a task has all of them.
    """

    name: str | None = None
    status: TaskStatus | None = None
    parameters: tuple[tuple[str, str], ...] = ()
    build_id: str | None = None
    newest_first: bool = True


@dataclass(frozen=True, slots=True)
class RevisionFilter:
    """Which entries of the history of a workspace's target roots are wanted, and in which order; `name` is a root's."""

    name: str | None = None
    newest_first: bool = True


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries of an organization's audit are wanted, and in which order."""

    workspace_id: str | None = None
    action: str | None = None
    user_id: str | None = None
    newest_first: bool = True


class Reading(Protocol):
    """Looks at what is committed. Every call sees one state of the database; two calls may see two.

    Raises:
        DatabaseUnavailable: from every call.
    """

    def has_organizations(self) -> bool:
        """Whether the registry holds anything at all."""
        ...

    def caller_by_fingerprint(self, fingerprint: str) -> ApiKeyCaller | None:
        """Whose key it is, counting or not, found by one indexed look-up."""
        ...

    def caller_by_key_id(self, api_key_id: str) -> ApiKeyCaller | None:
        """Which key has that id, counting or not."""
        ...

    def api_keys_of(self, workspace_id: str) -> Sequence[ApiKey]:
        """All keys of a workspace, the oldest first, revoked ones too."""
        ...

    def target_roots(self, workspace_id: str) -> Sequence[TargetRoot]:
        """All target roots of a workspace, sorted by name; none where there is no such workspace."""
        ...

    def target_root_revisions(
        self, workspace_id: str, wanted: RevisionFilter, after: int | None, limit: int
    ) -> Sequence[TargetRootRevision]:
        """Up to `limit` entries of the history of the workspace's target roots, that come after the one with that
        number."""
        ...

    def builds_using(self, workspace_id: str, root: TargetRoot) -> int:
        """How many builds of the workspace were validated with this very root; a trailing slash makes no difference."""
        ...

    def workspace(self, workspace_id: str) -> Workspace | None:
        """The workspace with that id, unless it was deleted."""
        ...

    def workspaces_of(self, organization_id: str) -> Sequence[Workspace]:
        """All workspaces of an organization but deleted ones, sorted by slug."""
        ...

    def personal_workspace(self, organization_id: str, user_id: str) -> Workspace | None:
        """The user's own workspace in the organization."""
        ...

    def members_of(self, organization_id: str) -> Sequence[Member]:
        """All members of an organization, sorted by username."""
        ...

    def invitations_of(self, organization_id: str) -> Sequence[Invitation]:
        """All invitations that nobody has accepted, expired or not, sorted by address."""
        ...

    def invitation(self, fingerprint: str) -> tuple[Invitation, Organization] | None:
        """The invitation whose link has a secret of that fingerprint, and what it invites to."""
        ...

    def audit_of(
        self, organization_id: str, wanted: AuditFilter, after: int | None, limit: int
    ) -> Sequence[AuditEntry]:
        """Up to `limit` entries of an organization's audit that come after the one with that number."""
        ...

    def build(self, workspace_id: str, build_id: str) -> Build | None:
        """The build with that id, if it is in the workspace."""
        ...

    def builds(
        self, workspace_id: str, wanted: BuildFilter, now: datetime, after: Position | None, limit: int
    ) -> Sequence[Build]:
        """Up to `limit` builds of the workspace that come after a place in the list; `now` tells lost ones."""
        ...

    def target_roots_of_build(self, build_id: str) -> Sequence[TargetRoot]:
        """What the build was validated with, sorted by name."""
        ...

    def task(self, workspace_id: str, task_id: str) -> Task | None:
        """The task with that id, in its latest state in the workspace."""
        ...

    def tasks(self, workspace_id: str, wanted: TaskFilter, after: Position | None, limit: int) -> Sequence[Task]:
        """Up to `limit` tasks of the workspace that come after a place in the list."""
        ...

    def runs_of(self, workspace_id: str, task_id: str, limit: int) -> Sequence[TaskRun]:
        """The newest builds that ran or reused a task, the newest first."""
        ...

    def user(self, issuer: str, subject: str) -> User | None:
        """Who that is to the registry."""
        ...

    def memberships_of(self, user_id: str) -> Sequence[Membership]:
        """What the user is in each organization, sorted by slug."""
        ...

    def member(self, organization_id: str, user_id: str) -> tuple[User, Membership] | None:
        """The user and what they are in the organization; None where they are no member."""
        ...

    def holder_by_fingerprint(self, fingerprint: str) -> tuple[AccessToken, User, Membership] | None:
        """The access token, counting or not, and who holds it; None, too, where they are no member any more. Found by
        one indexed look-up."""
        ...

    def holder_by_token_id(self, access_token_id: str) -> tuple[AccessToken, User, Membership] | None:
        """The same for the token of that id."""
        ...

    def signing_keys(self) -> Sequence[SigningKey]:
        """All keys that tokens are or were signed with, the newest first."""
        ...


class Transaction(Reading, Protocol):
    """Reads and writes as one: all of it is there afterwards, or nothing.

    Raises:
        DatabaseUnavailable: from every call.
    """

    def add_organization(self, organization: Organization, at: datetime) -> None:
        """Raises AlreadyExists where the slug is taken."""
        ...

    def delete_organization(self, organization_id: str, at: datetime) -> None:
        """Let nobody belong to it any more: no member, no invitation, no access token, no key that counts; its slug is
        free again."""
        ...

    def add_workspace(self, workspace: Workspace, at: datetime) -> None:
        """Raises AlreadyExists where the slug is taken in the organization, NotFound without the organization."""
        ...

    def change_workspace(self, workspace: Workspace) -> None:
        """Give the workspace of that id the new values. Whether the slug is free is looked at before."""
        ...

    def delete_workspace(self, workspace_id: str, at: datetime) -> None:
        """Let it be found no more: no key of it counts, and its slug is free again."""
        ...

    def add_api_key(self, api_key: ApiKey, fingerprint: str) -> None:
        """Raises NotFound where there is no such workspace."""
        ...

    def revoke_api_key(self, api_key_id: str, at: datetime) -> None:
        """Mark the key as revoked since `at`; one that is missing or revoked already stays as it is."""
        ...

    def note_uses(self, uses: Mapping[str, datetime]) -> None:
        """When keys, by id, were used last; what is kept and later stays."""
        ...

    def add_user(self, user: User, at: datetime) -> None:
        """Raises AlreadyExists where the issuer's subject or the username is taken."""
        ...

    def change_user(self, user: User) -> None:
        """Give the user of that id the new address."""
        ...

    def is_username_taken(self, username: str) -> bool:
        """Whether a user has that name."""
        ...

    def organization_by_slug(self, slug: str) -> Organization | None:
        """The organization."""
        ...

    def has_owner(self, organization_id: str) -> bool:
        """Whether a member owns the organization."""
        ...

    def add_member(self, organization_id: str, user_id: str, role: Role, at: datetime) -> None:
        """Raises AlreadyExists where the user is a member, NotFound without the organization or the user."""
        ...

    def remove_member(self, organization_id: str, user_id: str) -> None:
        """Forget the member's access tokens, too. Raises NotFound where the user is no member."""
        ...

    def change_role(self, organization_id: str, user_id: str, role: Role) -> None:
        """Raises NotFound where the user is no member."""
        ...

    def replace_invitation(self, invitation: Invitation, fingerprint: str) -> None:
        """Keep an invitation in place of any other of the same address to the same organization."""
        ...

    def remove_invitation(self, invitation_id: str) -> None:
        """Forget an invitation; fine where it is gone."""
        ...

    def add_access_token(self, access_token: AccessToken, fingerprint: str) -> None:
        """Keep an access token of a member."""
        ...

    def revoke_access_token(self, access_token_id: str, at: datetime) -> None:
        """Mark the token as revoked since `at`."""
        ...

    def remove_expired_access_tokens(self, at: datetime) -> None:
        """Forget those that have expired by then, whosever they are."""
        ...

    def count_access_tokens(self, organization_id: str, user_id: str) -> int:
        """How many the user has in the organization that are not revoked."""
        ...

    def add_audit_entry(self, entry: AuditEntry) -> None:
        """Append to the audit, which nothing is ever removed from."""
        ...

    def add_signing_key(self, key: SigningKey) -> None:
        """Keep a key; the newest signs."""
        ...

    def remove_signing_key(self, key_id: str) -> None:
        """Forget a key; fine where it is gone."""
        ...

    def add_target_root(self, workspace_id: str, root: TargetRoot) -> None:
        """Raises AlreadyExists where the name is taken in the workspace, NotFound where there is no such workspace."""
        ...

    def change_target_root(self, workspace_id: str, root: TargetRoot) -> None:
        """Give the root of that name the new prefix. Raises NotFound where there is none."""
        ...

    def remove_target_root(self, workspace_id: str, name: str) -> None:
        """Raises NotFound where there is none."""
        ...

    def add_target_root_revision(self, revision: TargetRootRevision) -> None:
        """Append to the history of the workspace's target roots, which outlives the roots."""
        ...

    def build_by_idempotency_key(self, workspace_id: str, key: str) -> tuple[Build, str] | None:
        """The build that was registered with that key in the workspace, and the digest of that request."""
        ...

    def add_build(self, build: Build, roots: Sequence[TargetRoot], idempotency_key: str | None, digest: str) -> None:
        """Raises AlreadyExists where a build of the workspace has the key, even one that was not there a moment ago."""
        ...

    def build_to_change(self, workspace_id: str, build_id: str) -> Build | None:
        """The same as `build`; nobody else changes it until this transaction is over."""
        ...

    def change_build(self, build: Build) -> None:
        """Give the build of that id the new state."""
        ...

    def record_tasks(self, build: Build, records: Sequence[TaskRecord], at: datetime) -> None:
        """Keep what a build says of tasks, in their latest states and in their runs, in that order."""
        ...


class Database(Protocol):
    """Where everything is kept."""

    @property
    def is_shared(self) -> bool:
        """Whether it is a server of its own, that does many things at once."""
        ...

    def reading(self) -> AbstractContextManager[Reading]:
        """Raises DatabaseUnavailable on the way in."""
        ...

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Commits on the way out, durably; an exception rolls everything back. No other transaction runs meanwhile, in
        whatever process.

        Raises:
            DatabaseUnavailable: on the way in, or out; then nothing was changed.
        """
        ...

    def addition(self) -> AbstractContextManager[Transaction]:
        """The same for what only adds to builds and tasks: any number of these may run at once, and none while one of
        the other kind does.

        Raises:
            DatabaseUnavailable: as above.
        """
        ...


class OwnerKeyFile(Protocol):
    """Keeps the first administering key for the person who started the server."""

    @property
    def location(self) -> str:
        """Where it is, for messages."""
        ...

    def exists(self) -> bool:
        """Whether a key, of this database or of another, is kept there."""
        ...

    def write(self, secret: ApiKeySecret) -> None:
        """Keep the key durably, readable by nobody else, in place of any other.

        Raises:
            UnusableDataDirectory: it cannot be written.
        """
        ...


class TokenSigner(Protocol):
    """Signs tokens with the registry's own key, and tells whether one was."""

    def sign(self, claims: Mapping[str, object], typ: str) -> str:
        """The claims as a JWT of that type, signed with the newest key."""
        ...

    def verify(self, token: str, typ: str) -> Mapping[str, object]:
        """The claims of a JWT of that type that the registry signed; what they say is still to be looked at.

        Raises:
            Unauthenticated: it is no such token.
        """
        ...

    def public_keys(self) -> Mapping[str, object]:
        """The public keys, as a JSON Web Key Set (RFC 7517)."""
        ...


class IssuerTokens(Protocol):
    """The tokens of the issuer that signs this registry's users in.

    Every call raises:
        Unauthenticated: the token is none that counts here, now.
        IssuerUnavailable: the issuer would have to be asked, and does not answer.
    """

    @property
    def issuer(self) -> str:
        """The issuer, as its tokens name it."""
        ...

    @property
    def client_id(self) -> str:
        """The client that this registry's users sign in with."""
        ...

    def check(self) -> None:
        """Make sure that tokens can be checked at all. Raises only IssuerUnavailable."""
        ...

    def subject_of(self, access_token: str) -> str | None:
        """Whose access token it is; None where only the issuer's ID token can tell."""
        ...

    def look_up_subject(self, access_token: str) -> str:
        """The same for an access token that names none: the issuer is asked."""
        ...

    def claims_in(self, id_token: str, access_token: str, subject: str | None) -> Claims:
        """What an ID token says, that belongs to this access token: by subject, or by hash where `subject` is None."""
        ...


class Clock(Protocol):
    """Tells the time."""

    def __call__(self) -> datetime:
        """Now, in UTC."""
        ...


class Randomness(Protocol):
    """Gives bytes that nobody can foretell."""

    def __call__(self, count: int) -> bytes:
        """So many random bytes."""
        ...
