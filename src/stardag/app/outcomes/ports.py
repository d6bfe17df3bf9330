"""The port to what registries have not heard of builds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from stardag.domain.configuration import StardagDirectory
    from stardag.domain.endings import KeptOutcome
    from stardag.domain.layers import Notice


class Kept(NamedTuple):
    """Where an outcome is kept, and how many of its records would have made it too large."""

    path: str
    left_out: int = 0


class ClaimedOutcome(NamedTuple):
    """An outcome that is to be delivered, and the name that it is kept under."""

    name: str
    outcome: KeptOutcome


class Claim(NamedTuple):
    """What may be delivered now, by whoever holds the claim alone, and what is to be heard of what cannot be."""

    outcomes: tuple[ClaimedOutcome, ...] = ()
    notices: tuple[Notice, ...] = ()


class Outcomes(Protocol):
    """What registries have not heard of builds, kept in stardag directories until they have."""

    def keep(self, directory: StardagDirectory, outcome: KeptOutcome) -> Kept:
        """Keep an outcome, durably. Records that would make it too large are left out.

        Raises:
            StateNotWritable: it cannot be kept.
        """
        ...

    def are_waiting(self, directory: StardagDirectory) -> bool:
        """Whether there may be something to deliver; looks at one directory, and reads nothing."""
        ...

    def claimed(
        self, directory: StardagDirectory, registry_url: str, workspace_id: str
    ) -> AbstractContextManager[Claim]:
        """What is kept for a workspace, claimed for as long as the block lasts. Whatever another process or thread has
        claimed is left to it, without waiting. What cannot be read is set aside, with a notice."""
        ...

    def settle(self, directory: StardagDirectory, name: str) -> None:
        """Forget an outcome that is claimed and has been delivered.

        Raises:
            StateNotWritable: it cannot be removed.
        """
        ...
