"""What every keeper of the port `Commands` promises, the fake as well as the real one."""

import os
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from stardag.adapters.child_process import SystemCommands
from stardag.app.child_processes import Commands
from stardag.domain.command_errors import CommandNotFound, CommandNotRunnable
from stardag.domain.ended_command import EndedCommand
from tests.fakes.commands import FakeCommands


@pytest.fixture(params=["fake", "real"])
def commands(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Commands]:
    """Commands among which are `true` and `false`, and one, `notes.txt`, that may not be run."""
    if request.param == "fake":
        yield FakeCommands()
        return
    (tmp_path / "notes.txt").write_text("nothing to run")
    monkeypatch.setenv("PATH", f"/usr/bin:/bin:{tmp_path}")
    yield SystemCommands()


def test_one_that_is_not_there_is_not_found(commands: Commands) -> None:
    with pytest.raises(CommandNotFound, match="'no-such-command-here'"):
        commands.find(["no-such-command-here", "x"])


def test_one_that_may_not_be_run_is_not_run(commands: Commands) -> None:
    with pytest.raises(CommandNotRunnable, match="it is not executable"):
        commands.find(["notes.txt"])


@pytest.mark.parametrize(("name", "code"), [("true", 0), ("false", 1)])
def test_one_that_is_run_tells_its_exit_code(commands: Commands, name: str, code: int) -> None:
    command = commands.find([name])
    with command.holding_signals():
        assert command.run(dict(os.environ)) == EndedCommand(code)


def test_its_environment_begins_with_that_of_this_process(commands: Commands) -> None:
    assert commands.inherited()["PATH"]


def test_work_without_signals_returns_and_raises(commands: Commands) -> None:
    assert commands.without_signals(lambda: 7) == 7
    with pytest.raises(CommandNotFound):
        commands.without_signals(lambda: commands.find(["no-such-command-here"]))


def test_ending_it_before_it_runs_and_afterwards_is_fine(commands: Commands) -> None:
    command = commands.find(["true"])
    ended: list[EndedCommand] = []
    with command.holding_signals():
        ended.append(command.run(dict(os.environ)))
    thread = threading.Thread(target=command.terminate)
    thread.start()
    thread.join()
    assert ended == [EndedCommand(0)]
