"""Commands of the system, run by a process whose signals are its own to lose."""

import subprocess
import sys
from pathlib import Path

BEGINNING = """
import os, signal, sys, threading
from stardag.adapters.child_process import SystemCommands
def run(*words, before=lambda command: None):
    command = SystemCommands().find(words)
    with command.holding_signals():
        before(command)
        ended = command.run(os.environ)
    return tuple(None if number is None else int(number) for number in ended)
"""


def said(program: str, *arguments: str) -> str:
    """What a process of its own prints."""
    ended = subprocess.run(
        [sys.executable, "-c", BEGINNING + program, *arguments], capture_output=True, text=True, timeout=60, check=True
    )
    return ended.stdout


def test_a_signal_that_comes_before_it_is_run_keeps_it_from_being_run(tmp_path: Path) -> None:
    program = """
print(run("touch", sys.argv[1], before=lambda command: os.kill(os.getpid(), signal.SIGTERM)))
print("alive")
"""
    assert said(program, str(tmp_path / "made")) == "(None, 15, 15)\nalive\n"
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_to_end_before_it_runs_is_ended_when_it_does() -> None:
    assert said('print(run("sleep", "60", before=lambda command: command.terminate()))') == "(None, 15, 15)\n"


def test_any_thread_may_end_it() -> None:
    program = """
def end_soon(command):
    threading.Timer(0.05, command.terminate).start()
print(run("sleep", "60", before=end_soon))
"""
    assert said(program) == "(None, 15, 15)\n"


def test_a_thread_that_takes_the_signal_of_its_end_only_delays_it() -> None:
    program = """
stop = threading.Event()
threading.Thread(target=stop.wait, daemon=True).start()
print([run("true") for _ in range(5)])
"""
    assert said(program) == f"{[(0, None, None)] * 5}\n"


def test_work_without_signals_starts_threads_without_them() -> None:
    program = """
masks = []
def work():
    thread = threading.Thread(target=lambda: masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, ())))
    thread.start()
    thread.join()
    return "done"
print(SystemCommands().without_signals(work), signal.SIGTERM in masks[0], signal.SIGCHLD in masks[0])
print(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
"""
    assert said(program) == "done True True\nset()\n"


def test_signals_are_as_they_were_when_it_has_ended() -> None:
    program = """
before = [signal.getsignal(signal.SIGCHLD), signal.pthread_sigmask(signal.SIG_BLOCK, ())]
run("true")
print(before == [signal.getsignal(signal.SIGCHLD), signal.pthread_sigmask(signal.SIG_BLOCK, ())])
"""
    assert said(program) == "True\n"
