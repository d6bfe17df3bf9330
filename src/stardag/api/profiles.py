"""The library calls: what the command line does, for code. Every notice becomes a Python warning."""

from typing import TYPE_CHECKING

from stardag import wiring
from stardag.api.current import selection_of
from stardag.api.notice_warnings import warn_of
from stardag.api.tracebacks import with_short_traceback
from stardag.domain.profile import ActiveProfile

if TYPE_CHECKING:
    from stardag.app.sync_target_roots import Synced


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
