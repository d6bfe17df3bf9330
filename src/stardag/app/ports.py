"""Every port of the use cases: what the outside has to offer, and which errors it promises.

An adapter turns each failure of its library into the error that stands here, and lets nothing else through. The types
of the signatures are imported for type checkers alone: every command imports this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stardag.app.configuration_files import Edit, FileRead, FilesInForce
    from stardag.domain.configuration import ConfigurationFile, StardagDirectory
    from stardag.domain.credentials import Secret
    from stardag.domain.environment import Environment
    from stardag.domain.errors import FileProblem, RefusedCredential
    from stardag.domain.layers import Notice
    from stardag.domain.organizations import Organization, Workspace
    from stardag.domain.remembered import CachedRoots, Remembered, WorkspaceIdentity
    from stardag.domain.sign_in import ExchangedToken, SignInSettings, User
    from stardag.domain.target_roots import TargetRoot


class EnvironmentVariables(Protocol):
    """The environment of this process."""

    def read(self) -> Environment:
        """The `STARDAG_*` variables, parsed.

        Raises:
            InvalidVariable, ConflictingVariables: one of them cannot be used.
        """
        ...


class ConfigurationFiles(Protocol):
    """The project's and the user's `config.toml`."""

    def find(self) -> FilesInForce:
        """Which files there are; reads none of them, except to look for `[tool.stardag]`."""
        ...

    def read(self) -> FileRead:
        """The file in force.

        Raises:
            InvalidFile: bad TOML, a wrong type, a name outside the rules, or a reference to nothing.
            UntrustedFile: a project file of somebody else's that the user has not named as trusted.
        """
        ...

    def read_user_file(self) -> ConfigurationFile | None:
        """The user's own file, for what only that file may permit; None where there is none or it is invalid."""
        ...

    def read_project_file(self, path: str | None) -> ConfigurationFile:
        """A project's file, trusted or not: the one in force, or the one at a path a person names.

        Raises:
            NoProjectFile: there is none.
            InvalidFile: as `read`.
        """
        ...

    def problems(self) -> Sequence[FileProblem]:
        """All that is wrong with the file in force, not only the first thing.

        Raises:
            UntrustedFile: as `read`.
        """
        ...

    def edit(self, edits: Sequence[Edit]) -> str:
        """Change the file in force as one step, under a lock, and return its path.

        Comments, order, unknown keys, file mode and links stay as they are.

        Raises:
            InvalidFile, UntrustedFile: the file is not in a state to be edited; it is left as it is.
            EditNotPossible: the result would not read back as intended; the file is left as it is.
            StateNotWritable: the file cannot be written.
        """
        ...


class Trust(Protocol):
    """The user's record of project files that are trusted, and of the registries they named at that time."""

    def trust(self, path: str, registry_urls: Sequence[str]) -> None:
        """Record a project file, and the origins of these URLs with it, in the user's own stardag directory.

        Raises:
            StateNotWritable: the record cannot be written.
        """
        ...

    def is_trusted(self, path: str) -> bool:
        """Whether this project file was recorded."""
        ...

    def is_trusted_origin(self, path: str, registry_url: str) -> bool:
        """Whether this project file was recorded when it named the origin of this URL."""
        ...


class State(Protocol):
    """The state files of a stardag directory: the target-root cache, the id cache, and what was learnt at a sync."""

    def read(self, directory: StardagDirectory) -> tuple[Remembered, tuple[Notice, ...]]:
        """All that is remembered; writes nothing. What is corrupt, or not of this user's making, counts as absent."""
        ...

    def remember_identity(self, directory: StardagDirectory, identity: WorkspaceIdentity) -> None:
        """Add what was learnt of a workspace to the id cache, or replace what it said of the same ids and keys.

        Raises:
            StateNotWritable: the file cannot be written.
        """
        ...

    def remember_roots(self, directory: StardagDirectory, roots: CachedRoots) -> None:
        """Replace one workspace's entry of the target-root cache, setting aside a file that cannot be read.

        Raises:
            StateNotWritable: the file cannot be written.
        """
        ...

    def set_aside_corrupt_roots(self, directory: StardagDirectory) -> bool:
        """If the target-root cache cannot be read, move it aside, remember that, and say True.

        Raises:
            StateNotWritable: the file cannot be moved.
        """
        ...


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


class RegistryApi(Protocol):
    """One registry, spoken to with one credential. Every call is one exchange within the deadline, and one more with
    another credential where the first is refused and there is another.

    Every call raises:
        RegistryUnreachable: no answer within the deadline, or one that is not of a registry.
        NoCredential, RefusedCredential: the registry wants another credential (401).
        and whatever having the credential raises.
        NotAllowed: the credential may not (403).
        UnexpectedAnswer: the answer breaks the contract.
    """

    def check(self) -> None:
        """Make sure that a registry answers at this address; needs no credential."""
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

    def organizations(self) -> tuple[Organization, ...]:
        """The organizations that the credential may see."""
        ...

    def workspaces(self, organization: str) -> tuple[Workspace, ...]:
        """The workspaces of an organization (slug or id) that the credential may see.

        Raises:
            NotKnownToRegistry: there is no such organization to this credential.
        """
        ...

    def target_roots(self, workspace_id: str, etag: str | None = None) -> ServedRoots | None:
        """The target roots of a workspace; None where they still are what `etag` names.

        Raises:
            NotKnownToRegistry: there is no such workspace to this credential.
        """
        ...


class Registries(Protocol):
    """The way to every registry."""

    def connect(self, registry_url: str, credential: Credential | None, timeout: float) -> RegistryApi:
        """A registry to speak to; sends nothing yet. `timeout` is in seconds, for each whole exchange."""
        ...


class StorageCheck(Protocol):
    """Whether outputs can be written below a URI prefix."""

    def check(self, uri_prefix: str, timeout: float) -> str | None:
        """None where a local directory can be made and written, or an S3 bucket exists and allows writing below the
        prefix; else what is wrong, as a phrase. Leaves nothing behind. Thread-safe; gives up after `timeout` seconds.
        """
        ...
