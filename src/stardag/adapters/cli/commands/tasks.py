"""`stardag tasks …`: the tasks of a workspace, in their latest state."""

import json
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
from stardag.adapters.cli.text import section, table
from stardag.adapters.cli.times import iso, local
from stardag.domain.builds import Task, TaskFilter, TaskStatus
from stardag.domain.errors import InvalidValue
from stardag.domain.lines import lines

app = App(name="tasks", help_format="plaintext")


@app.command(name="list")
def list_tasks(
    *,
    name: Annotated[str | None, Parameter(help="Only those of this name.")] = None,
    parameter: Annotated[
        tuple[str, ...],
        Parameter(
            negative="",
            show_default=False,
            help="Only those with this parameter, NAME=VALUE; may be given several times.",
        ),
    ] = (),
    status: Annotated[TaskStatus | None, Parameter(help="Only those.")] = None,
    build: Annotated[str | None, Parameter(help="Only those that the build with this id ran or reused.")] = None,
    limit: Annotated[int, Parameter(help="How many at most.", validator=Number(gte=1, lte=10_000))] = 20,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """List the tasks of the workspace in their latest state, those first that were recorded last.

    The VALUE of a parameter is JSON (0.1, true, null, "text"), or else a text.
    """
    for given in parameter:
        if not given.partition("=")[1] or given.startswith("="):
            raise InvalidValue("parameter", given, "it has no name and value", "Give --parameter NAME=VALUE.")
    wanted = TaskFilter(name, status, parameter, build)
    read = session.use_cases().read_builds()
    with session.waiting("Asking the registry"):
        reply = read.tasks(options.selection(registry, organization, workspace), wanted, limit)
    tasks, is_whole = reply.value
    rows = [(each.name, each.status, local(each.updated_at), _summary(each), each.id) for each in tasks]
    if not rows:
        filtered = " that you ask for" if wanted != TaskFilter() else ""
        remarks = [f"Workspace {reply.place!r} has no task{filtered}."]
    else:
        remarks = [] if is_whole else [f"There are more; see them with a greater --limit than {limit}."]
    return Answer(
        data={"tasks": [_data(each) for each in tasks], "more": not is_whole},
        text=table(("NAME", "STATUS", "UPDATED", "PARAMETERS", "ID"), rows) if rows else "",
        notices=reply.notices,
        remarks=remarks,
    )


@app.command(name="show")
def show_task(
    task: str,
    *,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Show a task in its latest state, and the builds that ran or reused it.

    Parameters
    ----------
    task
        Its id.
    """
    read = session.use_cases().read_builds()
    with session.waiting("Asking the registry"):
        reply = read.task(options.selection(registry, organization, workspace), task)
    shown, runs = reply.value
    rows = [
        ("id", shown.id),
        ("name", shown.name),
        ("status", shown.status),
        *((f"parameter {name}", json.dumps(value)) for name, value in sorted(shown.parameters.items())),
        ("output", "-" if shown.output is None else f"{shown.output.path} below target root {shown.output.root!r}"),
        ("started", local(shown.started_at)),
        ("ended", local(shown.ended_at)),
        ("recorded", local(shown.recorded_at)),
        ("updated", local(shown.updated_at)),
    ]
    text = table(("KEY", "VALUE"), rows)
    if runs:
        runs_table = table(("BUILD", "TASK", "AT"), [(run.build_id, run.status, local(run.at)) for run in runs])
        text = lines(text, "", runs_table)
    if shown.error:
        text = lines(text, section("ERROR", shown.error))
    builds: Json = [{"build_id": run.build_id, "status": run.status, "at": iso(run.at)} for run in runs]
    return Answer({**_data(shown), "builds": builds}, text, reply.notices)


def _summary(task: Task) -> str:
    """The parameters, as far as a table has room for them."""
    text = " ".join(f"{name}={json.dumps(value)}" for name, value in task.parameters.items())
    return (text if len(text) <= 60 else f"{text[:59]}…") or "-"


def _data(task: Task) -> dict[str, Json]:
    return {
        "id": task.id,
        "name": task.name,
        "parameters": task.parameters,
        "status": task.status,
        "output": None if task.output is None else {"root": task.output.root, "path": task.output.path},
        "recorded_at": iso(task.recorded_at),
        "updated_at": iso(task.updated_at),
        "started_at": iso(task.started_at),
        "ended_at": iso(task.ended_at),
        "error": task.error,
    }
