"""`stardag workspaces …`."""

from cyclopts import App

from stardag.adapters.cli.answers import Answer
from stardag.adapters.cli.session import DEFAULTS, Options, OrganizationOption, RegistryOption, SessionArgument
from stardag.adapters.cli.text import table

app = App(name="workspaces", help_format="plaintext")


@app.command(name="list")
def list_workspaces(
    *,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """List the workspaces of an organization that you may see."""
    browse = session.use_cases().browse_registry()
    with session.waiting("Asking the registry"):
        profile, workspaces = browse.workspaces(options.selection(registry, organization))
    return Answer(
        data={"workspaces": [{"id": each.id, "slug": each.slug, "name": each.name} for each in workspaces]},
        text=table(("SLUG", "NAME", "ID"), [(each.slug, each.name, each.id) for each in workspaces])
        if workspaces
        else "",
        notices=profile.notices,
        remarks=() if workspaces else ["There is no workspace that you may see."],
    )
