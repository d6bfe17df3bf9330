"""The program: its commands, and one run of it from arguments to exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from typing import TYPE_CHECKING, cast

from cyclopts import App, CycloptsError
from cyclopts.exceptions import RepeatArgumentError

from stardag.adapters.cli.answers import Renderer
from stardag.adapters.cli.command_line import presentation_of, shared_option_name, split_command_line
from stardag.adapters.cli.exit_codes import DONE, FAILED, INTERRUPTED, exit_code_of
from stardag.adapters.cli.help import PlainHelp
from stardag.domain.errors import StardagError
from stardag.domain.version import VERSION

if TYPE_CHECKING:
    from inspect import BoundArguments

    from stardag.adapters.cli.answers import Answer
    from stardag.adapters.cli.command_line import CommandLine
    from stardag.adapters.cli.session import Session
    from stardag.adapters.cli.use_cases import UseCases
    from stardag.domain.layers import Notice

_COMMANDS = "stardag.adapters.cli.commands"

_DESCRIPTION = """Where your code runs and its outputs go: registries, profiles and target roots.

Start with `stardag quickstart`, or see what is in force here with `stardag config show`.

Options of every command, in front of it or behind it: --profile/-p NAME, --format text|json, --quiet/-q, \
--verbose/-v, --no-input, --offline."""

_MODULES = {
    "registry": ("registry:app", "List, add and remove Stardag API backends, or run one here."),
    "profile": ("profile:app", "Name a registry, an organization and a workspace, and choose among them."),
    "auth": ("auth:app", "Sign in to a registry, and out; see who is signed in."),
    "organizations": ("organizations:app", "List, make and join organizations."),
    "members": ("members:app", "List and invite the members of an organization, remove them, change their roles."),
    "workspaces": ("workspaces:app", "List, make and archive the workspaces of an organization."),
    "target-roots": ("target_roots:app", "List, sync, validate and change where the outputs of a workspace go."),
    "api-keys": ("api_keys:app", "List, make and revoke the API keys of a workspace."),
    "builds": ("builds:app", "List, show and cancel the builds of a workspace."),
    "tasks": ("tasks:app", "List and show the tasks of a workspace."),
    "exec": ("execute:app", "Run any command at the active profile's place, as a build if wanted."),
    "outputs": ("outputs:app", "List what is below a target root, and copy it to that of another profile."),
    "config": ("config:app", "Show what is in force, where each value came from, and what it overrode."),
    "trust": ("trust:trust", "Trust the configuration file of a project that is not your own."),
    "quickstart": ("quickstart:quickstart", "Show all of it on this machine, in a directory of its own."),
    "version": ("version:version", "Print the version."),
}


_ABOUT_NO_PROFILE = frozenset(
    (
        *("registry add", "registry remove", "registry serve", "registry rotate-signing-key", "registry upgrade"),
        *("registry backup", "registry restore", "registry copy", "profile add", "profile use", "profile remove"),
        *("config path", "trust", "quickstart", "version"),
    )
)
"""The commands that do the same whatever profile `--profile` names."""


class AnswerNotWritten(StardagError):
    """What standard output leads to does not take the answer."""

    code = "answer-not-written"

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The answer could not be written to standard output: {reason}.",
            "The command itself was done; send its output somewhere else to see it.",
        )


def make_app() -> App:
    """The root of all commands; none of their modules is imported until it is run."""
    app = App(
        name="stardag",
        help=_DESCRIPTION,
        help_format="plaintext",
        help_formatter=PlainHelp(),
        version=VERSION,
        version_flags=["--version"],
        help_flags=["--help", "-h"],
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
    )
    for name, (target, help_text) in _MODULES.items():
        app.command(f"{_COMMANDS}.{target}", name=name, help=help_text)
    return app


def run(arguments: Sequence[str], use_cases: Callable[[], UseCases]) -> int:
    """Run one command line and return the exit code. No traceback gets out of here, whatever happens."""
    renderer = Renderer(*presentation_of(arguments))
    line = split_command_line(arguments)
    notices = [_correction(line)] if line.is_corrected else []
    try:
        return _run(line, notices, use_cases, renderer)
    except StardagError as error:
        renderer.error(error, notices)
        return exit_code_of(error)
    except KeyboardInterrupt as interrupt:
        sys.stderr.write(_words_on(interrupt))
        return INTERRUPTED
    except BrokenPipeError:
        return FAILED  # whoever read the answer has gone
    except Exception as error:  # noqa: BLE001  # the last resort: one line for whoever can mend it, no traceback
        renderer.error(_unexpected(error), notices)
        return FAILED


def _run(line: CommandLine, notices: list[Notice], use_cases: Callable[[], UseCases], renderer: Renderer) -> int:
    """Run a command line. `notices` gets what a person should hear of as well where it fails."""
    made: list[UseCases] = []

    def make_use_cases() -> UseCases:
        made[:] = made or [use_cases()]
        return made[0]

    try:
        answered = _answered(line, notices, make_use_cases, renderer)
    except Exception:
        _read_variables(make_use_cases())
        notices += make_use_cases().notice_log()
        raise
    if answered is None:
        return DONE
    command_words, answer = answered
    of_variables = _read_variables(made[0]) if made else ()
    answer = answer._replace(notices=tuple(dict.fromkeys((*notices, *of_variables, *answer.notices))))
    with _writing():
        renderer.answer(command_words, answer)
    return answer.exit_code


def _answered(
    line: CommandLine, notices: list[Notice], use_cases: Callable[[], UseCases], renderer: Renderer
) -> tuple[str, Answer] | None:
    """The words of the command and its answer; None of help and version, which Cyclopts answers."""
    _check_encoding(line)
    app = make_app()
    command, bound, injected = _parsed(app, line)
    if "session" not in injected:
        with _writing():
            command(*bound.args, **bound.kwargs)
        return None
    command_words = _command_words(app, line.words).removeprefix("stardag ")
    notices += _unused_profile(command_words, bound.arguments.get("options"))
    if line.behind:  # of whose command nothing comes back
        for notice in notices:
            renderer.tell(notice)
    session = _session(bound, use_cases, renderer, line.behind)
    return command_words, cast("Answer", command(*bound.args, **bound.kwargs, session=session))


def _check_encoding(line: CommandLine) -> None:
    """Make sure that every word is text; those of another command are its own.

    Raises:
        UsageError: one has bytes that are none.
    """
    words = [*line.words, *chain.from_iterable(line.front.values())]
    if all(word.isascii() for word in words):
        return
    from stardag.adapters.cli.usage_errors import UsageError
    from stardag.domain.names import is_text

    for before, word in zip(("", *words), words, strict=False):
        if is_text(word):
            continue
        option = word.partition("=")[0] if word.startswith("-") else before
        of = f" of {option}" if option.startswith("-") and option.isascii() else ""
        raise UsageError(
            f"Invalid argument{of}: {word[:80]!a} is not text in {sys.getfilesystemencoding().upper()}.",
            "Type it in the encoding of this locale.",
        )


def _words_on(interrupt: KeyboardInterrupt) -> str:
    """What a person reads who broke off; the terminal stands in the line of a question unless that was answered."""
    from stardag.adapters.cli.prompts import Declined, QuestionInterrupted

    if not isinstance(interrupt, QuestionInterrupted):
        return "\n"
    return "Nothing was changed.\n" if isinstance(interrupt, Declined) else "\nNothing was changed.\n"


def _parsed(app: App, line: CommandLine) -> tuple[Callable[..., object], BoundArguments, dict[str, object]]:
    """The command and its arguments. An option of every command that stands behind the command replaces the one in
    front of it; where there is no command to have it, it is left out.

    Raises:
        UsageError: the command line cannot be understood.
    """
    front = line.front
    if front and app.parse_commands(line.words)[1][-1].default_command is None:  # help, unless an option took it
        from stardag.adapters.cli.usage_errors import wrong_value_in_front

        if (wrong := wrong_value_in_front(app, line)) is not None:
            raise wrong
        front = {}
    while True:
        try:
            return app.parse_args([*line.words, *chain.from_iterable(front.values())])
        except CycloptsError as error:
            repeated = shared_option_name(error.token.keyword or "") if isinstance(error, RepeatArgumentError) else None
            if repeated not in front:
                from stardag.adapters.cli.usage_errors import usage_error

                raise usage_error(app, line, error) from None
            front = {name: words for name, words in front.items() if name != repeated}


def _read_variables(use_cases: UseCases) -> tuple[Notice, ...]:
    """What a person should hear of the variables, also of a command that reads none of them, or not that far."""
    with suppress(StardagError):
        return use_cases.environment().read().notices
    return ()


def _correction(line: CommandLine) -> Notice:
    from stardag.domain.layers import Notice

    return Notice("misspelt-command", f"The command is: {' '.join(['stardag', *line.words])}")


@contextmanager
def _writing() -> Generator[None]:
    """Make sure that an answer is out when the block ends.

    Raises:
        BrokenPipeError: whoever read the answer has gone.
        AnswerNotWritten: it could not be written, since a disk is full, say.
    """
    try:
        yield
        sys.stdout.flush()
    except OSError as error:
        # Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise
        raise AnswerNotWritten((error.strerror or str(error)).lower()) from None


def _session(
    bound: BoundArguments, use_cases: Callable[[], UseCases], renderer: Renderer, behind: Sequence[str]
) -> Session:
    """What the command is given; imported here, since help and a word that is no command need none of it."""
    from stardag.adapters.cli.prompts import Prompts
    from stardag.adapters.cli.session import DEFAULTS, Options, Session
    from stardag.adapters.cli.waiting import waiting_for

    options = bound.arguments.get("options", DEFAULTS)
    assert isinstance(options, Options)
    if options.verbose:
        _log_requests()
    return Session(use_cases, Prompts(options.no_input), waiting_for(options.quiet), renderer, behind)


def _unused_profile(command: str, options: object) -> list[Notice]:
    """A word on `--profile` where a command has no use for it."""
    from stardag.adapters.cli.session import Options, unused_profile

    if not isinstance(options, Options) or options.profile is None or command not in _ABOUT_NO_PROFILE:
        return []
    return [unused_profile(options.profile, f"`stardag {command}` does the same with every profile")]


def _command_words(app: App, words: Sequence[str]) -> str:
    """The words of a command line that name its command."""
    return " ".join(("stardag", *app.parse_commands(list(words))[0]))


def _log_requests() -> None:
    """Show each request, without its headers, on standard error."""
    import logging

    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("stardag")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)


def _unexpected(error: Exception) -> StardagError:
    """A failure that nobody foresaw, as one line: its type and place, but no values, which could be secrets."""
    place = ""
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        place = f"{os.path.basename(code.co_filename)}:{traceback.tb_lineno} in {code.co_name}"
        traceback = traceback.tb_next
    return StardagError(
        f"stardag failed in a way that was not foreseen: {type(error).__name__} at {place}.",
        "This is a fault of stardag's; please report it with this line and what you typed.",
    )
