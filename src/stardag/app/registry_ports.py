"""The ports to registries: what one has to offer to the use cases, by subject, and which errors it promises.

`RegistryApi` is all of it together: one registry, spoken to with one credential.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from stardag.domain.api_keys import ApiKey, MadeApiKey, Purpose
    from stardag.domain.builds import (
        Build,
        BuildDetail,
        BuildEnd,
        BuildFilter,
        BuildStatus,
        RegisteredBuild,
        Registration,
        Task,
        TaskDetail,
        TaskFilter,
        TaskRecord,
    )
    from stardag.domain.credential_source import CredentialSource
    from stardag.domain.credentials import Secret
    from stardag.domain.members import Invitation, MadeInvitation, Member
    from stardag.domain.organizations import Organization, Role, Workspace
    from stardag.domain.registry_errors import RefusedCredential
    from stardag.domain.remembered import WorkspaceIdentity
    from stardag.domain.sign_in import ExchangedToken, SignInSettings, User
    from stardag.domain.target_roots import TargetRoot

Item = TypeVar("Item", covariant=True)


class ServedRoots(NamedTuple):
    """The target roots of a workspace as a registry serves them, and what it calls this content."""

    roots: tuple[TargetRoot, ...]
    etag: str | None


class KeyIdentity(NamedTuple):
    """Whom an API key belongs to, as the registry says."""

    organization_id: str
    organization_slug: str
    workspace_id: str
    workspace_slug: str


class MadeAccessToken(NamedTuple):
    """An access token that has just been made for a command, and how long it is good for, in seconds."""

    id: str
    token: Secret
    lifetime: float


class Credential(Protocol):
    """What is shown to a registry, had at the moment that it is needed."""

    def __call__(self) -> Secret:
        """The secret to send.

        Raises:
            SignInNeeded, OutOfReach, UnexpectedAnswer, UnexpectedIssuerAnswer, StateNotWritable: it cannot be had.
        """
        ...

    def instead_of(self, refused: Secret, refusal: RefusedCredential) -> Secret | None:
        """Another one, where the registry refused that one; None where there is no other.

        Raises:
            ClockOff: this machine's clock is so far off that no other would help.
            and whatever having the first one raises.
        """
        ...

    def source(self) -> CredentialSource | None:
        """Which credential it is, for the error where the registry rejects it; None where that is not known."""
        ...


class RootUse(NamedTuple):
    """A target root, and how many builds were validated with it as it is now."""

    root: TargetRoot
    builds: int


class Excerpt(NamedTuple, Generic[Item]):
    """The first items of a list, and whether that is all of it."""

    items: tuple[Item, ...]
    is_whole: bool


class SigningInApi(Protocol):
    """Whom a credential belongs to, and how a user comes by one."""

    def check(self) -> str | None:
        """None where a registry answers at this address, else what answers instead, as a phrase to follow "since".
        Needs no credential.

        Raises:
            RegistryUnreachable: no answer that tells either.
        """
        ...

    def identity(self) -> KeyIdentity | User:
        """Whom the credential belongs to: an API key's workspace, or the user."""
        ...

    def sign_in_settings(self) -> SignInSettings:
        """Where the registry's users sign in; needs no credential."""
        ...

    def introduce(self, id_token: Secret | None) -> User:
        """Tell the registry who is signed in, with the issuer's access token as credential, and hear whom it knows."""
        ...

    def exchange(self, organization: str, id_token: Secret | None) -> ExchangedToken:
        """A token for an organization (slug or id), with the issuer's access token as credential.

        Raises:
            NotKnownToRegistry: there is no such organization to this user.
        """
        ...

    def make_access_token(self, organization_id: str, lifetime: float) -> MadeAccessToken:
        """An access token for a command that runs without the user, good for as many seconds or less: with a member's
        rights at most, and none to make another. Only a member who has signed in gets one.

        Raises:
            NotKnownToRegistry: there is no such organization to this user, or its registry makes no access tokens.
            TooMany: so many of this user's are good already.
            RefusedValue: nothing is good for so long.
        """
        ...

    def revoke_access_token(self, organization_id: str, access_token_id: str) -> None:
        """Revoke an access token of the user's at once, with the user's credential or that token itself. One that the
        registry knows no more is good for nothing, so that is fine."""
        ...


class OrganizationsApi(Protocol):
    """Organizations and who is in them. Wherever one is asked for, a slug or an id does.

    Every call that names one raises:
        NotKnownToRegistry: there is no such organization, member or invitation to this credential.
    """

    def organizations(self) -> tuple[Organization, ...]:
        """The organizations that the credential may see."""
        ...

    def make_organization(self, slug: str, name: str | None) -> Organization:
        """Make an organization, which the user owns. It is called `name`, else its slug.

        Raises:
            AlreadyExists: the slug is taken.
            TooMany: the user belongs to as many as anybody may.
        """
        ...

    def accept_invitation(self, token: Secret) -> Organization:
        """Become a member, with the secret at the end of an invitation's link.

        Raises:
            InvitationGone: it counts no more.
            TooMany: the user belongs to as many as anybody may.
        """
        ...

    def members(self, organization: str) -> tuple[Member, ...]:
        """The members, by username."""
        ...

    def change_role(self, organization: str, user_id: str, role: Role) -> Member:
        """Change what a member is.

        Raises:
            LastOwner: the organization would have none.
        """
        ...

    def remove_member(self, organization: str, user_id: str) -> None:
        """Remove a member, or leave.

        Raises:
            LastOwner: the organization would have none.
        """
        ...

    def invitations(self, organization: str) -> tuple[Invitation, ...]:
        """The invitations that nobody has accepted yet, by address; expired ones too."""
        ...

    def invite(self, organization: str, email: str, role: Role) -> MadeInvitation:
        """Invite whoever signs in with this address. An earlier invitation of theirs counts no more.

        Raises:
            AlreadyExists: a member has that address.
            TooMany: too many invitations wait to be accepted.
            RefusedValue: that is no e-mail address.
        """
        ...

    def withdraw_invitation(self, organization: str, invitation_id: str) -> None:
        """Withdraw an invitation: its link opens nothing any more."""
        ...


class WorkspacesApi(Protocol):
    """Workspaces, and the target roots and API keys that belong to them.

    Every call that names something raises:
        NotKnownToRegistry: there is no such thing to this credential.
    and every change raises:
        WorkspaceArchived: the workspace is only read any more.
        RefusedValue: something cannot be what it is given for.
    """

    def workspaces(self, organization: str, *, archived: bool = False) -> tuple[Workspace, ...]:
        """The workspaces of an organization (slug or id) that the credential may see; with `archived`, those alone."""
        ...

    def make_workspace(self, organization: str, slug: str, name: str | None, description: str) -> Workspace:
        """Make a workspace. It is called `name`, else its slug.

        Raises:
            AlreadyExists: the slug is taken.
            TooMany: the organization is full.
        """
        ...

    def archive_workspace(self, workspace_id: str, *, archived: bool) -> Workspace:
        """Archive a workspace, or bring it back. Once more changes nothing."""
        ...

    def target_roots(self, workspace_id: str, etag: str | None = None, *, to_build: bool = False) -> ServedRoots | None:
        """The target roots of a workspace; None where they still are what `etag` names.

        Raises:
            WorkspaceArchived: they are asked for `to_build`, and nothing is built there any more.
        """
        ...

    def target_root_use(self, workspace_id: str, name: str) -> RootUse:
        """A target root, and how many builds look incomplete once it is changed or removed."""
        ...

    def add_target_root(self, workspace_id: str, root: TargetRoot) -> None:
        """Add a target root.

        Raises:
            AlreadyExists: the name is taken.
            TooMany: the workspace is full.
        """
        ...

    def change_target_root(self, workspace_id: str, root: TargetRoot) -> None:
        """Give the target root of this name another prefix."""
        ...

    def remove_target_root(self, workspace_id: str, name: str) -> None:
        """Remove a target root."""
        ...

    def api_keys(self, workspace_id: str, *, revoked: bool = False) -> tuple[ApiKey, ...]:
        """The API keys of a workspace, the oldest first; with `revoked`, the revoked ones alone."""
        ...

    def make_api_key(self, workspace_id: str, name: str, purpose: Purpose, expires_at: datetime | None) -> MadeApiKey:
        """Make an API key, which is shown this once.

        Raises:
            TooMany: the workspace is full.
        """
        ...

    def revoke_api_key(self, workspace_id: str, api_key_id: str) -> None:
        """Revoke an API key at once. Once more changes nothing."""
        ...


class BuildsApi(Protocol):
    """Builds and tasks of a workspace.

    Every call raises:
        NotKnownToRegistry: there is no such workspace, build or task to this credential.
    and every change raises:
        WorkspaceArchived: nothing is built there any more.
        RefusedValue: something cannot be what it is given for.
    Every change may be repeated: what was done before is not done again.
    """

    def builds(self, workspace_id: str, wanted: BuildFilter, at_most: int) -> Excerpt[Build]:
        """The builds that a filter lets through, the newest first."""
        ...

    def build(self, workspace_id: str, build_id: str) -> BuildDetail:
        """One build."""
        ...

    def register_build(self, workspace_id: str, registration: Registration, idempotency_key: str) -> RegisteredBuild:
        """Register a build that begins now. The same registration with the same key makes no second one, so where no
        answer came it is safe to ask again; the key is one that no other build of the workspace comes with."""
        ...

    def heartbeat(self, workspace_id: str, build_id: str) -> BuildStatus:
        """Say that a build still runs, and hear what the registry has it for: "running", or how somebody ended it."""
        ...

    def end_build(self, workspace_id: str, build_id: str, end: BuildEnd, error: str | None = None) -> Build:
        """Complete, fail or cancel a build that runs or is lost; `error` goes with a failed one alone.

        Raises:
            BuildEnded: it has another end already.
        """
        ...

    def record_tasks(self, workspace_id: str, build_id: str, records: Sequence[TaskRecord]) -> BuildStatus | None:
        """Say how it goes with tasks of a build, in as few requests as take them, and hear what the registry has the
        build for, as with a heartbeat; None where it does not tell, or there is nothing to say. What was said of the
        same task of the same build before is replaced, also once the build has ended.

        Raises:
            InvalidValue: a name or parameters cannot be those of a task; nothing was sent.
        """
        ...

    def tasks(self, workspace_id: str, wanted: TaskFilter, at_most: int) -> Excerpt[Task]:
        """The tasks that a filter lets through, in their latest state, those first that were recorded last.

        Raises:
            RefusedValue: the filter cannot be one.
        """
        ...

    def task(self, workspace_id: str, task_id: str) -> TaskDetail:
        """One task."""
        ...


class RegistryApi(SigningInApi, OrganizationsApi, WorkspacesApi, BuildsApi, Protocol):
    """One registry, spoken to with one credential. Every call is one exchange within the deadline, and one more with
    another credential where the first is refused and there is another.

    Every call raises:
        RegistryUnreachable: no answer within the deadline, or one that is not of a registry.
        WorkspaceMoved: it is about a workspace, which is not called any more what `for_workspace` expects.
        NoCredential, RefusedCredential: the registry wants another credential (401).
        and whatever having the credential raises.
        NotAllowed: the credential may not (403).
        UnexpectedAnswer: the answer breaks the contract.
    Where a change may have been made all the same, the error's fix says so.
    """

    def for_workspace(self, identity: WorkspaceIdentity | None) -> RegistryApi:
        """The same registry over the same connection, for calls about this workspace, which the registry refuses where
        its id is not that of a workspace with these slugs any more. With None, calls go by id alone."""
        ...


class Registries(Protocol):
    """The way to every registry."""

    def connect(self, registry_url: str, credential: Credential | None, timeout: float) -> RegistryApi:
        """A registry to speak to; sends nothing yet. `timeout` is in seconds, for each whole exchange."""
        ...
