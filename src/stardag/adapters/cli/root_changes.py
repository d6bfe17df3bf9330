"""How a sync of target roots is told, wherever one happens: every difference, then what came of it."""

from collections.abc import Sequence

from stardag.adapters.cli.answers import Json
from stardag.adapters.cli.text import counted
from stardag.app.sync_target_roots import Synced
from stardag.domain.lines import Lines, lines
from stardag.domain.root_changes import RootChange, RootChanges


def changes_data(changes: RootChanges, applied: bool) -> dict[str, Json]:
    """The differences for programs, and whether the cache was changed for them (readings, section 6)."""

    def of(changes: Sequence[RootChange]) -> Json:
        return [{"name": change.name, "old": change.old, "new": change.new} for change in changes]

    return {
        "added": of(changes.added),
        "modified": of(changes.modified),
        "deleted": of(changes.deleted),
        "applied": applied,
    }


def changes_text(changes: RootChanges) -> list[str]:
    """The differences for people, one a line."""
    return [
        *(f"added     {change.name}: {change.new}" for change in changes.added),
        *(f"modified  {change.name}: {change.old} -> {change.new}" for change in changes.modified),
        *(f"deleted   {change.name}: {change.old}" for change in changes.deleted),
    ]


def sync_text(synced: Synced, *, dry_run: bool = False) -> Lines:
    """A sync for people."""
    state = "would be synced" if dry_run else "synced"
    summary = f"{counted(len(synced.profile.target_roots), 'target root')} of workspace {synced.workspace!r}"
    ending = f"{state}." if synced.changes else "already up to date."
    if dry_run and synced.changes:
        summary = f"The target roots of workspace {synced.workspace!r}"
    return lines(*changes_text(synced.changes), f"{summary} {ending}")
