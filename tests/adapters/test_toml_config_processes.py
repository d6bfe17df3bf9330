"""`config.toml` edited by many processes and under SIGKILL: no edit is lost, and no reader sees a torn file.

The functions that other processes run stand here too; those are started as `python -c "import this; call"`.
"""

import os
import select
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stardag.adapters.toml_config import TomlConfigurationFiles
from stardag.app.configuration_files import Edit
from stardag.domain.configuration import Profile
from tests.fakes.trust import FakeTrust
from tests.killed_writer import killed_writer

REPOSITORY = Path(__file__).parents[2]
WRITTEN_BY_HAND = "# Mine, and it stays.\nunknown = 1\n\n"


def files_in(directory: str) -> TomlConfigurationFiles:
    return TomlConfigurationFiles(directory, directory, os.path.dirname(directory), FakeTrust())


def profiles_in(directory: str) -> dict[str, Profile]:
    file = files_in(directory).read().file
    return dict(file.configuration.profiles) if file else {}


def number_of(profile: Profile) -> int:
    return int(str(profile.workspace).removeprefix("w-"))


def write(directory: str, writer: int, number: int) -> None:
    """One edit: the writer's own profile gets a new number, of changing length."""
    values = {"registry": "central", "organization": "o" * (number % 40 + 1), "workspace": f"w-{number}"}
    files_in(directory).edit([Edit(("profile", f"p{writer}"), values)])


def edit_on(directory: str, writer: int, edits: int) -> None:
    """Edit so many times, and find each time what this writer wrote last."""
    sys.stdin.readline()  # all start together
    for number in range(edits):
        mine = profiles_in(directory).get(f"p{writer}")
        assert (number_of(mine) if mine else -1) == number - 1
        write(directory, writer, number)


def read_on(directory: str) -> None:
    """Read until told to stop: the file is whole each time, and nothing that was seen goes back or away."""
    seen: dict[str, int] = {}
    while not select.select([sys.stdin], [], [], 0)[0]:
        found = {name: number_of(profile) for name, profile in profiles_in(directory).items()}
        assert seen.keys() <= found.keys()
        assert all(found[name] >= number for name, number in seen.items())
        assert Path(directory, "config.toml").read_text().startswith(WRITTEN_BY_HAND)
        seen = found


def start(call: str) -> "subprocess.Popen[str]":
    program = f"from tests.adapters.test_toml_config_processes import *; {call}"
    return subprocess.Popen([sys.executable, "-c", program], cwd=REPOSITORY, stdin=subprocess.PIPE, text=True)


def nudge(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.close()


@pytest.fixture
def directory(tmp_path: Path) -> str:
    folder = tmp_path / "home" / ".stardag"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "config.toml").write_text(WRITTEN_BY_HAND)
    (folder / "config.toml").chmod(0o640)
    return str(folder)


@pytest.mark.parametrize(
    ("writers", "edits"), [(4, 25), pytest.param(16, 200, marks=pytest.mark.slow)], ids=["few", "many"]
)
def test_no_edit_of_any_process_is_lost_and_no_reader_sees_a_torn_file(
    directory: str, writers: int, edits: int
) -> None:
    reader = start(f"read_on({directory!r})")
    writing = [start(f"edit_on({directory!r}, {writer}, {edits})") for writer in range(writers)]
    try:
        for process in writing:
            nudge(process)
        assert [process.wait() for process in writing] == [0] * writers
        nudge(reader)
        assert reader.wait() == 0
    finally:
        for process in (reader, *writing):
            with process:
                process.kill()
    assert {name: number_of(it) for name, it in profiles_in(directory).items()} == {
        f"p{writer}": edits - 1 for writer in range(writers)
    }
    assert stat.S_IMODE(os.stat(f"{directory}/config.toml").st_mode) == 0o640


def kill_writers(directory: str, kills: int) -> None:
    """Fork writers and kill each at a random moment; after each, look at what it left, and edit once more."""
    write(directory, 1, 0)
    last = 0
    for _ in range(kills):
        acknowledged = killed_writer(lambda number: write(directory, 1, number), last)
        found = number_of(profiles_in(directory)["p1"])
        assert found in (acknowledged, acknowledged + 1)
        last = found + 1
        started = time.monotonic()
        write(directory, 1, last)
        assert time.monotonic() - started < 20  # no lock is left stuck; one that is would take 30 seconds
        assert number_of(profiles_in(directory)["p1"]) == last
        assert sorted(os.listdir(directory)) == [".gitignore", ".lock", "config.toml"]
        assert stat.S_IMODE(os.stat(f"{directory}/config.toml").st_mode) == 0o640


@pytest.mark.parametrize("kills", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_an_editor_killed_at_any_moment_leaves_the_old_file_or_the_new_one_and_no_lock(
    directory: str, kills: int
) -> None:
    with start(f"kill_writers({directory!r}, {kills})") as killing:
        assert killing.wait() == 0
