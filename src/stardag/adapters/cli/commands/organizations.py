"""`stardag organizations …`."""

from cyclopts import App

from stardag.adapters.cli.answers import Answer
from stardag.adapters.cli.session import DEFAULTS, Options, RegistryOption, SessionArgument
from stardag.adapters.cli.text import table

app = App(name="organizations", help_format="plaintext")


@app.command(name="list")
def list_organizations(
    *, registry: RegistryOption = None, options: Options = DEFAULTS, session: SessionArgument
) -> Answer:
    """List the organizations of a registry that you belong to."""
    browse = session.use_cases().browse_registry()
    with session.waiting("Asking the registry"):
        profile, organizations = browse.organizations(options.selection(registry))
    rows = [(each.slug, each.name, each.role or "-", each.id) for each in organizations]
    return Answer(
        data={
            "organizations": [
                {"id": each.id, "slug": each.slug, "name": each.name, "role": each.role} for each in organizations
            ]
        },
        text=table(("SLUG", "NAME", "ROLE", "ID"), rows) if rows else "",
        notices=profile.notices,
        remarks=() if rows else [f"You belong to no organization of {profile.registry_url.value}."],
    )
