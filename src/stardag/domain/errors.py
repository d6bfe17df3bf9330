"""Every failure of the client, drawn once; the command line adds those of its own words and output.

Code imports them from `stardag.errors`, which has to export each new one; docs/errors.md lists it.

Leaves marked with ° stand in `stardag.domain.refusals`, since only changing or searching a registry comes to them,
those with ˣ in `stardag.domain.output_errors`, since only building, reading and copying outputs does, and those with ¹
in `stardag.domain.command_errors`, since only `stardag exec` and what it runs does.

A leaf takes data (which file, which key, what was near) and makes one sentence that says what is wrong and where it
came from (`message`) and one that says what to type next (`fix`).

    StardagError
    ├── ConfigurationError            what the files, variables or arguments say cannot be used
    │   ├── InvalidName               a name outside the rule for names
    │   ├── InvalidValue              a URL, a URI prefix or another value that cannot be one
    │   ├── InvalidFile               a configuration file with broken TOML, wrong types or dangling references
    │   ├── InvalidVariable           an environment variable that does not parse
    │   ├── UnknownVariable           a variable that is not known, where a credential would go to the default registry
    │   ├── ConflictingVariables      two spellings of one variable with different values
    │   ├── UntrustedFile             a project file of somebody else's
    │   ├── UnsafeFile                a file of the user's own that others may write
    │   ├── NoProjectFile             no project's file where one is asked for
    │   ├── UnknownName               a profile or registry that the configuration does not define
    │   ├── UnknownTargetRoot         a target root that is not among the active ones
    │   ├── NoProfileChosen           profiles in the configuration, none of which is chosen
    │   ├── MissingSetting            nothing says which organization or workspace
    │   ├── UnnamedRegistry           the registry has no name that a sign-in could be kept under
    │   ├── WorkspaceDisagrees        the API key belongs to another organization or workspace
    │   ├── InputNeeded               something to be asked for where nobody can be asked
    │   ├── ConfirmationNeeded        a change that overwrites, takes along or spoils what is there
    │   ├── EditNotPossible           an edit that would not read back as intended
    │   ├── UnusableLink °            an invitation's link that is none, or of another registry
    │   ├── AmbiguousName °           a name that several things have
    │   ├── UnsupportedScheme ˣ       a target root that nothing can be opened below
    │   ├── OutsideTargetRoot ˣ       a path that would leave its target root
    │   ├── NothingToCopy ˣ           a copy that nothing was named for
    │   ├── OverlappingRoots ˣ        a copy from a place to itself, or into itself
    │   └── RefusedValue °            a value that the registry does not accept
    ├── TargetRootsDiffer             the target roots are not what they were
    │   ├── TargetRootMismatch        a root was modified or deleted since the last sync
    │   ├── TargetRootCacheLost       the cache was unreadable, so nothing can be compared
    │   └── WorkspaceReplaced         a slug leads to another workspace than at the last sync
    ├── SignInNeeded                  no credential, or one that is no good
    │   ├── NoCredential
    │   ├── NotSignedIn               no person's, whatever API key there is
    │   ├── MalformedCredential
    │   ├── WithheldCredential        the credential is not for the place that a project file names
    │   ├── RefusedCredential
    │   ├── AccessTokenEnded ¹        the one that `stardag exec` handed down is not accepted any more
    │   ├── SignInWithheld            nor is a sign-in begun there
    │   ├── SignInRefused             the issuer or the person said no, or the answer was not to this sign-in
    │   ├── SignInEnded               the issuer does not accept the refresh token any more
    │   ├── UnusableSecrets           a file with secrets is broken, or others can read it
    │   └── ClockOff                  this machine's clock makes every token look wrong
    ├── NotFound                      the registry answers that there is no such thing
    │   ├── NotKnownToRegistry
    │   ├── WorkspaceMoved            an id is not that of the workspace that it was looked up as
    │   └── InvitationGone °          the link of an invitation that counts no more
    ├── Conflict °                    what is asked for does not go with what the registry holds
    │   ├── AlreadyExists °
    │   ├── TooMany °
    │   ├── LastOwner °
    │   ├── WorkspaceArchived °
    │   └── BuildEnded °
    ├── NotAllowed                    the registry answers that the credential may not
    ├── OutOfReach                    no answer
    │   ├── RegistryUnreachable       or one from something that is not a registry
    │   └── IssuerUnreachable         from where a registry's users sign in
    ├── UnexpectedAnswer              a registry's answer that cannot be understood
    ├── UnexpectedIssuerAnswer        an issuer's
    ├── StorageUnavailable            one or more target roots cannot be written
    ├── StorageFailed ˣ               a storage did not do what was asked of it
    ├── NoSuchOutput ˣ                an output, a directory or a task that is not there
    ├── CopyStopped ˣ                 a copy that stopped at the first failure
    ├── CopyInterrupted ˣ             a copy that somebody interrupted
    ├── ReadOnlyTargetRoot ˣ          writing below a root that was opened for reading alone
    ├── TaskNotRunning ˣ              writing to an output of a task outside of a run of it
    ├── TooManyOutputs ˣ              a task with more outputs than its record can list
    ├── BuildCancelled ˣ              a build that was ended at the registry while it ran
    ├── CommandNotFound ¹             no such command to run
    ├── CommandNotRunnable ¹          a file that cannot be run
    └── StateNotWritable              a state or configuration file cannot be written
        └── NoHomeDirectory           there is no place for it
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from stardag.domain.lines import lines, shown
from stardag.domain.suggestions import nearest

if TYPE_CHECKING:
    from stardag.domain.credential_source import CredentialSource
    from stardag.domain.root_changes import RootChanges

PUBLIC_MODULE = "stardag.errors"
"""Where every error of the tree is imported from."""


class StardagError(Exception):
    """What every failure of this library derives from.

    It can be copied and sent to other processes.

    Attributes:
        code: a stable word for programs.
        message: what is wrong, and where the value came from.
    """

    code = "failed"

    def __init_subclass__(cls) -> None:
        """Show the public name in tracebacks, which is also the one to import."""
        if cls.__module__.startswith("stardag.domain."):
            cls.__module__ = PUBLIC_MODULE

    def __init__(self, message: str, fix: str) -> None:
        message, fix = shown(message), shown(fix)
        super().__init__(message)
        self.message = message
        self._fix = fix
        self.add_note(fix)

    @property
    def fix(self) -> str:
        """What to type or change next. It is also a note (PEP 678), which tracebacks show below the message."""
        return self._fix

    @fix.setter
    def fix(self, fix: str) -> None:
        fix = shown(fix)
        self.__notes__ = [fix, *(note for note in self.__notes__ if note != self._fix)]
        self._fix = fix

    def __reduce__(self) -> tuple[Callable[..., "StardagError"], tuple[object, ...], dict[str, object]]:
        """Copy and pickle what it holds; its class takes other arguments than those that Exception would give it."""
        import copyreg  # an error is hardly ever pickled

        state = {**vars(self), "__notes__": [*self.__notes__]}
        return copyreg.__newobj__, (type(self), *self.args), state  # type: ignore[attr-defined]


StardagError.__module__ = PUBLIC_MODULE


class ConfigurationError(StardagError):
    """What the files, variables or arguments say cannot be used."""

    code = "configuration"


class InvalidName(ConfigurationError):
    """A name outside the rule for names (readings, section 1)."""

    code = "invalid-name"

    def __init__(self, kind: str, value: str) -> None:
        self.kind = kind
        self.value = value
        super().__init__(
            f"{value[:80]!r} cannot name {_article(kind)}.",
            "Names are lower-case letters and digits, with single hyphens or underscores between them, "
            "63 characters at most.",
        )


class InvalidValue(ConfigurationError):
    """A value of the right type that cannot be what it is given for."""

    code = "invalid-value"

    def __init__(self, kind: str, value: str, problem: str, fix: str) -> None:
        self.kind = kind
        self.value = value
        super().__init__(f"{value[:200]!r} cannot be {_article(kind)}: {problem}.", fix)


class FileProblem:
    """One thing wrong in a configuration file: where, at which key, and what."""

    def __init__(self, path: str, line: int | None, key: str | None, problem: str) -> None:
        self.path = path
        self.line = line
        self.key = key
        self.problem = problem

    def __str__(self) -> str:
        line = "" if self.line is None else f":{self.line}"
        key = "" if self.key is None else f" {self.key}:"
        return f"{self.path}{line}:{key} {self.problem}"


class InvalidFile(ConfigurationError):
    """A configuration file with broken TOML, wrong types or dangling references."""

    code = "invalid-file"

    def __init__(self, problems: Sequence[FileProblem]) -> None:
        self.problems = tuple(problems)
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(f"{problems[0]}{more}", "Mend the file; `stardag config validate` lists all that is wrong.")


class InvalidVariable(ConfigurationError):
    """An environment variable that does not parse."""

    code = "invalid-variable"

    def __init__(self, variable: str, problem: str, fix: str | None = None) -> None:
        self.variable = variable
        super().__init__(
            f"The environment variable {variable} cannot be used: {problem}", fix or f"Correct or unset {variable}."
        )


class UnknownVariable(ConfigurationError):
    """A variable that is not known, where a credential would go to a registry that nothing names."""

    code = "unknown-variable"

    def __init__(self, problems: Sequence[str], registry_url: str) -> None:
        """`problems`: a sentence on each variable that is not known."""
        super().__init__(
            f"{' '.join(problems)} Nothing else names a registry, so nothing was sent to the default {registry_url}.",
            "Correct or unset the variable; or name the registry with STARDAG_REGISTRY_URL, or in a profile.",
        )


class ConflictingVariables(ConfigurationError):
    """Two spellings of one variable with different values."""

    code = "conflicting-variables"

    def __init__(self, first: str, second: str) -> None:
        self.variables = (first, second)
        super().__init__(
            f"The environment variables {first} and {second} mean the same and have different values.",
            f"Unset one of them; {first} is the preferred spelling.",
        )


class UntrustedFile(ConfigurationError):
    """A project file that belongs to another user, or that everyone may write."""

    code = "untrusted-file"

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        super().__init__(
            f"The project file {path} is not used: {reason}.",
            f"Read it, and if it is what you want: stardag trust {path}",
        )


class UnsafeFile(ConfigurationError):
    """A configuration file of the user's own that others may write, or put another one in its place."""

    code = "unsafe-file"

    def __init__(self, path: str, problem: str, fix: str) -> None:
        """`problem`: a sentence without its full stop, such as "others may write /home/me/.stardag"."""
        self.path = path
        self.problem = problem
        super().__init__(f"The configuration file {path} is not used: {problem}.", fix)


class NoProjectFile(ConfigurationError):
    """There is no project's configuration file where one is asked for."""

    code = "no-project-file"

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(
            f"There is no .stardag/config.toml of a project at or above {path}.",
            "Name the file: stardag trust PATH/.stardag/config.toml",
        )


class UnknownName(ConfigurationError):
    """A profile or registry that the configuration does not define."""

    code = "unknown-name"

    def __init__(
        self, kind: str, value: str, said_by: str, known: Iterable[str], replaced: tuple[str, str] | None = None
    ) -> None:
        """`replaced`: the user's own file, where that defines the name, and the project's file that replaces it."""
        self.kind = kind
        self.value = value
        self.said_by = said_by
        self.known = tuple(known)
        names = ", ".join(sorted(self.known)) or "none"
        if replaced is None:
            near = nearest(value, self.known)
            note = f" Did you mean {near!r}?" if near else ""
            fix = f"Known: {names}. Add it with: stardag {kind} add NAME"
        else:
            own, project = replaced
            note = f" {own} defines it, but is not read here: the project file {project} replaces it whole."
            fix = f"Known: {names}. Add it to the project: stardag {kind} add {value}; or work outside of the project."
        super().__init__(f"There is no {kind} {value[:80]!r} (named by {said_by}).{note}", fix)


class UnknownTargetRoot(ConfigurationError):
    """A target root that is not among the active ones."""

    code = "unknown-target-root"

    def __init__(self, name: str, known: Iterable[str]) -> None:
        self.name = name
        self.known = tuple(known)
        names = ", ".join(sorted(self.known)) or "none"
        super().__init__(
            f"The active profile has no target root {name[:80]!r}; it has: {names}.",
            "Fetch the workspace's target roots with: stardag target-roots sync",
        )


class NoProfileChosen(ConfigurationError):
    """The configuration defines profiles or registries, and nothing chooses one (readings, section 2)."""

    code = "no-profile-chosen"

    def __init__(self, path: str, profiles: Sequence[str], registries: Sequence[str]) -> None:
        self.path = path
        self.profiles = tuple(profiles)
        if profiles:
            is_one = len(profiles) == 1
            what = (
                f"{path} defines {', '.join(profiles)}, {'which is not' if is_one else 'none of which is'} the default"
            )
            fix = (
                "Choose one with --profile NAME or STARDAG_PROFILE=NAME, or make it the default: "
                f"stardag profile use {profiles[0]}"
            )
        else:
            what = f"{path} defines the registries {', '.join(registries)} and no profile"
            fix = f"Add one with: stardag profile add NAME --registry {registries[0]}"
        super().__init__(f"No profile is chosen: {what}.", fix)


class MissingSetting(ConfigurationError):
    """Nothing says which organization, workspace or profile."""

    code = "missing-setting"

    def __init__(self, key: str, variable: str, note: str = "", fix: str | None = None) -> None:
        self.key = key
        super().__init__(
            f"No {key} is set.{' ' + note if note else ''}",
            fix or f"Give --{key}, set {variable}, or add a profile that names it: stardag profile add NAME",
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


class InputNeeded(ConfigurationError):
    """Something has to be asked for where nobody can be asked."""

    code = "input-needed"

    def __init__(self, what: str, option: str, example: str) -> None:
        self.option = option
        super().__init__(
            f"{what} is needed, and there is nobody to ask here.", f"Give {option}, for example: {example}"
        )


class ConfirmationNeeded(ConfigurationError):
    """A change that would overwrite something, take something else along, or spoil what builds have made."""

    code = "confirmation-needed"

    def __init__(self, message: str, option: str) -> None:
        self.option = option
        super().__init__(message, f"If that is what you want, repeat the command with {option}.")


class EditNotPossible(ConfigurationError):
    """An edit that would not read back as intended; nothing was changed."""

    code = "edit-not-possible"

    def __init__(self, path: str, reason: str, paste: str) -> None:
        self.path = path
        self.paste = paste
        super().__init__(
            f"{path} was left as it is: {reason}.",
            lines("Edit it by hand; what should stand in it is:", *paste.rstrip().split("\n")),
        )


class TargetRootsDiffer(StardagError):
    """The target roots are not what they were."""

    code = "target-roots-differ"


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


class SignInNeeded(StardagError):
    """There is no credential for the registry, or one that is no good."""

    code = "sign-in-needed"


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


class NotFound(StardagError):
    """The registry answers that there is no such thing."""

    code = "not-found"


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


class NotAllowed(StardagError):
    """The registry answers that the credential may not do this."""

    code = "not-allowed"

    def __init__(self, registry_url: str, what: str) -> None:
        super().__init__(
            f"The registry {registry_url} does not allow this: {what}.",
            "Ask an admin of the organization, or use a credential that may.",
        )


class OutOfReach(StardagError):
    """No answer from a server that is needed."""

    code = "out-of-reach"


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


class StateNotWritable(StardagError):
    """A state or configuration file cannot be written."""

    code = "not-writable"

    def __init__(self, path: str, reason: str, fix: str | None = None) -> None:
        self.path = path
        super().__init__(
            f"{path} cannot be written: {reason}.",
            fix
            or f"Check the permissions with `ls -ld {path}`, or set STARDAG_HOME to a directory that you can write.",
        )


class NoHomeDirectory(StateNotWritable):
    """The user has no home directory, so that there is no place for configuration and state."""

    code = "no-home-directory"

    problem = "There is no home directory: HOME is not set to an absolute path, and the user has no account entry."
    remedy = "Set HOME to a directory that you can write, or STARDAG_HOME to one for stardag alone."

    def __init__(self, fix: str = remedy) -> None:
        self.path = ""
        StardagError.__init__(self, self.problem, fix)


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


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeio" else f"a {kind}"
