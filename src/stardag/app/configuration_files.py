"""What passes through the port of the configuration files: which there are, what reading gave, and what to change.

Apart from the ports themselves, since every command needs these and only type checkers need those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stardag.domain.configuration import ConfigurationFile, StardagDirectory
    from stardag.domain.layers import Notice


class FilesInForce(NamedTuple):
    """Which configuration files there are, and which one counts.

    `in_force` is the path that is read and edited, whether or not it exists yet; `project` is None outside of one.
    `user` is None where the user has no home directory. `refused` says why the file in force is not read: a project's
    that is somebody else's and not trusted, or one of the user's own that others may write.
    `pyproject` is the nearest pyproject.toml with a `[tool.stardag]` section, which is not read.
    """

    in_force: str
    exists: bool
    project: str | None
    user: str | None
    user_exists: bool
    directory: StardagDirectory
    pyproject: str | None
    refused: str | None = None


class FileRead(NamedTuple):
    """What reading the file in force gave: None where there is none, or where one was left unread, and what a person
    should hear of."""

    file: ConfigurationFile | None
    directory: StardagDirectory
    notices: tuple[Notice, ...] = ()


class Edit(NamedTuple):
    """One change to one table of a configuration file: `[table]` gets these values, or is removed where None.

    `table` is a key path such as ("profile", "local"). In `values`, None removes the key. With `unless_set`, nothing
    happens where the table has one of these keys at the moment of writing.
    """

    table: tuple[str, ...]
    values: Mapping[str, str | bool | None] | None
    unless_set: bool = False
