"""What is in force in the code that runs now: a selection, and a build.

Both are `contextvars`: threads and asyncio tasks do not disturb each other, and what an asyncio task starts sees what
it sees itself.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple, Protocol

from stardag.domain.errors import InvalidName
from stardag.domain.names import is_text
from stardag.domain.profile import ActiveProfile, Selection


class CurrentBuild(Protocol):
    """The build that surrounds the code that runs now: what it was started with, and where it builds, with the target
    roots that are pinned to it."""

    @property
    def selection(self) -> Selection: ...
    @property
    def profile(self) -> ActiveProfile: ...


current_build: ContextVar[CurrentBuild | None] = ContextVar("stardag_current_build", default=None)


_NOTHING_SELECTED = Selection(profile_option="the argument profile=", option_form="the argument {}=")


class _Used(NamedTuple):
    """What `use` selects, and the build that it stands in."""

    selection: Selection = _NOTHING_SELECTED
    build: CurrentBuild | None = None


_used: ContextVar[_Used] = ContextVar("stardag_used", default=_Used())  # noqa: B039  # nobody can change it


@contextmanager
def use(
    profile: str | None = None,
    *,
    registry: str | None = None,
    organization: str | None = None,
    workspace: str | None = None,
) -> Generator[None]:
    """What every library call in the `with` block selects that selects nothing itself.

        with stardag.use("central-prod"):
            model = (stardag.target_root() / "model.pkl").read_bytes()

    Args:
        profile: use this profile, whatever else names one.
        registry: a registry's name in the configuration.
        organization: an organization's slug or id.
        workspace: a workspace's slug or id.
    """
    token = _used.set(_Used(selection_of(profile, registry, organization, workspace), current_build.get()))
    try:
        yield
    finally:
        _used.reset(token)


def selection_of(
    profile: str | None, registry: str | None, organization: str | None, workspace: str | None
) -> Selection:
    """What a library call selects: a profile of its own replaces what `use` says, all else is laid over that.

    As between layers, a registry drops the organization and the workspace that were named with another one, and an
    organization drops the workspace.

    Raises:
        InvalidName: one of them is not text.
    """
    arguments = (("profile", profile), ("registry", registry), ("organization", organization), ("workspace", workspace))
    for kind, name in arguments:
        if name is not None and not is_text(name):
            raise InvalidName(kind, name)
    used = _NOTHING_SELECTED if profile is not None else _used.get().selection
    if profile is not None or registry is not None:
        profile = used.profile if profile is None else profile
        return used._replace(profile=profile, registry=registry, organization=organization, workspace=workspace)
    if organization is not None:
        return used._replace(organization=organization, workspace=workspace)
    return used if workspace is None else used._replace(workspace=workspace)


def pinned_profile(
    profile: str | None, registry: str | None, organization: str | None, workspace: str | None
) -> ActiveProfile | None:
    """Where the surrounding build builds, unless a library call, or a `use` in that build, selects another place."""
    build = current_build.get()
    if build is None:
        return None
    arguments = (profile, registry, organization, workspace)
    is_innermost = _used.get().build is not build and all(argument is None for argument in arguments)
    return build.profile if is_innermost or build.selection == selection_of(*arguments) else None
