"""`stardag outputs …`: what lies below target roots, and copying it from one to another."""

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import App, Parameter

from stardag.adapters.cli.answers import Answer, Json
from stardag.adapters.cli.progress import showing
from stardag.adapters.cli.session import (
    DEFAULTS,
    Options,
    OrganizationOption,
    RegistryOption,
    SessionArgument,
    WorkspaceOption,
    unused_profile,
)
from stardag.adapters.cli.text import counted, table
from stardag.adapters.cli.times import iso, local
from stardag.app.outputs.copy_outputs import Copied, Progress, Wanted
from stardag.app.outputs.copying_ports import StoredFile
from stardag.app.outputs.list_outputs import ListedOutputs, ListedTasks
from stardag.app.outputs.stored_tasks import StoredTask
from stardag.domain.errors import InvalidValue
from stardag.domain.layers import Notice
from stardag.domain.lines import lines
from stardag.domain.outputs import RootPlace
from stardag.domain.profile import Selection

app = App(name="outputs", help_format="plaintext")

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


@app.command(name="list")
def list_outputs(
    path: str = ".",
    *,
    root: Annotated[str, Parameter(help="A target root, by its name.")] = "default",
    task: Annotated[str | None, Parameter(help="List the tasks of this name instead.")] = None,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """List the outputs below a target root, or the tasks that have some there, and whether they are complete.

    Parameters
    ----------
    path
        A file or directory below the target root; all of it, if none is given.
    """
    use_case = session.use_cases().list_outputs()
    selection = options.selection(registry, organization, workspace)
    if task is None:
        with session.waiting("Listing the outputs"):
            return _outputs(use_case.files(selection, root, path))
    if path != ".":
        raise InvalidValue("path", path, "tasks are listed by their names", "Give either a path or --task NAME.")
    with session.waiting("Listing the tasks"):
        return _tasks(use_case.tasks(selection, root, task), task)


@app.command(name="copy")
def copy_outputs(
    *paths: str,
    source: Annotated[
        str | None, Parameter(name="--from", help="The profile to copy from; the active one, if not given.")
    ] = None,
    target: Annotated[
        str | None, Parameter(name="--to", help="The profile to copy to; the active one, if not given.")
    ] = None,
    root: Annotated[str, Parameter(help="The target root, by the name that it has in both profiles.")] = "default",
    task: Annotated[
        tuple[str, ...],
        Parameter(negative="", show_default=False, help="All complete tasks of this name; may be given several times."),
    ] = (),
    dry_run: Annotated[bool, Parameter(negative="", help="Show what would be copied, copy nothing.")] = False,
    replace: Annotated[bool, Parameter(negative="", help="Replace files that hold something else.")] = False,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Copy files, directories and tasks from the target root of one profile to that of another.

    What is there already is left alone, so that a copy that was stopped is gone on with by repeating the command.

    Parameters
    ----------
    paths
        Files and directories below the target root; '.' is all of it.
    """
    use_case = session.use_cases().copy_outputs()
    progress = Progress()
    with showing(progress, is_wanted=not options.quiet and options.format == "text"):
        copied = use_case(
            _selection(source, "--from", options),
            _selection(target, "--to", options),
            Wanted(root, paths, task),
            progress,
            dry_run=dry_run,
            replace=replace,
        )
    unused: tuple[Notice, ...] = ()
    if options.profile is not None and source is not None and target is not None:
        unused = (unused_profile(options.profile, "--from and --to name both profiles"),)
    return Answer(
        data={
            "root": root,
            "source": copied.source.uri_prefix,
            "target": copied.target.uri_prefix,
            "copied": 0 if dry_run else len(copied.files),
            "bytes": 0 if dry_run else copied.size,
            "replaced": 0 if dry_run else copied.replaced,
            "already_there": copied.already_there,
            "incomplete_tasks": copied.incomplete_tasks,
            "to_copy": [{"path": file.path, "size": file.size} for file in copied.files] if dry_run else None,
        },
        text=_copied(copied, dry_run=dry_run),
        notices=(*unused, *copied.notices),
        remarks=_left_out(copied),
    )


def _selection(profile: str | None, option: str, options: Options) -> Selection:
    chosen = options.selection()
    return chosen if profile is None else chosen._replace(profile=profile, profile_option=option)


def _copied(copied: Copied, *, dry_run: bool) -> str:
    number = f"{counted(len(copied.files), 'file')} ({_size(copied.size)})"
    done = "would be copied" if dry_run else "copied"
    replaced = f", of which {copied.replaced} replaced another" if copied.replaced else ""
    there = f"; {copied.already_there} already there" if copied.already_there else ""
    summary = f"{number} {done} from {copied.source.uri_prefix} to {copied.target.uri_prefix}{replaced}{there}."
    if not dry_run or not copied.files:
        return summary
    return lines(table(("PATH", "SIZE"), [(file.path, _size(file.size)) for file in copied.files]), "", summary)


def _left_out(copied: Copied) -> list[str]:
    number = copied.incomplete_tasks
    return [f"{counted(number, 'incomplete task')} {'was' if number == 1 else 'were'} left out."] if number else []


def _outputs(listed: ListedOutputs) -> Answer:
    rows = [(file.path, _size(file.size), local(_at(file.modified))) for file in listed.files]
    return Answer(
        data={"root": _root_data(listed.root), "files": [_file_data(file) for file in listed.files]},
        text=table(("PATH", "SIZE", "MODIFIED"), rows) if rows else "",
        notices=listed.notices,
        remarks=() if rows else [f"Nothing is below the target root {_place(listed.root)} yet."],
    )


def _tasks(listed: ListedTasks, name: str) -> Answer:
    rows = [
        (
            "yes" if task.record else "no",
            counted(len(task.files), "file"),
            _size(_total(task)),
            local(_modified(task)),
            task.id,
        )
        for task in listed.tasks
    ]
    return Answer(
        data={"root": _root_data(listed.root), "tasks": [_task_data(task) for task in listed.tasks]},
        text=table(("COMPLETE", "OUTPUTS", "SIZE", "MODIFIED", "ID"), rows) if rows else "",
        notices=listed.notices,
        remarks=() if rows else [f"No task {name!r} has outputs below the target root {_place(listed.root)} yet."],
    )


def _place(root: RootPlace) -> str:
    return f"{root.name!r} ({root.uri_prefix})"


def _root_data(root: RootPlace) -> Json:
    return {"name": root.name, "uri_prefix": root.uri_prefix}


def _file_data(file: StoredFile) -> Json:
    return {"path": file.path, "size": file.size, "modified_at": iso(_at(file.modified))}


def _task_data(task: StoredTask) -> Json:
    return {
        "name": task.name,
        "id": task.id,
        "is_complete": task.record is not None,
        "outputs": len(task.files),
        "size": _total(task),
        "modified_at": iso(_modified(task)),
    }


def _total(task: StoredTask) -> int:
    return sum(file.size for file in task.files)


def _modified(task: StoredTask) -> datetime | None:
    times = [file.modified for file in (*task.files, task.record) if file is not None]
    return _at(max(times)) if times else None


def _at(modified: float) -> datetime:
    return datetime.fromtimestamp(modified, UTC)


def _size(number: int) -> str:
    """Bytes as people read them."""
    size, units = float(number), iter(_UNITS)
    unit = next(units)
    while round(size, 1) >= 1024:
        size, unit = size / 1024, next(units, unit)
    return f"{number} B" if unit == "B" else f"{size:.1f} {unit}"
