"""`stardag exec`: any command, at the active profile's place."""

from contextlib import AbstractContextManager
from typing import Annotated

from cyclopts import App, Parameter

from stardag.adapters.cli.answers import Answer
from stardag.adapters.cli.session import (
    DEFAULTS,
    Options,
    OrganizationOption,
    RegistryOption,
    Session,
    SessionArgument,
    WorkspaceOption,
)
from stardag.app.run_command import BuildAsked
from stardag.domain.errors import ConfigurationError
from stardag.domain.layers import Notice

app = App(name="exec", help_format="plaintext", usage="Usage: stardag exec [OPTIONS] -- COMMAND [ARGUMENTS]")


class NoCommand(ConfigurationError):
    """No command to run, or one that is not set off from the options."""

    code = "no-command"

    def __init__(self, problem: str) -> None:
        super().__init__(problem, "For example: stardag exec --build nightly -- python pipeline.py --fast")


@app.default
def execute(
    *words: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    build: Annotated[str | None, Parameter(help="Register the command as a build of this name.")] = None,
    description: Annotated[str | None, Parameter(help="What the build is for.")] = None,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Run a command at the active profile's place, which it finds in its environment, and exit as it does.

    The target roots are validated first, as at the start of a build. Everything behind `--` is the command's own.
    Standard output is the command's alone; what Stardag has to say goes to standard error.
    """
    if words:
        raise NoCommand(f"{words[0][:80]!r} is no option of exec: the command to run goes behind `--`.")
    if not session.behind:
        raise NoCommand("There is no command to run: it goes behind `--`.")
    if description is not None and build is None:
        raise NoCommand("--description goes with --build NAME.")
    use_cases = session.use_cases()
    ended = use_cases.run_command()(
        options.selection(registry, organization, workspace),
        session.behind,
        _AtTheTerminal(session),
        None if build is None else BuildAsked(build, description),
    )
    use_cases.commands().end_as(ended)


class _AtTheTerminal:
    """Says everything at once, on standard error, in sentences: a command's answer is no place for it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def tell(self, notice: Notice) -> None:
        """Say something."""
        self._session.renderer.tell(notice)

    def waiting(self, what: str) -> AbstractContextManager[None]:
        """Say what is being waited for."""
        return self._session.waiting(what)
