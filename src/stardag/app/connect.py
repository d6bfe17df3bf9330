"""The way from an active profile to its registry: whether it may be asked, with which credential, for which workspace.

Precedence decides values, origin decides secrets: an API key from the environment does not go where only a project's
file leads, an access token only where the environment that holds it leads, and what a sign-in left to the very registry
that it was made at (readings, section 5).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from stardag.app.ports import ConfigurationFiles, State, Trust
from stardag.app.registry_ports import Credential, KeyIdentity, Registries, RegistryApi
from stardag.app.resolve_profile import ResolveProfile
from stardag.app.sign_in.fixed_credential import FixedCredential
from stardag.app.sign_in.organization import organization_of
from stardag.app.sign_in.ports import SignIns
from stardag.app.sign_in.renew_tokens import RenewTokens
from stardag.app.sign_in.user_credentials import OrganizationCredential, UserCredential
from stardag.domain.configuration import CENTRAL_URL
from stardag.domain.credential_source import api_key_source
from stardag.domain.credentials import Secret
from stardag.domain.environment import UNKNOWN_VARIABLE
from stardag.domain.errors import InvalidValue, MissingSetting, StateNotWritable
from stardag.domain.layers import Layer, Notice
from stardag.domain.names import is_id
from stardag.domain.profile import ActiveProfile, Selection
from stardag.domain.registry_errors import (
    MalformedCredential,
    NoCredential,
    NotKnownToRegistry,
    NotSignedIn,
    RegistryUnreachable,
    SignInWithheld,
    UnexpectedAnswer,
    UnknownVariable,
    WithheldCredential,
    WorkspaceDisagrees,
    WorkspaceMoved,
    WorkspaceReplaced,
)
from stardag.domain.registry_url import is_plain_beyond_loopback, origin_of
from stardag.domain.remembered import WorkspaceIdentity
from stardag.domain.sign_in import SignIn

if TYPE_CHECKING:
    from stardag.app.outcomes.ports import Outcomes

Result = TypeVar("Result")


class Connection(NamedTuple):
    """A registry that is ready to be asked about the active profile's workspace.

    `is_remembered` says that the workspace's id was looked up earlier. `replaced` is the workspace that the same slugs
    led to at the last sync, where that was another one.
    """

    profile: ActiveProfile
    api: RegistryApi
    identity: WorkspaceIdentity
    notices: tuple[Notice, ...] = ()
    is_remembered: bool = False
    replaced: WorkspaceIdentity | None = None

    @property
    def warnings(self) -> tuple[Notice, ...]:
        """What a person should hear of who asks for something else than a build."""
        if self.replaced is None:
            return self.notices
        message = f"{replacement(self.replaced, self.identity)} Builds stop until a sync of target roots accepts that."
        return (*self.notices, Notice("workspace-replaced", message))

    def check_not_replaced(self, sync_command: str) -> None:
        """Make sure that outputs go to no workspace that nobody has accepted.

        Raises:
            WorkspaceReplaced: the slugs lead to another one than at the last sync.
        """
        if self.replaced is not None:
            slug, old = self.identity.workspace_slug, self.replaced.workspace_id
            raise WorkspaceReplaced(slug, old, self.identity.workspace_id, sync_command)


@dataclass(frozen=True, slots=True)
class OpenRegistry:
    """Opens the registry of an active profile with the credential that may go there; sends nothing yet."""

    files: ConfigurationFiles
    trust: Trust
    registries: Registries
    sign_ins: SignIns
    renew_tokens: RenewTokens

    def __call__(self, profile: ActiveProfile) -> RegistryApi:
        """The profile's registry, for what belongs to the profile's organization.

        Raises:
            NoProfileChosen: nothing chooses among the profiles of the configuration.
            RegistryUnreachable: working offline was asked for.
            InvalidValue: plain http beyond loopback, which the user's own file does not allow.
            NoCredential, MalformedCredential, WithheldCredential: there is no credential that may be sent.
            MissingSetting: somebody is signed in, and no organization is named.
            UnusableSecrets: the file that keeps the sign-in is broken, or others can read it.
        """
        profile.check_chosen()
        url = profile.registry_url.value
        _check_online(url, profile)  # first: no credential helps while working offline
        credential = self._at_hand(profile) or self._of_organization(profile)
        return self.without_credential(url, profile, credential)

    def before_any_organization(self, profile: ActiveProfile) -> RegistryApi:
        """The profile's registry, for what belongs to the user: the organizations that there are.

        Raises:
            as above, but for MissingSetting.
        """
        profile.check_chosen()
        url = profile.registry_url.value
        _check_online(url, profile)
        credential = self._at_hand(profile) or self._of_user(profile)
        return self.without_credential(url, profile, credential)

    def as_user(self, profile: ActiveProfile, registry: str) -> RegistryApi:
        """The profile's registry, called `registry`, for what a person does before any organization; an API key, which
        is nobody, stays at home, and so does an access token, which is for one organization.

        Raises:
            RegistryUnreachable, InvalidValue, UnusableSecrets: as above.
            NotSignedIn: nobody is signed in there.
        """
        url = profile.registry_url.value
        _check_online(url, profile)
        sign_in = self.sign_ins.find(profile.directory, registry, url)
        if sign_in is None:
            raise NotSignedIn(registry, url, "This is for a person: neither an API key nor an access token will do.")
        return self.without_credential(url, profile, UserCredential(self.renew_tokens, sign_in, profile.timeout))

    def without_credential(
        self, registry_url: str, profile: ActiveProfile, credential: Credential | None = None
    ) -> RegistryApi:
        """Any registry, with the deadline and the offline rule of the profile; with a credential only where the
        caller knows that it belongs there.

        Raises:
            RegistryUnreachable, InvalidValue: as above.
            UnknownVariable: a credential would go to the default registry, though a variable may name another.
        """
        _check_online(registry_url, profile)
        if credential is not None:
            self.check_named(profile)
        self.check_transport(registry_url, profile)
        return self.registries.connect(registry_url, credential, profile.timeout)

    def check_named(self, profile: ActiveProfile) -> None:
        """Make sure that no secret goes to the default registry because a variable that names another is misspelt.

        Raises:
            UnknownVariable: nothing names the profile's registry, and a variable is not known.
        """
        if profile.registry.origin.layer is Layer.DEFAULT:
            unknown = [notice.message for notice in profile.notices if notice.code == UNKNOWN_VARIABLE]
            if unknown:
                raise UnknownVariable(unknown, profile.registry_url.value)

    def check_transport(self, registry_url: str, profile: ActiveProfile | None = None) -> None:
        """Make sure that what is sent there cannot be read on its way.

        Raises:
            InvalidValue: plain http beyond loopback, which neither the user's own file allows for this registry nor,
                where the `profile` has it from there, the environment.
        """
        if not is_plain_beyond_loopback(registry_url):
            return
        in_force = profile.registry_url if profile is not None and profile.registry_url.value == registry_url else None
        if in_force is not None and profile is not None and profile.allows_http:
            return
        own = self.files.read_user_file()
        if own is None or not any(
            registry.allow_http and registry.url == registry_url for registry in own.configuration.registries.values()
        ):
            user_file = self.files.find().user or "your own configuration file"
            raise InvalidValue(
                "registry URL",
                registry_url,
                "plain http would send credentials readable over the network",
                f"Use https, or set STARDAG_ALLOW_HTTP=true beside {in_force.origin}."
                if in_force is not None and in_force.origin.layer is Layer.ENVIRONMENT
                else f"Use https, or put `allow_http = true` beside the registry's url in {user_file}.",
            )

    def check_sign_in(self, profile: ActiveProfile) -> None:
        """Make sure that the user may be asked to sign in at the profile's registry.

        Raises:
            SignInWithheld: only a project's file leads there.
            UnknownVariable: see `check_named`.
        """
        self.check_named(profile)
        url = profile.registry_url
        if not self._is_named_by_the_user(profile):
            raise SignInWithheld(url.value, str(url.origin.path))

    def _at_hand(self, profile: ActiveProfile) -> Credential | None:
        """What the environment holds for this place: an API key, else an access token; None where it holds neither."""
        api_key = profile.api_key
        if api_key.value is None:
            return _handed_down(profile)
        if not api_key.value.is_well_formed:
            raise MalformedCredential(str(api_key.origin))
        if not self._is_named_by_the_user(profile):
            url = profile.registry_url
            raise WithheldCredential(str(api_key.origin), url.value, str(url.origin.path))
        return FixedCredential(api_key.value, api_key_source(str(api_key.origin)))

    def _of_organization(self, profile: ActiveProfile) -> Credential:
        sign_in = self._sign_in(profile)
        return OrganizationCredential(self.renew_tokens, sign_in, organization_of(profile), profile.timeout)

    def _of_user(self, profile: ActiveProfile) -> Credential:
        return UserCredential(self.renew_tokens, self._sign_in(profile), profile.timeout)

    def _sign_in(self, profile: ActiveProfile) -> SignIn:
        """What signing in at the profile's registry left: kept under its name, for this very URL."""
        registry, url = profile.registry.value, profile.registry_url.value
        sign_in = None if registry is None else self.sign_ins.find(profile.directory, registry, url)
        if sign_in is None:
            raise NoCredential(url, registry, profile.unused_token)
        return sign_in

    def _is_named_by_the_user(self, profile: ActiveProfile) -> bool:
        """Whether more than a project's file leads to the origin of the profile's registry."""
        url = profile.registry_url
        if url.origin.layer is not Layer.PROJECT:
            return True
        own = self.files.read_user_file()
        urls = [registry.url for registry in own.configuration.registries.values()] if own else []
        urls += [lost.value for lost in url.overridden if lost.origin.layer is Layer.ENVIRONMENT]
        if origin_of(url.value) in map(origin_of, (*urls, CENTRAL_URL)):
            return True
        if self.sign_ins.has_signed_in(profile.directory, url.value):
            return True
        return self.trust.is_trusted_origin(str(url.origin.path), url.value)


@dataclass(frozen=True, slots=True)
class Connect:
    """Resolves, opens the registry and finds the workspace's id there, asking only for what is not remembered.

    Whatever the registry has not heard of earlier builds in the workspace is delivered then.
    """

    resolve: ResolveProfile
    open_registry: OpenRegistry
    state: State
    outcomes: "Outcomes"

    def asking(self, selection: Selection, ask: Callable[[Connection], Result], *, remember: bool = True) -> Result:
        """What `ask` gets from the connection for this selection. Where the registry says that the remembered id is not
        that of the workspace any more, its slugs are looked up again, once, and `ask` is called again.

        Raises:
            as `__call__`, and whatever `ask` raises.
        """
        connection = self(selection, remember=remember)
        try:
            return ask(connection)
        except (WorkspaceMoved, NotKnownToRegistry) as error:
            if not (connection.is_remembered and _is_about_workspace(error)):
                raise
        return ask(self._looked_up(selection, connection.profile, remember=remember))

    def __call__(self, selection: Selection, *, ask_again: bool = False, remember: bool = True) -> Connection:
        """A connection for this selection. Whoever goes on with a workspace that may be remembered uses `asking`.

        `ask_again` looks the workspace up even where it is remembered; `remember` keeps what was learnt, and delivers
        what was kept.

        Raises:
            WorkspaceDisagrees: the API key belongs to another organization or workspace than the one named.
            MissingSetting: somebody is signed in, and no organization or workspace is named.
            NotKnownToRegistry: the signed-in user may see no such organization or workspace.
            RegistryUnreachable: the registry does not answer when it is told of earlier builds.
            and whatever ResolveProfile, OpenRegistry and RegistryApi.identity raise.
        """
        connection = self._connected(selection, ask_again=ask_again, remember=remember)
        if not remember or not self.outcomes.are_waiting(connection.profile.directory):
            return connection
        from stardag.app.outcomes.deliver import deliver_outcomes  # there is hardly ever something to deliver

        api = connection.api.for_workspace(None)  # what is delivered belongs to an id, whatever that is called
        delivered = deliver_outcomes(self.outcomes, connection.profile.directory, api, connection.identity)
        self.resolve.notice_log.add(delivered)
        return connection._replace(notices=(*connection.notices, *delivered))

    def _connected(self, selection: Selection, *, ask_again: bool, remember: bool) -> Connection:
        profile = self.resolve(selection)
        known, api_key = profile.identity, profile.api_key.value
        if known is not None and not ask_again and (api_key is None or api_key.fingerprint in known.api_keys):
            return Connection(profile, self.open_registry(profile).for_workspace(known), known, is_remembered=True)
        return self._looked_up(selection, profile, remember=remember)

    def _looked_up(self, selection: Selection, profile: ActiveProfile, *, remember: bool) -> Connection:
        """A connection to the workspace that the profile names, as the registry says now. It is remembered, unless its
        slugs are remembered to lead to another one: a sync accepts that."""
        api, api_key = self.open_registry(profile), profile.api_key.value
        identity = _identity_of_key(profile, api, api_key) if api_key else _identity_of_user(profile, api)
        namesake = self.state.read(profile.directory)[0].namesake_of(identity)
        profile = self.resolve(selection, identity)
        if api_key is not None:
            _check_agreement(profile, identity)
        replaced = namesake if profile.workspace.value == identity.workspace_slug else None  # an id, or a key, is clear
        notices = self.remember(profile, identity) if remember and namesake is None else ()
        return Connection(profile, api.for_workspace(identity), identity, notices, replaced=replaced)

    def remember(self, profile: ActiveProfile, identity: WorkspaceIdentity) -> tuple[Notice, ...]:
        """Keep what was learnt. Not being able to only costs asking again."""
        try:
            self.state.remember_identity(profile.directory, identity)
        except StateNotWritable as error:
            notice = Notice("not-remembered", error.message)
            self.resolve.notice_log.add((notice,))
            return (notice,)
        return ()


def sync_command(selection: Selection) -> str:
    """The command that syncs the target roots of the very workspace that is selected."""
    chosen = {
        "profile": selection.profile,
        "registry": selection.registry,
        "organization": selection.organization,
        "workspace": selection.workspace,
    }
    options = (f"--{name} {value}" for name, value in chosen.items() if value is not None)
    return " ".join(("stardag target-roots sync", *options))


def _is_about_workspace(error: WorkspaceMoved | NotKnownToRegistry) -> bool:
    """Whether the registry says that the workspace itself is not there. One that knows no `WorkspaceMoved` says so
    with its id."""
    return isinstance(error, WorkspaceMoved) or error.kind == "workspace"


def replacement(before: WorkspaceIdentity, now: WorkspaceIdentity) -> str:
    """That the slugs of a workspace lead to another one, as a sentence."""
    ids = f"it was {before.workspace_id}, and is {now.workspace_id} now"
    return f"The workspace {now.workspace_slug!r} is another one than at the last sync: {ids}."


def _check_online(registry_url: str, profile: ActiveProfile) -> None:
    if profile.offline.value:
        raise RegistryUnreachable(
            registry_url,
            f"{profile.offline.origin} asks to work offline",
            f"Leave out {profile.offline.origin} to ask the registry.",
        )


def _handed_down(profile: ActiveProfile) -> Credential | None:
    """The access token that `stardag exec` handed down, where resolution says that it belongs here."""
    setting = profile.access_token
    if setting.value is None:
        return None
    if not setting.value.is_well_formed_token:
        raise MalformedCredential(str(setting.origin), "access token")
    from stardag.app.sign_in.handed_down_token import HandedDownToken  # only what `stardag exec` runs has one

    return HandedDownToken(setting.value, profile.registry_url.value, str(setting.origin))


def identity_of_key(api: RegistryApi, registry_url: str) -> KeyIdentity:
    """Whose the API key is that a registry was opened with.

    Raises:
        UnexpectedAnswer: the registry takes it for a person.
        and whatever RegistryApi.identity raises.
    """
    identity = api.identity()
    if not isinstance(identity, KeyIdentity):
        raise UnexpectedAnswer(registry_url, "it takes the API key for a person")
    return identity


def organization_asked(profile: ActiveProfile, api: RegistryApi) -> str:
    """The profile's organization, or the API key's own where none is set.

    Raises:
        UnexpectedAnswer: as above.
        and whatever RegistryApi.identity raises.
    """
    return profile.organization.value or identity_of_key(api, profile.registry_url.value).organization_id


def _identity_of_key(profile: ActiveProfile, api: RegistryApi, api_key: Secret) -> WorkspaceIdentity:
    """The workspace that an API key belongs to."""
    url = profile.registry_url.value
    found = identity_of_key(api, url)
    return WorkspaceIdentity(
        registry_url=url,
        organization_id=found.organization_id,
        organization_slug=found.organization_slug,
        workspace_id=found.workspace_id,
        workspace_slug=found.workspace_slug,
        api_keys=frozenset((api_key.fingerprint,)),
    )


def _identity_of_user(profile: ActiveProfile, api: RegistryApi) -> WorkspaceIdentity:
    """The workspace that the profile names, looked up among those that the signed-in user may see."""
    url, reference = profile.registry_url.value, profile.workspace.value
    organization = organization_of(profile)
    if reference is None:
        raise MissingSetting("workspace", "STARDAG_WORKSPACE_ID")
    workspaces = api.workspaces(organization)
    workspace = next((each for each in workspaces if each.is_meant_by(reference)), None)
    if workspace is None:  # an archived one is still read
        workspace = next(
            (each for each in api.workspaces(organization, archived=True) if each.is_meant_by(reference)), None
        )
    if workspace is None:
        raise NotKnownToRegistry("workspace", reference, url, [each.slug for each in workspaces])
    slug = organization
    if is_id(organization):
        slugs = [each.slug for each in api.organizations() if each.id == workspace.organization_id]
        if not slugs:
            raise UnexpectedAnswer(url, "it lists workspaces of an organization that it does not list")
        slug = slugs[0]
    return WorkspaceIdentity(url, workspace.organization_id, slug, workspace.id, workspace.slug)


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
