"""The active profile: where outputs go, and where each of these answers came from."""

from collections.abc import Mapping
from typing import NamedTuple

from stardag.domain.configuration import StardagDirectory
from stardag.domain.credentials import Secret
from stardag.domain.environment import INHERITED
from stardag.domain.errors import InvalidName, NoHomeDirectory, NoProfileChosen, UnknownTargetRoot
from stardag.domain.layers import Layer, Notice, Setting
from stardag.domain.names import is_text
from stardag.domain.remembered import WorkspaceIdentity


class Selection(NamedTuple):
    """What a caller asks for by flag or argument, which beats every other layer: names, slugs or ids.

    `without_profile` leaves out of account which profile is named anywhere: it may be one that is only being added.
    `profile_option` is what the profile was named by, and `option_form` how the other options are written there.
    """

    profile: str | None = None
    registry: str | None = None
    organization: str | None = None
    workspace: str | None = None
    offline: bool = False
    without_profile: bool = False
    profile_option: str = "--profile"
    option_form: str = "--{}"


NO_SELECTION = Selection()

_HANDED_DOWN = (INHERITED, "STARDAG_BUILD_ID")


class UnchosenProfiles(NamedTuple):
    """A configuration file that defines profiles or registries, of which nothing chooses one (readings, section 2)."""

    path: str
    profiles: tuple[str, ...]
    registries: tuple[str, ...]


class ActiveProfile(NamedTuple):
    """What resolution yields: each value with its origin (readings, sections 1 and 2).

    `registry` is None where a variable gives a URL that no configured registry has. `identity` is what is remembered
    of the workspace; None where it was never looked up. `is_local` says that there is no configuration at all, so that
    outputs stay on this machine. `unchosen` is set where there is one, and nothing chooses a place in it. `timeout` is
    in seconds, for one exchange with a server. `allows_http` says that the environment permits plain http to the
    `registry_url` that it names itself. `access_token` is the one that `stardag exec` handed down, where it belongs
    here; one that does not is overridden.
    """

    profile: Setting[str | None]
    registry: Setting[str | None]
    registry_url: Setting[str]
    organization: Setting[str | None]
    workspace: Setting[str | None]
    api_key: Setting[Secret | None]
    target_roots: Mapping[str, Setting[str]]
    identity: WorkspaceIdentity | None
    is_local: bool
    offline: Setting[bool]
    timeout: float
    directory: StardagDirectory
    notices: tuple[Notice, ...] = ()
    access_token: Setting[Secret | None] = Setting(None)
    unchosen: UnchosenProfiles | None = None
    allows_http: bool = False

    def target_root(self, name: str) -> str:
        """The URI prefix of one target root.

        Raises:
            NoProfileChosen: nothing chooses among the profiles of the configuration.
            UnknownTargetRoot: the profile has no such root; the error lists those that it has.
            InvalidName: the name is not text.
            NoHomeDirectory: the root would be below the user's home directory, and there is none.
        """
        if not is_text(name):
            raise InvalidName("target root", name)
        if name in self.target_roots:
            return self.target_roots[name].value
        self.check_chosen()
        if self.is_local and self.directory.is_missing:
            raise NoHomeDirectory
        raise UnknownTargetRoot(name, self.target_roots)

    def check_chosen(self) -> None:
        """Make sure that it says where, for whatever needs a place.

        Raises:
            NoProfileChosen: nothing chooses among the profiles of the configuration.
        """
        if self.unchosen is not None:
            raise NoProfileChosen(*self.unchosen)

    @property
    def unused_token(self) -> str:
        """That an access token is not used here, and why, as a sentence; empty where there is none, or it is used."""
        return "".join(f"{lost.origin} is not used here: {lost.reason}." for lost in self.access_token.overridden)

    @property
    def overridden_roots(self) -> frozenset[str]:
        """The names of the target roots that a person sets by variable; a validation leaves them out. Those that were
        handed down to this process, for its place or with its build, are not among them."""
        return frozenset(
            name
            for name, setting in self.target_roots.items()
            if setting.origin.layer is Layer.ENVIRONMENT and setting.origin.variable not in _HANDED_DOWN
        )

    @property
    def inherited_roots(self) -> Mapping[str, str]:
        """The target roots that were handed down to this process for its place: name to URI prefix."""
        return {
            name: setting.value for name, setting in self.target_roots.items() if setting.origin.variable == INHERITED
        }
