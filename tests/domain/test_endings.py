"""How a build and a task end, by what was raised in them."""

import asyncio
import concurrent.futures
import subprocess

import pytest

from stardag.domain.endings import CANCELLED, COMPLETED, Ending, ending_of, ending_of_task, type_of
from stardag.domain.output_errors import BuildCancelled
from stardag.domain.registry_errors import RegistryUnreachable


class Mine(ValueError):
    """One of a program's own."""


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (None, COMPLETED),
        (SystemExit(), COMPLETED),
        (SystemExit(0), COMPLETED),
        (SystemExit(3), Ending("failed", "SystemExit")),
        (SystemExit("it went wrong: hunter2"), Ending("failed", "SystemExit")),
        (KeyboardInterrupt(), CANCELLED),
        (GeneratorExit(), CANCELLED),
        (asyncio.CancelledError(), CANCELLED),
        (BuildCancelled("1", "cancelled"), CANCELLED),
        (BaseExceptionGroup("x", [KeyboardInterrupt(), asyncio.CancelledError()]), CANCELLED),
        (BaseExceptionGroup("x", [KeyboardInterrupt(), ValueError()]), Ending("failed", "BaseExceptionGroup")),
        (ExceptionGroup("x", [ValueError()]), Ending("failed", "ExceptionGroup")),
        (ValueError("hunter2"), Ending("failed", "ValueError")),
        (concurrent.futures.CancelledError(), Ending("failed", "concurrent.futures._base.CancelledError")),
        (subprocess.CalledProcessError(1, ["x", "hunter2"]), Ending("failed", "subprocess.CalledProcessError")),
        (RegistryUnreachable("https://x", "y"), Ending("failed", "stardag.errors.RegistryUnreachable")),
        (Mine(), Ending("failed", f"{__name__}.Mine")),
    ],
    ids=repr,
)
def test_a_build_ends_by_what_is_raised_out_of_it(raised: BaseException | None, expected: Ending) -> None:
    assert ending_of(raised) == expected


def test_a_task_that_a_program_exits_from_is_not_completed() -> None:
    assert ending_of_task(SystemExit(0)) == ending_of_task(SystemExit()) == CANCELLED
    assert ending_of_task(SystemExit(1)) == Ending("failed", "SystemExit")
    assert ending_of_task(None) == COMPLETED


def test_what_an_error_is_called_is_short_and_on_one_line() -> None:
    assert len(type_of(type("X" * 10_000, (Exception,), {})())) == 200
    assert type_of(type("X\nY", (Exception,), {})()) == "Exception"
