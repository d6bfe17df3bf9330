"""What is in force in the code that runs now, and in the tasks and callbacks that it starts: `contextvars`, so that
threads and asyncio tasks do not disturb each other."""

from contextvars import ContextVar
from typing import Protocol

from stardag.domain.profile import NO_SELECTION, ActiveProfile, Selection


class CurrentBuild(Protocol):
    """The build that surrounds the code that runs now, and its pinned target roots."""

    @property
    def profile(self) -> ActiveProfile: ...


current_build: ContextVar[CurrentBuild | None] = ContextVar("stardag_current_build", default=None)

current_selection: ContextVar[Selection] = ContextVar("stardag_current_selection", default=NO_SELECTION)
"""What `stardag.use` selects."""


def selection_in_force(
    profile: str | None, registry: str | None, organization: str | None, workspace: str | None
) -> Selection:
    """What a library call selects: a profile of its own replaces what `stardag.use` selects, the rest is laid over it."""
    if profile is not None:
        return Selection(profile, registry, organization, workspace)
    used = current_selection.get()
    return Selection(
        used.profile, registry or used.registry, organization or used.organization, workspace or used.workspace
    )
