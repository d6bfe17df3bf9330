"""`stardag profile …`: the profiles of the configuration."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from stardag.adapters.cli.answers import Answer
from stardag.adapters.cli.session import (
    DEFAULTS,
    Options,
    OrganizationOption,
    RegistryOption,
    Session,
    SessionArgument,
    WorkspaceOption,
)
from stardag.adapters.cli.text import once_more, table
from stardag.app.replaced_file import explaining_unknown_names
from stardag.domain.configuration import Profile
from stardag.domain.errors import MissingSetting, UnknownName
from stardag.domain.layers import Notice
from stardag.domain.names import check_name
from stardag.domain.profile import Selection

if TYPE_CHECKING:
    from stardag.app.edit_configuration import AddedProfile, RemovedProfile
    from stardag.domain.organizations import Organization, Workspace

app = App(name="profile", help_format="plaintext")

_FIRST = "Add one with: stardag profile add NAME"


@app.command(name="list")
def list_profiles(*, options: Options = DEFAULTS, session: SessionArgument) -> Answer:
    """List the profiles, and which one is active."""
    listing = session.use_cases().list_configuration()(options.selection())
    profiles = [(profile, profile.name == listing.active_profile) for profile in listing.profiles]
    rows = [
        ("*" if active else "", each.name, each.registry, each.organization or "-", each.workspace or "-")
        for each, active in profiles
    ]
    return Answer(
        data={"profiles": [{**_data(profile), "active": active} for profile, active in profiles]},
        text=table(("", "NAME", "REGISTRY", "ORGANIZATION", "WORKSPACE"), rows) if rows else "",
        notices=listing.notices,
        remarks=() if rows else [f"There is no profile yet. {_FIRST}"],
    )


@app.command(name="show")
def show_profile(name: str | None = None, *, options: Options = DEFAULTS, session: SessionArgument) -> Answer:
    """Show one profile, or the active one.

    Parameters
    ----------
    name
        The profile to show; the active one where it is left out.
    """
    use_cases = session.use_cases()
    listing = use_cases.list_configuration()(options.selection())
    wanted = name or listing.active_profile
    if wanted is None and listing.unknown is not None:
        raise listing.unknown
    if wanted is None:
        names = [each.name for each in listing.profiles]
        choice = "Give --profile, set STARDAG_PROFILE, or choose one with: stardag profile use NAME"
        note, fix = (f"There are: {', '.join(names)}.", choice) if names else ("There is none yet.", _FIRST)
        raise MissingSetting("profile", "STARDAG_PROFILE", note, fix)
    profile = next((profile for profile in listing.profiles if profile.name == wanted), None)
    if profile is None:
        with explaining_unknown_names(use_cases.files()):
            raise UnknownName("profile", wanted, "the command line", [each.name for each in listing.profiles])
    active = profile.name == listing.active_profile
    rows = [(key, str(value) if value is not None else "-") for key, value in _data(profile).items()]
    return Answer(
        data={**_data(profile), "active": active},
        text=table(("KEY", "VALUE"), [*rows, ("active", "yes" if active else "no")]),
        notices=listing.notices,
    )


@app.command(name="add")
def add_profile(
    name: str,
    *,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    replace: Annotated[bool, Parameter(negative="", help="Change a profile that exists.")] = False,
    no_default: Annotated[
        bool, Parameter(name="--no-default", negative="", help="Do not make the first profile the default.")
    ] = False,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Add a profile to the configuration file in force; what is left out is asked for.

    The first profile of a file becomes its default.

    Parameters
    ----------
    name
        What to call it.
    """
    check_name("profile", name)
    given = once_more(
        registry=registry or "local", organization=organization or "my-org", workspace=workspace or "my-workspace"
    )
    example = f"stardag profile add {name}{given}"
    registry = registry or _choose_registry(session, example)
    place = Selection(registry=registry, offline=options.offline, without_profile=True)
    organization = organization or _choose_organization(session, place, example)
    workspace = workspace or _choose_workspace(session, place._replace(organization=organization), example)
    profile = Profile(name, registry, organization, workspace)
    add = session.use_cases().add_profile()

    def attempt(overwrite: bool) -> "AddedProfile":
        with session.waiting(f"Asking the registry {registry}"):
            return add(profile, overwrite=overwrite, offline=options.offline, may_become_default=not no_default)

    added = session.prompts.confirming(attempt, replace, "Replace it?")
    done = ("was changed in" if added.is_replaced else "was added to") if added.changed else "already was in"
    default = ", and is the default there" if added.is_default else ""
    return Answer(
        data={**_data(profile), "changed": added.changed, "default": added.is_default, "path": added.path},
        text=f"Profile {name!r} {done} {added.path}{default}.",
        notices=added.notices,
        remarks=_next_step(name, added),
    )


@app.command(name="use")
def use_profile(name: str, *, options: Options = DEFAULTS, session: SessionArgument) -> Answer:
    """Make a profile the default of the configuration file in force.

    Parameters
    ----------
    name
        The profile to use.
    """
    edited = session.use_cases().use_profile()(name)
    done = "is now" if edited.changed else "already was"
    return Answer(
        data={"name": name, "changed": edited.changed, "path": edited.path},
        text=f"Profile {name!r} {done} the default in {edited.path}.",
        notices=edited.notices,
    )


@app.command(name="remove")
def remove_profile(
    name: str,
    *,
    yes: Annotated[bool, Parameter(negative="", help="Remove the default profile without a question.")] = False,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Remove a profile from the configuration file in force. Where it is the default, you are asked first.

    Parameters
    ----------
    name
        The profile to remove.
    """
    remove = session.use_cases().remove_profile()

    def attempt(confirmed: bool) -> "RemovedProfile":
        return remove(name, confirmed=confirmed)

    removed = session.prompts.confirming(attempt, yes, "Remove it?")
    choice = "choose another with: stardag profile use NAME" if removed.has_others else "there is no other."
    return Answer(
        data={"name": name, "was_default": removed.was_default, "path": removed.path},
        text=f"Profile {name!r} was removed from {removed.path}.",
        notices=removed.notices,
        remarks=[f"It was the default; {choice}"] if removed.was_default else (),
    )


def _next_step(name: str, added: "AddedProfile") -> Sequence[str]:
    """What to type after a profile was added, unless a warning says already what keeps it from being used."""
    if added.is_default:
        is_checked = all(notice.code != "not-checked" for notice in added.notices)
        return ["Next: stardag target-roots sync"] if added.changed and is_checked else ()
    none = "" if added.has_default else "No profile is the default. "
    return [f"{none}Make it the default with `stardag profile use {name}`, or set STARDAG_PROFILE={name}."]


def _data(profile: Profile) -> dict[str, str | None]:
    return {
        "name": profile.name,
        "registry": profile.registry,
        "organization": profile.organization,
        "workspace": profile.workspace,
    }


def _choose_registry(session: Session, example: str) -> str:
    names = [registry.name for registry in session.use_cases().list_configuration()().registries]
    return session.prompts.choice("Registry", names, option="--registry", example=example)


def _choose_organization(session: Session, place: Selection, example: str) -> str:
    browse = session.use_cases().browse_registry()
    return _choose(session, "Organization", lambda: browse.organizations(place)[1], example)


def _choose_workspace(session: Session, place: Selection, example: str) -> str:
    browse = session.use_cases().browse_registry()
    return _choose(session, "Workspace", lambda: browse.workspaces(place)[1], example)


def _choose(
    session: Session, what: str, listed: "Callable[[], Sequence[Organization | Workspace]]", example: str
) -> str:
    """Ask for one of those that the registry lists; where it lists none, say why and ask for text."""
    option = f"--{what.lower()}"
    slugs: list[str] = []
    if session.prompts.is_possible:
        from stardag.domain.registry_errors import NOT_TOLD  # hardly any command asks

        try:
            with session.waiting("Asking the registry"):
                slugs = [each.slug for each in listed()]
        except NOT_TOLD as error:
            reason = f"There is nothing to choose from. {error.message} {error.fix}"
            session.renderer.tell(Notice("not-listed", reason), is_needed=True)
        else:
            if not slugs:
                reason = f"There is no {what.lower()} that you may see."
                session.renderer.tell(Notice("not-listed", reason), is_needed=True)
    if slugs:
        return session.prompts.choice(what, slugs, option=option, example=example)
    return session.prompts.text(f"{what} (slug or id)", option=option, example=example)
