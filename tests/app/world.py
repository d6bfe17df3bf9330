"""One small world for tests of use cases: a registry, an environment, files, state, trust and storage, all fakes."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from stardag.app.builds.join_build import JoinBuild
from stardag.app.builds.ports import Machine
from stardag.app.builds.start_build import StartBuild
from stardag.app.choose_registry import ChooseRegistry
from stardag.app.connect import Connect, OpenRegistry
from stardag.app.list_target_roots import ListTargetRoots
from stardag.app.log_in import LogIn
from stardag.app.log_out import LogOut
from stardag.app.outputs.copy_outputs import CopyOutputs
from stardag.app.outputs.find_target_root import FindTargetRoot
from stardag.app.outputs.list_outputs import ListOutputs
from stardag.app.registry_ports import Credential, RegistryApi
from stardag.app.resolve_profile import ResolveProfile
from stardag.app.sign_in.fixed_credential import FixedCredential
from stardag.app.sign_in.handed_down_token import HandedDownToken
from stardag.app.sign_in.renew_tokens import RenewTokens
from stardag.app.sync_target_roots import SyncTargetRoots
from stardag.app.team.edit_api_keys import EditApiKeys
from stardag.app.team.edit_members import EditMembers
from stardag.app.team.edit_target_roots import EditTargetRoots
from stardag.app.team.edit_workspaces import EditWorkspaces
from stardag.app.team.join_organizations import JoinOrganizations
from stardag.app.team.read_builds import ReadBuilds
from stardag.app.tell_status import TellStatus
from stardag.app.validate_before_build import ValidateBeforeBuild
from stardag.domain.configuration import StardagDirectory
from stardag.domain.credentials import Secret
from stardag.domain.errors import StateNotWritable
from stardag.domain.layers import Notice, NoticeLog
from stardag.domain.organizations import Role
from stardag.domain.remembered import CachedRoots, Remembered, WorkspaceIdentity
from stardag.domain.sign_in import SignIn
from tests.fakes.configuration import FakeConfigurationFiles, Sections
from tests.fakes.environment import FakeEnvironment
from tests.fakes.file_storage import FakeFileStorage
from tests.fakes.identity_provider import FakeIdentityProvider
from tests.fakes.outcomes import FakeOutcomes
from tests.fakes.registry import DEFAULT_URL, FakeRegistries, FakeRegistry, FakeRegistryApi, Sent
from tests.fakes.sign_ins import FakeSignIns
from tests.fakes.signals import FakeSignals
from tests.fakes.state import FakeState
from tests.fakes.storage import FakeStorageCheck
from tests.fakes.trust import FakeTrust


class Connected(NamedTuple):
    """What a registry was opened with; a credential only where it was at hand."""

    url: str
    credential: Secret | None
    timeout: float


@dataclass
class WatchedRegistries:
    """Fake registries that note what they were opened with; `api` makes another kind of them."""

    registries: FakeRegistries
    api: Callable[[FakeRegistry, Credential | None], RegistryApi] = FakeRegistryApi
    connected: list[Connected] = field(default_factory=list[Connected])
    conditions: list[Sent] = field(default_factory=list[Sent])

    def connect(self, registry_url: str, credential: Credential | None, timeout: float) -> RegistryApi:
        at_hand = credential.secret if isinstance(credential, FixedCredential | HandedDownToken) else None
        self.connected.append(Connected(registry_url, at_hand, timeout))
        real = self.registries.connect(registry_url, credential, timeout)
        return self.api(real.registry, real.credential)


@dataclass
class ReadOnlyState:
    """State that can be read and not written."""

    state: FakeState

    def read(self, directory: StardagDirectory) -> tuple[Remembered, tuple[Notice, ...]]:
        return self.state.read(directory)

    def remember_identity(self, directory: StardagDirectory, identity: WorkspaceIdentity) -> None:
        raise StateNotWritable(f"{directory.path}/id-cache.json", "read-only file system")

    def remember_roots(self, directory: StardagDirectory, roots: CachedRoots) -> None:
        raise StateNotWritable(f"{directory.path}/target-root-cache.json", "read-only file system")

    def set_aside_corrupt_roots(self, directory: StardagDirectory) -> bool:
        if self.state.read(directory)[1]:
            raise StateNotWritable(f"{directory.path}/target-root-cache.json", "read-only file system")
        return False


class World:
    """A machine whose user file names a registry that has just been started, and whose environment has its key."""

    def __init__(self) -> None:
        self.registry = FakeRegistry.first_start()
        self.workspace = next(iter(self.registry.workspaces.values()))
        self.environment = FakeEnvironment(api_key=self.registry.owner_key.reveal())
        self.files = FakeConfigurationFiles(user=sample())
        self.real_state = FakeState()
        self.state: FakeState | ReadOnlyState = self.real_state
        self.trust = FakeTrust()
        self.storage = FakeStorageCheck()
        self.file_storage = FakeFileStorage()
        self.registries = WatchedRegistries(FakeRegistries(self.registry), conditions=self.registry.conditions)
        self.identity_provider = FakeIdentityProvider(self.registry)
        self.sign_ins = FakeSignIns()
        self.outcomes = FakeOutcomes()
        self.signals = FakeSignals()
        self.now = 1_790_000_000.0
        self.monotonic = 0.0
        self.process = 1
        self.notice_log = NoticeLog()

    @property
    def resolve(self) -> ResolveProfile:
        return ResolveProfile(self.environment, self.files, self.state, self.notice_log)

    @property
    def open_registry(self) -> OpenRegistry:
        return OpenRegistry(self.files, self.trust, self.registries, self.sign_ins, self.renew_tokens)

    @property
    def renew_tokens(self) -> RenewTokens:
        return RenewTokens(self.sign_ins, self.identity_provider, self.registries, lambda: self.now, self.signals)

    @property
    def choose_registry(self) -> ChooseRegistry:
        return ChooseRegistry(self.resolve, self.files)

    @property
    def log_in(self) -> LogIn:
        return LogIn(
            self.choose_registry,
            self.open_registry,
            self.registries,
            self.sign_ins,
            self.identity_provider,
            self.renew_tokens,
            self.sync,
        )

    @property
    def log_out(self) -> LogOut:
        return LogOut(self.choose_registry, self.open_registry, self.sign_ins, self.identity_provider)

    @property
    def tell_status(self) -> TellStatus:
        return TellStatus(self.choose_registry, self.open_registry, self.sign_ins, self.renew_tokens)

    @property
    def join_organizations(self) -> JoinOrganizations:
        return JoinOrganizations(self.choose_registry, self.open_registry)

    @property
    def edit_members(self) -> EditMembers:
        return EditMembers(self.resolve, self.open_registry)

    @property
    def edit_workspaces(self) -> EditWorkspaces:
        return EditWorkspaces(self.resolve, self.open_registry)

    @property
    def edit_target_roots(self) -> EditTargetRoots:
        return EditTargetRoots(self.connect)

    @property
    def edit_api_keys(self) -> EditApiKeys:
        return EditApiKeys(self.connect, lambda: self.now)

    @property
    def read_builds(self) -> ReadBuilds:
        return ReadBuilds(self.connect, lambda: self.now)

    def signed_in(self, email: str = "alice@acme.example", role: Role = "member") -> SignIn:
        """Let somebody who is a member be signed in, in place of the API key."""
        organization = next(iter(self.registry.organizations.values()))
        self.registry.add_user(email, organization, role)
        self.environment = FakeEnvironment()
        issued = self.identity_provider.sign_in(email)
        assert issued.refresh_token is not None
        issuer, directory = self.identity_provider.issuer, self.directory
        sign_in = SignIn(directory.path, "local", DEFAULT_URL, issuer.token_endpoint, "cli", issued.refresh_token)
        self.sign_ins.keep(directory, sign_in)
        return sign_in

    @property
    def connect(self) -> Connect:
        return Connect(self.resolve, self.open_registry, self.state, self.outcomes)

    @property
    def sync(self) -> SyncTargetRoots:
        return SyncTargetRoots(self.connect, self.state)

    @property
    def validate(self) -> ValidateBeforeBuild:
        return ValidateBeforeBuild(self.connect, self.state, self.storage)

    @property
    def machine(self) -> Machine:
        return Machine(self.outcomes, lambda: self.now, lambda: self.process)

    @property
    def start_build(self) -> StartBuild:
        return StartBuild(self.validate, self.machine, lambda: self.monotonic, lambda: str(uuid.uuid4()))

    @property
    def join_build(self) -> JoinBuild:
        return JoinBuild(self.connect, self.environment, self.machine, lambda: self.monotonic)

    @property
    def find_target_root(self) -> FindTargetRoot:
        return FindTargetRoot(self.connect, self.state)

    @property
    def list_outputs(self) -> ListOutputs:
        return ListOutputs(self.find_target_root, self.file_storage)

    @property
    def copy_outputs(self) -> CopyOutputs:
        return CopyOutputs(self.find_target_root, self.validate, self.file_storage)

    @property
    def list_roots(self) -> ListTargetRoots:
        return ListTargetRoots(self.connect, self.state)

    @property
    def directory(self) -> StardagDirectory:
        return self.files.find().directory

    def set_root(self, name: str, uri_prefix: str) -> None:
        self.registry.set_root(self.workspace.id, name, uri_prefix)

    def delete_root(self, name: str) -> None:
        self.registry.delete_root(self.workspace.id, name)

    def cached(self) -> dict[str, str] | None:
        """What stands in the cache of the workspace."""
        remembered, _ = self.real_state.read(self.directory)
        found = [it for it in remembered.cached_roots if it.workspace_id == self.workspace.id]
        return dict(found[0].target_roots) if found else None

    def synced(self) -> "World":
        """The same after a sync, with nothing noted of it."""
        self.sync()
        self.forget_requests()
        return self

    def forget_requests(self) -> None:
        self.registry.requests.clear()
        self.registries.conditions.clear()
        self.registries.connected.clear()

    def spoil_cache(self) -> None:
        self.real_state.spoil(self.directory)

    def make_state_read_only(self) -> None:
        self.state = ReadOnlyState(self.real_state)


def sample(url: str = DEFAULT_URL) -> Sections:
    """A file with one registry and one profile, which is the default."""
    return {
        "registry": {"local": {"url": url}},
        "profile": {"local": {"registry": "local", "organization": "default", "workspace": "default"}},
        "": {"default": {"profile": "local"}},
    }


def codes(notices: Sequence[Notice]) -> list[str]:
    return [notice.code for notice in notices]
