"""`stardag registry …`: the registries of the configuration, and running one here."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from stardag.adapters.cli.answers import Answer
from stardag.adapters.cli.session import DEFAULTS, Options, SessionArgument
from stardag.adapters.cli.text import counted, table
from stardag.domain.configuration import CENTRAL_NAME, CENTRAL_URL
from stardag.domain.names import check_name

if TYPE_CHECKING:
    from stardag.app.add_registry import AddedRegistry

_CENTRAL_NAMES = (CENTRAL_NAME, "remote")  # the guide has both

app = App(name="registry", help_format="plaintext")
app.command("stardag.adapters.cli.commands.serve:serve", name="serve", help="Run a registry on this machine.")
app.command(
    "stardag.adapters.cli.commands.serve:rotate_signing_key",
    name="rotate-signing-key",
    help="Make a registry sign tokens with a new key.",
)
for _name, _help in {
    "upgrade": "Bring a registry's database to the form that this version needs.",
    "backup": "Copy a registry to a file, while it runs.",
    "restore": "Copy a backup to a database with nothing in it.",
    "copy": "Copy a registry to another database, while it runs.",
}.items():
    app.command(f"stardag.adapters.cli.commands.serve:{_name}", name=_name, help=_help)


@app.command(name="list")
def list_registries(*, options: Options = DEFAULTS, session: SessionArgument) -> Answer:
    """List the registries that can be named, and which one is active."""
    listing = session.use_cases().list_configuration()(options.selection())
    rows = [(registry, registry.name == listing.active_registry) for registry in listing.registries]
    return Answer(
        data={"registries": [{"name": each.name, "url": each.url, "active": active} for each, active in rows]},
        text=table(("", "NAME", "URL"), [("*" if active else "", each.name, each.url) for each, active in rows]),
        notices=listing.notices,
    )


@app.command(name="add")
def add_registry(
    name: str,
    *,
    url: Annotated[str | None, Parameter(help="The address of its API; asked for where it is left out.")] = None,
    replace: Annotated[bool, Parameter(negative="", help="Change the address of a name that exists.")] = False,
    allow_http: Annotated[
        bool, Parameter(negative="", help="Permit plain http beyond this machine, in your own configuration file.")
    ] = False,
    force: Annotated[bool, Parameter(negative="", help="Add it even if what answers there is not a registry.")] = False,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Add a registry to the configuration file in force. A pasted address of one of its pages is corrected.

    Parameters
    ----------
    name
        What to call it, such as local or central.
    """
    check_name("registry", name)
    if url is None:
        offered = CENTRAL_URL if name in _CENTRAL_NAMES else ""
        example = f"stardag registry add {name} --url {offered or 'http://localhost:8000'}"
        url = session.prompts.text("The registry's URL", option="--url", example=example, default=offered)
    add = session.use_cases().add_registry()

    def attempt(overwrite: bool, forced: bool) -> "AddedRegistry":
        with session.waiting("Asking the registry"):
            return add(name, url, overwrite=overwrite, force=forced, allow_http=allow_http, offline=options.offline)

    def forcing(overwrite: bool) -> "AddedRegistry":
        return session.prompts.confirming(partial(attempt, overwrite), force, "Add it all the same?", "--force")

    added = session.prompts.confirming(forcing, replace, "Replace it?", "--replace")
    address = added.registry.url
    done = f"Registry {name!r} is now {address}" if added.changed else f"Registry {name!r} already was {address}"
    next_step = "profile add {0} --registry {0}" if added.has_credential else "auth login --registry {0}"
    return Answer(
        data={"name": name, "url": address, "changed": added.changed, "path": added.path},
        text=f"{done}, in {added.path}.",
        notices=added.notices,
        remarks=[f"Next: stardag {next_step.format(name)}"] if added.changed or not added.has_credential else [],
    )


@app.command(name="remove")
def remove_registry(
    name: str,
    *,
    yes: Annotated[bool, Parameter(negative="", help="Also remove the profiles that use it.")] = False,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Remove a registry from the configuration file in force.

    Parameters
    ----------
    name
        The registry to remove.
    """
    remove = session.use_cases().remove_registry()
    edited, profiles = session.prompts.confirming(
        lambda and_profiles: remove(name, and_profiles=and_profiles), yes, "Remove all of that?"
    )
    also = f", and with it {counted(len(profiles), 'profile')}: {', '.join(profiles)}" if profiles else ""
    return Answer(
        data={"name": name, "profiles": list(profiles), "path": edited.path},
        text=f"Registry {name!r} was removed from {edited.path}{also}.",
        notices=edited.notices,
    )
