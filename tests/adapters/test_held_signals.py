"""Signals that come while they are held take effect afterwards, as they would have; each in a process of its own."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from stardag.adapters.child_process import SystemCommands
from stardag.adapters.held_signals import HeldSignals
from tests.processes import forked, python_program, started

PATIENCE = 60.0
BEGINNING = """
import os, signal, sys, threading
from stardag.adapters.child_process import SystemCommands
from stardag.adapters.held_signals import HeldSignals
signals = HeldSignals()
me = os.getpid()
def say(*words): print(*words, flush=True)
"""

ON_THE_MAIN_THREAD = """
with signals.held(60):
    os.kill(me, {number})
    os.kill(me, {number})
    say("done")
say("not reached")
"""

ON_A_THREAD_THAT_IS_WAITED_FOR = """
def work():
    with signals.held(60):
        os.kill(me, {number})
        say("done")
    threading.Event().wait(60)
SystemCommands(signals.listening).without_signals(work)
say("not reached")
"""

WITHOUT_ANYBODY_HOLDING = """
def work():
    say("done")
    os.kill(me, {number})
    threading.Event().wait(60)
SystemCommands(signals.listening).without_signals(work)
say("not reached")
"""


def ended(program: str, directory: Path) -> tuple[int, str]:
    with forked(python_program, [BEGINNING + program], {}, directory, directory) as process:
        ended = process.ended(PATIENCE)
        return ended.code, ended.out.decode()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "program",
    [ON_THE_MAIN_THREAD, ON_A_THREAD_THAT_IS_WAITED_FOR, WITHOUT_ANYBODY_HOLDING],
    ids=["main thread", "waited for", "nobody holds"],
)
def test_a_signal_ends_the_process_once_nobody_holds_it(program: str, number: signal.Signals, tmp_path: Path) -> None:
    code, said = ended(program.format(number=int(number)), tmp_path)
    assert said == "done\n"
    assert code == (1 if number == signal.SIGINT else -number)  # of a Python program, KeyboardInterrupt


def test_an_interrupted_program_waits_for_a_thread_that_holds_on_to_it(tmp_path: Path) -> None:
    program = """
holds, interrupted = threading.Event(), threading.Event()
def work():
    with signals.held(60):
        holds.set()
        interrupted.wait()
        say("done")
threading.Thread(target=work, daemon=True).start()
holds.wait()
import atexit
atexit.register(interrupted.set)
os.kill(me, signal.SIGINT)
say("not reached")
"""
    with started([sys.executable, "-c", BEGINNING + program], dict(os.environ), tmp_path) as process:
        code, out, _ = process.ended(PATIENCE)
    assert (code, out) == (-signal.SIGINT, b"done\n")


@pytest.fixture
def heard() -> list[int]:
    return []


@pytest.fixture
def handler(heard: list[int]) -> Generator[Callable[..., None]]:
    def hear(number: int, _frame: object) -> None:
        heard.append(number)

    before = signal.signal(signal.SIGHUP, hear)
    yield hear
    signal.signal(signal.SIGHUP, before)


def test_the_programs_own_handler_hears_it_afterwards_and_is_back(
    heard: list[int], handler: Callable[..., None]
) -> None:
    with HeldSignals().held(1):
        signal.raise_signal(signal.SIGHUP)
        assert heard == []
    assert heard == [signal.SIGHUP]
    assert signal.getsignal(signal.SIGHUP) is handler


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with HeldSignals().held(1):
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_one_inside_another_holds_until_the_outer_one_ends(heard: list[int], handler: Callable[..., None]) -> None:
    signals = HeldSignals()
    with signals.held(1):
        with signals.held(1):
            signal.raise_signal(signal.SIGHUP)
        assert heard == []
    assert heard == [signal.SIGHUP]
    assert signal.getsignal(signal.SIGHUP) is handler


def test_an_error_inside_is_not_lost_where_no_signal_came() -> None:
    with pytest.raises(ValueError, match="inside"), HeldSignals().held(1):
        raise ValueError("inside")


def test_it_holds_on_any_thread(heard: list[int], handler: Callable[..., None]) -> None:
    signals = HeldSignals()
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with signals.held(1):
                assert SystemCommands(signals.listening).without_signals(lambda: 3) == 3
        except BaseException as error:  # noqa: BLE001  # the test looks at it
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert SystemCommands(signals.listening).without_signals(lambda: 3) == 3
    assert signal.getsignal(signal.SIGHUP) is handler
