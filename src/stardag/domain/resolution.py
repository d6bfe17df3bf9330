"""Resolution: from layers to one active profile, by rule and without looking anything up (guide, "Configuration
Hierarchy"; readings, sections 2 to 4).

Registry, organization and workspace are decided together. Each place that may name them is one `_Context`; they are
laid over each other from the lowest to the highest, and one that leads to another registry or organization drops what
the lower ones said below it, so that the parts of two profiles are never mixed.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from stardag.domain.configuration import (
    CENTRAL,
    LOCAL_TARGET_ROOTS,
    NOTHING,
    ConfigurationFile,
    Profile,
    Registry,
    StardagDirectory,
)
from stardag.domain.credentials import Secret
from stardag.domain.environment import Environment
from stardag.domain.errors import InvalidVariable, UnknownName
from stardag.domain.layers import DEFAULT, Layer, Notice, Origin, Overridden, Setting, Value
from stardag.domain.names import check_reference
from stardag.domain.profile import ActiveProfile, Selection, UnchosenProfiles
from stardag.domain.remembered import CachedRoots, Remembered

LOCAL_TARGET_ROOT = f"{LOCAL_TARGET_ROOTS}/default/default/"


class Layers(NamedTuple):
    """All that resolution looks at, read beforehand: each layer whole."""

    selection: Selection
    environment: Environment
    file: ConfigurationFile | None
    directory: StardagDirectory
    remembered: Remembered


def resolve(layers: Layers) -> ActiveProfile:
    """The active profile that the layers make.

    Raises:
        UnknownName: a profile or registry is named that the configuration does not define.
        InvalidName: a flag names an organization or workspace by neither a slug nor an id.
        InvalidVariable: one `STARDAG_TARGET_ROOTS__<NAME>` fits two target roots.
    """
    profile = _profile_setting(layers)
    notices = layers.environment.notices
    if layers.environment.names_all and _is_unknown_by_variable(layers.file, profile):
        unused = f"{profile.origin} is not used: there is no profile {profile.value!r}, and none is needed."
        notices = (*notices, Notice("profile-not-used", unused))
        profile = _dropped(profile, "variables name all that is needed")
    place = _Place(layers.file, layers.remembered)
    for context in _contexts(layers, profile):
        place.lay(context)
    url = place.url.value
    api_key: Setting[Secret | None] = layers.environment.api_key or Setting(None)
    identity = layers.remembered.find(url, place.organization.value, place.workspace.value, api_key.value)
    deciding = (place.registry, place.organization, place.workspace, api_key)
    is_local = not (
        _defines_any(layers.file)
        or any(setting.origin.layer is not Layer.DEFAULT for setting in deciding)
        or _is_sent_elsewhere(layers.environment)
    )
    active = ActiveProfile(
        profile=profile,
        registry=place.registry,
        registry_url=place.url,
        organization=place.organization,
        workspace=place.workspace,
        api_key=api_key,
        target_roots={},
        identity=identity,
        is_local=is_local,
        offline=_offline(layers),
        timeout=layers.environment.timeout,
        directory=layers.directory,
        notices=notices,
        unchosen=_unchosen(layers.file, place),
        allows_http=_allows_http(layers.environment, place.url),
    )
    active = active._replace(target_roots=_target_roots(layers, active))
    if layers.environment.access_token is None:
        return active
    from stardag.domain.child_environment import with_access_token  # only what `stardag exec` runs has one

    return with_access_token(active, layers.environment)


def _is_sent_elsewhere(environment: Environment) -> bool:
    """Whether a token or a build was handed down, which are some registry's, whatever else is missing."""
    inherited = environment.inherited
    if inherited is not None and inherited.registry_url is None:
        return False
    return environment.access_token is not None or environment.build_id is not None


def _defines_any(file: ConfigurationFile | None) -> bool:
    """Whether the file in force defines a registry or a profile."""
    return file is not None and bool(file.configuration.registries or file.configuration.profiles)


def _unchosen(file: ConfigurationFile | None, place: "_Place") -> UnchosenProfiles | None:
    """What the file in force defines, where nothing chooses any of it. A file that gives `central` alone an address
    leaves no doubt."""
    if file is None or place.registry.origin.layer is not Layer.DEFAULT:
        return None
    profiles, registries = file.configuration.profiles, file.configuration.registries
    if not profiles and registries.keys() <= {CENTRAL.name}:
        return None
    return UnchosenProfiles(file.path, tuple(profiles), tuple(registries))


def known_registries(file: ConfigurationFile | None) -> dict[str, Registry]:
    """The registries that can be named: those of the file in force, and the default `central`."""
    return {CENTRAL.name: CENTRAL, **(file.configuration.registries if file else {})}


def find_registry(file: ConfigurationFile | None, name: str, said_by: str) -> Registry:
    """The configured registry of this name.

    Raises:
        UnknownName: there is none.
    """
    registries = known_registries(file)
    if name not in registries:
        raise UnknownName("registry", name, said_by, registries)
    return registries[name]


def find_profile(file: ConfigurationFile | None, name: str, said_by: str) -> Profile:
    """The configured profile of this name.

    Raises:
        UnknownName: there is none.
    """
    profiles = (file.configuration if file else NOTHING).profiles
    if name not in profiles:
        raise UnknownName("profile", name, said_by, profiles)
    return profiles[name]


class _Context(NamedTuple):
    """What one place says of where: any of a registry (URL and, where known, name), organization and workspace.

    `selected` says why it comes before those below, where that is not for the origins of its values: the lines of a
    profile stand in a file and count because something selects that profile.

    `voids` is why all that lower places say of organization and workspace does not count, if so.
    """

    url: Setting[str] | None = None
    registry: Setting[str | None] | None = None
    organization: Setting[str] | None = None
    workspace: Setting[str] | None = None
    selected: str | None = None
    voids: str | None = None

    def outranks(self, origin: Origin) -> str:
        """Why a value of this place, from `origin`, comes before those below."""
        return self.selected or f"{origin} outranks it"

    def names_another(self, kind: str, origin: Origin) -> str:
        """Why what is named below does not count: the value from `origin` is another registry or organization."""
        return f"{self.selected or origin}{', which' if self.selected else ''} names another {kind}"


class _Place:
    """The registry, organization and workspace so far, lowest context first.

    It begins with the default registry, `central`, at the URL that the file gives this name, if it does.
    """

    def __init__(self, file: ConfigurationFile | None, remembered: Remembered) -> None:
        self._remembered = remembered
        central = known_registries(file)[CENTRAL.name]
        self.url: Setting[str] = Setting(central.url, _origin_of_url(file, central))
        self.registry: Setting[str | None] = Setting(CENTRAL.name)
        self.organization: Setting[str | None] = Setting(None)
        self.workspace: Setting[str | None] = Setting(None)

    def lay(self, context: _Context) -> None:
        """Lay one more context over those so far."""
        if context.url is not None and context.registry is not None:
            if context.url.value != self.url.value:
                reason = context.names_another("registry", context.registry.origin)
                self.organization = _dropped(self.organization, reason)
                self.workspace = _dropped(self.workspace, reason)
            reason = context.outranks(context.registry.origin)  # the URL stands where the registry is configured
            self.registry = _over(self._with_the_name_so_far(context.url, context.registry), self.registry, reason)
            self.url = _over(context.url, self.url, reason)
        if context.voids is not None:
            self.organization = _dropped(self.organization, context.voids)
            self.workspace = _dropped(self.workspace, context.voids)
        if context.organization is not None:
            if not self._is_same_organization(context.organization.value):
                reason = context.names_another("organization", context.organization.origin)
                self.workspace = _dropped(self.workspace, reason)
            reason = context.outranks(context.organization.origin)
            self.organization = _over(context.organization, self.organization, reason)
        if context.workspace is not None:
            self.workspace = _over(context.workspace, self.workspace, context.outranks(context.workspace.origin))

    def _with_the_name_so_far(self, url: Setting[str], registry: Setting[str | None]) -> Setting[str | None]:
        """A variable gives an address and no name: where two names have it, the one that is in force stays."""
        if registry.origin.layer is Layer.ENVIRONMENT and url.value == self.url.value:
            return registry._replace(value=self.registry.value)
        return registry

    def _is_same_organization(self, organization: str) -> bool:
        before = self.organization.value
        return before is None or self._remembered.same_organization(self.url.value, before, organization)


def _over(higher: Setting[Value], lower: Setting[Value], reason: str | None = None) -> Setting[Value]:
    """The higher setting, with the lower one first among those that it overrides."""
    beaten = lower.overridden
    if lower.value is not None:
        beaten = (Overridden(lower.value, lower.origin, reason or f"{higher.origin} outranks it"), *beaten)
    return Setting(higher.value, higher.origin, beaten)


def _dropped(setting: Setting[str | None], reason: str) -> Setting[str | None]:
    """The setting without its value, which stays visible among the overridden ones."""
    if setting.value is None:
        return setting
    return Setting(None, DEFAULT, (Overridden(setting.value, setting.origin, reason), *setting.overridden))


def _profile_setting(layers: Layers) -> Setting[str | None]:
    """Which profile is active, if any: named by flag, by `STARDAG_PROFILE`, or by the file's `[default]`."""
    if layers.selection.without_profile:
        return Setting(None)
    candidates: list[Setting[str]] = []
    if layers.selection.profile is not None:
        candidates.append(Setting(layers.selection.profile, Origin(Layer.FLAG, option=layers.selection.profile_option)))
    if layers.environment.profile is not None:
        candidates.append(layers.environment.profile)
    if layers.file is not None and layers.file.configuration.default_profile is not None:
        name = layers.file.configuration.default_profile
        candidates.append(Setting(name, layers.file.origin_of("default", "profile")))
    setting: Setting[str | None] = Setting(None)
    for candidate in reversed(candidates):
        setting = _over(candidate, setting)
    return setting


def _is_unknown_by_variable(file: ConfigurationFile | None, profile: Setting[str | None]) -> bool:
    """Whether `STARDAG_PROFILE` names a profile that the file in force, if there is one, does not define."""
    known = (file.configuration if file else NOTHING).profiles
    return profile.origin.layer is Layer.ENVIRONMENT and profile.value not in known


def _contexts(layers: Layers, profile: Setting[str | None]) -> Iterator[_Context]:
    """The places that name a registry, an organization or a workspace, lowest first.

    A profile named by flag beats the environment; one named by variable or file does not (readings, section 3).
    """
    of_profile = _context_of_profile(layers.file, profile)
    of_environment = _context_of_environment(layers)
    if profile.origin.layer is Layer.FLAG:
        yield of_environment
        yield of_profile
    else:
        yield of_profile
        yield of_environment
    yield _context_of_flags(layers)


def _context_of_profile(file: ConfigurationFile | None, setting: Setting[str | None]) -> _Context:
    if setting.value is None:
        return _Context()
    profile = find_profile(file, setting.value, str(setting.origin))
    if file is None:
        return _Context()
    registry = find_registry(file, profile.registry, f"profile {profile.name!r}")

    def of(key: str, value: str | None) -> Setting[str] | None:
        return None if value is None else Setting(value, file.origin_of("profile", profile.name, key))

    return _Context(
        url=Setting(registry.url, _origin_of_url(file, registry)),
        registry=of("registry", registry.name),
        organization=of("organization", profile.organization),
        workspace=of("workspace", profile.workspace),
        selected=f"{setting.origin} selects the profile {profile.name!r}",
    )


def _context_of_environment(layers: Layers) -> _Context:
    environment = layers.environment
    if environment.inherited is not None and environment.profile is not None:
        # Nothing hands down a profile: whoever names one in a child leaves the place that was handed down.
        from stardag.domain import child_environment

        environment = child_environment.without_inherited_place(environment)
    url = environment.registry_url
    registry: Setting[str | None] | None = None
    if url is not None:
        registries = known_registries(layers.file).values()
        name = next((registry.name for registry in registries if registry.url == url.value), None)
        registry = Setting(name, url.origin)
    voids: str | None = None
    if environment.api_key is not None and environment.names_all and environment.organization is None:
        voids = f"{environment.api_key.origin} brings its own organization"
    return _Context(url, registry, environment.organization, environment.workspace, voids=voids)


def _context_of_flags(layers: Layers) -> _Context:
    form = layers.selection.option_form

    def of(kind: str, value: str | None) -> Setting[str] | None:
        return None if value is None else Setting(value, Origin(Layer.FLAG, option=form.format(kind)))

    name = of("registry", layers.selection.registry)
    url: Setting[str] | None = None
    if name is not None:
        registry = find_registry(layers.file, name.value, str(name.origin))
        url = Setting(registry.url, _origin_of_url(layers.file, registry))

    def reference(kind: str, value: str | None) -> Setting[str] | None:
        return of(kind, None if value is None else check_reference(kind, value))

    organization = reference("organization", layers.selection.organization)
    return _Context(url, name, organization, reference("workspace", layers.selection.workspace))


def _offline(layers: Layers) -> Setting[bool]:
    if layers.selection.offline:
        return Setting(True, Origin(Layer.FLAG, option="--offline"))
    return layers.environment.offline or Setting(False)


def _allows_http(environment: Environment, url: Setting[str]) -> bool:
    """Whether the environment permits plain http to a URL: only to the one that it names itself; where a permission may
    have been handed down, only to the one that it was handed down for."""
    allowed = environment.allow_http is not None and environment.allow_http.value
    inherited = environment.inherited
    if inherited is not None and inherited.registry_url not in (None, url.value):
        return False
    return allowed and environment.registry_url is not None and url.origin == environment.registry_url.origin


def _origin_of_url(file: ConfigurationFile | None, registry: Registry) -> Origin:
    if file is None or registry.name not in file.configuration.registries:
        return DEFAULT
    return file.origin_of("registry", registry.name, "url")


def _target_roots(layers: Layers, active: ActiveProfile) -> dict[str, Setting[str]]:
    """The effective target roots by name: the environment's, over those handed down for this place, over the cached
    ones, or over the local default."""
    roots: dict[str, Setting[str]] = {}
    if active.is_local and not layers.directory.is_missing:
        roots["default"] = Setting(f"{layers.directory.path}/{LOCAL_TARGET_ROOT}")
    identity, remembered = active.identity, layers.remembered
    cached = remembered.roots_of(identity) if identity else _cached_by_ids(remembered, active)
    if cached is not None:
        origin = Origin(Layer.CACHE, path=remembered.roots_path)
        roots.update((name, Setting(prefix, origin)) for name, prefix in cached.target_roots.items())
    own_roots = layers.environment.target_roots
    if layers.environment.inherited is not None:
        from stardag.domain import child_environment  # only what `stardag exec` runs, and workers, have inherited any

        _lay_over(roots, child_environment.inherited_roots(active, layers.environment))
        own_roots = child_environment.own_roots(layers.environment)
    _lay_over(roots, own_roots)
    for spelling, setting in layers.environment.target_root_variables.items():
        _lay_over(roots, {_root_meant(spelling, roots, setting.origin): setting})
    return dict(sorted(roots.items()))


def _lay_over(roots: dict[str, Setting[str]], higher: Mapping[str, Setting[str]]) -> None:
    for name, setting in higher.items():
        roots[name] = _over(setting, roots[name]) if name in roots else setting


def _cached_by_ids(remembered: Remembered, active: ActiveProfile) -> CachedRoots | None:
    """The cached roots of the workspace whose ids are named, which need not be remembered to mean something."""
    named = (active.registry_url.value, active.organization.value, active.workspace.value)
    for cached in remembered.cached_roots:
        if (cached.registry_url, cached.organization_id, cached.workspace_id) == named:
            return cached
    return None


def _root_meant(spelling: str, names: Iterable[str], origin: Origin) -> str:
    """The root that a variable's spelling means: the one that differs in hyphens at most, else the spelling itself."""
    fitting = sorted(name for name in names if name.replace("-", "_") == spelling)
    if len(fitting) > 1:
        problem = f"it fits the target roots {' and '.join(map(repr, fitting))}."
        raise InvalidVariable(str(origin.variable), problem, "Use STARDAG_TARGET_ROOTS, which spells names out.")
    return fitting[0] if fitting else spelling
