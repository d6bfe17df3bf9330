"""Sign-ins in a project count only where this user made them: a committed credential must never sign anyone in."""

import json
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from stardag.adapters.state_files import StateFiles
from stardag.adapters.state_files.sign_ins import SignInFiles
from stardag.domain.configuration import StardagDirectory
from stardag.domain.credentials import Secret
from stardag.domain.errors import StateNotWritable
from stardag.domain.registry_errors import UnusableSecrets
from stardag.domain.sign_in import AccessToken, SignIn, Silence

URL = "http://localhost:8000"
TOKEN = AccessToken(Secret("access-1"), 1_700_000_600.0)
NAMES = ["credentials/local.json", "access-token-cache/local__default.json"]


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
def files(directory: StardagDirectory) -> SignInFiles:
    return SignInFiles(directory.user_path)


def a_sign_in(path: str, token: str = "refresh-1") -> SignIn:
    return SignIn(path, "local", URL, f"{URL}/oauth/token", "stardag-cli", Secret(token))


def fill(directory: StardagDirectory, token: str = "refresh-1") -> SignIn:
    files, sign_in = SignInFiles(directory.user_path), a_sign_in(directory.path, token)
    files.keep(directory, sign_in)
    files.keep_access_token(sign_in, "default", TOKEN)
    return sign_in


def plant(project: Path, tmp_path: Path) -> None:
    """Put files there that are sound, private, and made by somebody else."""
    elsewhere = str(tmp_path / "elsewhere")
    fill(StardagDirectory(elsewhere, elsewhere), "the-authors")
    for name in NAMES:
        (project / name).parent.mkdir(mode=0o700)
        shutil.copy(Path(elsewhere, name), project / name)


def find(directory: StardagDirectory) -> SignIn | None:
    return SignInFiles(directory.user_path).find(directory, "local", URL)


def codes(directory: StardagDirectory) -> list[str]:
    return [notice.code for notice in StateFiles().read(directory)[1]]


def test_what_this_user_made_counts(directory: StardagDirectory, files: SignInFiles, project: Path) -> None:
    sign_in = fill(directory)
    assert find(directory) == sign_in
    assert files.access_token(sign_in, "default") == TOKEN
    assert codes(directory) == []
    assert "*\n!config.toml\n" in (project / ".gitignore").read_text()
    assert stat.S_IMODE(project.stat().st_mode) == 0o755
    for name in NAMES:
        assert stat.S_IMODE((project / name).stat().st_mode) == 0o600
        assert stat.S_IMODE((project / name).parent.stat().st_mode) == 0o700
    record = json.loads(Path(directory.user_path, "made-here.json").read_text())
    assert set(record[os.path.realpath(project)]) == set(NAMES)


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_what_a_repository_brings_along_is_not_found_and_spoken_of(
    directory: StardagDirectory, files: SignInFiles, project: Path, tmp_path: Path, mode: int
) -> None:
    plant(project, tmp_path)
    for name in NAMES:
        (project / name).chmod(mode)
        (project / name).parent.chmod(mode | 0o111)
    assert find(directory) is None
    assert list(files.all_in(directory)) == []
    assert not files.has_signed_in(directory, URL)
    assert files.again(a_sign_in(directory.path, "the-authors")) is None
    assert files.access_token(a_sign_in(directory.path), "default") is None
    notices = StateFiles().read(directory)[1]
    assert [notice.code for notice in notices] == ["state-not-made-here"] * 2
    for name, notice in zip(NAMES, notices, strict=True):
        assert notice.message.startswith(f"{project / name} was not made by this user")
        assert "refresh" not in notice.message


def test_the_users_own_sign_in_is_found_behind_one_that_does_not_count(
    directory: StardagDirectory, project: Path, tmp_path: Path
) -> None:
    plant(project, tmp_path)
    own = fill(StardagDirectory(directory.user_path, directory.user_path), "mine")
    assert find(directory) == own


def test_no_secret_is_put_where_a_repository_brings_a_file_along(
    directory: StardagDirectory, files: SignInFiles, project: Path, tmp_path: Path
) -> None:
    plant(project, tmp_path)
    before = {name: (project / name).read_bytes() for name in NAMES}
    acts: list[Callable[[], object]] = [
        lambda: files.check_writable(directory),
        lambda: files.keep(directory, a_sign_in(directory.path)),
    ]
    for act in acts:
        with pytest.raises(StateNotWritable, match=r"was not made by this user") as caught:
            act()
        subprocess.run(caught.value.fix.rpartition(": ")[2], shell=True, check=True)
        assert not os.path.exists(caught.value.path)
        Path(caught.value.path).write_bytes(before[os.path.relpath(caught.value.path, project)])
    for name in NAMES:
        assert (project / name).read_bytes() == before[name]
        (project / name).unlink()
    files.check_writable(directory)
    assert find(directory) is None
    sign_in = fill(directory)
    assert find(directory) == sign_in


def test_signing_out_leaves_what_a_repository_brings_along(
    directory: StardagDirectory, files: SignInFiles, project: Path, tmp_path: Path
) -> None:
    plant(project, tmp_path)
    assert not files.remove_unusable(directory, "local")
    files.remove(a_sign_in(directory.path))
    assert all((project / name).exists() for name in NAMES)


def test_many_files_are_spoken_of_once(directory: StardagDirectory, project: Path) -> None:
    (project / "credentials").mkdir()
    for number in range(500):
        (project / "credentials" / f"registry-{number}.json").write_text("{}")
    assert codes(directory) == ["state-not-made-here"]


def test_other_files_in_these_folders_are_not_spoken_of(directory: StardagDirectory, project: Path) -> None:
    (project / "credentials").mkdir()
    for name in (".gitkeep", "README"):
        (project / "credentials" / name).write_text("")
    assert codes(directory) == []


def test_a_sign_in_of_this_users_that_somebody_replaced_does_not_count(
    directory: StardagDirectory, files: SignInFiles, project: Path
) -> None:
    fill(directory)
    path = project / NAMES[0]
    path.write_text(path.read_text().replace("refresh-1", "refresh-2"))
    assert find(directory) is None
    assert codes(directory) == ["state-not-made-here"]


def test_files_of_one_project_do_not_count_in_another_nor_for_another_user(
    directory: StardagDirectory, project: Path, tmp_path: Path
) -> None:
    fill(directory)
    copy = project.parent.with_name("copy")
    shutil.copytree(project, copy)
    assert find(StardagDirectory(str(copy), directory.user_path)) is None
    assert find(StardagDirectory(str(project), str(tmp_path / "another home"))) is None


def test_the_project_is_the_same_by_whichever_path(directory: StardagDirectory, project: Path, tmp_path: Path) -> None:
    sign_in = fill(directory)
    (tmp_path / "link").symlink_to(project.parent)
    through_link = StardagDirectory(str(tmp_path / "link" / ".stardag"), directory.user_path)
    assert find(through_link) == sign_in._replace(directory=through_link.path)


def test_the_users_own_directory_by_another_path_is_no_project(tmp_path: Path) -> None:
    user = tmp_path / "home" / ".stardag"
    sign_in = fill(StardagDirectory(str(user), str(user)))
    (tmp_path / "link").symlink_to(tmp_path / "home")
    through_link = StardagDirectory(str(tmp_path / "link" / ".stardag"), str(user))
    assert find(through_link) == sign_in
    files, other = SignInFiles(str(user)), a_sign_in(through_link.path, "refresh-2")
    files.keep(through_link, other)
    with files.alone(other, 5):
        assert files.again(other) == other
        successor = files.replace_refresh_token(other, Secret("refresh-3"))
    files.keep_access_token(successor, "default", TOKEN)
    assert find(through_link) == a_sign_in(str(user), "refresh-3")
    assert files.access_token(sign_in, "default") == TOKEN
    assert not (user / "made-here.json").exists()


def test_what_this_user_made_and_others_can_read_is_refused(
    directory: StardagDirectory, files: SignInFiles, project: Path
) -> None:
    sign_in = fill(directory)
    for name in NAMES:
        (project / name).chmod(0o644)
    with pytest.raises(UnusableSecrets, match="can be read or written by others"):
        find(directory)
    with pytest.raises(UnusableSecrets, match="can be read or written by others"):
        files.access_token(sign_in, "default")
    for name in NAMES:
        (project / name).chmod(0o600)
        (project / name).parent.chmod(0o755)
    with pytest.raises(UnusableSecrets, match="is open to others"):
        find(directory)


def test_a_link_in_place_of_a_file_counts_for_nothing_even_to_what_this_user_made(
    directory: StardagDirectory, files: SignInFiles, project: Path, tmp_path: Path
) -> None:
    fill(directory)
    for name in NAMES:
        (project / name).rename(tmp_path / Path(name).name)
        (project / name).symlink_to(tmp_path / Path(name).name)
    assert find(directory) is None
    assert files.access_token(a_sign_in(directory.path), "default") is None
    with pytest.raises(StateNotWritable, match="was not made by this user"):
        files.keep(directory, a_sign_in(directory.path, "refresh-2"))
    assert all("refresh-2" not in (tmp_path / Path(name).name).read_text() for name in NAMES)


def test_a_folder_that_is_a_link_counts_for_nothing(
    directory: StardagDirectory, files: SignInFiles, project: Path, tmp_path: Path
) -> None:
    fill(directory)
    (project / "credentials").rename(tmp_path / "credentials")
    (project / "credentials").symlink_to(tmp_path / "credentials")
    before = (tmp_path / "credentials" / "local.json").read_bytes()
    assert find(directory) is None
    assert codes(directory) == ["state-not-made-here"]
    with pytest.raises(StateNotWritable, match="is a link"):
        files.check_writable(directory)
    with pytest.raises(StateNotWritable, match="is a link"):
        files.keep(directory, a_sign_in(directory.path, "refresh-2"))
    with pytest.raises(StateNotWritable, match="is a link"), files.alone(a_sign_in(directory.path), 1):
        pass
    assert (tmp_path / "credentials" / "local.json").read_bytes() == before


def test_a_stardag_directory_that_is_a_link_counts_for_nothing(project: Path, tmp_path: Path) -> None:
    directory = StardagDirectory(str(tmp_path / "hostile" / ".stardag"), str(tmp_path / "home" / ".stardag"))
    fill(StardagDirectory(str(project), directory.user_path))
    (tmp_path / "hostile").mkdir()
    Path(directory.path).symlink_to(project)
    before = {name: (project / name).stat().st_mtime_ns for name in NAMES}
    files = SignInFiles(directory.user_path)
    assert find(directory) is None
    assert list(files.all_in(directory)) == []
    with pytest.raises(StateNotWritable, match="is a link"):
        files.keep(directory, a_sign_in(directory.path))
    assert {name: (project / name).stat().st_mtime_ns for name in NAMES} == before


@pytest.mark.parametrize("name", ["credentials/.lock", "credentials/.local.lock", "access-token-cache/.lock"])
def test_links_where_locks_go_lead_nowhere(
    directory: StardagDirectory, files: SignInFiles, project: Path, tmp_path: Path, name: str
) -> None:
    (project / name).parent.mkdir()
    (project / name).symlink_to(tmp_path / "victim")
    sign_in = a_sign_in(directory.path)
    with pytest.raises(StateNotWritable, match="is a link"), files.alone(sign_in, 1):
        files.keep(directory, sign_in)
    assert not (tmp_path / "victim").exists()


def test_where_the_record_is_corrupt_no_sign_in_in_a_project_counts(
    directory: StardagDirectory, files: SignInFiles
) -> None:
    fill(directory)
    Path(directory.user_path, "made-here.json").write_text("torn")
    assert find(directory) is None
    assert "the record of what this user made" in StateFiles().read(directory)[1][0].message


def test_where_the_record_cannot_be_written_nothing_is_kept(
    directory: StardagDirectory, files: SignInFiles, project: Path, tmp_path: Path
) -> None:
    (tmp_path / "home").write_text("no directory")
    with pytest.raises(StateNotWritable):
        files.check_writable(directory)
    with pytest.raises(StateNotWritable):
        files.keep(directory, a_sign_in(directory.path))
    assert not any((project / name).exists() for name in NAMES)


def link_to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [os.mkfifo, link_to_device, os.mkdir])
def test_what_is_no_file_keeps_nobody_waiting(
    directory: StardagDirectory, project: Path, make: Callable[[Path], None]
) -> None:
    (project / "credentials").mkdir()
    make(project / NAMES[0])
    assert find(directory) is None


def test_silence_is_noted_out_of_the_repositorys_reach(
    directory: StardagDirectory, files: SignInFiles, project: Path
) -> None:
    sign_in = fill(directory)
    before = set(project.rglob("*"))
    files.note_silence(sign_in, Silence(1.0, "no answer"))
    assert files.silence(sign_in) == Silence(1.0, "no answer")
    assert set(project.rglob("*")) == before
