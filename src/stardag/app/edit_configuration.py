"""The use cases that change the configuration file in force: profiles, the default, removing a registry, and trust in a
file. Adding a registry stands in `stardag.app.add_registry`.

They check what can be reached, say what could not be, and change nothing where anything is wrong.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from stardag.app.configuration_files import Edit, FileRead
from stardag.app.connect import OpenRegistry
from stardag.app.ports import ConfigurationFiles, EnvironmentVariables, Trust
from stardag.app.replaced_file import explaining_unknown_names
from stardag.app.sign_in.ports import SignIns
from stardag.domain.child_environment import without_inherited_place
from stardag.domain.configuration import CENTRAL_NAME, NOTHING, Configuration, ConfigurationFile, Profile, Registry
from stardag.domain.environment import Environment, InheritedPlace
from stardag.domain.errors import ConfirmationNeeded, InvalidValue, SignInNeeded, UnknownName
from stardag.domain.layers import Notice
from stardag.domain.profile import ActiveProfile, Selection
from stardag.domain.registry_errors import NOT_TOLD, NotKnownToRegistry, UnusableSecrets
from stardag.domain.remembered import Remembered
from stardag.domain.resolution import Layers, find_profile, find_registry, resolve


class Edited(NamedTuple):
    """Which file was edited, and whether it was any different before."""

    path: str
    changed: bool
    notices: tuple[Notice, ...] = ()


class AddedProfile(NamedTuple):
    """The same of a profile that was added, and whether it is the default of that file now.

    `has_default` says whether the file has any default profile, `is_replaced` whether the name had other values before.
    """

    path: str
    changed: bool
    notices: tuple[Notice, ...] = ()
    is_default: bool = False
    has_default: bool = False
    is_replaced: bool = False


class RemovedProfile(NamedTuple):
    """Which file a profile was removed from, whether it was the default there, and whether the file has others."""

    path: str
    was_default: bool
    has_others: bool
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class RemoveRegistry:
    """Removes a registry from the file in force, and with confirmation the profiles that use it. A sign-in stays."""

    files: ConfigurationFiles
    sign_ins: SignIns

    def __call__(self, name: str, *, and_profiles: bool = False) -> tuple[Edited, tuple[str, ...]]:
        """Remove; also returns the names of the profiles that went with it.

        Raises:
            UnknownName: the file defines no such registry.
            InvalidValue: it is `central`, and known without the file.
            ConfirmationNeeded: profiles use it, and `and_profiles` is not set.
        """
        read = self.files.read()
        configuration = _configuration(read.file)
        path = self.files.find().in_force
        if name not in configuration.registries:
            if name == CENTRAL_NAME:
                problem = f"it is known without an entry, and {path} has none"
                raise InvalidValue("registry to remove", name, problem, "See: stardag registry list")
            with explaining_unknown_names(self.files):
                raise UnknownName("registry", name, "the command line", configuration.registries)
        using = [profile.name for profile in configuration.profiles.values() if profile.registry == name]
        if using and not and_profiles:
            profiles = ", ".join(map(repr, using))
            raise ConfirmationNeeded(
                f"The registry {name!r} in {path} is used by {_count(using, 'profile')}, which would go with it: "
                f"{profiles}.",
                "--yes",
            )
        notices = (*read.notices, *self._kept_sign_in(configuration.registries[name], read))
        edits = [Edit(("registry", name), None), *_removals(configuration, using)]
        return Edited(self.files.edit(edits), changed=True, notices=notices), tuple(using)

    def _kept_sign_in(self, registry: Registry, read: FileRead) -> list[Notice]:
        """A word on the sign-in that is kept, if there is one."""
        try:
            if self.sign_ins.find(read.directory, registry.name, registry.url) is None:
                return []
        except UnusableSecrets:
            pass  # a file that is broken or readable by others is kept as well
        fix = f"sign out with: stardag auth logout --registry {registry.name}"
        return [Notice("still-signed-in", f"You are still signed in to {registry.url}; {fix}.")]


@dataclass(frozen=True, slots=True)
class AddProfile:
    """Adds a profile to the file in force, checked against its registry as far as that can be asked.

    The first profile of a file becomes its default (readings, section 2). Where a file has profiles and none of them is
    the default, one that is added does not become it either: the choice among several is a person's.
    """

    environment: EnvironmentVariables
    files: ConfigurationFiles
    open_registry: OpenRegistry

    def __call__(
        self, profile: Profile, *, overwrite: bool = False, offline: bool = False, may_become_default: bool = True
    ) -> AddedProfile:
        """Add.

        Raises:
            UnknownName: the configuration has no such registry.
            NotKnownToRegistry: the registry knows no such organization or workspace.
            ConfirmationNeeded: the name exists with other values, and `overwrite` is not set.
            and whatever ConfigurationFiles.read and edit raise.
        """
        environment = self.environment.read()
        read = self.files.read()
        with explaining_unknown_names(self.files):
            find_registry(read.file, profile.registry, "--registry")
        path = self.files.find().in_force
        configuration = _configuration(read.file)
        existing = configuration.profiles.get(profile.name)
        if existing == profile:
            default = configuration.default_profile
            return AddedProfile(path, False, read.notices, default == profile.name, default is not None)
        if existing is not None and not overwrite:
            raise ConfirmationNeeded(f"The profile {profile.name!r} is already in {path}, otherwise.", "--replace")
        notices = (*read.notices, *self._unchecked(profile, read, offline))
        values = {
            "registry": profile.registry,
            "organization": profile.organization,
            "workspace": profile.workspace,
        }
        edits = [Edit(("profile", profile.name), values)]
        if may_become_default and not configuration.profiles:
            # Unless set: another process may add the first profile at the same time.
            edits.append(Edit(("default",), {"profile": profile.name}, unless_set=True))
        path = self.files.edit(edits)
        file = self.files.read().file
        default = _configuration(file).default_profile
        if default == profile.name:
            notices = (*notices, *_outranking(environment, file, profile))
        return AddedProfile(
            path, True, notices, default == profile.name, default is not None, is_replaced=existing is not None
        )

    def _unchecked(self, profile: Profile, read: FileRead, offline: bool) -> list[Notice]:
        """Why organization and workspace could not be checked, if so."""
        if profile.organization is None:
            return []
        selection = Selection(registry=profile.registry, organization=profile.organization, offline=offline)
        selected = resolve_without_profile(self.environment, read, selection)
        try:
            api = self.open_registry(selected)
            workspaces = api.workspaces(profile.organization)
        except NOT_TOLD as error:
            fix = f" {error.fix}" if isinstance(error, SignInNeeded) else ""
            return [Notice("not-checked", f"Organization and workspace were not checked. {error.message}{fix}")]
        if profile.workspace is not None and not any(
            profile.workspace in (workspace.id, workspace.slug) for workspace in workspaces
        ):
            url = selected.registry_url.value
            raise NotKnownToRegistry("workspace", profile.workspace, url, [workspace.slug for workspace in workspaces])
        return []


@dataclass(frozen=True, slots=True)
class UseProfile:
    """Makes a profile the default of the file in force."""

    environment: EnvironmentVariables
    files: ConfigurationFiles

    def __call__(self, name: str) -> Edited:
        """Use.

        Raises:
            UnknownName: the file defines no such profile.
            and whatever EnvironmentVariables.read, ConfigurationFiles.read and edit raise.
        """
        environment = self.environment.read()
        read = self.files.read()
        with explaining_unknown_names(self.files):
            profile = find_profile(read.file, name, "the command line")
        notices = (*read.notices, *_outranking(environment, read.file, profile))
        if _configuration(read.file).default_profile == name:
            return Edited(self.files.find().in_force, changed=False, notices=notices)
        path = self.files.edit([Edit(("default",), {"profile": name})])
        return Edited(path, changed=True, notices=notices)


@dataclass(frozen=True, slots=True)
class RemoveProfile:
    """Removes a profile from the file in force; where it was the default, there is none then."""

    files: ConfigurationFiles

    def __call__(self, name: str, *, confirmed: bool = False) -> RemovedProfile:
        """Remove.

        Raises:
            UnknownName: the file defines no such profile.
            ConfirmationNeeded: it is the default, and nobody has confirmed that.
        """
        read = self.files.read()
        with explaining_unknown_names(self.files):
            find_profile(read.file, name, "the command line")
        configuration = _configuration(read.file)
        is_default = configuration.default_profile == name
        if is_default and not confirmed:
            path = self.files.find().in_force
            message = f"The profile {name!r} is the default in {path}, which would have none without it."
            raise ConfirmationNeeded(message, "--yes")
        path = self.files.edit(_removals(configuration, [name]))
        return RemovedProfile(path, is_default, len(configuration.profiles) > 1, read.notices)


@dataclass(frozen=True, slots=True)
class TrustProject:
    """Records that the user trusts a project's file, and the registries that it names today."""

    files: ConfigurationFiles
    trust: Trust

    def __call__(self, path: str | None = None) -> ConfigurationFile:
        """Trust the project file at `path`, or the one in force; returns what was trusted.

        Raises:
            NoProjectFile: there is none.
            InvalidFile: it cannot be read.
            StateNotWritable: the record cannot be written.
        """
        file = self.files.read_project_file(path)
        self.trust.trust(file.path, [registry.url for registry in file.configuration.registries.values()])
        return file


def resolve_without_profile(environment: EnvironmentVariables, read: FileRead, selection: Selection) -> ActiveProfile:
    """What to ask a registry with while editing: `STARDAG_PROFILE` may name the very profile that is to be added."""
    selection = selection._replace(without_profile=True)
    return resolve(Layers(selection, environment.read(), read.file, read.directory, Remembered(roots_path="")))


def _outranking(environment: Environment, file: ConfigurationFile | None, profile: Profile) -> Iterator[Notice]:
    """Which variables say something else than a profile that is the default, and outrank it. Those that were handed
    down are named together: nobody set them one by one."""
    registry = find_registry(file, profile.registry, f"profile {profile.name!r}")
    own = without_inherited_place(environment)
    place = environment.inherited
    if place is not None and own != environment and not _is_at(place, profile, registry.url):
        workspace = place.workspace_slug or place.workspace
        where = f"workspace {workspace!r} at {place.registry_url}" if workspace else place.registry_url
        yield Notice(
            "outranked",
            f"This process was started for another place, as by `stardag exec`, and works there: {where}. "
            f"{profile.name!r} is the default outside of it.",
        )
    for setting, value in (
        (own.profile, profile.name),
        (own.registry_url, registry.url),
        (own.organization, profile.organization),
        (own.workspace, profile.workspace),
    ):
        if setting is not None and setting.value != value:
            variable = setting.origin.variable
            fix = f"unset {variable} to work at {profile.name!r}"
            yield Notice("outranked", f"{variable}={setting.value} outranks the default profile; {fix}.")


def _is_at(place: InheritedPlace, profile: Profile, registry_url: str) -> bool:
    """Whether a profile, whose registry is at this URL, is of the place that was handed down."""
    return (
        place.registry_url == registry_url
        and (profile.organization or "") in (place.organization or "", place.organization_slug)
        and (profile.workspace or "") in (place.workspace or "", place.workspace_slug)
    )


def _configuration(file: ConfigurationFile | None) -> Configuration:
    return file.configuration if file else NOTHING


def _removals(configuration: Configuration, profiles: Sequence[str]) -> list[Edit]:
    """The edits that take these profiles out, and the default with them where it is one of them."""
    edits = [Edit(("profile", name), None) for name in profiles]
    if configuration.default_profile in profiles:
        edits.append(Edit(("default",), {"profile": None}))
    return edits


def _count(items: Sequence[object], noun: str) -> str:
    return f"{len(items)} {noun}{'' if len(items) == 1 else 's'}"
