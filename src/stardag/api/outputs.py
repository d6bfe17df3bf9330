"""The library calls that open outputs: target roots as paths, and overlays of two of them."""

from typing import TYPE_CHECKING

from stardag import wiring
from stardag.api.current import pinned_profile, selection_of
from stardag.api.notice_warnings import warn_of
from stardag.api.tracebacks import with_short_traceback
from stardag.domain.outputs import RootPlace, root_place
from stardag.domain.profile import ActiveProfile, Selection

if TYPE_CHECKING:
    from stardag.adapters.storage.overlay import OverlayRoot
    from stardag.app.outputs.ports import OutputPath


@with_short_traceback
def target_root(
    name: str = "default",
    *,
    profile: str | None = None,
    registry: str | None = None,
    organization: str | None = None,
    workspace: str | None = None,
    read_only: bool = False,
) -> "OutputPath":
    """A target root as a path, which `/` leads below: `stardag.target_root() / "features/part-0.parquet"`.

    A local root's is a `pathlib.Path`, that of `s3://` a `cloudpathlib.S3Path`. No path leaves its root, and what is
    written is there as a whole or not at all. Where the roots are cached, no registry is asked. In a build, without
    any of the arguments that select, it is the root that is pinned to the build.

    Args:
        name: the root's name.
        profile: use this profile, whatever else names one.
        registry: a registry's name in the configuration.
        organization: an organization's slug or id.
        workspace: a workspace's slug or id.
        read_only: refuse all writing.

    Raises:
        UnknownTargetRoot: there is no such root; the error lists those that there are.
        UnsupportedScheme: nothing can be opened there.
        StardagError: see `stardag.errors` for what else can go wrong.
    """
    place = find_place(name, profile, registry, organization, workspace, read_only=read_only)
    return wiring.output_storage().open_root(place)


@with_short_traceback
def overlay(
    name: str = "default",
    *,
    read_from: str,
    keep: bool = False,
    profile: str | None = None,
    registry: str | None = None,
    organization: str | None = None,
    workspace: str | None = None,
) -> "OverlayRoot":
    """A target root laid over that of another profile: reads here, else there, and writes only here.

        root = stardag.overlay(read_from="central-prod", keep=True)
        model = (root / "train/model.pkl").read_bytes()

    Args:
        name: the root's name, in both profiles.
        read_from: the profile to read from what is not here; its root is never written.
        keep: copy here what is read there, and read the copy from then on.
        profile: the profile to read from first and to write to; the others as for `target_root`.

    Raises:
        StardagError: as `target_root`, for either root.
    """
    from stardag.adapters.storage.overlay import OverlayRoot

    here = find_place(name, profile, registry, organization, workspace)
    there = find_place(name, read_from, read_only=True, profile_argument="read_from")
    return OverlayRoot.of(here, there, keep=keep)


def find_place(
    name: str,
    profile: str | None = None,
    registry: str | None = None,
    organization: str | None = None,
    workspace: str | None = None,
    *,
    read_only: bool = False,
    profile_argument: str = "profile",
) -> RootPlace:
    """Where a target root is, as `target_root` finds it; notices become warnings. `profile_argument` is what errors
    call the argument that names the profile."""
    found = pinned_profile(profile, registry, organization, workspace)
    if found is None:
        selection = selection_of(profile, registry, organization, workspace)
        if profile is not None:
            selection = selection._replace(profile_option=selection.option_form.format(profile_argument))
        found = _profile_with(name, selection)
        warn_of(found.notices)
    return root_place(name, found.target_root(name), read_only=read_only)


def _profile_with(name: str, selection: Selection) -> ActiveProfile:
    """The active profile, with the roots as they are cached; they are fetched where nothing is."""
    from stardag.app.outputs.find_target_root import is_known

    profile = wiring.resolve_here()(selection)
    if is_known(profile, name):
        return profile
    from stardag.container import Container  # which takes as long to import as all else here

    return Container().find_target_root().profile(selection, name)
