"""Changing the target roots of a workspace at its registry, with the guide's warning where builds have used them.

The local cache stays as it is: a sync is how a change is accepted on each machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from stardag.app.connect import Connect, Connection
from stardag.app.team.reply import Reply, asking, reply_of
from stardag.domain.errors import ConfirmationNeeded
from stardag.domain.layers import Notice
from stardag.domain.lines import lines
from stardag.domain.names import check_name
from stardag.domain.new_target_roots import check_new_uri_prefix, doubts_about, is_below_each_home
from stardag.domain.organizations import is_personal_slug
from stardag.domain.profile import Selection
from stardag.domain.refusals import AlreadyExists
from stardag.domain.root_changes import RootChange
from stardag.domain.target_roots import TargetRoot, same_prefix


class EditedRoot(NamedTuple):
    """What happened to a root, and how many builds had used it as it was before."""

    change: RootChange
    builds: int

    @property
    def changed(self) -> bool:
        """Whether anything did."""
        return self.change.old != self.change.new


@dataclass(frozen=True, slots=True)
class EditTargetRoots:
    """Adds, changes and removes target roots of the active workspace.

    Raises:
        InvalidName, InvalidValue: name or prefix cannot be one.
        MissingSetting: nothing names a registry, or no workspace.
        ConfirmationNeeded: builds have used the root, or its new prefix is rarely meant, and nobody has confirmed it.
        and whatever Connect and the calls of WorkspacesApi raise.
    """

    connect: Connect

    def add(self, selection: Selection, name: str, uri_prefix: str, *, confirmed: bool) -> Reply[EditedRoot]:
        """Add a root."""
        root = _checked(name, uri_prefix)

        def ask(connection: Connection) -> Reply[EditedRoot]:
            roots = {} if confirmed else _served(connection)
            if name in roots:  # before anything is asked about a root that cannot be added
                raise AlreadyExists(connection.profile.registry_url.value, "target root", name)
            doubts = () if confirmed else _doubts(connection, root, roots)
            if doubts:
                raise ConfirmationNeeded(lines(*doubts), "--yes")
            connection.api.add_target_root(connection.identity.workspace_id, root)
            return _edited(connection, RootChange(name, None, uri_prefix), 0)

        return asking(self.connect, selection, ask)

    def change(self, selection: Selection, name: str, uri_prefix: str, *, confirmed: bool) -> Reply[EditedRoot]:
        """Give a root another prefix. A trailing slash makes no difference to any output, so nobody is asked."""
        root = _checked(name, uri_prefix)

        def ask(connection: Connection) -> Reply[EditedRoot]:
            use = connection.api.target_root_use(connection.identity.workspace_id, name)
            old = use.root.uri_prefix
            if not confirmed and not same_prefix(old, uri_prefix):
                used = [_warning(name, old, uri_prefix, use.builds)] if use.builds else []
                doubts = [*used, *_doubts(connection, root, _served(connection))]
                if doubts:
                    raise ConfirmationNeeded(lines(*doubts), "--yes")
            if old != uri_prefix:
                connection.api.change_target_root(connection.identity.workspace_id, root)
            return _edited(connection, RootChange(name, old, uri_prefix), use.builds)

        return asking(self.connect, selection, ask)

    def remove(self, selection: Selection, name: str, *, confirmed: bool) -> Reply[EditedRoot]:
        """Remove a root; what is stored below it stays."""
        check_name("target root", name)

        def ask(connection: Connection) -> Reply[EditedRoot]:
            use = connection.api.target_root_use(connection.identity.workspace_id, name)
            old = use.root.uri_prefix
            if use.builds and not confirmed:
                raise ConfirmationNeeded(_warning(name, old, None, use.builds), "--yes")
            connection.api.remove_target_root(connection.identity.workspace_id, name)
            return _edited(connection, RootChange(name, old, None), use.builds)

        return asking(self.connect, selection, ask)


def _checked(name: str, uri_prefix: str) -> TargetRoot:
    return TargetRoot(check_name("target root", name), check_new_uri_prefix(uri_prefix))


def _served(connection: Connection) -> dict[str, str]:
    """The roots of the workspace, name to URI prefix."""
    served = connection.api.target_roots(connection.identity.workspace_id, None)
    return {other.name: other.uri_prefix for other in served.roots} if served is not None else {}


def _doubts(connection: Connection, root: TargetRoot, roots: Mapping[str, str]) -> tuple[str, ...]:
    """What should be confirmed before a root gets its prefix, given the other roots of the workspace."""
    return doubts_about(root.name, root.uri_prefix, roots, connection.identity.workspace_slug)


def _edited(connection: Connection, change: RootChange, builds: int) -> Reply[EditedRoot]:
    reply = reply_of(connection, EditedRoot(change, builds))
    slug = connection.identity.workspace_slug
    if change.new is None or not is_below_each_home(change.new) or is_personal_slug(slug):
        return reply
    message = f"{change.new} is another place for each person and machine: nobody else finds the outputs below it."
    return reply._replace(notices=(*reply.notices, Notice("root-below-each-home", message)))


def _warning(name: str, old: str, new: str | None, builds: int) -> str:
    """The guide's "Warning on Modifying Target Roots", said of one root."""
    used = "1 build has" if builds == 1 else f"{builds} builds have"
    becomes = "is removed" if new is None else f"is {new}"
    path = "URI_PREFIX" if new is None else new
    return lines(
        f"{used} used the target root {name!r} as it is ({old}). Once it {becomes}:",
        "  - tasks that were completed below it appear incomplete, as their outputs are not found any more;",
        "  - the history of these builds refers to a path that the root no longer has.",
        "What is recommended instead:",
        f"  1. add a new target root with the new path: stardag target-roots add NAME {path}",
        "  2. update task definitions to use the new root",
        f"  3. keep {name!r} for historical reference, or migrate its data manually",
    )
