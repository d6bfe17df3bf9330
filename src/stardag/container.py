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
    from stardag.app.browse_registry import BrowseRegistry
    from stardag.app.connect import Connect, OpenRegistry
    from stardag.app.edit_configuration import (
        AddProfile,
        AddRegistry,
        RemoveProfile,
        RemoveRegistry,
        TrustProject,
        UseProfile,
    )
    from stardag.app.list_configuration import ListConfiguration
    from stardag.app.list_target_roots import ListTargetRoots
    from stardag.app.ports import ConfigurationFiles, EnvironmentVariables, Registries, State, StorageCheck, Trust
    from stardag.app.resolve_profile import ResolveProfile
    from stardag.app.sync_target_roots import SyncTargetRoots
    from stardag.app.validate_before_build import ValidateBeforeBuild


class Container(containers.DeclarativeContainer):
    """The client, wired. Ports are made once a container, use cases each time they are asked for."""

    environment: Provider["EnvironmentVariables"] = ThreadSafeSingleton(wiring.environment)
    trust: Provider["Trust"] = ThreadSafeSingleton(wiring.trust)
    files: Provider["ConfigurationFiles"] = ThreadSafeSingleton(wiring.files, trust)
    state: Provider["State"] = ThreadSafeSingleton(wiring.state)
    registries: Provider["Registries"] = ThreadSafeSingleton(wiring.registries)
    storage: Provider["StorageCheck"] = ThreadSafeSingleton(wiring.storage)

    resolve_profile: Provider["ResolveProfile"] = Factory(wiring.resolve_profile, environment, files, state)
    open_registry: Provider["OpenRegistry"] = Factory(wiring.open_registry, files, trust, registries)
    connect: Provider["Connect"] = Factory(wiring.connect, resolve_profile, open_registry, state)
    list_configuration: Provider["ListConfiguration"] = Factory(wiring.list_configuration, environment, files)
    browse_registry: Provider["BrowseRegistry"] = Factory(wiring.browse_registry, resolve_profile, open_registry)
    list_target_roots: Provider["ListTargetRoots"] = Factory(wiring.list_target_roots, connect, state)
    sync_target_roots: Provider["SyncTargetRoots"] = Factory(wiring.sync_target_roots, connect, state)
    validate_before_build: Provider["ValidateBeforeBuild"] = Factory(
        wiring.validate_before_build, connect, state, storage
    )
    add_registry: Provider["AddRegistry"] = Factory(wiring.add_registry, environment, files, open_registry)
    remove_registry: Provider["RemoveRegistry"] = Factory(wiring.remove_registry, files)
    add_profile: Provider["AddProfile"] = Factory(wiring.add_profile, environment, files, open_registry)
    use_profile: Provider["UseProfile"] = Factory(wiring.use_profile, files)
    remove_profile: Provider["RemoveProfile"] = Factory(wiring.remove_profile, files)
    trust_project: Provider["TrustProject"] = Factory(wiring.trust_project, files, trust)
