"""The words of a command line: corrected, parted, and with the options of every command in one place.

Nothing here knows which commands there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stardag.adapters.cli.answers import Format

WITH_VALUE = {"--profile": "--profile", "-p": "--profile", "--format": "--format"}
SWITCHES = {
    "--quiet": "--quiet",
    "-q": "--quiet",
    "--verbose": "--verbose",
    "-v": "--verbose",
    "--no-input": "--no-input",
    "--offline": "--offline",
}
_CLUSTERED = frozenset("qv")
_MAX_COMMAND_WORDS = 2


class CommandLine:
    """A command line, parted.

    `words` are those of `stardag` itself, `behind` those of another command behind `--` of `stardag exec`. `front` are
    the options of every command that stood in front of the command or within it, by their long name; each as it was
    typed. `is_corrected` says that one of the guide's slips was corrected.

    A plain class: every command makes one, and the definition of a named tuple costs more than all else here.
    """

    def __init__(self, words: list[str], front: dict[str, list[str]], behind: list[str], is_corrected: bool) -> None:
        self.words = words
        self.front = front
        self.behind = behind
        self.is_corrected = is_corrected


def split_command_line(arguments: Sequence[str]) -> CommandLine:
    """Take the command line apart; the guide's slips `stardag stardag …` and `auth loging` are corrected."""
    front: dict[str, list[str]] = {}
    words: list[str] = []
    is_corrected = False
    place = 0
    while place < len(arguments) and len(words) < _MAX_COMMAND_WORDS:
        word = arguments[place]
        taken = _take_shared_option(arguments[place : place + 2], front)
        if not taken:
            if word.startswith("-"):
                break  # another option, whose value could look like a command
            if word == "stardag" and not words:
                is_corrected = True
            else:
                words.append(word)
        place += taken or 1
    if words == ["auth", "loging"]:
        words, is_corrected = ["auth", "login"], True
    rest = list(arguments[place:])
    if words[:1] == ["exec"] and "--" in rest:
        end = rest.index("--")
        return CommandLine([*words, *rest[:end]], front, rest[end + 1 :], is_corrected)
    return CommandLine([*words, *rest], front, [], is_corrected)


def shared_option_name(word: str) -> str | None:
    """The long name of an option of every command, with or without a value in the same word; None for other words."""
    name = word.partition("=")[0]
    return WITH_VALUE.get(name) or SWITCHES.get(name)


def presentation_of(arguments: Sequence[str]) -> tuple[Format, bool]:
    """Format and quietness, read off the raw words: a command line that does not parse also wants its error so."""
    words = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    is_json = "--format=json" in words or any(
        words[place : place + 2] == ["--format", "json"] for place in range(len(words))
    )
    is_quiet = any(word == "--quiet" or "q" in _switches_of(word)[0] for word in words)
    return "json" if is_json else "text", is_quiet


def _take_shared_option(words: Sequence[str], front: dict[str, list[str]]) -> int:
    """Note the option that these words begin with, if it is one of every command; says how many words it takes. The
    last one of a name counts."""
    word = words[0]
    if not word.startswith("-"):
        return 0
    name = shared_option_name(word)
    if name and (word in SWITCHES or "=" in word):
        front[name] = [word]
        return 1
    if name:
        if len(words) == 1 or words[1].startswith("-"):
            return 0  # its value is missing
        front[name] = list(words)
        return 2
    switches, profile = _switches_of(word)
    if len(profile) > len("-p"):
        front["--profile"] = [profile]
    elif profile and _take_shared_option([profile, *words[1:]], front) == 0:
        return 0
    for letter in switches:
        front[SWITCHES[f"-{letter}"]] = [f"-{letter}"]
    if profile == "-p":
        return 2
    return 1 if switches or profile else 0


def _switches_of(word: str) -> tuple[str, str]:
    """The switches that are clustered in one word, and the option with a value that may end it: "qv" and "-pprod" of
    -qvpprod. Both are empty for other words."""
    switches, with_value, value = word[1:].partition("p")
    if not word.startswith("-") or not _CLUSTERED.issuperset(switches):
        return "", ""
    return switches, f"-p{value}" if with_value else ""
