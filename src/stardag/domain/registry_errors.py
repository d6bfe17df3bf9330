"""The failures that only asking a registry, or its issuer, comes to: signing in, target roots and their storage among
them. Their tree is drawn in `stardag.domain.errors`.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from stardag.domain.errors import (
    ConfigurationError,
    NotAllowed,
    NotFound,
    OutOfReach,
    SignInNeeded,
    StardagError,
    StateNotWritable,
    TargetRootsDiffer,
)
from stardag.domain.lines import lines
from stardag.domain.suggestions import nearest

if TYPE_CHECKING:
    from stardag.domain.credential_source import CredentialSource
    from stardag.domain.root_changes import RootChanges


class UnknownVariable(ConfigurationError):
    """A variable that is not known, where a credential would go to a registry that nothing names."""

    code = "unknown-variable"

    def __init__(self, problems: Sequence[str], registry_url: str) -> None:
        """`problems`: a sentence on each variable that is not known."""
        super().__init__(
            f"{' '.join(problems)} Nothing else names a registry, so nothing was sent to the default {registry_url}.",
            "Correct or unset the variable; or name the registry with STARDAG_REGISTRY_URL, or in a profile.",
        )


class UnnamedRegistry(ConfigurationError):
    """No configured registry has this address, so that there is no name that a sign-in could be kept under."""

    code = "unnamed-registry"

    def __init__(self, registry_url: str, said_by: str) -> None:
        self.registry_url = registry_url
        super().__init__(
            f"{said_by} names {registry_url}, which no registry of the configuration has as its address.",
            f"Give it a name that the sign-in is kept under: stardag registry add NAME --url {registry_url}",
        )


class WorkspaceDisagrees(ConfigurationError):
    """The API key belongs to another organization or workspace than the one that is named."""

    code = "workspace-disagrees"

    def __init__(self, kind: str, named: str, named_by: str, of_key: str, key_from: str) -> None:
        self.kind = kind
        super().__init__(
            f"The API key from {key_from} belongs to {kind} {of_key!r}, but {named_by} names {named!r}.",
            f"Use a key of {kind} {named!r}, or name {of_key!r}.",
        )


class TargetRootMismatch(TargetRootsDiffer):
    """A root was modified or deleted since the last sync (guide, "Target Roots Synchronization")."""

    code = "target-root-mismatch"

    def __init__(self, changes: "RootChanges", workspace: str, sync_command: str = "stardag target-roots sync") -> None:
        self.changes = changes
        differences = [
            f"Target root mismatch in workspace {workspace!r}: the registry no longer has what was last synced."
        ]
        differences += [f"  modified  {change.name}: {change.old} -> {change.new}" for change in changes.modified]
        differences += [f"  deleted   {change.name}: {change.old}" for change in changes.deleted]
        differences += [f"  added     {change.name}: {change.new}" for change in changes.added]
        super().__init__(lines(*differences), f"If the change is wanted, accept it with: {sync_command}")


class TargetRootCacheLost(TargetRootsDiffer):
    """The cache was unreadable and set aside, so that a build has nothing to compare with."""

    code = "target-root-cache-lost"

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"Target root mismatch: {path} was unreadable and has been set aside, so changed roots would go unnoticed.",
            "Fetch the target roots again with: stardag target-roots sync",
        )


class WorkspaceReplaced(TargetRootsDiffer):
    """A slug leads to another workspace than it did at the last sync (readings, section 3)."""

    code = "workspace-replaced"

    def __init__(self, workspace: str, old_id: str, new_id: str, sync_command: str) -> None:
        self.workspace = workspace
        self.ids = (old_id, new_id)
        super().__init__(
            f"The workspace {workspace!r} is another one than at the last sync: it was {old_id}, and is {new_id} now.",
            f"If that is the workspace to build in, accept it with: {sync_command}",
        )


class NoCredential(SignInNeeded):
    """Nothing to show to the registry."""

    code = "no-credential"

    def __init__(self, registry_url: str, registry: str | None = None, note: str = "") -> None:
        """`registry`: what the configuration calls it, where that is known; `note`: a sentence on what is not used."""
        login = "stardag auth login" if registry is None else f"stardag auth login --registry {registry}"
        super().__init__(
            f"There is no credential for the registry {registry_url}.{' ' + note if note else ''}",
            f"Sign in with `{login}`, or set STARDAG_API_KEY to an API key of the workspace.",
        )


class NotSignedIn(SignInNeeded):
    """Nobody is signed in, where only that would do."""

    code = "not-signed-in"

    def __init__(
        self, registry: str, registry_url: str, note: str = "An API key is sent as it is, without this."
    ) -> None:
        super().__init__(
            f"Nobody is signed in to {registry_url}.",
            lines(f"Sign in with: stardag auth login --registry {registry}", note),
        )


class MalformedCredential(SignInNeeded):
    """A credential that cannot be sent in a header."""

    code = "malformed-credential"

    def __init__(self, said_by: str, kind: str = "API key") -> None:
        super().__init__(
            f"The {kind} from {said_by} is malformed: it has blanks, quotes, control characters or no sensible length.",
            f"Copy the {kind} again into {said_by}.",
        )


class WithheldCredential(SignInNeeded):
    """The credential is not for the place that only a project file names (readings, section 5)."""

    code = "withheld-credential"

    def __init__(self, said_by: str, registry_url: str, path: str) -> None:
        super().__init__(
            f"The API key from {said_by} was not sent: only the project file {path} names {registry_url}.",
            f"If that registry is yours: stardag trust {path}",
        )


class RefusedCredential(SignInNeeded):
    """The registry rejected the credential (HTTP's 401)."""

    code = "refused-credential"

    def __init__(self, registry_url: str, clock_offset: float = 0.0, source: "CredentialSource | None" = None) -> None:
        """`clock_offset`: seconds by which this machine's clock is ahead of the registry's, as far as is known.
        `source`: which credential it was."""
        self.clock_offset = clock_offset
        super().__init__(
            f"The registry {registry_url} rejected {source.description if source else 'the credential'}: "
            "it is unknown, expired or revoked.",
            source.fix if source else "Sign in again with: stardag auth login",
        )


class SignInWithheld(SignInNeeded):
    """A sign-in is not begun at a place that only a project file names (readings, section 5)."""

    code = "sign-in-withheld"

    def __init__(self, registry_url: str, path: str) -> None:
        self.path = path
        super().__init__(
            f"Signing in was not begun: only the project file {path} names {registry_url}.",
            f"If that registry is yours: stardag trust {path}",
        )


class SignInRefused(SignInNeeded):
    """The issuer or the person said no, it took too long, or the answer was not to this sign-in."""

    code = "sign-in-refused"

    def __init__(self, issuer_url: str, reason: str, fix: str = "Try again with: stardag auth login") -> None:
        self.issuer_url = issuer_url
        self.reason = reason
        super().__init__(f"Signing in at {issuer_url} did not work: {reason}.", fix)


class SignInEnded(SignInNeeded):
    """The issuer does not accept the refresh token any more: it has expired, or was revoked."""

    code = "sign-in-ended"

    def __init__(self, registry: str, registry_url: str, reason: str, path: str) -> None:
        """`path`: the file that keeps the sign-in."""
        self.registry = registry
        super().__init__(
            f"The sign-in to {registry_url} ({path}) has ended: {reason}.",
            f"Sign in again with: stardag auth login --registry {registry}",
        )


class UnusableSecrets(SignInNeeded):
    """A file with secrets that is broken, or that others can read."""

    code = "unusable-secrets"

    def __init__(self, path: str, problem: str, fix: str) -> None:
        """`problem`: a phrase to follow the path, such as "is a link"."""
        self.path = path
        super().__init__(f"{path} {problem}; it was not used.", fix)


class ClockOff(SignInNeeded):
    """This machine's clock is so far off that every token looks wrong."""

    code = "clock-off"

    def __init__(self, server_url: str, offset: float) -> None:
        """`offset`: seconds by which this machine's clock is ahead of the server's."""
        self.offset = offset
        direction = "ahead of" if offset > 0 else "behind"
        super().__init__(
            f"This machine's clock is {_duration(abs(offset))} {direction} that of {server_url}, "
            "so that no token can be trusted to be good.",
            "Set the clock right, and repeat the command.",
        )


class NotKnownToRegistry(NotFound):
    """The registry answers that there is no such thing, or none that the credential may see."""

    code = "not-known"

    def __init__(self, kind: str, value: str, registry_url: str, known: Iterable[str] = ()) -> None:
        self.kind = kind
        self.value = value
        self.known = tuple(known)
        near = nearest(value, self.known)
        meant = f" Did you mean {near!r}?" if near else ""
        names = f"Known there: {', '.join(sorted(self.known))}. " if self.known else ""
        super().__init__(
            f"The registry {registry_url} knows no {kind} {value!r} that the credential may see.{meant}",
            f"{names}List them with: {list_command(kind)}",
        )


class WorkspaceMoved(NotFound):
    """The id that a workspace's slugs stood for is not that of a workspace called so any more."""

    code = "workspace-moved"

    def __init__(self, registry_url: str, workspace: str) -> None:
        """`workspace`: what it was called, by slugs: `organization/workspace`."""
        self.workspace = workspace
        super().__init__(
            f"The workspace {workspace} is not what it was at the registry {registry_url}: it was renamed or removed a "
            "moment ago.",
            "Repeat the command; `stardag workspaces list` says which workspaces there are.",
        )


class RegistryUnreachable(OutOfReach):
    """No answer, or one from something that is not a registry."""

    code = "registry-unreachable"

    def __init__(self, registry_url: str, reason: str, fix: str | None = None) -> None:
        self.registry_url = registry_url
        super().__init__(
            f"The registry {registry_url} is out of reach: {reason}.",
            fix or "Check the address with `stardag config explain registry_url`, and that the registry runs.",
        )


class IssuerUnreachable(OutOfReach):
    """No answer from where the registry's users sign in."""

    code = "issuer-unreachable"

    def __init__(self, issuer_url: str, reason: str, fix: str | None = None) -> None:
        self.issuer_url = issuer_url
        self.reason = reason
        super().__init__(
            f"The issuer {issuer_url}, where the registry's users sign in, is out of reach: {reason}.",
            fix or "Try again in a while; an API key in STARDAG_API_KEY needs no issuer.",
        )


class UnexpectedAnswer(StardagError):
    """A registry's answer that cannot be understood or breaks a rule."""

    code = "unexpected-answer"

    def __init__(self, registry_url: str, problem: str, fix: str | None = None) -> None:
        self.registry_url = registry_url
        super().__init__(
            f"The registry {registry_url} gave an answer that cannot be used: {problem}.",
            fix or "Nothing was changed. Is the address right, and the registry's version the one you expect?",
        )


class UnexpectedIssuerAnswer(StardagError):
    """An issuer's answer that cannot be understood, breaks a rule, or leads to where nothing secret may go."""

    code = "unexpected-issuer-answer"

    def __init__(self, issuer_url: str, problem: str) -> None:
        self.issuer_url = issuer_url
        super().__init__(
            f"The issuer {issuer_url} gave an answer that cannot be used: {problem}.",
            "Nothing was changed. Tell whoever runs the registry, which names this issuer.",
        )


class StorageUnavailable(StardagError):
    """One or more target roots cannot be written."""

    code = "storage-unavailable"

    def __init__(self, problems: Sequence[tuple[str, str, str]]) -> None:
        """`problems`: name, URI prefix and what is wrong, for each root that failed its check."""
        self.problems = tuple(problems)
        failed = [f"The storage of {len(problems)} target root{'s' if len(problems) > 1 else ''} cannot be used:"]
        failed += [f"  {name} ({uri_prefix}): {problem}" for name, uri_prefix, problem in problems]
        super().__init__(lines(*failed), "Mend the storage or the access to it, then: stardag target-roots validate")


NOT_TOLD = (OutOfReach, SignInNeeded, NotAllowed, UnexpectedAnswer, UnexpectedIssuerAnswer, StateNotWritable)
"""Why a registry could not tell what it knows, which says nothing about what it was asked."""


def list_command(kind: str) -> str:
    """What to type to see what there is of a kind."""
    known = {"invitation": "members list --invited"}
    return f"stardag {known.get(kind) or kind.lower().replace(' ', '-') + 's list'}"


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if round(seconds / size, 2) >= 1:  # what is all but a day is a day
            count = round(seconds / size)
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return f"{seconds:.0f} seconds"
