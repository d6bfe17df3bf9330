"""`stardag outputs …`: what is understood, and what is printed, over use cases whose ports are fakes."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from stardag.adapters.cli.program import run
from stardag.app.outputs.copy_outputs import Wanted
from stardag.domain.outputs import TASK_RECORD
from stardag.domain.profile import Selection
from tests.app.world_of_two import TwoProfiles, task
from tests.cli.recording import parsed
from tests.cli.running import FakeUseCases, Ran


class Program:
    """The program over a world of two profiles."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._use_cases = FakeUseCases()
        self.world = self._use_cases.world = TwoProfiles()

    def __call__(self, words: str) -> Ran:
        code = run(words.split(), lambda: self._use_cases)
        shown = self._capsys.readouterr()
        return Ran(code, shown.out, shown.err)

    def data(self, words: str) -> Any:
        ran = self(f"{words} --format json")
        assert ran.code == 0, ran.err
        return json.loads(ran.out)["data"]


@pytest.fixture
def stardag(capsys: pytest.CaptureFixture[str]) -> Program:
    return Program(capsys)


COPY = "outputs copy --from prod --to here"
NOTHING_ELSE = {"dry_run": False, "replace": False}


def copying(words: str) -> tuple[Selection, Selection, Wanted, dict[str, object]]:
    """What a command line makes of copying."""
    name, (source, target, wanted, _progress), options = parsed(words.split())
    assert name == "CopyOutputs"
    assert isinstance(source, Selection)
    assert isinstance(target, Selection)
    assert isinstance(wanted, Wanted)
    return source, target, wanted, options


def test_what_is_to_be_copied_is_understood() -> None:
    prod, here = Selection("prod", profile_option="--from"), Selection("here", profile_option="--to")
    assert copying(f"{COPY} a b/c") == (prod, here, Wanted("default", ("a", "b/c"), ()), NOTHING_ELSE)
    assert copying(f"{COPY} --task train --task=split --root archive") == (
        prod,
        here,
        Wanted("archive", (), ("train", "split")),
        NOTHING_ELSE,
    )
    assert copying(f"{COPY} . --dry-run --replace")[3] == {"dry_run": True, "replace": True}
    assert copying(f"{COPY} -- --dry-run")[2].paths == ("--dry-run",)


def test_a_profile_that_is_not_named_is_the_active_one_and_offline_holds_for_both() -> None:
    assert copying("outputs copy --from prod .")[:2] == (Selection("prod", profile_option="--from"), Selection())
    assert copying("outputs copy --to here . -p mine --offline")[:2] == (
        Selection("mine", offline=True),
        Selection("here", offline=True, profile_option="--to"),
    )


def test_what_is_to_be_listed_is_understood() -> None:
    assert parsed(["outputs", "list"]) == ("ListOutputs.files", (Selection(), "default", "."), {})
    assert parsed(["outputs", "list", "a/b", "--root", "archive", "-p", "prod", "-w", "w"]) == (
        "ListOutputs.files",
        (Selection("prod", workspace="w"), "archive", "a/b"),
        {},
    )
    assert parsed(["outputs", "list", "--task", "train"]) == (
        "ListOutputs.tasks",
        (Selection(), "default", "train"),
        {},
    )


def test_a_copy_says_what_was_copied_and_from_where_to_where(stardag: Program) -> None:
    stardag.world.theirs.update({"a": b"1" * 1536, "b": b"2"})
    stardag.world.ours.update({"b": b"2"})
    assert stardag(f"{COPY} .").out == "1 file (1.5 KiB) copied from /prod/ to /here/; 1 already there.\n"


def test_a_dry_run_shows_every_file_that_would_be_copied(stardag: Program) -> None:
    stardag.world.theirs.update({"a": b"1", "deep/b": b"22"})
    shown = stardag(f"{COPY} . --dry-run").out.splitlines()
    assert [line.split() for line in shown[:3]] == [["PATH", "SIZE"], ["a", "1", "B"], ["deep/b", "2", "B"]]
    assert shown[-1] == "2 files (3 B) would be copied from /prod/ to /here/."
    assert stardag.world.ours == {}


def test_programs_read_the_same(stardag: Program) -> None:
    stardag.world.theirs.update({"a": b"new"})
    stardag.world.ours.update({"a": b"old"})
    place = {"root": "default", "source": "/prod/", "target": "/here/", "already_there": 0, "incomplete_tasks": 0}
    assert stardag.data(f"{COPY} a --replace --dry-run") == {
        **place,
        "copied": 0,
        "bytes": 0,
        "replaced": 0,
        "to_copy": [{"path": "a", "size": 3}],
    }
    assert stardag.data(f"{COPY} a --replace") == {**place, "copied": 1, "bytes": 3, "replaced": 1, "to_copy": None}


def test_incomplete_tasks_are_told(stardag: Program) -> None:
    task(stardag.world.theirs, {"a": b"1"})
    task(stardag.world.theirs, {"a": b"1"}, lr=0.2, complete=False)
    ran = stardag(f"{COPY} --task train")
    assert ran.err.endswith("\n1 incomplete task was left out.\n")
    assert ran.out.startswith("2 files")


def test_errors_end_with_the_codes_that_they_have(stardag: Program) -> None:
    stardag.world.theirs.update({"a": b"new"})
    assert stardag(COPY).code == 2
    assert "named by --from" in stardag("outputs copy --from nowhere --to here .").err
    assert stardag(f"{COPY} nothing").code == 1
    assert stardag(f"{COPY} ../x").code == 2
    stardag.world.ours["a"] = b"old"
    assert stardag(f"{COPY} a").code == 2
    stardag.world.file_storage.failing["a"] = "no space is left on the device"
    failed = stardag(f"{COPY} a --replace")
    assert failed.code == 1
    assert "a: no space is left on the device. 0 of 1 files were copied before that." in failed.err
    stardag.world.set_root("default", "/moved/")
    assert stardag(f"{COPY} a").code == 3


def test_files_are_listed_for_people_and_programs(stardag: Program) -> None:
    stardag.world.ours.update({"a/b": b"1" * 2048, "c": b""})
    shown = [line.split()[:3] for line in stardag("outputs list -p here").out.splitlines()]
    assert shown == [["PATH", "SIZE", "MODIFIED"], ["a/b", "2.0", "KiB"], ["c", "0", "B"]]
    assert stardag.data("outputs list -p here a") == {
        "root": {"name": "default", "uri_prefix": "/here/"},
        "files": [{"path": "a/b", "size": 2048, "modified_at": "2026-09-21T14:13:20+00:00"}],
    }


def test_where_nothing_is_that_is_said(stardag: Program) -> None:
    nothing = stardag("outputs list -p here")
    assert (nothing.code, nothing.out) == (0, "")
    assert nothing.err == "Nothing is below the target root 'default' (/here/) yet.\n"
    assert "No task 'train'" in stardag("outputs list -p here --task train").err
    assert stardag.data("outputs list -p here --task train")["tasks"] == []


def test_tasks_are_listed_for_people_and_programs(stardag: Program) -> None:
    directory = task(stardag.world.ours, {"a": b"1", "b": b"22"})
    task(stardag.world.ours, {"a": b"1"}, lr=0.2, complete=False)
    shown = stardag("outputs list -p here --task train").out.splitlines()
    assert sorted(line.split()[0] for line in shown) == ["COMPLETE", "no", "yes"]
    tasks = stardag.data("outputs list -p here --task train")["tasks"]
    (complete,) = [each for each in tasks if each["is_complete"]]
    assert (complete["name"], complete["id"]) == tuple(directory.split("/"))
    assert (complete["outputs"], complete["size"]) == (2, 3)
    assert TASK_RECORD not in str(tasks)


def test_a_path_and_a_task_are_not_listed_together(stardag: Program) -> None:
    ran = stardag("outputs list a --task train")
    assert ran.code == 2
    assert "--task NAME" in ran.err


SLOW_COPY = """
import sys, threading
from stardag.adapters.cli.progress import showing
from stardag.app.outputs.copy_outputs import Progress

class Watched(Progress):
    looked = threading.Event()

    @property
    def files_done(self):
        self.looked.set()  # whoever shows it has begun
        return 3

    @files_done.setter
    def files_done(self, value):
        pass

progress = Watched()
progress.begin(7, 1000)
with showing(progress, is_wanted='quiet' not in sys.argv):
    sys.exit(not Watched.looked.wait(30 if 'shown' in sys.argv else 0))
"""


@pytest.mark.parametrize(("is_terminal", "word"), [(True, "shown"), (True, "quiet"), (False, "")])
def test_a_bar_is_shown_at_a_terminal_that_is_not_to_be_quiet(is_terminal: bool, word: str) -> None:
    ours, terminal = os.openpty()
    try:
        finished = subprocess.run(
            [sys.executable, "-c", SLOW_COPY, word],
            stderr=terminal if is_terminal else subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
            timeout=60,
        )
        os.write(terminal, b"end")
        said = b""
        while not said.endswith(b"end"):  # a terminal hands over what was written in pieces
            said += os.read(ours, 65536)
    finally:
        os.close(ours)
        os.close(terminal)
    assert (finished.returncode == 0) is (word == "shown")
    assert (b"Copying file 3 of 7" in said) is (word == "shown")
    assert finished.stdout == b""
