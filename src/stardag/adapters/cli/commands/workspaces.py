"""`stardag workspaces …`."""

from typing import Annotated

from cyclopts import App, Parameter

from stardag.adapters.cli.answers import Answer, Json
from stardag.adapters.cli.session import DEFAULTS, Options, OrganizationOption, RegistryOption, SessionArgument
from stardag.adapters.cli.text import once_more, table
from stardag.app.team.edit_workspaces import ArchivedWorkspace
from stardag.app.team.reply import Reply
from stardag.domain.organizations import Workspace

app = App(name="workspaces", help_format="plaintext")


@app.command(name="list")
def list_workspaces(
    *,
    archived: Annotated[bool, Parameter(negative="", help="Those that are archived, in place of the others.")] = False,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """List the workspaces of an organization that you may see."""
    browse = session.use_cases().browse_registry()
    with session.waiting("Asking the registry"):
        profile, workspaces = browse.workspaces(options.selection(registry, organization), archived=archived)
    rows = [(each.slug, each.name, _summary(each.description), each.id) for each in workspaces]
    nothing = (
        "There is no archived workspace that you may see." if archived else "There is no workspace that you may see."
    )
    return Answer(
        data={"workspaces": [_data(each) for each in workspaces]},
        text=table(("SLUG", "NAME", "DESCRIPTION", "ID"), rows) if rows else "",
        notices=profile.notices,
        remarks=() if rows else [nothing],
    )


@app.command(name="create")
def create_workspace(
    slug: str,
    *,
    name: Annotated[str | None, Parameter(help="A name for people; the slug where it is left out.")] = None,
    description: Annotated[str, Parameter(help="What it is for.")] = "",
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Make a workspace. This needs an admin or owner of the organization.

    Parameters
    ----------
    slug
        What commands call it: lower-case letters and digits, with single hyphens or underscores between them.
    """
    edit = session.use_cases().edit_workspaces()
    with session.waiting("Asking the registry"):
        reply = edit.create(options.selection(registry, organization), slug, name, description)
    at = once_more(profile=options.profile, registry=registry, organization=organization)
    return Answer(
        data=_data(reply.value),
        text=f"Workspace {slug!r} was made in organization {reply.place!r} at {reply.registry_url}.",
        notices=reply.notices,
        remarks=[
            f"Say where its outputs go: stardag target-roots add default URI_PREFIX --workspace {slug}{at}",
            f"and work there: stardag profile add NAME --workspace {slug}{at}",
        ],
    )


@app.command(name="archive")
def archive_workspace(
    workspace: str,
    *,
    undo: Annotated[bool, Parameter(negative="", help="Bring it back.")] = False,
    yes: Annotated[bool, Parameter(negative="", help="Do not ask.")] = False,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Archive a workspace: it is read as before, and nothing is built or changed in it. You are asked first.

    Parameters
    ----------
    workspace
        Its slug or id.
    """
    edit = session.use_cases().edit_workspaces()
    selection = options.selection(registry, organization)

    def attempt(confirmed: bool) -> Reply[ArchivedWorkspace]:
        with session.waiting("Asking the registry"):
            return edit.archive(selection, workspace, undo=undo, confirmed=confirmed)

    reply = session.prompts.confirming(attempt, yes, "Archive it?")
    now, changed = reply.value
    at = once_more(profile=options.profile, registry=registry, organization=organization)
    if undo:
        text = f"Workspace {now.slug!r} {'is in use again' if changed else 'was not archived'}."
    else:
        text = (
            f"Workspace {now.slug!r} {'is archived: it is only read any more' if changed else 'was archived already'}."
        )
    return Answer(
        data={**_data(now), "changed": changed},
        text=text,
        notices=reply.notices,
        remarks=[f"Bring it back with: stardag workspaces archive {now.slug} --undo{at}"]
        if changed and not undo
        else (),
    )


def _summary(description: str) -> str:
    """The first line of a description, as far as a table has room for it."""
    first = description.partition("\n")[0]
    return first if len(first) <= 60 else f"{first[:59]}…"


def _data(workspace: Workspace) -> dict[str, Json]:
    return {
        "id": workspace.id,
        "slug": workspace.slug,
        "name": workspace.name,
        "description": workspace.description,
        "personal": workspace.is_personal,
        "archived": workspace.is_archived,
    }
