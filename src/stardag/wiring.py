"""How each adapter and use case is made: one function each, importing what it makes only when it is called.

Plain functions, so that `stardag.active_profile()` can answer without the container library, whose import alone costs
more than all of resolution; `container.py` declares the same functions as providers.
"""

import os
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stardag.adapters.held_signals import HeldSignals
    from stardag.app.add_registry import AddRegistry
    from stardag.app.browse_registry import BrowseRegistry
    from stardag.app.builds.join_build import JoinBuild
    from stardag.app.builds.ports import Machine
    from stardag.app.builds.start_build import StartBuild
    from stardag.app.child_processes import Commands
    from stardag.app.choose_registry import ChooseRegistry
    from stardag.app.connect import Connect, OpenRegistry
    from stardag.app.edit_configuration import (
        AddProfile,
        RemoveProfile,
        RemoveRegistry,
        TrustProject,
        UseProfile,
    )
    from stardag.app.list_configuration import ListConfiguration
    from stardag.app.list_target_roots import ListTargetRoots
    from stardag.app.log_in import LogIn
    from stardag.app.log_out import LogOut
    from stardag.app.outcomes.ports import Outcomes
    from stardag.app.outputs.copy_outputs import CopyOutputs
    from stardag.app.outputs.copying_ports import FileStorage
    from stardag.app.outputs.find_target_root import Asked, Fetched, FindTargetRoot
    from stardag.app.outputs.list_outputs import ListOutputs
    from stardag.app.outputs.ports import OutputStorage
    from stardag.app.ports import ConfigurationFiles, EnvironmentVariables, State, StorageCheck, Trust
    from stardag.app.registry_ports import Registries
    from stardag.app.resolve_profile import ResolveProfile
    from stardag.app.run_command import RunCommand
    from stardag.app.sign_in.ports import Browser, IdentityProvider, SignIns
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
    from stardag.domain.layers import NoticeLog

_fetched: "dict[Asked, Fetched]" = {}
"""The target roots that this process has fetched and could not cache on disk."""


def user_directory() -> str:
    """The user's stardag directory: `STARDAG_HOME`, or `~/.stardag`; `NO_DIRECTORY` where there is no home directory.

    Raises:
        InvalidVariable: `STARDAG_HOME` is not absolute.
    """
    from stardag.adapters import user_directory

    return user_directory.user_directory(os.environ)


def working_directory() -> str:
    """The directory that projects are looked for from; the root where the current one has been removed."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return os.sep


log_of_call: "ContextVar[NoticeLog | None]" = ContextVar("stardag_log_of_call", default=None)
"""Where a library call collects what its caller should hear of, also where the call fails."""


def notice_log() -> "NoticeLog":
    """Every notice, for where what was asked for fails."""
    from stardag.domain.layers import NoticeLog

    return log_of_call.get() or NoticeLog()


def environment(notice_log: "NoticeLog") -> "EnvironmentVariables":
    """The variables of this process."""
    from stardag.adapters.environment import EnvironmentVariables

    return EnvironmentVariables(os.environ, notice_log)


def trust() -> "Trust":
    """The record of trusted project files in the user's stardag directory."""
    from stardag.adapters.trust_file import TrustFile

    return TrustFile(user_directory())


def files(trust: "Trust", notice_log: "NoticeLog") -> "ConfigurationFiles":
    """The `config.toml` files as seen from the working directory."""
    from stardag.adapters.toml_config import TomlConfigurationFiles
    from stardag.adapters.user_directory import home_directory

    return TomlConfigurationFiles(working_directory(), user_directory(), home_directory(os.environ), trust, notice_log)


def state(notice_log: "NoticeLog") -> "State":
    """The state files."""
    from stardag.adapters.state_files import StateFiles

    return StateFiles(notice_log)


def registries() -> "Registries":
    """Registries over HTTP."""
    from stardag.adapters.http_registry import HttpRegistries

    return HttpRegistries()


def storage() -> "StorageCheck":
    """Checks of local directories and of S3."""
    from stardag.adapters.storage import LocalAndS3StorageCheck

    return LocalAndS3StorageCheck()


def output_storage() -> "OutputStorage":
    """Local directories and S3, to open outputs in; the one of this process."""
    from stardag.adapters.storage.output_storage import output_storage

    return output_storage()


def file_storage() -> "FileStorage":
    """Files in local directories and S3, to be listed and copied."""
    from stardag.adapters.storage.file_storage import LocalAndS3FileStorage

    return LocalAndS3FileStorage(user_directory())


def sign_ins() -> "SignIns":
    """What signing in left."""
    from stardag.adapters.state_files.sign_ins import SignInFiles

    return SignInFiles(user_directory())


def identity_provider() -> "IdentityProvider":
    """OpenID providers."""
    from stardag.adapters.oauth import OAuthIdentityProvider

    return OAuthIdentityProvider()


def browser() -> "Browser":
    """The browser of whoever sits at this machine."""
    from stardag.adapters.browser import SystemBrowser

    return SystemBrowser(os.environ)


def commands(signals: "HeldSignals") -> "Commands":
    """The programs of this machine."""
    from stardag.adapters.child_process import SystemCommands

    return SystemCommands(signals.listening)


def resolve_profile(
    environment: "EnvironmentVariables", files: "ConfigurationFiles", state: "State", notice_log: "NoticeLog"
) -> "ResolveProfile":
    """The use case that needs no network."""
    from stardag.app.resolve_profile import ResolveProfile

    return ResolveProfile(environment, files, state, notice_log)


def resolve_here() -> "ResolveProfile":
    """The same for this process, put together without the container."""
    log = notice_log()
    return resolve_profile(environment(log), files(trust(), log), state(log), log)


def signals() -> "HeldSignals":
    """The signals of this process."""
    from stardag.adapters.held_signals import HeldSignals

    return HeldSignals()


def renew_tokens(
    sign_ins: "SignIns", identity_provider: "IdentityProvider", registries: "Registries", signals: "HeldSignals"
) -> "RenewTokens":
    """The access tokens of whoever is signed in."""
    import time

    from stardag.app.sign_in.renew_tokens import RenewTokens

    return RenewTokens(sign_ins, identity_provider, registries, time.time, signals)


def open_registry(
    files: "ConfigurationFiles",
    trust: "Trust",
    registries: "Registries",
    sign_ins: "SignIns",
    renew_tokens: "RenewTokens",
) -> "OpenRegistry":
    """The way to a registry."""
    from stardag.app.connect import OpenRegistry

    return OpenRegistry(files, trust, registries, sign_ins, renew_tokens)


def outcomes() -> "Outcomes":
    """What registries have not heard of builds."""
    from stardag.adapters.state_files.outcomes import OutcomeFiles

    return OutcomeFiles()


def connect(
    resolve_profile: "ResolveProfile", open_registry: "OpenRegistry", state: "State", outcomes: "Outcomes"
) -> "Connect":
    """The way to the active profile's workspace."""
    from stardag.app.connect import Connect

    return Connect(resolve_profile, open_registry, state, outcomes)


def list_configuration(environment: "EnvironmentVariables", files: "ConfigurationFiles") -> "ListConfiguration":
    """The use case behind `registry list` and `profile list`."""
    from stardag.app.list_configuration import ListConfiguration

    return ListConfiguration(environment, files)


def browse_registry(resolve_profile: "ResolveProfile", open_registry: "OpenRegistry") -> "BrowseRegistry":
    """The use case behind `organizations list` and `workspaces list`."""
    from stardag.app.browse_registry import BrowseRegistry

    return BrowseRegistry(resolve_profile, open_registry)


def list_target_roots(connect: "Connect", state: "State") -> "ListTargetRoots":
    """The use case behind `target-roots list`."""
    from stardag.app.list_target_roots import ListTargetRoots

    return ListTargetRoots(connect, state)


def find_target_root(connect: "Connect", state: "State") -> "FindTargetRoot":
    """The way to the target roots that outputs are below."""
    from stardag.app.outputs.find_target_root import FindTargetRoot

    return FindTargetRoot(connect, state, _fetched)


def sync_target_roots(connect: "Connect", state: "State") -> "SyncTargetRoots":
    """The use case behind `target-roots sync`."""
    from stardag.app.sync_target_roots import SyncTargetRoots

    return SyncTargetRoots(connect, state)


def validate_before_build(connect: "Connect", state: "State", storage: "StorageCheck") -> "ValidateBeforeBuild":
    """What every build starts with."""
    from stardag.app.validate_before_build import ValidateBeforeBuild

    return ValidateBeforeBuild(connect, state, storage)


def machine(outcomes: "Outcomes") -> "Machine":
    """What a build needs of this machine."""
    import time

    from stardag.app.builds.ports import Machine

    return Machine(outcomes, time.time, os.getpid)


def start_build(validate_before_build: "ValidateBeforeBuild", machine: "Machine") -> "StartBuild":
    """Builds of this process."""
    import time
    import uuid

    from stardag.app.builds.start_build import StartBuild

    return StartBuild(validate_before_build, machine, time.monotonic, lambda: str(uuid.uuid4()))


def join_build(connect: "Connect", environment: "EnvironmentVariables", machine: "Machine") -> "JoinBuild":
    """Builds of other processes."""
    import time

    from stardag.app.builds.join_build import JoinBuild

    return JoinBuild(connect, environment, machine, time.monotonic)


def run_command(
    commands: "Commands",
    environment: "EnvironmentVariables",
    validate_before_build: "ValidateBeforeBuild",
    start_build: "StartBuild",
) -> "RunCommand":
    """The use case behind `exec`."""
    from stardag.app.run_command import RunCommand

    return RunCommand(commands, environment, validate_before_build, start_build)


def list_outputs(find_target_root: "FindTargetRoot", file_storage: "FileStorage") -> "ListOutputs":
    """The use case behind `outputs list`."""
    from stardag.app.outputs.list_outputs import ListOutputs

    return ListOutputs(find_target_root, file_storage)


def copy_outputs(
    find_target_root: "FindTargetRoot", validate_before_build: "ValidateBeforeBuild", file_storage: "FileStorage"
) -> "CopyOutputs":
    """The use case behind `outputs copy`."""
    from stardag.app.outputs.copy_outputs import CopyOutputs

    return CopyOutputs(find_target_root, validate_before_build, file_storage)


def add_registry(
    environment: "EnvironmentVariables", files: "ConfigurationFiles", open_registry: "OpenRegistry"
) -> "AddRegistry":
    """The use case behind `registry add`."""
    from stardag.app.add_registry import AddRegistry

    return AddRegistry(environment, files, open_registry)


def remove_registry(files: "ConfigurationFiles", sign_ins: "SignIns") -> "RemoveRegistry":
    """The use case behind `registry remove`."""
    from stardag.app.edit_configuration import RemoveRegistry

    return RemoveRegistry(files, sign_ins)


def add_profile(
    environment: "EnvironmentVariables", files: "ConfigurationFiles", open_registry: "OpenRegistry"
) -> "AddProfile":
    """The use case behind `profile add`."""
    from stardag.app.edit_configuration import AddProfile

    return AddProfile(environment, files, open_registry)


def use_profile(environment: "EnvironmentVariables", files: "ConfigurationFiles") -> "UseProfile":
    """The use case behind `profile use`."""
    from stardag.app.edit_configuration import UseProfile

    return UseProfile(environment, files)


def remove_profile(files: "ConfigurationFiles") -> "RemoveProfile":
    """The use case behind `profile remove`."""
    from stardag.app.edit_configuration import RemoveProfile

    return RemoveProfile(files)


def trust_project(files: "ConfigurationFiles", trust: "Trust") -> "TrustProject":
    """The use case behind `trust`."""
    from stardag.app.edit_configuration import TrustProject

    return TrustProject(files, trust)


def choose_registry(resolve_profile: "ResolveProfile", files: "ConfigurationFiles") -> "ChooseRegistry":
    """Which registry signing in is about."""
    from stardag.app.choose_registry import ChooseRegistry

    return ChooseRegistry(resolve_profile, files)


def log_in(
    choose_registry: "ChooseRegistry",
    open_registry: "OpenRegistry",
    registries: "Registries",
    sign_ins: "SignIns",
    identity_provider: "IdentityProvider",
    renew_tokens: "RenewTokens",
    sync_target_roots: "SyncTargetRoots",
) -> "LogIn":
    """The use case behind `auth login`."""
    from stardag.app.log_in import LogIn

    return LogIn(
        choose_registry, open_registry, registries, sign_ins, identity_provider, renew_tokens, sync_target_roots
    )


def log_out(
    choose_registry: "ChooseRegistry",
    open_registry: "OpenRegistry",
    sign_ins: "SignIns",
    identity_provider: "IdentityProvider",
) -> "LogOut":
    """The use case behind `auth logout`."""
    from stardag.app.log_out import LogOut

    return LogOut(choose_registry, open_registry, sign_ins, identity_provider)


def tell_status(
    choose_registry: "ChooseRegistry",
    open_registry: "OpenRegistry",
    sign_ins: "SignIns",
    renew_tokens: "RenewTokens",
) -> "TellStatus":
    """The use case behind `auth status` and `auth token`."""
    from stardag.app.tell_status import TellStatus

    return TellStatus(choose_registry, open_registry, sign_ins, renew_tokens)


def join_organizations(choose_registry: "ChooseRegistry", open_registry: "OpenRegistry") -> "JoinOrganizations":
    """The use case behind `organizations create` and `join`."""
    from stardag.app.team.join_organizations import JoinOrganizations

    return JoinOrganizations(choose_registry, open_registry)


def edit_members(resolve_profile: "ResolveProfile", open_registry: "OpenRegistry") -> "EditMembers":
    """The use case behind `members …`."""
    from stardag.app.team.edit_members import EditMembers

    return EditMembers(resolve_profile, open_registry)


def edit_workspaces(resolve_profile: "ResolveProfile", open_registry: "OpenRegistry") -> "EditWorkspaces":
    """The use case behind `workspaces create` and `archive`."""
    from stardag.app.team.edit_workspaces import EditWorkspaces

    return EditWorkspaces(resolve_profile, open_registry)


def edit_target_roots(connect: "Connect") -> "EditTargetRoots":
    """The use case behind `target-roots add`, `set` and `remove`."""
    from stardag.app.team.edit_target_roots import EditTargetRoots

    return EditTargetRoots(connect)


def edit_api_keys(connect: "Connect") -> "EditApiKeys":
    """The use case behind `api-keys …`."""
    import time

    from stardag.app.team.edit_api_keys import EditApiKeys

    return EditApiKeys(connect, time.time)


def read_builds(connect: "Connect") -> "ReadBuilds":
    """The use case behind `builds …` and `tasks …`."""
    import time

    from stardag.app.team.read_builds import ReadBuilds

    return ReadBuilds(connect, time.time)
