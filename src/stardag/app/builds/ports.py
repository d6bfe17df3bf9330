"""What builds need of the machine, besides the ports of every use case."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from stardag.app.outcomes.ports import Outcomes
    from stardag.app.sign_in.ports import Clock

Monotonic: TypeAlias = "Callable[[], float]"
"""Seconds that only go forward, from any beginning."""

ThisProcess: TypeAlias = "Callable[[], int]"
"""The id of the process that asks."""

NewKey: TypeAlias = "Callable[[], str]"
"""A text that nobody has ever had before."""


class Machine(NamedTuple):
    """What a build that runs needs of the machine that it runs on."""

    outcomes: Outcomes
    clock: Clock
    process: ThisProcess
