"""The registries and profiles that can be named, and which are active. Reads no state and asks no network."""

from dataclasses import dataclass
from typing import NamedTuple

from stardag.app.configuration_files import FileRead
from stardag.app.ports import ConfigurationFiles, EnvironmentVariables
from stardag.app.replaced_file import explaining_unknown_names
from stardag.domain.configuration import KeyPath, Profile, Registry
from stardag.domain.errors import UnknownName
from stardag.domain.layers import Notice
from stardag.domain.profile import NO_SELECTION, ActiveProfile, Selection
from stardag.domain.remembered import Remembered
from stardag.domain.resolution import Layers, known_registries, resolve


class ConfigurationListing(NamedTuple):
    """What the file in force defines, and the names in use: None where there is none, or a URL without a name.

    `unknown` is the name that a variable chooses and that the configuration does not define.
    """

    registries: tuple[Registry, ...]
    profiles: tuple[Profile, ...]
    active_registry: str | None
    active_profile: str | None
    notices: tuple[Notice, ...]
    unknown: UnknownName | None = None


@dataclass(frozen=True, slots=True)
class ListConfiguration:
    """Lists registries and profiles, also where a variable's choice among them is wrong: a list is how one finds that
    out. A name that the selection chooses has to exist.

    Raises:
        UnknownName: the selection names a profile or registry that the configuration does not define.
        ConfigurationError: a file or variable cannot be used.
    """

    environment: EnvironmentVariables
    files: ConfigurationFiles

    def __call__(self, selection: Selection = NO_SELECTION) -> ConfigurationListing:
        """List."""
        environment = self.environment.read()
        read = self.files.read()
        # A list shows no lines, and finding them would be a good part of its time.
        file = read.file._replace(line_of=_no_line) if read.file else None
        layers = Layers(selection, environment, file, read.directory, Remembered(roots_path=""))
        active: ActiveProfile | None = None
        unknown: UnknownName | None = None
        notices = (*environment.notices, *read.notices)
        try:
            with explaining_unknown_names(self.files):
                active = resolve(layers)
        except UnknownName as error:
            if selection.profile is not None or selection.registry is not None:
                raise
            unknown = error
            notices = (*notices, Notice(error.code, error.message))
        return ConfigurationListing(
            registries=tuple(known_registries(read.file).values()),
            profiles=_profiles(read),
            active_registry=active.registry.value if active and active.unchosen is None else None,
            active_profile=active.profile.value if active else None,
            notices=notices,
            unknown=unknown,
        )


def _no_line(_key: KeyPath) -> None:
    return None


def _profiles(read: FileRead) -> tuple[Profile, ...]:
    return tuple(read.file.configuration.profiles.values()) if read.file else ()
