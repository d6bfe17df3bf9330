"""State files under many processes and under SIGKILL: no update is lost, nothing is torn, nothing stays stuck.

The functions that other processes run stand here too; those are started as `python -c "import this; call"`.
"""

import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from stardag.adapters.state_files import StateFiles
from stardag.domain.configuration import StardagDirectory
from stardag.domain.remembered import CachedRoots
from tests.killed_writer import killed_writer

REGISTRY = "http://localhost:8000"
ORGANIZATION = "00000000-0000-4000-8000-000000000001"
REPOSITORY = Path(__file__).parents[2]
NAMES = {"target-root-cache.json", "sync-state.json", ".lock"}


def workspace(writer: int) -> str:
    return f"00000000-0000-4000-9000-{writer:012x}"


def numbered(writer: int, number: int) -> CachedRoots:
    """What a writer's update number `number` writes: recognisable, and of changing length."""
    roots = {"default": f"/roots/{number}", **{f"root-{it}": f"/{number}/{it}" for it in range(number % 7)}}
    return CachedRoots(REGISTRY, ORGANIZATION, workspace(writer), roots, f'"{number}"')


def entry_of(directory: StardagDirectory, writer: int) -> CachedRoots | None:
    remembered, notices = StateFiles().read(directory)
    assert notices == ()
    assert not remembered.is_lost
    return next((it for it in remembered.cached_roots if it.workspace_id == workspace(writer)), None)


def update(path: str, user_path: str, writer: int, updates: int) -> None:
    """Write `updates` times, and find each time what this writer wrote last."""
    directory = StardagDirectory(path, user_path)
    sys.stdin.readline()  # all start together
    last: CachedRoots | None = None
    for number in range(updates):
        assert entry_of(directory, writer) == last
        last = numbered(writer, number)
        StateFiles().remember_roots(directory, last)


def read_on(path: str, user_path: str) -> None:
    """Read until told to stop: every entry is one that its writer wrote, and none goes again."""
    directory = StardagDirectory(path, user_path)
    seen = 0
    while not select.select([sys.stdin], [], [], 0)[0]:
        remembered, notices = StateFiles().read(directory)
        assert (notices, remembered.is_lost) == ((), False)
        for cached in remembered.cached_roots:
            number = int(cached.target_roots["default"].rpartition("/")[2])
            expected = numbered(int(cached.workspace_id[-12:], 16), number)
            assert cached.target_roots == expected.target_roots
            assert cached.etag in (expected.etag, None)
        assert len(remembered.cached_roots) >= seen
        seen = len(remembered.cached_roots)


def start(call: str) -> "subprocess.Popen[str]":
    program = f"from tests.adapters.test_state_files_processes import *; {call}"
    return subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY, stdin=subprocess.PIPE, text=True)


def finish(processes: Sequence["subprocess.Popen[str]"]) -> list[int]:
    return [process.wait() for process in processes]


def nudge(processes: Sequence["subprocess.Popen[str]"]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.close()


@pytest.fixture(params=["user", "project"])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> StardagDirectory:
    user = str(tmp_path / "home")
    return StardagDirectory(user if request.param == "user" else str(tmp_path / "project"), user)


@pytest.mark.parametrize(
    ("writers", "updates"), [(4, 25), pytest.param(16, 200, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_no_update_of_any_process_is_lost_and_no_reader_sees_a_torn_file(
    directory: StardagDirectory, writers: int, updates: int
) -> None:
    where = f"{directory.path!r}, {directory.user_path!r}"
    readers = [start(f"read_on({where})")]
    writing = [start(f"update({where}, {writer}, {updates})") for writer in range(writers)]
    try:
        nudge(writing)
        assert finish(writing) == [0] * writers
        nudge(readers)
        assert finish(readers) == [0]
    finally:
        for process in (*readers, *writing):
            with process:
                process.kill()
    for writer in range(writers):
        assert entry_of(directory, writer) == numbered(writer, updates - 1)


def kill_writers(path: str, user_path: str, kills: int) -> None:
    """Fork writers and kill each at a random moment; after each, look at what it left, and write once more."""
    directory = StardagDirectory(path, user_path)
    last = 0
    StateFiles().remember_roots(directory, numbered(1, last))
    for _ in range(kills):
        acknowledged = killed_writer(lambda number: StateFiles().remember_roots(directory, numbered(1, number)), last)
        cached = entry_of(directory, 1)
        assert cached is not None
        found = int(cached.target_roots["default"].rpartition("/")[2])
        assert found in (acknowledged, acknowledged + 1)
        assert cached.target_roots == numbered(1, found).target_roots
        assert cached.etag in (numbered(1, found).etag, None)
        last = found + 1
        started = time.monotonic()
        StateFiles().remember_roots(directory, numbered(1, last))
        assert time.monotonic() - started < 20  # no lock is left stuck; one that is would take 30 seconds
        assert entry_of(directory, 1) == numbered(1, last)
        left = set(os.listdir(path)) | set(os.listdir(user_path))
        assert left - {"made-here.json", ".gitignore"} == NAMES


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_a_writer_killed_at_any_moment_leaves_the_old_file_or_the_new_one_and_no_lock(
    directory: StardagDirectory, kills: int
) -> None:
    with start(f"kill_writers({directory.path!r}, {directory.user_path!r}, {kills})") as killing:
        assert killing.wait() == 0
