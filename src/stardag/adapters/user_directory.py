"""Where the user's stardag directory is, as the variables of a process say (readings, section 2). Touches no file."""

import os
from collections.abc import Mapping

from stardag.domain.configuration import NO_DIRECTORY
from stardag.domain.errors import InvalidVariable

_VARIABLE = "STARDAG_HOME"
_EXAMPLE = f"Give an absolute path, for example: {_VARIABLE}=/home/me/.stardag"


def home_directory(variables: Mapping[str, str]) -> str | None:
    """The user's home directory: `HOME`, else the account's; None where there is neither, or it is no absolute path."""
    home = variables.get("HOME") or _home_of_account()
    return home if os.path.isabs(home) else None


def user_directory(variables: Mapping[str, str]) -> str:
    """The user's stardag directory: `STARDAG_HOME`, else `~/.stardag`; `NO_DIRECTORY` where there is no home.

    Raises:
        InvalidVariable: `STARDAG_HOME` is not absolute once `~` or `~user` is replaced.
    """
    stated = variables.get(_VARIABLE, "").strip()
    home = home_directory(variables)
    if not stated:
        return NO_DIRECTORY if home is None else os.path.join(os.path.abspath(home), ".stardag")
    if stated.split("/", 1)[0] == "~":
        path = stated if home is None else home + stated[1:]
    else:
        path = os.path.expanduser(stated)
    if not os.path.isabs(path):
        raise InvalidVariable(_VARIABLE, f"{stated[:200]!r} is not an absolute path{_reason(stated)}.", _EXAMPLE)
    return os.path.abspath(path)


def _home_of_account() -> str:
    """The home directory in the user database; empty where the user has no entry there."""
    import pwd  # hardly ever needed: HOME is set

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def _reason(stated: str) -> str:
    """Why a value is not absolute, where that can be told from how it begins."""
    if stated[0] in "\"'":
        return "; remove the quotes around it"
    if "$" in stated:
        return "; variables in it are not expanded"
    if stated.split("/", 1)[0] == "~":
        return "; there is no home directory that '~' could stand for"
    if stated[0] == "~":
        return "; there is no such user"
    return ""
