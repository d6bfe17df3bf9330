"""How a command ended that was run, and what that says of a build that it was."""

import signal
from typing import NamedTuple

from stardag.domain.endings import CANCELLED, COMPLETED, Ending


class EndedCommand(NamedTuple):
    """How a command ended: with an exit code, or by a signal.

    `stopped_by` is the last signal that asked this process to stop while the command ran; it reached the command, too.
    """

    exit_code: int | None = None
    signal: int | None = None
    stopped_by: int | None = None

    @property
    def ending(self) -> Ending:
        """How the build ends that the command was: as cancelled where somebody stopped it and it did not end well."""
        if self.exit_code == 0:
            return COMPLETED
        if self.stopped_by is not None:
            return CANCELLED
        return Ending("failed", f"exit code {self.exit_code}" if self.signal is None else f"killed by {self._name}")

    @property
    def _name(self) -> str:
        try:
            return signal.Signals(self.signal or 0).name
        except ValueError:
            return f"signal {self.signal}"
