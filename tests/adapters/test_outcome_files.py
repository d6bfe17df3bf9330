"""Outcomes of builds in files: for their owner alone, whole or not at all, never a repository's, and bounded."""

import json
import os
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stardag.adapters.state_files.documents import CorruptDocument
from stardag.adapters.state_files.outcome_documents import read_outcome, write_outcome
from stardag.adapters.state_files.outcomes import CLAIM, FOLDER, OutcomeFiles
from stardag.app.outcomes.ports import Claim
from stardag.domain.builds import Output, TaskRecord
from stardag.domain.configuration import StardagDirectory
from stardag.domain.endings import Ending, KeptOutcome
from stardag.domain.errors import StateNotWritable
from stardag.domain.tasks import Json
from tests.killed_writer import killed_writer

URL = "http://localhost:8000"
WORKSPACE, BUILD = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
AT = datetime(2026, 11, 26, tzinfo=UTC)
RECORD = TaskRecord("train", {"lr": 0.1}, "failed", Output("default", "train/1"), AT, AT, "ValueError")
OUTCOME = KeptOutcome(URL, WORKSPACE, BUILD, Ending("failed", "ValueError"), AT, (RECORD,))
REPOSITORY = Path(__file__).parents[2]

needs_permissions = pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")


@pytest.fixture
def own(tmp_path: Path) -> StardagDirectory:
    return StardagDirectory(str(tmp_path / "home"), str(tmp_path / "home"))


@pytest.fixture
def project(tmp_path: Path) -> StardagDirectory:
    return StardagDirectory(str(tmp_path / "project" / ".stardag"), str(tmp_path / "home"))


def claim(directory: StardagDirectory) -> Claim:
    with OutcomeFiles().claimed(directory, URL, WORKSPACE) as claim:
        return claim


def files(directory: StardagDirectory) -> list[Path]:
    return sorted(Path(directory.path, FOLDER).glob("*.json"))


def test_a_file_is_for_its_owner_alone_and_can_be_read_by_people(own: StardagDirectory) -> None:
    path = Path(OutcomeFiles().keep(own, OUTCOME).path)
    assert files(own) == [path]
    assert path.name.startswith(f"{BUILD}.")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    document = json.loads(path.read_text())
    assert (document["build_id"], document["ending"]) == (BUILD, {"status": "failed", "error": "ValueError"})


@pytest.mark.parametrize(
    "change",
    [
        {"registry_url": "file:///etc"},
        {"registry_url": 5},
        {"workspace_id": "../../x"},
        {"build_id": "x"},
        {"at": "2026-11-26T00:00:00"},
        {"at": None},
        {"ending": {"status": "lost"}},
        {"ending": {"status": "running"}},
        {"ending": []},
        {"ending": {"status": "failed", "error": "x" * 5000}},
        {"tasks": {}},
        {"tasks": ["x"]},
        {"tasks": [{"name": "no name"}]},
    ],
    ids=str,
)
def test_what_this_program_cannot_have_written_is_corrupt(change: dict[str, object]) -> None:
    document = {**json.loads(write_outcome(OUTCOME)), **change}
    with pytest.raises(CorruptDocument):
        read_outcome(json.dumps(document).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"name": "a/b"},
        {"parameters": []},
        {"parameters": {"x": {"y": "z" * 20_000}}},
        {"status": "lost"},
        {"output": {"root": "No", "path": "x"}},
        {"output": {"root": "default", "path": "../x"}},
        {"started_at": None},
        {"started_at": "2026-11-26T00:00:00+01:00"},
        {"ended_at": 5},
        {"error": 5},
    ],
    ids=str,
)
def test_nor_can_it_have_written_such_a_task(change: dict[str, object]) -> None:
    document = json.loads(write_outcome(OUTCOME))
    document["tasks"][0].update(change)
    with pytest.raises(CorruptDocument):
        read_outcome(json.dumps(document).encode())


def test_records_that_would_make_a_file_too_large_are_left_out_and_the_end_is_kept(own: StardagDirectory) -> None:
    large: dict[str, Json] = {"x": "y" * 15_000}
    records = tuple(RECORD._replace(parameters={**large, "n": number}) for number in range(400))
    path, left_out = OutcomeFiles().keep(own, OUTCOME._replace(records=records))
    assert left_out == 200
    assert Path(path).stat().st_size <= 4 * 1024 * 1024
    (claimed,) = claim(own).outcomes
    assert claimed.outcome.ending == OUTCOME.ending
    assert claimed.outcome.records == records[:200]


def test_an_endless_file_is_set_aside_without_being_read(own: StardagDirectory) -> None:
    path = Path(OutcomeFiles().keep(own, OUTCOME).path)
    with path.open("wb") as file:
        file.truncate(1 << 40)
    found = claim(own)
    assert found.outcomes == ()
    assert "larger than" in found.notices[0].message
    assert files(own) == []


def test_in_a_project_only_what_this_user_made_counts(project: StardagDirectory, tmp_path: Path) -> None:
    elsewhere = StardagDirectory(str(tmp_path / "elsewhere"), str(tmp_path / "elsewhere"))
    OutcomeFiles().keep(elsewhere, OUTCOME)
    shutil.copytree(Path(elsewhere.path, FOLDER), Path(project.path, FOLDER))
    found = claim(project)
    assert found.outcomes == ()
    assert "not made by this user" in found.notices[0].message
    assert files(project) == []


def test_in_a_project_a_folder_that_is_a_link_is_neither_read_nor_written(
    project: StardagDirectory, tmp_path: Path
) -> None:
    elsewhere = StardagDirectory(str(tmp_path / "elsewhere"), str(tmp_path / "elsewhere"))
    kept = Path(OutcomeFiles().keep(elsewhere, OUTCOME).path)
    before = sorted(kept.parent.iterdir())
    Path(project.path).mkdir(parents=True)
    Path(project.path, FOLDER).symlink_to(kept.parent)
    assert claim(project).outcomes == ()
    assert "link" in claim(project).notices[0].message
    with pytest.raises(StateNotWritable, match="it is a link"):
        OutcomeFiles().keep(project, OUTCOME)
    assert sorted(kept.parent.iterdir()) == before


def test_what_is_delivered_leaves_nothing_in_the_record_of_what_this_user_made(
    project: StardagDirectory, tmp_path: Path
) -> None:
    OutcomeFiles().keep(project, OUTCOME)
    made = tmp_path / "home" / "made-here.json"
    assert FOLDER in made.read_text()
    (claimed,) = claim(project).outcomes
    OutcomeFiles().settle(project, claimed.name)
    assert FOLDER not in made.read_text()


def test_where_nothing_can_be_written_keeping_says_so(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(StateNotWritable):
        OutcomeFiles().keep(StardagDirectory(str(tmp_path / "home"), str(tmp_path / "home")), OUTCOME)


@needs_permissions
def test_what_cannot_be_settled_is_not_claimed(own: StardagDirectory) -> None:
    OutcomeFiles().keep(own, OUTCOME)
    Path(own.path, FOLDER).chmod(0o500)
    assert claim(own) == Claim()


def hold_claim(path: str) -> None:
    """Claim what there is, say so, and wait to be killed."""
    with OutcomeFiles().claimed(StardagDirectory(path, path), URL, WORKSPACE) as claim:
        print(len(claim.outcomes), flush=True)  # noqa: T201
        sys.stdin.readline()


def test_another_process_leaves_a_claim_alone_until_its_holder_is_gone(own: StardagDirectory) -> None:
    OutcomeFiles().keep(own, OUTCOME)
    program = f"from tests.adapters.test_outcome_files import hold_claim; hold_claim({own.path!r})"
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"1\n"
        assert claim(own) == Claim()
        holder.kill()
    assert len(claim(own).outcomes) == 1
    assert Path(own.path, FOLDER, CLAIM).exists()


def test_a_killed_writer_leaves_whole_files_and_loses_none_that_it_had_kept(own: StardagDirectory) -> None:
    kept = 0
    for _ in range(4):
        kept = killed_writer(lambda number: OutcomeFiles().keep(own, OUTCOME), kept)
    assert kept <= len(files(own)) <= kept + 4
    assert all(read_outcome(path.read_bytes()) == OUTCOME for path in files(own))
