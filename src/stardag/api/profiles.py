"""The library calls: what the command line does, for code. Every notice becomes a Python warning."""

import warnings
from collections.abc import Iterable
from inspect import currentframe
from typing import TYPE_CHECKING

from stardag import wiring
from stardag.api.current import selection_of
from stardag.api.tracebacks import with_short_traceback
from stardag.domain.layers import Notice
from stardag.domain.profile import ActiveProfile

if TYPE_CHECKING:
    from stardag.app.sync_target_roots import Synced


class StardagWarning(UserWarning):
    """Something to hear of that stops nothing, such as an unknown key in a configuration file."""


@with_short_traceback
def active_profile(
    profile: str | None = None,
    *,
    registry: str | None = None,
    organization: str | None = None,
    workspace: str | None = None,
) -> ActiveProfile:
    """The profile in force in this process, each value with its origin. Reads files and variables; asks no network.

    Args:
        profile: use this profile, whatever else names one.
        registry: a registry's name in the configuration.
        organization: an organization's slug or id.
        workspace: a workspace's slug or id.

    Raises:
        ConfigurationError: a file, variable or argument cannot be used.
    """
    resolved = wiring.resolve_here()(selection_of(profile, registry, organization, workspace))
    warn_of(resolved.notices)
    return resolved


@with_short_traceback
def sync_target_roots(
    profile: str | None = None,
    *,
    registry: str | None = None,
    organization: str | None = None,
    workspace: str | None = None,
    dry_run: bool = False,
) -> "Synced":
    """Fetch the workspace's target roots into the local cache; with `dry_run`, only compare.

    Raises:
        StardagError: see `stardag.errors` for what can go wrong.
    """
    from stardag.container import Container

    use_case = Container().sync_target_roots()
    synced = use_case(selection_of(profile, registry, organization, workspace), dry_run=dry_run)
    warn_of(synced.notices)
    return synced


@with_short_traceback
def validate_before_build(
    profile: str | None = None,
    *,
    registry: str | None = None,
    organization: str | None = None,
    workspace: str | None = None,
) -> "Synced":
    """Do what every build start does: compare the target roots with the registry, and check their storage.

    Raises:
        TargetRootMismatch: a root was modified or deleted since the last sync.
        StardagError: see `stardag.errors` for what else can go wrong.
    """
    from stardag.container import Container

    validated = Container().validate_before_build()(selection_of(profile, registry, organization, workspace))
    warn_of(validated.notices)
    return validated


def warn_of(notices: Iterable[Notice]) -> None:
    """Make Python warnings of notices, which point at the code that called the library."""
    for notice in notices:
        warnings.warn(notice.message, StardagWarning, stacklevel=_own_frames())


def _own_frames() -> int:
    """How many of the innermost frames are of this package."""
    count, frame = 0, currentframe()
    while frame is not None and str(frame.f_globals.get("__name__")).partition(".")[0] == "stardag":
        count, frame = count + 1, frame.f_back
    return count
