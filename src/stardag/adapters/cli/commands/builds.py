"""`stardag builds …`: the builds of a workspace."""

from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from stardag.adapters.cli.answers import Answer, Json
from stardag.adapters.cli.session import (
    DEFAULTS,
    Options,
    OrganizationOption,
    RegistryOption,
    SessionArgument,
    WorkspaceOption,
)
from stardag.adapters.cli.text import once_more, section, table
from stardag.adapters.cli.times import iso, local, moment
from stardag.domain.builds import Build, BuildStatus
from stardag.domain.lines import lines

app = App(name="builds", help_format="plaintext")


@app.command(name="list")
def list_builds(
    *,
    status: Annotated[BuildStatus | None, Parameter(help="Only those.")] = None,
    since: Annotated[
        str | None, Parameter(help="Only those that started then or later: 2026-11-01, or 7d for the last week.")
    ] = None,
    limit: Annotated[int, Parameter(help="How many at most.", validator=Number(gte=1, lte=10_000))] = 20,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """List the builds of the workspace, the newest first. One is lost that runs, and was not heard of for minutes."""
    began = None if since is None else moment("--since", since)
    read = session.use_cases().read_builds()
    with session.waiting("Asking the registry"):
        reply = read.builds(options.selection(registry, organization, workspace), status, began, limit)
    builds, is_whole = reply.value
    rows = [
        (each.id, each.name or "-", each.status, local(each.started_at), each.maker, _summary(each)) for each in builds
    ]
    if not rows:
        filtered = " that you ask for" if status or since else ""
        remarks = [f"Workspace {reply.place!r} has no build{filtered}."]
    else:
        remarks = [] if is_whole else [f"There are more; see them with a greater --limit than {limit}."]
    return Answer(
        data={"builds": [build_data(each) for each in builds], "more": not is_whole},
        text=table(("ID", "NAME", "STATUS", "STARTED", "BY", "DESCRIPTION"), rows) if rows else "",
        notices=reply.notices,
        remarks=remarks,
    )


@app.command(name="show")
def show_build(
    build: str,
    *,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Show a build, and the target roots that it was validated with.

    Parameters
    ----------
    build
        Its id.
    """
    read = session.use_cases().read_builds()
    with session.waiting("Asking the registry"):
        reply = read.build(options.selection(registry, organization, workspace), build)
    shown, roots = reply.value
    rows = [
        ("id", shown.id),
        ("name", shown.name or "-"),
        ("status", shown.status),
        ("description", shown.description or "-"),
        ("commit", shown.commit or "-"),
        ("started", local(shown.started_at)),
        ("last heard of", local(shown.heartbeat_at)),
        ("ended", local(shown.ended_at)),
        ("registered by", shown.maker),
        *((f"target root {name}", prefix) for name, prefix in sorted(roots.items())),
    ]
    at = once_more(profile=options.profile, registry=registry, organization=organization, workspace=workspace)
    return Answer(
        data={**build_data(shown), "target_roots": dict(roots)},
        text=lines(table(("KEY", "VALUE"), rows), *([section("ERROR", shown.error)] if shown.error else [])),
        notices=reply.notices,
        remarks=[f"Its tasks: stardag tasks list --build {shown.id}{at}"],
    )


@app.command(name="cancel")
def cancel_build(
    build: str,
    *,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Cancel a build that runs or is lost. Whatever runs it hears of that at its next heartbeat.

    Parameters
    ----------
    build
        Its id.
    """
    read = session.use_cases().read_builds()
    with session.waiting("Asking the registry"):
        reply = read.cancel(options.selection(registry, organization, workspace), build)
    return Answer(build_data(reply.value), f"Build {reply.value.id} is cancelled.", reply.notices)


def build_data(build: Build) -> dict[str, Json]:
    """A build, for programs."""
    return {
        "id": build.id,
        "name": build.name,
        "status": build.status,
        "description": build.description,
        "commit": build.commit,
        "started_at": iso(build.started_at),
        "heartbeat_at": iso(build.heartbeat_at),
        "ended_at": iso(build.ended_at),
        "error": build.error,
        "maker": build.maker,
    }


def _summary(build: Build) -> str:
    """The first line of a build's description, as far as a table has room for it."""
    first = (build.description or "-").partition("\n")[0]
    return first if len(first) <= 60 else f"{first[:59]}…"
