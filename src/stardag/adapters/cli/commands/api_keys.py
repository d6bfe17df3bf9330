"""`stardag api-keys …`: the API keys of a workspace."""

from typing import Annotated

from cyclopts import App, Parameter

from stardag.adapters.cli.answers import Answer, Json
from stardag.adapters.cli.session import (
    DEFAULTS,
    Options,
    OrganizationOption,
    RegistryOption,
    SessionArgument,
    WorkspaceOption,
)
from stardag.adapters.cli.text import once_more, table
from stardag.adapters.cli.times import iso, local, span
from stardag.app.team.reply import Reply
from stardag.domain.api_keys import ApiKey

app = App(name="api-keys", help_format="plaintext")


@app.command(name="list")
def list_api_keys(
    *,
    revoked: Annotated[bool, Parameter(negative="", help="Those that were revoked, in place of the others.")] = False,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """List the API keys of the workspace, without their secrets."""
    edit = session.use_cases().edit_api_keys()
    with session.waiting("Asking the registry"):
        reply = edit.list(options.selection(registry, organization, workspace), revoked=revoked)
    at = once_more(profile=options.profile, registry=registry, organization=organization, workspace=workspace)
    end = "REVOKED" if revoked else "EXPIRES"
    rows = [
        (
            each.name,
            each.purpose,
            each.maker,
            local(each.created_at),
            local(each.last_used_at, "never"),
            local(each.revoked_at if revoked else each.expires_at, "never"),
            each.id,
        )
        for each in reply.value
    ]
    nothing = (
        f"No API key of workspace {reply.place!r} was revoked."
        if revoked
        else (f"Workspace {reply.place!r} has no API key. Make one with: stardag api-keys create NAME{at}")
    )
    return Answer(
        data={"api_keys": [_data(each) for each in reply.value]},
        text=table(("NAME", "PURPOSE", "MADE BY", "MADE", "LAST USED", end, "ID"), rows) if rows else "",
        notices=reply.notices,
        remarks=() if rows else [nothing],
    )


@app.command(name="create")
def create_api_key(
    name: str,
    *,
    administer: Annotated[
        bool, Parameter(negative="", help="It may also change target roots and API keys of the workspace.")
    ] = False,
    expires_in: Annotated[str | None, Parameter(help="How long it counts, such as 90d; for ever if left out.")] = None,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Make an API key for building in the workspace, and print it this once: it cannot be shown again.

    Parameters
    ----------
    name
        What to know it by, such as the machine or the pipeline that will use it.
    """
    lifetime = None if expires_in is None else span("--expires-in", expires_in)
    edit = session.use_cases().edit_api_keys()
    selection = options.selection(registry, organization, workspace)
    with session.waiting("Asking the registry"):
        reply = edit.make(selection, name, "administer" if administer else "build", lifetime)
    api_key, key = reply.value.api_key, reply.value.key.reveal()
    purpose = "administering" if api_key.purpose == "administer" else "building in"
    until = "until it is revoked" if api_key.expires_at is None else f"until {local(api_key.expires_at)}"
    return Answer(
        data={**_data(api_key), "key": key},
        text=key,
        notices=reply.notices,
        remarks=[
            f"API key {api_key.name!r} for {purpose} workspace {reply.place!r}; it counts {until}.",
            "It is shown this once. Whoever has it may use it: keep it where secrets are kept, as STARDAG_API_KEY.",
        ],
    )


@app.command(name="revoke")
def revoke_api_key(
    key: str,
    *,
    yes: Annotated[bool, Parameter(negative="", help="Do not ask.")] = False,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Revoke an API key of the workspace at once. This cannot be undone.

    Parameters
    ----------
    key
        Its name or id, and not the key itself.
    """
    edit = session.use_cases().edit_api_keys()
    selection = options.selection(registry, organization, workspace)

    def attempt(confirmed: bool) -> Reply[ApiKey]:
        with session.waiting("Asking the registry"):
            return edit.revoke(selection, key, confirmed=confirmed)

    reply = session.prompts.confirming(attempt, yes, "Revoke it?")
    revoked = reply.value
    return Answer(
        data={"id": revoked.id, "name": revoked.name},
        text=f"API key {revoked.name!r} of workspace {reply.place!r} was revoked; it is refused from now on.",
        notices=reply.notices,
    )


def _data(api_key: ApiKey) -> dict[str, Json]:
    return {
        "id": api_key.id,
        "name": api_key.name,
        "purpose": api_key.purpose,
        "maker": api_key.maker,
        "created_at": iso(api_key.created_at),
        "last_used_at": iso(api_key.last_used_at),
        "expires_at": iso(api_key.expires_at),
        "revoked_at": iso(api_key.revoked_at),
    }
