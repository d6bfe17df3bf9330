"""Every failure of the client, drawn once; the command line adds those of its own words and output.

Code imports them from `stardag.errors`, which has to export each new one; docs/errors.md lists it.

Leaves marked with ° stand in `stardag.domain.refusals`, since only changing or searching a registry comes to them,
those with ² in `stardag.domain.registry_errors`, since only asking one does, those with ˣ in
`stardag.domain.output_errors`, since only building, reading and copying outputs does, and those with ¹ in
`stardag.domain.command_errors`, since only `stardag exec` and what it runs does.

A leaf takes data (which file, which key, what was near) and makes one sentence that says what is wrong and where it
came from (`message`) and one that says what to type next (`fix`).

    StardagError
    ├── ConfigurationError            what the files, variables or arguments say cannot be used
    │   ├── InvalidName               a name outside the rule for names
    │   ├── InvalidValue              a URL, a URI prefix or another value that cannot be one
    │   ├── InvalidFile               a configuration file with broken TOML, wrong types or dangling references
    │   ├── InvalidVariable           an environment variable that does not parse
    │   ├── UnknownVariable ²         a variable that is not known, where a credential would go to the default registry
    │   ├── ConflictingVariables      two spellings of one variable with different values
    │   ├── UntrustedFile             a project file of somebody else's
    │   ├── UnsafeFile                a file of the user's own that others may write
    │   ├── NoProjectFile             no project's file where one is asked for
    │   ├── UnknownName               a profile or registry that the configuration does not define
    │   ├── UnknownTargetRoot         a target root that is not among the active ones
    │   ├── NoProfileChosen           profiles in the configuration, none of which is chosen
    │   ├── MissingSetting            nothing says which organization or workspace
    │   ├── UnnamedRegistry ²         the registry has no name that a sign-in could be kept under
    │   ├── WorkspaceDisagrees ²      the API key belongs to another organization or workspace
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
    │   ├── TargetRootMismatch ²      a root was modified or deleted since the last sync
    │   ├── TargetRootCacheLost ²     the cache was unreadable, so nothing can be compared
    │   └── WorkspaceReplaced ²       a slug leads to another workspace than at the last sync
    ├── SignInNeeded                  no credential, or one that is no good
    │   ├── NoCredential ²
    │   ├── NotSignedIn ²             no person's, whatever API key there is
    │   ├── MalformedCredential ²
    │   ├── WithheldCredential ²      the credential is not for the place that a project file names
    │   ├── RefusedCredential ²
    │   ├── AccessTokenEnded ¹        the one that `stardag exec` handed down is not accepted any more
    │   ├── SignInWithheld ²          nor is a sign-in begun there
    │   ├── SignInRefused ²           the issuer or the person said no, or the answer was not to this sign-in
    │   ├── SignInEnded ²             the issuer does not accept the refresh token any more
    │   ├── UnusableSecrets ²         a file with secrets is broken, or others can read it
    │   └── ClockOff ²                this machine's clock makes every token look wrong
    ├── NotFound                      the registry answers that there is no such thing
    │   ├── NotKnownToRegistry ²
    │   ├── WorkspaceMoved ²          an id is not that of the workspace that it was looked up as
    │   └── InvitationGone °          the link of an invitation that counts no more
    ├── Conflict °                    what is asked for does not go with what the registry holds
    │   ├── AlreadyExists °
    │   ├── TooMany °
    │   ├── LastOwner °
    │   ├── WorkspaceArchived °
    │   └── BuildEnded °
    ├── NotAllowed                    the registry answers that the credential may not
    ├── OutOfReach                    no answer
    │   ├── RegistryUnreachable ²     or one from something that is not a registry
    │   └── IssuerUnreachable ²       from where a registry's users sign in
    ├── UnexpectedAnswer ²            a registry's answer that cannot be understood
    ├── UnexpectedIssuerAnswer ²      an issuer's
    ├── StorageUnavailable ²          one or more target roots cannot be written
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
    pass

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
        return copyreg.__newobj__, (type(self), *self.args), state  # type: ignore[attr-defined]  # typeshed leaves it out


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
            f"{_quoted(value, 80)} cannot name {_article(kind)}.",
            "Names are lower-case letters and digits, with single hyphens or underscores between them, "
            "63 characters at most.",
        )


class InvalidValue(ConfigurationError):
    """A value of the right type that cannot be what it is given for."""

    code = "invalid-value"

    def __init__(self, kind: str, value: str | None, problem: str, fix: str) -> None:
        """`value`: None where it is not to be shown."""
        self.kind = kind
        self.value = value or ""
        what = f"Invalid {kind}" if value is None else f"{_quoted(value, 200)} cannot be {_article(kind)}"
        super().__init__(f"{what}: {problem}.", fix)


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
                "Choose one with --profile NAME (in Python: profile=NAME) or STARDAG_PROFILE=NAME, "
                f"or make it the default: stardag profile use {profiles[0]}"
            )
        else:
            noun = "registry" if len(registries) == 1 else "registries"
            what = f"{path} defines the {noun} {', '.join(registries)} and no profile"
            fix = f"Add one with: stardag profile add NAME --registry {registries[0]}"
        super().__init__(f"No profile is chosen: {what}.", fix)


class MissingSetting(ConfigurationError):
    """Nothing says which organization, workspace or profile."""

    code = "missing-setting"

    def __init__(self, key: str, variable: str, note: str = "", fix: str | None = None) -> None:
        self.key = key
        super().__init__(
            f"No {key} is set.{' ' + note if note else ''}",
            fix
            or f"Give --{key} (in Python: {key}=NAME), set {variable}, "
            "or add a profile that names it: stardag profile add NAME",
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


class SignInNeeded(StardagError):
    """There is no credential for the registry, or one that is no good."""

    code = "sign-in-needed"


class NotFound(StardagError):
    """The registry answers that there is no such thing."""

    code = "not-found"


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

    problem = (
        "There is no home directory: HOME is no absolute path, or it is not set and the user has no account entry."
    )
    remedy = "Set HOME to a directory that you can write, or STARDAG_HOME to one for stardag alone."

    def __init__(self, fix: str = remedy) -> None:
        self.path = ""
        StardagError.__init__(self, self.problem, fix)


def _quoted(value: object, length: int) -> str:
    """A text, shortened before it is quoted; programs hand over other things as well."""
    return repr(value[:length]) if isinstance(value, str) else repr(value)[:length]


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeio" else f"a {kind}"
