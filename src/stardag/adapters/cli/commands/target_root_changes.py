"""`stardag target-roots add|set|remove`: changes at the registry, which a sync takes over on each machine."""

from typing import Annotated

from cyclopts import Parameter

from stardag.adapters.cli.answers import Answer
from stardag.adapters.cli.session import (
    DEFAULTS,
    Options,
    OrganizationOption,
    RegistryOption,
    SessionArgument,
    WorkspaceOption,
)
from stardag.adapters.cli.text import counted, once_more
from stardag.app.team.edit_target_roots import EditedRoot
from stardag.app.team.reply import Reply

Yes = Annotated[bool, Parameter(negative="", help="Skip confirmation.")]


def add_target_root(
    name: str,
    uri_prefix: str,
    *,
    yes: Yes = False,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Add a target root to the workspace, at its registry. This needs an admin, or a key that administers it.

    You are asked first where it would lie inside another root, or below one person's home in a shared workspace.

    Parameters
    ----------
    name
        What tasks call it.
    uri_prefix
        Where outputs go: an absolute path, '~/…' (in quotes), file://… or s3://bucket/prefix/.
    """
    edit = session.use_cases().edit_target_roots()
    at = once_more(profile=options.profile, registry=registry, organization=organization, workspace=workspace)
    selection = options.selection(registry, organization, workspace)

    def attempt(confirmed: bool) -> Reply[EditedRoot]:
        with session.waiting("Asking the registry"):
            return edit.add(selection, name, uri_prefix, confirmed=confirmed)

    reply = session.prompts.confirming(attempt, yes, "Add it all the same?")
    return _answer(reply, f"Target root {name!r} of workspace {reply.place!r} is {uri_prefix}.", at)


def set_target_root(
    name: str,
    uri_prefix: str,
    *,
    yes: Yes = False,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Change a target root's URI prefix. You are asked first where builds have used it, and as for `add`.

    Parameters
    ----------
    name
        The root to change.
    uri_prefix
        Where outputs go from now on: an absolute path, '~/…' (in quotes), file://… or s3://bucket/prefix/.
    """
    edit = session.use_cases().edit_target_roots()
    at = once_more(profile=options.profile, registry=registry, organization=organization, workspace=workspace)
    selection = options.selection(registry, organization, workspace)

    def attempt(confirmed: bool) -> Reply[EditedRoot]:
        with session.waiting("Asking the registry"):
            return edit.change(selection, name, uri_prefix, confirmed=confirmed)

    reply = session.prompts.confirming(attempt, yes, "Change it all the same?")
    done = f"was {reply.value.change.old} and is now" if reply.value.changed else "already was"
    return _answer(reply, f"Target root {name!r} of workspace {reply.place!r} {done} {uri_prefix}.", at)


def remove_target_root(
    name: str,
    *,
    yes: Yes = False,
    registry: RegistryOption = None,
    organization: OrganizationOption = None,
    workspace: WorkspaceOption = None,
    options: Options = DEFAULTS,
    session: SessionArgument,
) -> Answer:
    """Remove a target root from the workspace; what is stored below it stays. Where builds have used it, you are asked.

    Parameters
    ----------
    name
        The root to remove.
    """
    edit = session.use_cases().edit_target_roots()
    at = once_more(profile=options.profile, registry=registry, organization=organization, workspace=workspace)
    selection = options.selection(registry, organization, workspace)

    def attempt(confirmed: bool) -> Reply[EditedRoot]:
        with session.waiting("Asking the registry"):
            return edit.remove(selection, name, confirmed=confirmed)

    reply = session.prompts.confirming(attempt, yes, "Remove it all the same?")
    old = reply.value.change.old
    text = f"Target root {name!r} of workspace {reply.place!r} was removed; what is stored in {old} stays."
    return _answer(reply, text, at)


def _answer(reply: Reply[EditedRoot], text: str, at: str) -> Answer:
    """`at`: the options that say where, as they are typed in the next command."""
    change, builds = reply.value
    cache = f"The cache of this machine was left as it is; this takes the change over: stardag target-roots sync{at}"
    used = [f"{counted(builds, 'build')} had used it as it was."] if builds and reply.value.changed else []
    return Answer(
        data={
            "name": change.name,
            "old": change.old,
            "new": change.new,
            "builds": builds,
            "changed": reply.value.changed,
        },
        text=text,
        notices=reply.notices,
        remarks=[*used, cache] if reply.value.changed else (),
    )
