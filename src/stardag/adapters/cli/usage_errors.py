"""What is said of a command line that cannot be understood. Imported where one is, and never for any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from cyclopts.exceptions import MissingArgumentError

from stardag.adapters.cli.answers import Format
from stardag.adapters.cli.command_line import SWITCHES, WITH_VALUE
from stardag.domain.errors import ConfigurationError
from stardag.domain.suggestions import nearest

if TYPE_CHECKING:
    from cyclopts import App, CycloptsError
    from cyclopts.argument import Argument

    from stardag.adapters.cli.command_line import CommandLine

_FORMATS = get_args(Format)
_IN_FRONT = (*WITH_VALUE, *SWITCHES, "--help", "--version")
_EXAMPLES = {
    "--profile": ("the name of a profile", "stardag -p NAME workspaces list"),
    "--format": (" or ".join(_FORMATS), "stardag --format json workspaces list"),
}
"""What an option of every command takes, and how it is typed in front of a command."""


class UsageError(ConfigurationError):
    """A command line that cannot be understood."""

    code = "usage"


def usage_error(app: App, line: CommandLine, error: CycloptsError) -> UsageError:
    """What is wrong with a command line that cannot be parsed."""
    chain, apps, rest = app.parse_commands(line.words)
    is_group = apps[-1].default_command is None
    if is_group and (taken := wrong_value_in_front(app, line)) is not None:
        return taken
    if is_group and rest[:1] and rest[0].startswith("-"):
        return _wrong_option_in_front(rest[0])
    command = " ".join(("stardag", *chain))
    if isinstance(error, MissingArgumentError) and (missing := _missing_argument(error)) is not None:
        metavars = [_metavar(each) for each in apps[-1].assemble_argument_collection() if each.index is not None]
        usage = " ".join((command, "[OPTIONS]", *metavars))
        return UsageError(f"Missing argument: {_metavar(missing)}.", f"Usage: {usage}. See: {command} --help")
    return UsageError(str(error), f"See: {command} --help")


def wrong_value_in_front(app: App, line: CommandLine) -> UsageError | None:
    """What is wrong with the value of an option in front of a command, which may be the command that was meant."""
    form = line.front.get("--format", [_FORMATS[0]])[-1].removeprefix("--format=")
    if form not in _FORMATS:
        choices = ", ".join(f'"{each}"' for each in _FORMATS)
        return UsageError(f'Invalid value "{form[:80]}" for --format. Choose from: {choices}.', _example("--format"))
    option, *value = line.front.get("--profile", [""])
    chain = app.parse_commands(line.words)[0]
    if value and len(app.parse_commands([*chain, *value])[0]) > len(chain):
        return UsageError(
            f'Option {option} requires an argument: "{value[0]}" behind it is a command.', _example("--profile")
        )
    return None


def _wrong_option_in_front(word: str) -> UsageError:
    """What is wrong with a word in front of a command that begins with a hyphen."""
    name, has_value, _ = word.partition("=")
    if word == "--":
        return UsageError(
            'There is a "--" in front of a command.',
            "Leave it out; only `stardag exec` takes it: stardag exec -- COMMAND",
        )
    option = "-p" if not word.startswith("--") and word.endswith("p") else name
    if option in WITH_VALUE and not has_value:
        what, _ = _EXAMPLES[WITH_VALUE[option]]
        return UsageError(f"Option {option} requires an argument: {what}.", _example(WITH_VALUE[option]))
    near = nearest(name, _IN_FRONT) if name.startswith("--") else None
    return UsageError(
        f"Invalid option in front of a command: {name[:80]!r}.{f' Did you mean {near}?' if near else ''}",
        "Put it behind the command: only the options of every command stand in front of it, those with a value "
        "followed by it. See: stardag --help",
    )


def _example(name: str) -> str:
    return f"For example: {_EXAMPLES[name][1]}"


def _missing_argument(error: MissingArgumentError) -> Argument | None:
    """The argument that is missing; None where it is the value of an option that was typed."""
    argument = error.argument
    if argument is None or argument.index is None or error.keyword is not None or argument.tokens:
        return None
    return argument


def _metavar(argument: Argument) -> str:
    """An argument as help shows it."""
    name = argument.name.lstrip("-").replace("-", "_").upper()
    return name if argument.required else f"[{name}]"
