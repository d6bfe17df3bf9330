"""The ports to this machine: what it has to offer to the use cases, and which errors it promises.

An adapter turns each failure of its library into the error that stands here, and lets nothing else through. The types
of the signatures are imported for type checkers alone: every command imports this module. What a registry has to offer
stands in `stardag.app.registry_ports`, which few commands need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stardag.app.configuration_files import Edit, FileRead, FilesInForce
    from stardag.domain.configuration import ConfigurationFile, StardagDirectory
    from stardag.domain.environment import Environment
    from stardag.domain.errors import FileProblem
    from stardag.domain.layers import Notice
    from stardag.domain.remembered import CachedRoots, Remembered, WorkspaceIdentity


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

    def read(self, *, is_needed: bool = True) -> FileRead:
        """The file in force. One that is not trusted is left unread with a notice where it `is_needed` for nothing;
        the state is then in the user's own stardag directory.

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


class StorageCheck(Protocol):
    """Whether outputs can be written below a URI prefix."""

    def check(self, uri_prefix: str, timeout: float) -> str | None:
        """None where a local directory can be made and written, or an S3 bucket exists and allows writing below the
        prefix; else what is wrong, as a phrase. Leaves nothing behind. Thread-safe; gives up after `timeout` seconds.
        """
        ...
