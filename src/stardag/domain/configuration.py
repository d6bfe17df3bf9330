"""What a configuration file says: registries, profiles and the default profile (guide, "Local Configuration")."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, Self

from stardag.domain.layers import Layer, Origin
from stardag.domain.names import check_name, check_reference
from stardag.domain.registry_url import normal_url

CENTRAL_NAME = "central"
CENTRAL_URL = "https://api.stardag.com"


class _RegistryFields(NamedTuple):
    name: str
    url: str
    allow_http: bool


class Registry(_RegistryFields):
    """A name for a Stardag API backend.

    `url` is in normal form. `allow_http` permits plain http beyond loopback; it counts only in the user's own file
    (readings, section 5).

    Raises:
        InvalidName, InvalidValue: on construction from what cannot be one.
    """

    __slots__ = ()

    def __new__(cls, name: str, url: str, allow_http: bool = False) -> Self:
        return super().__new__(cls, check_name("registry", name), normal_url(url), allow_http)


CENTRAL = Registry(CENTRAL_NAME, CENTRAL_URL)


class _ProfileFields(NamedTuple):
    name: str
    registry: str
    organization: str | None
    workspace: str | None


class Profile(_ProfileFields):
    """A name for a registry (by its name), an organization and a workspace (each by slug or id).

    Raises:
        InvalidName: on construction from what cannot be one.
    """

    __slots__ = ()

    def __new__(cls, name: str, registry: str, organization: str | None = None, workspace: str | None = None) -> Self:
        check_name("profile", name)
        check_name("registry", registry)
        if organization is not None:
            organization = check_reference("organization", organization)
        if workspace is not None:
            workspace = check_reference("workspace", workspace)
        return super().__new__(cls, name, registry, organization, workspace)


class Configuration(NamedTuple):
    """The content of one configuration file; references between its parts have been checked."""

    registries: Mapping[str, Registry]
    profiles: Mapping[str, Profile]
    default_profile: str | None = None


NOTHING = Configuration({}, {})

LOCAL_TARGET_ROOTS = "local-target-roots"
"""The folder of a stardag directory that outputs are in where nobody chose another place for them."""

NO_DIRECTORY = "/dev/null/no-home-directory"
"""Stands for the user's stardag directory where there is no home directory: below what is no directory, so that nothing
is ever found there, and nothing can be made there."""

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
    """The `.stardag` directory in force, and the user's own, which may be the same (readings, section 2).

    Either is `NO_DIRECTORY` where the user has no home directory.
    """

    path: str
    user_path: str

    @property
    def is_project(self) -> bool:
        """Whether the directory belongs to a project, whose files may be of somebody else's making."""
        return self.path != self.user_path

    @property
    def is_missing(self) -> bool:
        """Whether there is no place for state: outside of projects, where the user has no home directory."""
        return self.path == NO_DIRECTORY
