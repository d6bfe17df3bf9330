"""What the use cases need from outside, each as a Protocol. The clock and randomness are among them."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from stardag.domain.target_roots import TargetRoot
from stardag_registry.domain.api_keys import ApiKey, ApiKeySecret
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import Caller
from stardag_registry.domain.target_roots import TargetRootRevision


class Reading(Protocol):
    """Looks at what is committed. Every call sees one state of the database; two calls may see two.

    Raises:
        DatabaseUnavailable: from every call.
    """

    def has_organizations(self) -> bool:
        """Whether the registry holds anything at all."""
        ...

    def caller_by_fingerprint(self, fingerprint: str) -> Caller | None:
        """Whose key it is, counting or not, found by one indexed look-up."""
        ...

    def target_roots(self, workspace_id: str) -> Sequence[TargetRoot]:
        """All target roots of a workspace, sorted by name; none where there is no such workspace."""
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
