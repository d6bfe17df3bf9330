"""Stardag's configuration system: which registry, organization, workspace and target roots are in force, and why.

    import stardag

    profile = stardag.active_profile()
    profile.registry_url.value, profile.registry_url.origin
    profile.target_root("default")

Importing this package costs next to nothing: each name below is imported when it is first used.
"""

from stardag.domain.version import VERSION

__version__ = VERSION

TYPE_CHECKING = False  # as type checkers read it; importing typing would double what `import stardag` costs
if TYPE_CHECKING:
    from stardag import errors
    from stardag.api.builds import Build, Task, TaskOutputs, build, task_outputs
    from stardag.api.current import use
    from stardag.api.notice_warnings import StardagWarning
    from stardag.api.outputs import overlay, target_root
    from stardag.api.profiles import active_profile, sync_target_roots, validate_before_build
    from stardag.app.outputs.ports import OutputPath
    from stardag.app.sync_target_roots import Synced
    from stardag.domain.errors import StardagError
    from stardag.domain.layers import Layer, Notice, Origin, Overridden, Setting
    from stardag.domain.profile import ActiveProfile
    from stardag.domain.root_changes import RootChange, RootChanges

__all__ = [
    "ActiveProfile",
    "Build",
    "Layer",
    "Notice",
    "Origin",
    "OutputPath",
    "Overridden",
    "RootChange",
    "RootChanges",
    "Setting",
    "StardagError",
    "StardagWarning",
    "Synced",
    "Task",
    "TaskOutputs",
    "__version__",
    "active_profile",
    "build",
    "errors",
    "overlay",
    "sync_target_roots",
    "target_root",
    "task_outputs",
    "use",
    "validate_before_build",
]

_HOMES = {
    "ActiveProfile": "stardag.domain.profile",
    "Build": "stardag.api.builds",
    "Layer": "stardag.domain.layers",
    "Notice": "stardag.domain.layers",
    "Origin": "stardag.domain.layers",
    "OutputPath": "stardag.app.outputs.ports",
    "Overridden": "stardag.domain.layers",
    "RootChange": "stardag.domain.root_changes",
    "RootChanges": "stardag.domain.root_changes",
    "Setting": "stardag.domain.layers",
    "StardagError": "stardag.domain.errors",
    "StardagWarning": "stardag.api.notice_warnings",
    "Synced": "stardag.app.sync_target_roots",
    "Task": "stardag.api.builds",
    "TaskOutputs": "stardag.api.builds",
    "active_profile": "stardag.api.profiles",
    "build": "stardag.api.builds",
    "sync_target_roots": "stardag.api.profiles",
    "overlay": "stardag.api.outputs",
    "target_root": "stardag.api.outputs",
    "task_outputs": "stardag.api.builds",
    "use": "stardag.api.current",
    "validate_before_build": "stardag.api.profiles",
}


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562)."""
    from importlib import import_module

    if name == "errors":
        return import_module("stardag.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'stardag' has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return sorted((*globals(), *__all__))
