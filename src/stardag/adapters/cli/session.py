"""What every command is given: the options that all commands share, the use cases, and a way to ask a person."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from stardag.adapters.cli.answers import Format, Renderer

if TYPE_CHECKING:
    from stardag.adapters.cli.prompts import Prompts
    from stardag.adapters.cli.use_cases import UseCases
    from stardag.domain.layers import Notice
    from stardag.domain.profile import Selection

_SHARED = Group("Options of every command", sort_key=90)


@Parameter(name="*", group=_SHARED)
@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Options:
    """The options of every command."""

    profile: Annotated[
        str | None, Parameter(name=["--profile", "-p"], help="Use this profile, whatever else names one.")
    ] = None
    format: Annotated[Format, Parameter(name="--format", help="How to answer.")] = "text"
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="", help="Leave out warnings and remarks.")] = (
        False
    )
    verbose: Annotated[
        bool, Parameter(name=["--verbose", "-v"], negative="", help="Say what is asked of a registry.")
    ] = False
    no_input: Annotated[bool, Parameter(name="--no-input", negative="", help="Never ask, fail instead.")] = False
    offline: Annotated[bool, Parameter(name="--offline", negative="", help="Do not ask any registry.")] = False

    def selection(
        self, registry: str | None = None, organization: str | None = None, workspace: str | None = None
    ) -> "Selection":
        """What these options and those of one command select."""
        from stardag.domain.profile import Selection  # and with it most of the domain, which --help needs none of

        return Selection(self.profile, registry, organization, workspace, self.offline)


DEFAULTS = Options()


def unused_profile(profile: str, reason: str) -> "Notice":
    """A word on `--profile` where it has no effect: it may have been meant to have one."""
    from stardag.domain.layers import Notice

    return Notice("unused-option", f"--profile {profile} has no effect: {reason}.")


RegistryOption = Annotated[
    str | None, Parameter(name=["--registry", "-r"], help="A registry's name in the configuration.")
]
OrganizationOption = Annotated[
    str | None, Parameter(name=["--organization", "-o"], help="An organization's slug or id.")
]
WorkspaceOption = Annotated[str | None, Parameter(name=["--workspace", "-w"], help="A workspace's slug or id.")]


class Session:
    """One run of the program. `use_cases` makes them on first use, so that a command that needs none pays nothing.

    `behind` are the words behind `--`, which are another command.
    """

    def __init__(
        self,
        use_cases: "Callable[[], UseCases]",
        prompts: "Prompts",
        waiting: Callable[[str], AbstractContextManager[None]],
        renderer: Renderer,
        behind: Sequence[str] = (),
    ) -> None:
        self.use_cases = use_cases
        self.prompts = prompts
        self.waiting = waiting
        self.renderer = renderer
        self.behind = behind


SessionArgument = Annotated[Session, Parameter(parse=False)]
