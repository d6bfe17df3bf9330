"""What changed between two sets of target roots; plain records, so that errors can carry them."""

from dataclasses import dataclass
from typing import NamedTuple


class RootChange(NamedTuple):
    """What happened to one root: `old` is None for an added one, `new` is None for a deleted one."""

    name: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class RootChanges:
    """The difference between the cached and the served target roots, each part sorted by name."""

    added: tuple[RootChange, ...] = ()
    modified: tuple[RootChange, ...] = ()
    deleted: tuple[RootChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.modified or self.deleted)

    @property
    def stops_a_build(self) -> bool:
        """Added roots are taken over; anything else needs a person's decision (guide, "On build start")."""
        return bool(self.modified or self.deleted)

    def without(self, names: frozenset[str]) -> "RootChanges":
        """The same changes without those of the named roots."""

        def keep(changes: tuple[RootChange, ...]) -> tuple[RootChange, ...]:
            return tuple(change for change in changes if change.name not in names)

        return RootChanges(keep(self.added), keep(self.modified), keep(self.deleted))
