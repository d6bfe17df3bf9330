"""State files in a project count only where this user made them, and a repository can lead nobody astray with its own.

Readings, section 2: "A committed cache must never redirect outputs."
"""

import json
import os
import shutil
import stat
from pathlib import Path

import pytest

from stardag.adapters.state_files import StateFiles
from stardag.domain.configuration import StardagDirectory
from stardag.domain.errors import StateNotWritable
from stardag.domain.remembered import CachedRoots, WorkspaceIdentity

REGISTRY = "http://localhost:8000"
ORGANIZATION, WORKSPACE = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
ROOTS = CachedRoots(REGISTRY, ORGANIZATION, WORKSPACE, {"default": "s3://bucket/one/"}, '"e1"')
IDENTITY = WorkspaceIdentity(REGISTRY, ORGANIZATION, "my-org", WORKSPACE, "production", frozenset({"a1"}))
NAMES = ["target-root-cache.json", "id-cache.json", "sync-state.json"]
NOTHING = ((), (), False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project's stardag directory as git made it."""
    path = tmp_path / "project" / ".stardag"
    path.mkdir(parents=True)
    path.chmod(0o755)
    return path


@pytest.fixture
def directory(project: Path, tmp_path: Path) -> StardagDirectory:
    return StardagDirectory(str(project), str(tmp_path / "home" / ".stardag"))


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    path = tmp_path / "victim"
    path.write_text("precious")
    path.chmod(0o640)
    return path


def fill(directory: StardagDirectory) -> None:
    StateFiles().remember_identity(directory, IDENTITY)
    StateFiles().remember_roots(directory, ROOTS)


def remembered(directory: StardagDirectory) -> tuple[object, object, bool]:
    it, _ = StateFiles().read(directory)
    return it.cached_roots, it.identities, it.is_lost


def plant(project: Path, tmp_path: Path) -> None:
    """Put files there that are sound, and made by somebody else."""
    elsewhere = str(tmp_path / "elsewhere")
    fill(StardagDirectory(elsewhere, elsewhere))
    for name in NAMES:
        shutil.copy(Path(elsewhere, name), project / name)


def test_what_this_user_made_counts(directory: StardagDirectory, project: Path) -> None:
    fill(directory)
    assert remembered(directory) == ((ROOTS,), (IDENTITY,), False)
    assert StateFiles().read(directory)[1] == ()
    assert stat.S_IMODE(project.stat().st_mode) == 0o755
    assert {stat.S_IMODE((project / name).stat().st_mode) for name in [*NAMES, ".lock"]} == {0o600}
    assert (project / ".gitignore").is_file()


def test_what_a_repository_brings_along_counts_as_absent_and_is_spoken_of(
    directory: StardagDirectory, project: Path, tmp_path: Path
) -> None:
    plant(project, tmp_path)
    assert remembered(directory) == NOTHING
    notices = StateFiles().read(directory)[1]
    assert [notice.code for notice in notices] == ["state-not-made-here"] * 3
    assert all("was not made by this user and is set aside" in notice.message for notice in notices)
    assert not StateFiles().set_aside_corrupt_roots(directory)


def test_what_a_repository_brings_along_is_moved_aside_by_the_next_write_and_never_merged(
    directory: StardagDirectory, project: Path, tmp_path: Path
) -> None:
    plant(project, tmp_path)
    brought = {name: (project / name).read_bytes() for name in NAMES}
    other = CachedRoots(REGISTRY, ORGANIZATION, "00000000-0000-4000-8000-000000000003", {"default": "/mine"})
    StateFiles().remember_roots(directory, other)
    assert remembered(directory) == ((other,), (), False)
    assert (project / "target-root-cache.json.set-aside-1").read_bytes() == brought["target-root-cache.json"]
    assert (project / "id-cache.json").read_bytes() == brought["id-cache.json"]


def test_files_of_one_project_do_not_count_in_another(directory: StardagDirectory, project: Path) -> None:
    fill(directory)
    copy = project.parent.with_name("copy")
    shutil.copytree(project, copy)
    assert remembered(StardagDirectory(str(copy), directory.user_path)) == NOTHING


def test_files_do_not_count_for_another_user(directory: StardagDirectory, project: Path, tmp_path: Path) -> None:
    fill(directory)
    assert remembered(StardagDirectory(str(project), str(tmp_path / "another home"))) == NOTHING


def test_the_project_is_the_same_by_whichever_path(directory: StardagDirectory, project: Path, tmp_path: Path) -> None:
    fill(directory)
    (tmp_path / "link").symlink_to(project.parent)
    through_link = StardagDirectory(str(tmp_path / "link" / ".stardag"), directory.user_path)
    assert remembered(through_link) == ((ROOTS,), (IDENTITY,), False)


def test_a_cache_of_this_users_that_somebody_replaced_is_lost_and_not_merely_absent(
    directory: StardagDirectory, project: Path
) -> None:
    fill(directory)
    path = project / "target-root-cache.json"
    path.write_text(path.read_text().replace("s3://bucket/one/", "s3://evil/"))
    assert remembered(directory) == ((), (IDENTITY,), True)
    assert StateFiles().set_aside_corrupt_roots(directory)
    assert remembered(directory) == ((), (IDENTITY,), True)
    fill(directory)
    assert remembered(directory) == ((ROOTS,), (IDENTITY,), False)


def test_a_writer_killed_between_record_and_file_leaves_the_old_or_the_new_valid(
    directory: StardagDirectory, project: Path
) -> None:
    newer = CachedRoots(REGISTRY, ORGANIZATION, WORKSPACE, {"default": "s3://bucket/two/"})
    path = project / "target-root-cache.json"
    StateFiles().remember_roots(directory, ROOTS)
    old = path.read_bytes()
    StateFiles().remember_roots(directory, newer)
    new = path.read_bytes()
    for content, roots in ((old, ROOTS), (new, newer)):
        path.write_bytes(content)
        (cached,) = StateFiles().read(directory)[0].cached_roots
        assert cached.target_roots == roots.target_roots


def test_the_record_names_at_most_two_contents_of_each_file(directory: StardagDirectory, project: Path) -> None:
    for number in range(5):
        prefix = {"default": f"/{number}"}
        StateFiles().remember_roots(directory, CachedRoots(REGISTRY, ORGANIZATION, WORKSPACE, prefix))
    record = json.loads(Path(directory.user_path, "made-here.json").read_text())
    assert {name: len(digests) for name, digests in record[os.path.realpath(project)].items()} == {
        "target-root-cache.json": 2,
        "sync-state.json": 2,
    }


def test_where_the_record_is_corrupt_nothing_in_a_project_counts_until_it_is_written_again(
    directory: StardagDirectory,
) -> None:
    fill(directory)
    record = Path(directory.user_path, "made-here.json")
    record.write_text("torn")
    assert remembered(directory) == ((), (), True)
    assert all(str(record) in notice.message for notice in StateFiles().read(directory)[1])
    fill(directory)
    assert remembered(directory) == ((ROOTS,), (IDENTITY,), False)
    assert Path(directory.user_path, "made-here.json.corrupt-1").read_text() == "torn"


def test_where_the_record_cannot_be_written_nothing_is_written(
    directory: StardagDirectory, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "home").write_text("no directory")
    with pytest.raises(StateNotWritable):
        fill(directory)
    assert not set(NAMES) & set(os.listdir(project))


@pytest.mark.parametrize("name", NAMES)
def test_a_link_is_not_followed_neither_to_read_nor_to_write(
    directory: StardagDirectory, project: Path, victim: Path, name: str
) -> None:
    (project / name).symlink_to(victim)
    assert remembered(directory) == NOTHING
    assert ["is a link" in notice.message for notice in StateFiles().read(directory)[1]] == [True]
    fill(directory)
    assert remembered(directory) == ((ROOTS,), (IDENTITY,), False)
    assert not (project / name).is_symlink()
    assert (victim.read_text(), stat.S_IMODE(victim.stat().st_mode)) == ("precious", 0o640)


def test_a_link_to_a_file_of_this_users_own_making_is_not_followed(
    directory: StardagDirectory, project: Path, tmp_path: Path
) -> None:
    fill(directory)
    (project / "target-root-cache.json").rename(tmp_path / "moved.json")
    (project / "target-root-cache.json").symlink_to(tmp_path / "moved.json")
    assert remembered(directory) == ((), (IDENTITY,), True)


@pytest.mark.parametrize("name", [".lock", ".gitignore", "target-root-cache.json.set-aside-1"])
def test_links_where_this_program_puts_other_files_lead_nowhere(
    directory: StardagDirectory, project: Path, tmp_path: Path, victim: Path, name: str
) -> None:
    plant(project, tmp_path)
    (project / name).symlink_to(victim)
    if name == ".lock":
        with pytest.raises(StateNotWritable, match="is a link"):
            fill(directory)
    else:
        fill(directory)
        assert remembered(directory) == ((ROOTS,), (IDENTITY,), False)
    assert (victim.read_text(), stat.S_IMODE(victim.stat().st_mode)) == ("precious", 0o640)


def test_a_stardag_directory_that_is_a_link_is_neither_read_nor_written(project: Path, tmp_path: Path) -> None:
    directory = StardagDirectory(str(tmp_path / "hostile" / ".stardag"), str(tmp_path / "home" / ".stardag"))
    (tmp_path / "hostile").mkdir()
    Path(directory.path).symlink_to(project)
    fill(StardagDirectory(str(project), directory.user_path))
    before = {name: (project / name).stat().st_mtime_ns for name in os.listdir(project)}
    assert remembered(directory)[0] == ()
    assert "lies in a directory that is a link" in StateFiles().read(directory)[1][0].message
    with pytest.raises(StateNotWritable, match="is a link"):
        StateFiles().remember_roots(directory, CachedRoots(REGISTRY, ORGANIZATION, WORKSPACE, {}))
    assert {name: (project / name).stat().st_mtime_ns for name in os.listdir(project)} == before


@pytest.mark.parametrize("name", NAMES)
def test_a_pipe_keeps_nobody_waiting(directory: StardagDirectory, project: Path, name: str) -> None:
    os.mkfifo(project / name)
    assert remembered(directory) == NOTHING
    fill(directory)
    assert remembered(directory) == ((ROOTS,), (IDENTITY,), False)


@pytest.mark.parametrize("name", NAMES)
def test_a_huge_file_is_not_read(directory: StardagDirectory, project: Path, name: str) -> None:
    (project / name).touch()
    os.truncate(project / name, 2**40)
    assert remembered(directory) == NOTHING
    fill(directory)
    assert remembered(directory) == ((ROOTS,), (IDENTITY,), False)


def test_the_users_own_directory_by_another_path_is_no_project(tmp_path: Path) -> None:
    user = tmp_path / "home" / ".stardag"
    fill(StardagDirectory(str(user), str(user)))
    (tmp_path / "link").symlink_to(tmp_path / "home")
    through_link = StardagDirectory(str(tmp_path / "link" / ".stardag"), str(user))
    assert remembered(through_link) == ((ROOTS,), (IDENTITY,), False)
    other = CachedRoots(REGISTRY, ORGANIZATION, WORKSPACE, {"default": "/other"})
    StateFiles().remember_roots(through_link, other)
    assert remembered(StardagDirectory(str(user), str(user)))[0] == (other,)
