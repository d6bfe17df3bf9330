"""The port `ConfigurationFiles` in memory: the user's file and a project's, as nested tables."""

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stardag.app.configuration_files import Edit, FileRead, FilesInForce
from stardag.domain.configuration import (
    CENTRAL_NAME,
    Configuration,
    ConfigurationFile,
    KeyPath,
    Profile,
    Registry,
    StardagDirectory,
)
from stardag.domain.errors import (
    ConfigurationError,
    EditNotPossible,
    FileProblem,
    InvalidFile,
    NoProjectFile,
    StateNotWritable,
    UntrustedFile,
)
from stardag.domain.layers import Layer, Notice

Table = dict[str, str | bool]
Sections = dict[str, dict[str, Table]]
"""Section ("registry", "profile") and name to a table; `[default]` stands under the section "" as "default"."""


@dataclass
class FakeConfigurationFiles:
    """Files that are never written to disk. A project's file that is `untrusted` is refused, one that is `read_only`
    cannot be edited, and edits of one that is `stubborn` do not read back."""

    user: Sections | None = None
    project: Sections | None = None
    user_directory: str = "/home/me/.stardag"
    project_directory: str = "/srv/project/.stardag"
    untrusted: bool = False
    read_only: bool = False
    stubborn: bool = False
    notices: tuple[Notice, ...] = ()
    edits: list[Edit] = field(default_factory=list[Edit])

    def find(self) -> FilesInForce:
        user = os.path.join(self.user_directory, "config.toml")
        project = os.path.join(self.project_directory, "config.toml") if self.project is not None else None
        return FilesInForce(
            in_force=project or user,
            exists=self._sections() is not None,
            project=project,
            user=user,
            user_exists=self.user is not None,
            directory=self._directory(),
            pyproject=None,
        )

    def read(self, *, is_needed: bool = True) -> FileRead:
        try:
            self._refuse_untrusted()
        except UntrustedFile as error:
            if is_needed:
                raise
            notices = (Notice("untrusted-file", error.message),)
            return FileRead(None, StardagDirectory(self.user_directory, self.user_directory), notices)
        problems = self.problems()
        if problems:
            raise InvalidFile(problems)
        sections = self._sections()
        if sections is None:
            return FileRead(None, self._directory())
        layer = Layer.USER if self.project is None else Layer.PROJECT
        return FileRead(_file(layer, self.find().in_force, sections), self._directory(), self.notices)

    def read_user_file(self) -> ConfigurationFile | None:
        path = os.path.join(self.user_directory, "config.toml")
        if self.user is None or _problems(path, self.user):
            return None
        return _file(Layer.USER, path, self.user)

    def read_project_file(self, path: str | None) -> ConfigurationFile:
        own = os.path.join(self.project_directory, "config.toml")
        if self.project is None or path not in (None, own):
            raise NoProjectFile(path or os.path.dirname(self.project_directory))
        problems = _problems(own, self.project)
        if problems:
            raise InvalidFile(problems)
        return _file(Layer.PROJECT, own, self.project)

    def problems(self) -> Sequence[FileProblem]:
        self._refuse_untrusted()
        sections = self._sections()
        return () if sections is None else _problems(self.find().in_force, sections)

    def edit(self, edits: Sequence[Edit]) -> str:
        self.read()
        path = self.find().in_force
        if self.stubborn:
            raise EditNotPossible(path, "the change would not have read back as intended", repr(edits))
        if self.read_only:
            raise StateNotWritable(path, "read-only file system")
        sections = copy.deepcopy(self._sections() or {})
        for edit in edits:
            _apply(sections, edit)
        self.edits.extend(edits)
        if self.project is None:
            self.user = sections
        else:
            self.project = sections
        return path

    def _sections(self) -> Sections | None:
        return self.user if self.project is None else self.project

    def _directory(self) -> StardagDirectory:
        return StardagDirectory(
            self.user_directory if self.project is None else self.project_directory, self.user_directory
        )

    def _refuse_untrusted(self) -> None:
        if self.untrusted and self.project is not None:
            raise UntrustedFile(self.find().in_force, "everyone may write it")


def _apply(sections: Sections, edit: Edit) -> None:
    section, name = edit.table if len(edit.table) == 2 else ("", edit.table[0])
    tables = sections.setdefault(section, {})
    if edit.unless_set and not tables.get(name, {}).keys().isdisjoint(edit.values or ()):
        return
    if edit.values is None:
        tables.pop(name, None)
        return
    table = tables.setdefault(name, {})
    for key, value in edit.values.items():
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value


def _problems(path: str, sections: Sections) -> list[FileProblem]:
    problems: list[FileProblem] = []
    try:
        configuration = _configuration(sections)
    except ConfigurationError as error:
        return [FileProblem(path, 1, None, error.message)]
    for profile in configuration.profiles.values():
        if profile.registry not in (CENTRAL_NAME, *configuration.registries):
            key = f"profile.{profile.name}.registry"
            problems.append(FileProblem(path, 1, key, f"there is no registry {profile.registry!r}"))
    default = configuration.default_profile
    if default is not None and default not in configuration.profiles:
        problems.append(FileProblem(path, 1, "default.profile", f"there is no profile {default!r}"))
    return problems


def _configuration(sections: Sections) -> Configuration:
    return Configuration(
        registries={
            name: Registry(name, str(table["url"]), bool(table.get("allow_http", False)))
            for name, table in sections.get("registry", {}).items()
        },
        profiles={
            name: Profile(name, str(table["registry"]), _text(table, "organization"), _text(table, "workspace"))
            for name, table in sections.get("profile", {}).items()
        },
        default_profile=_text(sections.get("", {}).get("default", {}), "profile"),
    )


def _text(table: Mapping[str, str | bool], key: str) -> str | None:
    return str(table[key]) if key in table else None


def _file(layer: Layer, path: str, sections: Sections) -> ConfigurationFile:
    lines: dict[KeyPath, int] = {}
    for section, tables in sections.items():
        for name, table in tables.items():
            head = (section, name) if section else (name,)
            lines[head] = len(lines) + 1
            for key in table:
                lines[*head, key] = len(lines) + 1
    return ConfigurationFile(layer, path, _configuration(sections), lines.get)
