"""What resolution has to yield, written down from the rules alone and looked up top-down, without any cleverness.

A case is what stands in each layer. Each place that may name a registry, an organization and a workspace is a `Level`,
a plain mapping of key to value and origin, and the levels are listed lowest first. Every question is answered by
walking from the highest level downwards.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from stardag.domain.configuration import Configuration, ConfigurationFile, Profile, Registry, StardagDirectory
from stardag.domain.credentials import Secret
from stardag.domain.environment import Environment
from stardag.domain.layers import DEFAULT, Layer, Origin, Setting
from stardag.domain.profile import Selection, UnchosenProfiles
from stardag.domain.remembered import CachedRoots, Remembered, WorkspaceIdentity
from stardag.domain.resolution import Layers

PROJECT_PATH = "/srv/project/.stardag/config.toml"
USER_PATH = "/home/me/.stardag/config.toml"
CACHE_PATH = "/state/target-root-cache.json"
CENTRAL_URL = "https://api.stardag.com"

VARIABLES = {
    "profile": "STARDAG_PROFILE",
    "url": "STARDAG_REGISTRY_URL",
    "organization": "STARDAG_ORGANIZATION_ID",
    "workspace": "STARDAG_WORKSPACE_ID",
    "api_key": "STARDAG_API_KEY",
}

Level = Mapping[str, tuple[str | None, Origin]]
Won = tuple[str | None, Origin]
Lost = tuple[str, Origin, str]


@dataclass(frozen=True)
class FileCase:
    """A configuration file: registries (name to URL), profiles, and the default profile."""

    is_project: bool
    registries: Mapping[str, str]
    profiles: Mapping[str, Profile]
    default: str | None

    @property
    def path(self) -> str:
        return PROJECT_PATH if self.is_project else USER_PATH

    def line(self, key: tuple[str, ...]) -> int | None:
        """Every key has a line of its own, so that no two can be mistaken for each other."""
        return sum(ord(letter) * (place + 7) for place, letter in enumerate(".".join(key)))

    def origin(self, *key: str) -> Origin:
        return Origin(Layer.PROJECT if self.is_project else Layer.USER, path=self.path, line=self.line(key))


@dataclass(frozen=True)
class Case:
    """One combination of layers. `variables` holds the environment by the keys of `VARIABLES`."""

    flags: Selection = field(default_factory=Selection)
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    json_roots: Mapping[str, str] = field(default_factory=dict[str, str])
    root_variables: Mapping[str, str] = field(default_factory=dict[str, str])
    file: FileCase | None = None
    identities: tuple[WorkspaceIdentity, ...] = ()
    cached: tuple[CachedRoots, ...] = ()

    @property
    def directory(self) -> StardagDirectory:
        is_project = self.file is not None and self.file.is_project
        return StardagDirectory("/srv/project/.stardag" if is_project else "/home/me/.stardag", "/home/me/.stardag")

    @property
    def api_key(self) -> Secret | None:
        return Secret(self.variables["api_key"]) if "api_key" in self.variables else None

    @cached_property
    def levels(self) -> list[Level]:
        """Every place that may name a registry, an organization or a workspace; the defaults first, the flags last.

        A profile named by the flag beats the environment; one named by a variable or the file does not.
        """
        defaults: Level = {"registry": ("central", DEFAULT), "url": central(self)}
        by_flag = self.flags.profile is not None
        middle = [level_of_environment(self), level_of_profile(self)]
        return [defaults, *(middle if by_flag else reversed(middle)), level_of_flags(self)]

    def layers(self) -> Layers:
        """The same for the code under test."""
        environment = Environment(
            profile=self._variable("profile"),
            registry_url=self._variable("url"),
            api_key=Setting(self.api_key, origin_of_variable("api_key")) if self.api_key else None,
            organization=self._variable("organization"),
            workspace=self._variable("workspace"),
            target_roots={name: Setting(prefix, JSON_ORIGIN) for name, prefix in self.json_roots.items()},
            target_root_variables={
                name: Setting(prefix, root_origin(name)) for name, prefix in self.root_variables.items()
            },
        )
        remembered = Remembered(CACHE_PATH, self.identities, self.cached)
        return Layers(self.flags, environment, self._file(), self.directory, remembered)

    def _variable(self, key: str) -> Setting[str] | None:
        return Setting(self.variables[key], origin_of_variable(key)) if key in self.variables else None

    def _file(self) -> ConfigurationFile | None:
        if self.file is None:
            return None
        registries = {name: Registry(name, url) for name, url in self.file.registries.items()}
        configuration = Configuration(registries, self.file.profiles, self.file.default)
        layer = Layer.PROJECT if self.file.is_project else Layer.USER
        return ConfigurationFile(layer, self.file.path, configuration, self.file.line)


JSON_ORIGIN = Origin(Layer.ENVIRONMENT, variable="STARDAG_TARGET_ROOTS")


def root_origin(name: str) -> Origin:
    return Origin(Layer.ENVIRONMENT, variable=f"STARDAG_TARGET_ROOTS__{name.upper()}")


def origin_of_variable(key: str) -> Origin:
    return Origin(Layer.ENVIRONMENT, variable=VARIABLES[key])


def flag(option: str) -> Origin:
    return Origin(Layer.FLAG, option=option)


def profile_candidates(case: Case) -> list[tuple[str, Origin]]:
    """Who names a profile that is needed, highest first."""
    named = named_profiles(case)
    enough = {"url", "api_key", "workspace"} <= case.variables.keys()
    known = list(case.file.profiles) if case.file else []
    if named and named[0][1].layer is Layer.ENVIRONMENT and enough and named[0][0] not in known:
        return []
    return named


def lost_profiles(case: Case) -> list[Lost]:
    """Who names a profile that is not used, highest first, and why not."""
    named = named_profiles(case)
    unneeded = [(name, origin, "variables name all that is needed") for name, origin in named[:1]]
    return [*([] if profile_candidates(case) else unneeded), *outranked(named)]


def named_profiles(case: Case) -> list[tuple[str, Origin]]:
    """Who names a profile, highest first."""
    candidates = [
        (case.flags.profile, flag("--profile")),
        (case.variables.get("profile"), origin_of_variable("profile")),
        (case.file.default, case.file.origin("default", "profile")) if case.file else (None, DEFAULT),
    ]
    return [(name, origin) for name, origin in candidates if name is not None]


def unknown(case: Case) -> tuple[str, str] | None:
    """Kind and name of what is named and not defined."""
    candidates = profile_candidates(case)
    if candidates and candidates[0][0] not in (case.file.profiles if case.file else {}):
        return "profile", candidates[0][0]
    if case.flags.registry is not None and case.flags.registry not in url_by_name(case):
        return "registry", case.flags.registry
    return None


def url_by_name(case: Case) -> dict[str, str]:
    return {"central": CENTRAL_URL, **(case.file.registries if case.file else {})}


def origin_of_url(case: Case, name: str) -> Origin:
    if case.file is not None and name in case.file.registries:
        return case.file.origin("registry", name, "url")
    return DEFAULT


def central(case: Case) -> Won:
    return url_by_name(case)["central"], origin_of_url(case, "central")


def level_of_profile(case: Case) -> Level:
    candidates = profile_candidates(case)
    if not candidates or case.file is None:
        return {}
    profile = case.file.profiles[candidates[0][0]]
    level: dict[str, Won] = {"url": (url_by_name(case)[profile.registry], origin_of_url(case, profile.registry))}
    named = {"registry": profile.registry, "organization": profile.organization, "workspace": profile.workspace}
    level |= {
        key: (value, case.file.origin("profile", profile.name, key))
        for key, value in named.items()
        if value is not None
    }
    return level


def level_of_environment(case: Case) -> Level:
    level: dict[str, Won] = {
        key: (case.variables[key], origin_of_variable(key))
        for key in ("url", "organization", "workspace")
        if key in case.variables
    }
    if "url" in level:
        named = [name for name, url in url_by_name(case).items() if url == case.variables["url"]]
        level["registry"] = (named[0] if named else None, origin_of_variable("url"))
    return level


def level_of_flags(case: Case) -> Level:
    flags = case.flags
    named = {"registry": flags.registry, "organization": flags.organization, "workspace": flags.workspace}
    level: dict[str, Won] = {key: (value, flag(f"--{key}")) for key, value in named.items() if value is not None}
    if flags.registry is not None:
        level["url"] = (url_by_name(case)[flags.registry], origin_of_url(case, flags.registry))
    return level


def in_force(case: Case, key: str, up_to: int) -> int | None:
    """The highest of the levels 0 to `up_to` whose value for the key counts, seen from there."""
    for index in range(up_to, -1, -1):
        if key in case.levels[index]:
            return index
        if leads_elsewhere(case, key, index):
            return None
    return None


def leads_elsewhere(case: Case, key: str, index: int) -> str | None:
    """Why a level makes what lower ones said of organization or workspace void: "registry", "organization" or None."""
    if key not in ("organization", "workspace") or index == 0:
        return None
    level = case.levels[index]
    if "url" in level and level["url"][0] != value_below(case, "url", index):
        return "registry"
    if level == level_of_environment(case) and brings_its_own_organization(case):
        return "key"
    if key == "workspace" and "organization" in level:
        before = value_below(case, "organization", index)
        if before is not None and not same_organization(case, index, before, str(level["organization"][0])):
            return "organization"
    return None


def brings_its_own_organization(case: Case) -> bool:
    """Whether URL, key and workspace come from variables and are enough (readings, section 3)."""
    return {"url", "api_key", "workspace"} <= case.variables.keys() and "organization" not in case.variables


def value_below(case: Case, key: str, index: int) -> str | None:
    below = in_force(case, key, index - 1)
    return None if below is None else case.levels[below][key][0]


def same_organization(case: Case, index: int, first: str, second: str) -> bool:
    """An id and its slug are the same, where that is known of this registry."""
    number = in_force(case, "url", index)
    url = None if number is None else case.levels[number]["url"][0]
    pairs = [(it.organization_id, it.organization_slug) for it in case.identities if it.registry_url == url]
    return first == second or any(first in pair and second in pair for pair in pairs)


def won(case: Case, key: str) -> Won:
    """The value of a key and where it came from."""
    top = len(case.levels) - 1
    winner = in_force(case, key, top)
    return (None, DEFAULT) if winner is None else case.levels[winner][key]


def lost(case: Case, key: str) -> list[Lost]:
    """Every value of a key that does not count, nearest rival first, and why it does not."""
    every = case.levels
    winner = in_force(case, key, len(every) - 1)
    losers = [index for index in range(len(every) - 1, -1, -1) if key in every[index] and index != winner]
    return [
        (value, origin, reason(case, key, index))
        for index in losers
        for value, origin in (every[index][key],)
        if value is not None
    ]


def reason(case: Case, key: str, loser: int) -> str:
    """The first level above the loser that beats it or makes it void."""
    every = case.levels
    for index in range(loser + 1, len(every)):
        kind = leads_elsewhere(case, key, index)
        if kind == "key":
            return f"{VARIABLES['api_key']} brings its own organization"
        selected = selected_by(case, every[index])
        if kind is not None:
            who = f"{selected}, which" if selected else every[index][kind][1]
            return f"{who} names another {kind}"
        if key in every[index]:
            decided_by = "registry" if key == "url" else key
            return selected or f"{every[index][decided_by][1]} outranks it"
    raise AssertionError("a loser has lost to somebody")


def selected_by(case: Case, level: Level) -> str | None:
    """What selects the profile whose values these are; None of the other levels."""
    if not level or level != level_of_profile(case):
        return None
    name, origin = profile_candidates(case)[0]
    return f"{origin} selects the profile {name!r}"


def is_local(case: Case) -> bool:
    """Local roots serve only where no variable, no flag, and no registry or profile in a file says anything."""
    defines_any = case.file is not None and bool(case.file.registries or case.file.profiles)
    return not defines_any and not any(case.levels[1:]) and case.api_key is None


def unchosen(case: Case) -> UnchosenProfiles | None:
    """Profiles, or registries but `central`, of which nothing names any."""
    if case.file is None or in_force(case, "registry", len(case.levels) - 1) != 0:
        return None
    if not case.file.profiles and not set(case.file.registries) - {"central"}:
        return None
    return UnchosenProfiles(case.file.path, tuple(case.file.profiles), tuple(case.file.registries))


def is_meant(case: Case, identity: WorkspaceIdentity) -> bool:
    """Whether the active registry, organization and workspace, and else the API key, mean this workspace."""
    organization, workspace = won(case, "organization")[0], won(case, "workspace")[0]
    key = case.api_key
    return (
        identity.registry_url == won(case, "url")[0]
        and organization in (None, identity.organization_slug, identity.organization_id)
        and workspace in (None, identity.workspace_slug, identity.workspace_id)
        and (
            workspace == identity.workspace_id
            or (organization is not None and workspace is not None)
            or (key is not None and key.fingerprint in identity.api_keys)
        )
    )


def cached_roots(case: Case) -> Mapping[str, str]:
    """The cached roots of the workspace that is meant, if there is exactly one; also where only its ids are known."""
    meant: set[tuple[str | None, ...]] = {
        (it.registry_url, it.organization_id, it.workspace_id) for it in case.identities if is_meant(case, it)
    }
    named = (won(case, "url")[0], won(case, "organization")[0], won(case, "workspace")[0])
    wanted = meant or {named}
    found = [it for it in case.cached if (it.registry_url, it.organization_id, it.workspace_id) in wanted]
    return found[0].target_roots if len(wanted) == 1 and found else {}


def spelled(name: str) -> str:
    return name.replace("-", "_")


def base_roots(case: Case) -> dict[str, Won]:
    if is_local(case):
        return {"default": (f"{case.directory.path}/local-target-roots/default/default/", DEFAULT)}
    origin = Origin(Layer.CACHE, path=CACHE_PATH)
    return {name: (prefix, origin) for name, prefix in cached_roots(case).items()}


def ambiguous_variable(case: Case) -> str | None:
    """A variable that fits two roots."""
    names = {*base_roots(case), *case.json_roots}
    for spelling in case.root_variables:
        if sum(spelled(name) == spelling for name in names) > 1:
            return root_origin(spelling).variable
    return None


def roots(case: Case) -> dict[str, list[Won]]:
    """Every root with those who set it, highest first: its own variable, the JSON, the cache or the default."""
    base = base_roots(case)
    names = {*base, *case.json_roots}
    names |= {spelling for spelling in case.root_variables if spelling not in map(spelled, names)}
    return {name: list(setters(case, base, name)) for name in sorted(names)}


def setters(case: Case, base: Mapping[str, Won], name: str) -> Iterator[Won]:
    if spelled(name) in case.root_variables:
        yield case.root_variables[spelled(name)], root_origin(spelled(name))
    if name in case.json_roots:
        yield case.json_roots[name], JSON_ORIGIN
    if name in base:
        yield base[name]


def outranked(setters_of_one: Sequence[Won]) -> list[Lost]:
    """All but the first, each beaten by the one before."""
    pairs = pairwise(setters_of_one)
    return [(str(value), origin, f"{winner[1]} outranks it") for winner, (value, origin) in pairs]
