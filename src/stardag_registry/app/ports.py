"""What the use cases need from outside, each as a Protocol. The clock and randomness are among them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from stardag.domain.organizations import Role
from stardag.domain.target_roots import TargetRoot
from stardag_registry.domain.api_keys import ApiKey, ApiKeySecret
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import ApiKeyCaller
from stardag_registry.domain.signing_keys import SigningKey
from stardag_registry.domain.target_roots import TargetRootRevision
from stardag_registry.domain.users import Claims, Membership, User


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

    def target_roots(self, workspace_id: str) -> Sequence[TargetRoot]:
        """All target roots of a workspace, sorted by name; none where there is no such workspace."""
        ...

    def workspace(self, workspace_id: str) -> Workspace | None:
        """The workspace with that id."""
        ...

    def workspaces_of(self, organization_id: str) -> Sequence[Workspace]:
        """All workspaces of an organization, sorted by slug."""
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

    def signing_keys(self) -> Sequence[SigningKey]:
        """All keys that tokens are or were signed with, the newest first."""
        ...


class Transaction(Reading, Protocol):
    """Reads and writes as one: all of it is there afterwards, or nothing. No other transaction runs meanwhile.

    Raises:
        DatabaseUnavailable: from every call.
    """

    def api_key(self, api_key_id: str) -> ApiKey | None:
        """The key with that id."""
        ...

    def add_organization(self, organization: Organization, at: datetime) -> None:
        """Raises AlreadyExists where the slug is taken."""
        ...

    def add_workspace(self, workspace: Workspace, at: datetime) -> None:
        """Raises AlreadyExists where the slug is taken in the organization, NotFound without the organization."""
        ...

    def add_api_key(self, api_key: ApiKey, fingerprint: str) -> None:
        """Raises NotFound where there is no such workspace."""
        ...

    def revoke_api_key(self, api_key_id: str, at: datetime) -> None:
        """Mark the key as revoked since `at`; one that is missing or revoked already stays as it is."""
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
        """Raises NotFound where the user is no member."""
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

    def target_root_revisions(self, workspace_id: str) -> Sequence[TargetRootRevision]:
        """The history of the workspace's target roots, oldest first."""
        ...


class Database(Protocol):
    """Where everything is kept."""

    def reading(self) -> AbstractContextManager[Reading]:
        """Raises DatabaseUnavailable on the way in."""
        ...

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Commits on the way out, durably; an exception rolls everything back.

        Raises:
            DatabaseUnavailable: on the way in, or out; then nothing was changed.
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
