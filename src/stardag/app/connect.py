"""The way from an active profile to its registry: whether it may be asked, with which credential, for which workspace.

Precedence decides values, origin decides secrets: an API key from the environment does not go where only a project's
file leads (readings, section 5).
"""

from dataclasses import dataclass
from typing import NamedTuple

from stardag.app.ports import ConfigurationFiles, Registries, RegistryApi, State, Trust
from stardag.app.resolve_profile import ResolveProfile
from stardag.domain.configuration import CENTRAL_URL
from stardag.domain.credentials import Secret
from stardag.domain.errors import (
    InvalidValue,
    MalformedCredential,
    NoCredential,
    RegistryUnreachable,
    StateNotWritable,
    WithheldCredential,
    WorkspaceDisagrees,
)
from stardag.domain.layers import Layer, Notice, Setting
from stardag.domain.profile import ActiveProfile, Selection
from stardag.domain.registry_url import is_plain_beyond_loopback, origin_of
from stardag.domain.remembered import WorkspaceIdentity


class Connection(NamedTuple):
    """A registry that is ready to be asked about the active profile's workspace."""

    profile: ActiveProfile
    api: RegistryApi
    identity: WorkspaceIdentity
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenRegistry:
    """Opens the registry of an active profile with the credential that may go there; sends nothing yet."""

    files: ConfigurationFiles
    trust: Trust
    registries: Registries

    def __call__(self, profile: ActiveProfile) -> RegistryApi:
        """The profile's registry.

        Raises:
            RegistryUnreachable: working offline was asked for.
            InvalidValue: plain http beyond loopback, which the user's own file does not allow.
            NoCredential, MalformedCredential, WithheldCredential: there is no credential that may be sent.
        """
        url = profile.registry_url.value
        _check_online(url, profile)  # first: no credential helps while working offline
        return self.without_credential(url, profile, self._credential(profile))

    def without_credential(
        self, registry_url: str, profile: ActiveProfile, credential: Secret | None = None
    ) -> RegistryApi:
        """Any registry, with the deadline and the offline rule of the profile.

        Raises:
            RegistryUnreachable, InvalidValue: as above.
        """
        _check_online(registry_url, profile)
        self.check_transport(registry_url)
        return self.registries.connect(registry_url, credential, profile.timeout)

    def check_transport(self, registry_url: str) -> None:
        """Make sure that what is sent there cannot be read on its way.

        Raises:
            InvalidValue: plain http beyond loopback, which the user's own file does not allow for this registry.
        """
        if not is_plain_beyond_loopback(registry_url):
            return
        own = self.files.read_user_file()
        if own is None or not any(
            registry.allow_http and registry.url == registry_url for registry in own.configuration.registries.values()
        ):
            user_file = self.files.find().user
            raise InvalidValue(
                "registry URL",
                registry_url,
                "plain http would send credentials readable over the network",
                f"Use https, or put `allow_http = true` beside the registry's url in {user_file}.",
            )

    def _credential(self, profile: ActiveProfile) -> Secret:
        api_key = profile.api_key
        url = profile.registry_url
        if api_key.value is None:
            raise NoCredential(url.value)
        if not api_key.value.is_well_formed:
            raise MalformedCredential(str(api_key.origin))
        if url.origin.layer is Layer.PROJECT and not self._is_named_by_the_user(url):
            raise WithheldCredential(str(api_key.origin), url.value, str(url.origin.path))
        return api_key.value

    def _is_named_by_the_user(self, url: Setting[str]) -> bool:
        """Whether more than a project's file leads to this origin."""
        own = self.files.read_user_file()
        urls = [registry.url for registry in own.configuration.registries.values()] if own else []
        if origin_of(url.value) in map(origin_of, (*urls, CENTRAL_URL)):
            return True
        return self.trust.is_trusted_origin(str(url.origin.path), url.value)


@dataclass(frozen=True, slots=True)
class Connect:
    """Resolves, opens the registry and finds the workspace's id there, asking only for what is not remembered."""

    resolve: ResolveProfile
    open_registry: OpenRegistry
    state: State

    def __call__(self, selection: Selection, *, ask_again: bool = False, remember: bool = True) -> Connection:
        """A connection for this selection.

        `ask_again` looks the workspace up even where it is remembered; `remember` keeps what was learnt.

        Raises:
            WorkspaceDisagrees: the API key belongs to another organization or workspace than the one named.
            and whatever ResolveProfile, OpenRegistry and RegistryApi.identity raise.
        """
        profile = self.resolve(selection)
        api = self.open_registry(profile)
        known = profile.identity
        api_key = profile.api_key.value
        if known is not None and api_key is not None and not ask_again and api_key.fingerprint in known.api_keys:
            return Connection(profile, api, known)
        identity = _identity(profile, api)
        profile = self.resolve(selection, identity)
        _check_agreement(profile, identity)
        notices = self._remember(profile, identity) if remember else ()
        return Connection(profile, api, identity, notices)

    def _remember(self, profile: ActiveProfile, identity: WorkspaceIdentity) -> tuple[Notice, ...]:
        """Keep what was learnt. Not being able to only costs asking again."""
        try:
            self.state.remember_identity(profile.directory, identity)
        except StateNotWritable as error:
            return (Notice("not-remembered", error.message),)
        return ()


def _check_online(registry_url: str, profile: ActiveProfile) -> None:
    if profile.offline.value:
        raise RegistryUnreachable(
            registry_url,
            f"{profile.offline.origin} asks to work offline",
            f"Leave out {profile.offline.origin} to ask the registry.",
        )


def _identity(profile: ActiveProfile, api: RegistryApi) -> WorkspaceIdentity:
    found = api.identity()
    api_key = profile.api_key.value
    return WorkspaceIdentity(
        registry_url=profile.registry_url.value,
        organization_id=found.organization_id,
        organization_slug=found.organization_slug,
        workspace_id=found.workspace_id,
        workspace_slug=found.workspace_slug,
        api_keys=frozenset((api_key.fingerprint,)) if api_key else frozenset(),
    )


def _check_agreement(profile: ActiveProfile, identity: WorkspaceIdentity) -> None:
    """A key belongs to one workspace; one named anywhere that disagrees is an error (readings, section 3)."""
    key_from = str(profile.api_key.origin)
    organization, workspace = profile.organization, profile.workspace
    if organization.value is not None and not identity.is_organization(organization.value):
        slug = identity.organization_slug
        raise WorkspaceDisagrees("organization", organization.value, str(organization.origin), slug, key_from)
    if workspace.value is not None and not identity.is_workspace(workspace.value):
        slug = identity.workspace_slug
        raise WorkspaceDisagrees("workspace", workspace.value, str(workspace.origin), slug, key_from)
