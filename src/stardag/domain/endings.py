"""How a build or a task ends, by what was raised in it: never with a message, which could hold anything."""

from datetime import datetime
from typing import NamedTuple, cast

from stardag.domain.builds import BuildEnd, TaskRecord

_STOPS = frozenset(
    (
        "KeyboardInterrupt",
        "GeneratorExit",
        "asyncio.exceptions.CancelledError",
        "trio.Cancelled",
        "stardag.errors.BuildCancelled",
    )
)
"""What stops a program from outside, by name: an error of a library that is not imported cannot have been raised."""

_TYPE_MAX_LENGTH = 200


class Ending(NamedTuple):
    """How something ended; `error` is the type of what was raised, where it failed."""

    end: BuildEnd
    error: str | None = None


COMPLETED = Ending("completed")
CANCELLED = Ending("cancelled")


class KeptOutcome(NamedTuple):
    """What a registry has not heard of a build, kept until it can: how the build ended, and how it went with tasks.

    `ending` is None where only tasks are to be told of, by a worker that does not end the build.
    """

    registry_url: str
    workspace_id: str
    build_id: str
    ending: Ending | None
    at: datetime
    records: tuple[TaskRecord, ...] = ()


def ending_of(raised: BaseException | None) -> Ending:
    """How a build ends that this was raised out of, or nothing."""
    if raised is None or (isinstance(raised, SystemExit) and raised.code in (None, 0)):
        return COMPLETED
    return CANCELLED if _is_stop(raised) else Ending("failed", type_of(raised))


def ending_of_task(raised: BaseException | None) -> Ending:
    """The same of a task, which nobody leaves half-way and has completed: neither does a program that exits well."""
    if isinstance(raised, SystemExit) and raised.code in (None, 0):
        return CANCELLED
    return ending_of(raised)


def type_of(raised: BaseException) -> str:
    """The type of an exception, with its module unless it is one of Python's own."""
    name = _name_of(type(raised))
    return name[:_TYPE_MAX_LENGTH] if name.isprintable() else "Exception"


def _is_stop(raised: BaseException) -> bool:
    if isinstance(raised, BaseExceptionGroup):
        return all(map(_is_stop, cast("BaseExceptionGroup[BaseException]", raised).exceptions))
    return not _STOPS.isdisjoint(_name_of(each) for each in type(raised).__mro__)


def _name_of(kind: type) -> str:
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
