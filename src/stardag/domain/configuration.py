"""What a configuration file says: registries, profiles and the default profile (guide, "Local Configuration")."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from stardag.domain.layers import Layer, Origin
from stardag.domain.names import check_name, check_reference
from stardag.domain.registry_url import normal_url

CENTRAL_NAME = "central"
CENTRAL_URL = "https://api.stardag.com"


@dataclass(frozen=True, slots=True)
class Registry:
    """A name for a Stardag API backend.

    `allow_http` permits plain http beyond loopback; it counts only in the user's own file (readings, section 5).
    """

    name: str
    url: str
    allow_http: bool = False

    def __post_init__(self) -> None:
        check_name("registry", self.name)
        object.__setattr__(self, "url", normal_url(self.url))


CENTRAL = Registry(CENTRAL_NAME, CENTRAL_URL)


@dataclass(frozen=True, slots=True)
class Profile:
    """A name for a registry (by its name), an organization and a workspace (each by slug or id)."""

    name: str
    registry: str
    organization: str | None = None
    workspace: str | None = None

    def __post_init__(self) -> None:
        check_name("profile", self.name)
        check_name("registry", self.registry)
        if self.organization is not None:
            check_reference("organization", self.organization)
        if self.workspace is not None:
            check_reference("workspace", self.workspace)


class Configuration(NamedTuple):
    """The content of one configuration file; references between its parts have been checked."""

    registries: Mapping[str, Registry]
    profiles: Mapping[str, Profile]
    default_profile: str | None = None


NOTHING = Configuration({}, {})

KeyPath = tuple[str, ...]
"""The keys from the top of a TOML document down to one value, such as ("profile", "local", "registry")."""


class ConfigurationFile(NamedTuple):
    """A configuration file that was read, as a layer: every value in it knows its line.

    `line_of` finds the line (from 1) at which a key or table stands, or None where it does not.
    """

    layer: Layer
    path: str
    configuration: Configuration
    line_of: Callable[[KeyPath], int | None]

    def origin_of(self, *key: str) -> Origin:
        """Where the value at this key path stands."""
        return Origin(self.layer, path=self.path, line=self.line_of(key))


class StardagDirectory(NamedTuple):
    """The `.stardag` directory in force, and the user's own, which may be the same (readings, section 2)."""

    path: str
    user_path: str

    @property
    def is_project(self) -> bool:
        """Whether the directory belongs to a project, whose files may be of somebody else's making."""
        return self.path != self.user_path
