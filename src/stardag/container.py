"""The composition root: every port and use case as a provider, which tests and front ends may replace.

    container = Container(storage=providers.Object(FakeStorageCheck()))
    container.validate_before_build()()

The only module that knows dependency-injector. Importing it imports no adapter: the functions of `stardag.wiring` do
that when they are called.
"""

from typing import TYPE_CHECKING

from dependency_injector import containers
from dependency_injector.providers import Factory, Provider, ThreadSafeSingleton

from stardag import wiring

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
    from stardag.app.outputs.find_target_root import FindTargetRoot
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


class Container(containers.DeclarativeContainer):
    """The client, wired. Ports are made once a container, use cases each time they are asked for."""

    notice_log: Provider["NoticeLog"] = ThreadSafeSingleton(wiring.notice_log)
    environment: Provider["EnvironmentVariables"] = ThreadSafeSingleton(wiring.environment, notice_log)
    trust: Provider["Trust"] = ThreadSafeSingleton(wiring.trust)
    files: Provider["ConfigurationFiles"] = ThreadSafeSingleton(wiring.files, trust, notice_log)
    state: Provider["State"] = ThreadSafeSingleton(wiring.state, notice_log)
    registries: Provider["Registries"] = ThreadSafeSingleton(wiring.registries)
    storage: Provider["StorageCheck"] = ThreadSafeSingleton(wiring.storage)
    output_storage: Provider["OutputStorage"] = ThreadSafeSingleton(wiring.output_storage)
    file_storage: Provider["FileStorage"] = ThreadSafeSingleton(wiring.file_storage)
    sign_ins: Provider["SignIns"] = ThreadSafeSingleton(wiring.sign_ins)
    identity_provider: Provider["IdentityProvider"] = ThreadSafeSingleton(wiring.identity_provider)
    browser: Provider["Browser"] = ThreadSafeSingleton(wiring.browser)
    signals: Provider["HeldSignals"] = ThreadSafeSingleton(wiring.signals)
    commands: Provider["Commands"] = ThreadSafeSingleton(wiring.commands, signals)

    resolve_profile: Provider["ResolveProfile"] = Factory(wiring.resolve_profile, environment, files, state, notice_log)
    renew_tokens: Provider["RenewTokens"] = Factory(
        wiring.renew_tokens, sign_ins, identity_provider, registries, signals
    )
    open_registry: Provider["OpenRegistry"] = Factory(
        wiring.open_registry, files, trust, registries, sign_ins, renew_tokens
    )
    outcomes: Provider["Outcomes"] = ThreadSafeSingleton(wiring.outcomes)
    connect: Provider["Connect"] = Factory(wiring.connect, resolve_profile, open_registry, state, outcomes)
    list_configuration: Provider["ListConfiguration"] = Factory(wiring.list_configuration, environment, files)
    browse_registry: Provider["BrowseRegistry"] = Factory(wiring.browse_registry, resolve_profile, open_registry)
    list_target_roots: Provider["ListTargetRoots"] = Factory(wiring.list_target_roots, connect, state)
    find_target_root: Provider["FindTargetRoot"] = Factory(wiring.find_target_root, connect, state)
    sync_target_roots: Provider["SyncTargetRoots"] = Factory(wiring.sync_target_roots, connect, state)
    validate_before_build: Provider["ValidateBeforeBuild"] = Factory(
        wiring.validate_before_build, connect, state, storage
    )
    list_outputs: Provider["ListOutputs"] = Factory(wiring.list_outputs, find_target_root, file_storage)
    copy_outputs: Provider["CopyOutputs"] = Factory(
        wiring.copy_outputs, find_target_root, validate_before_build, file_storage
    )
    machine: Provider["Machine"] = Factory(wiring.machine, outcomes)
    start_build: Provider["StartBuild"] = Factory(wiring.start_build, validate_before_build, machine)
    join_build: Provider["JoinBuild"] = Factory(wiring.join_build, connect, environment, machine)
    run_command: Provider["RunCommand"] = Factory(
        wiring.run_command, commands, environment, validate_before_build, start_build
    )
    add_registry: Provider["AddRegistry"] = Factory(wiring.add_registry, environment, files, open_registry)
    remove_registry: Provider["RemoveRegistry"] = Factory(wiring.remove_registry, files, sign_ins)
    add_profile: Provider["AddProfile"] = Factory(wiring.add_profile, environment, files, open_registry)
    use_profile: Provider["UseProfile"] = Factory(wiring.use_profile, environment, files)
    remove_profile: Provider["RemoveProfile"] = Factory(wiring.remove_profile, files)
    trust_project: Provider["TrustProject"] = Factory(wiring.trust_project, files, trust)
    choose_registry: Provider["ChooseRegistry"] = Factory(wiring.choose_registry, resolve_profile, files)
    log_in: Provider["LogIn"] = Factory(
        wiring.log_in,
        choose_registry,
        open_registry,
        registries,
        sign_ins,
        identity_provider,
        renew_tokens,
        sync_target_roots,
    )
    log_out: Provider["LogOut"] = Factory(wiring.log_out, choose_registry, open_registry, sign_ins, identity_provider)
    tell_status: Provider["TellStatus"] = Factory(
        wiring.tell_status, choose_registry, open_registry, sign_ins, renew_tokens
    )
    join_organizations: Provider["JoinOrganizations"] = Factory(
        wiring.join_organizations, choose_registry, open_registry
    )
    edit_members: Provider["EditMembers"] = Factory(wiring.edit_members, resolve_profile, open_registry)
    edit_workspaces: Provider["EditWorkspaces"] = Factory(wiring.edit_workspaces, resolve_profile, open_registry)
    edit_target_roots: Provider["EditTargetRoots"] = Factory(wiring.edit_target_roots, connect)
    edit_api_keys: Provider["EditApiKeys"] = Factory(wiring.edit_api_keys, connect)
    read_builds: Provider["ReadBuilds"] = Factory(wiring.read_builds, connect)
