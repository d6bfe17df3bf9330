"""The journal of open uploads: whose are ended, and whose are left alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from stardag.adapters.storage.upload_journal import FOLDER, OpenUpload, UploadJournal
from stardag.domain.errors import StateNotWritable


class Ending:
    """Notes the uploads that are to be ended, and says whether they could be."""

    def __init__(self, *, can: bool = True) -> None:
        self.ended: list[tuple[str, str | None]] = []
        self._can = can

    def __call__(self, upload: OpenUpload) -> bool:
        self.ended.append((upload.key, upload.id))
        return self._can


def journals(home: Path) -> list[str]:
    return os.listdir(home / FOLDER) if (home / FOLDER).exists() else []


def left_behind(home: Path) -> None:
    """What a process leaves that dies with one upload ended, one open, and one of which it has not heard."""
    program = f"""
import os
from stardag.adapters.storage.upload_journal import UploadJournal
journal = UploadJournal({str(home)!r})
for name in ("ended", "open", "unheard"):
    number = journal.begin("http://s3", "bucket", name)
    if name != "unheard":
        journal.tell_id(number, "id of " + name)
    if name == "ended":
        journal.end(number)
os._exit(1)
"""
    subprocess.run((sys.executable, "-c", program), check=False)


def test_a_copy_that_ends_leaves_no_journal(tmp_path: Path) -> None:
    journal = UploadJournal(str(tmp_path))
    assert journals(tmp_path) == []
    number = journal.begin("http://s3", "bucket", "key")
    journal.tell_id(number, "id")
    assert len(journals(tmp_path)) == 1
    journal.end(number)
    journal.close()
    assert journals(tmp_path) == []


def test_what_a_killed_process_left_open_is_ended_once(tmp_path: Path) -> None:
    left_behind(tmp_path)
    ending = Ending()
    UploadJournal(str(tmp_path)).end_left_behind(ending)
    assert ending.ended == [("open", "id of open"), ("unheard", None)]
    assert journals(tmp_path) == []


def test_what_cannot_be_ended_stays_for_another_time(tmp_path: Path) -> None:
    left_behind(tmp_path)
    UploadJournal(str(tmp_path)).end_left_behind(Ending(can=False))
    again = Ending()
    UploadJournal(str(tmp_path)).end_left_behind(again)
    assert len(again.ended) == 2


def test_what_a_copy_that_runs_has_open_is_left_alone(tmp_path: Path) -> None:
    journal, ending = UploadJournal(str(tmp_path)), Ending()
    number = journal.begin("http://s3", "bucket", "key")
    UploadJournal(str(tmp_path)).end_left_behind(ending)
    assert ending.ended == []
    assert len(journals(tmp_path)) == 1
    journal.close()
    UploadJournal(str(tmp_path)).end_left_behind(ending)
    assert ending.ended == [("key", None)], f"upload {number} was never ended"


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]\n1\n{}\n", b"\xff\xfe", b'{"upload": 1}\n', b'{"upload": "x", "id": 3}\n']
)
def test_a_journal_that_says_nothing_is_removed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "x.journal").write_bytes(content)
    ending = Ending()
    UploadJournal(str(tmp_path)).end_left_behind(ending)
    assert (ending.ended, journals(tmp_path)) == ([], [])


def test_a_line_that_was_cut_short_hides_none_before_it(tmp_path: Path) -> None:
    left_behind(tmp_path)
    (name,) = journals(tmp_path)
    path = tmp_path / FOLDER / name
    path.write_bytes(path.read_bytes() + b'{"upload": 1, "en')
    ending = Ending()
    UploadJournal(str(tmp_path)).end_left_behind(ending)
    assert [key for key, _ in ending.ended] == ["open", "unheard"]


def test_the_journal_is_for_its_owner_alone(tmp_path: Path) -> None:
    left_behind(tmp_path / "home")
    for path in (tmp_path / "home").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0


def test_where_nothing_can_be_written_an_upload_is_not_begun(tmp_path: Path) -> None:
    (tmp_path / "home").touch()
    with pytest.raises(StateNotWritable):
        UploadJournal(str(tmp_path / "home")).begin("http://s3", "bucket", "key")
