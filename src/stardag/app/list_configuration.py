"""The registries and profiles that can be named, and which are active. Reads no state and asks no network."""

from dataclasses import dataclass
from typing import NamedTuple

from stardag.app.configuration_files import FileRead
from stardag.app.ports import ConfigurationFiles, EnvironmentVariables
from stardag.domain.configuration import KeyPath, Profile, Registry
from stardag.domain.errors import UnknownName
from stardag.domain.layers import Notice
from stardag.domain.profile import NO_SELECTION, ActiveProfile, Selection
from stardag.domain.remembered import Remembered
from stardag.domain.resolution import Layers, known_registries, resolve


class ConfigurationListing(NamedTuple):
    """What the file in force defines, and the names in use: None where there is none, or a URL without a name."""

    registries: tuple[Registry, ...]
    profiles: tuple[Profile, ...]
    active_registry: str | None
    active_profile: str | None
    notices: tuple[Notice, ...]


@dataclass(frozen=True, slots=True)
class ListConfiguration:
    """Lists registries and profiles, also where the choice among them is wrong: a list is how one finds that out.

    Raises:
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
        notices = (*environment.notices, *read.notices)
        try:
            active = resolve(layers)
        except UnknownName as error:
            notices = (*notices, Notice(error.code, error.message))
        return ConfigurationListing(
            registries=tuple(known_registries(read.file).values()),
            profiles=_profiles(read),
            active_registry=active.registry.value if active else None,
            active_profile=active.profile.value if active else None,
            notices=notices,
        )


def _no_line(_key: KeyPath) -> None:
    return None


def _profiles(read: FileRead) -> tuple[Profile, ...]:
    return tuple(read.file.configuration.profiles.values()) if read.file else ()
