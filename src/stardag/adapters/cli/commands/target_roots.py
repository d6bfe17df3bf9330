"""`stardag target-roots …`."""

from typing import Annotated

from cyclopts import App, Parameter

from stardag.adapters.cli.answers import Answer, Json
from stardag.adapters.cli.exit_codes import DONE, TARGET_ROOTS_DIFFER
from stardag.adapters.cli.root_changes import changes_data, changes_text, sync_text
from stardag.adapters.cli.session import (
    DEFAULTS,
    Options,
    OrganizationOption,
    RegistryOption,
    SessionArgument,
    WorkspaceOption,
)
from stardag.adapters.cli.text import counted, table
from stardag.adapters.cli.values import origin_data
from stardag.app.list_target_roots import ListedRoot
from stardag.domain.lines import lines

app = App(name="target-roots", help_format="plaintext")
for _name, _function, _help in (
    ("add", "add_target_root", "Add a target root to the workspace, at its registry."),
    ("set", "set_target_root", "Give a target root of the workspace another place, at its registry."),
    ("remove", "remove_target_root", "Remove a target root from the workspace, at its registry."),
):
    app.command(f"stardag.adapters.cli.commands.target_root_changes:{_function}", name=_name, help=_help)


@app.command(name="list")
def list_target_roots(
    *,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """List the target roots, where each came from, and how they compare with the registry's. Writes nothing."""
    use_case = session.use_cases().list_target_roots()
    with session.waiting("Asking the registry"):
        listing = use_case(options.selection(registry, organization, workspace))
    rows = [(root.name, _prefix(root), _origin(root), _status(root)) for root in listing.roots]
    return Answer(
        data={"roots": [_root_data(root) for root in listing.roots]},
        text=table(("NAME", "URI PREFIX", "FROM", "REGISTRY"), rows) if rows else "",
        notices=listing.notices,
        remarks=() if rows else ["The workspace has no target roots yet."],
    )


@app.command(name="sync")
def sync_target_roots(
    *,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    dry_run: Annotated[bool, Parameter(negative="", help="Show the differences, write nothing.")] = False,
    exit_code: Annotated[bool, Parameter(negative="", help="Exit with 3 where there was a difference.")] = False,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Fetch the target roots of the workspace into the local cache, and show what changed."""
    use_case = session.use_cases().sync_target_roots()
    with session.waiting("Asking the registry"):
        synced = use_case(options.selection(registry, organization, workspace), dry_run=dry_run)
    return Answer(
        data=changes_data(synced.changes, synced.applied),
        text=sync_text(synced, dry_run=dry_run),
        notices=synced.notices,
        exit_code=TARGET_ROOTS_DIFFER if exit_code and (synced.changes or synced.is_replaced) else DONE,
    )


@app.command(name="validate")
def validate_target_roots(
    *,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Do exactly what a build start does: compare with the registry, take over added roots, check every storage."""
    use_case = session.use_cases().validate_before_build()
    with session.waiting("Asking the registry and every storage"):
        validated = use_case(options.selection(registry, organization, workspace))
    number = counted(len(validated.profile.target_roots), "target root")
    place = "" if validated.profile.is_local else f" of workspace {validated.workspace!r}"
    return Answer(
        data=changes_data(validated.changes, validated.applied),
        text=lines(*changes_text(validated.changes), f"{number}{place} valid: a build may start."),
        notices=validated.notices,
    )


def _prefix(root: ListedRoot) -> str:
    return root.setting.value if root.setting else root.served or ""


def _origin(root: ListedRoot) -> str:
    return str(root.setting.origin) if root.setting else "the registry"


def _status(root: ListedRoot) -> str:
    if root.status == "changed":
        return f"changed to {root.served}"
    return "not asked" if root.status == "unknown" else root.status


def _root_data(root: ListedRoot) -> Json:
    origin = origin_data(root.setting.origin) if root.setting else {"layer": "registry", "text": "the registry"}
    return {
        "name": root.name,
        "uri_prefix": _prefix(root),
        "origin": origin,
        "served": root.served,
        "status": root.status,
    }
