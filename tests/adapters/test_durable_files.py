"""What `durable_files` promises of writing, locking and reading."""

import errno
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stardag.adapters.durable_files import (
    UnreadableFile,
    decode_json,
    locked,
    make_directory,
    make_private_directory,
    not_writable,
    others_may_write,
    prepare,
    read_bounded,
    set_aside,
    try_writing,
    write_atomically,
)
from stardag.domain.configuration import NO_DIRECTORY, StardagDirectory
from stardag.domain.errors import NoHomeDirectory, StateNotWritable

HOLD_A_LOCK = """
import sys
from stardag.adapters.durable_files import locked
with locked(sys.argv[1]):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def project(tmp_path: Path) -> StardagDirectory:
    return StardagDirectory(str(tmp_path / "project" / ".stardag"), str(tmp_path / "home" / ".stardag"))


@pytest.mark.usefixtures("no_umask")
def test_files_and_directories_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    directory = tmp_path / "above" / ".stardag"
    with locked(str(directory)):
        write_atomically(str(directory / "state.json"), b"{}")
    assert [mode(tmp_path / "above"), mode(directory)] == [0o700, 0o700]
    assert {name: mode(directory / name) for name in os.listdir(directory)} == {".lock": 0o600, "state.json": 0o600}


def test_the_mode_of_a_written_file_is_the_one_asked_for_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_atomically(str(tmp_path / "config.toml"), b"", 0o644)
    finally:
        os.umask(before)
    assert mode(tmp_path / "config.toml") == 0o644


def test_the_mode_of_a_directory_that_exists_is_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with locked(str(tmp_path)):
        pass
    assert mode(tmp_path) == 0o755


def test_writing_replaces_a_link_and_leaves_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "state.json").symlink_to("victim")
    write_atomically(str(tmp_path / "state.json"), b"new")
    assert (tmp_path / "victim").read_text() == "precious"
    assert not (tmp_path / "state.json").is_symlink()
    assert (tmp_path / "state.json").read_text() == "new"


def test_a_write_that_fails_leaves_nothing_behind_and_says_where(tmp_path: Path) -> None:
    (tmp_path / "state.json" / "in the way").mkdir(parents=True)
    with pytest.raises(StateNotWritable) as caught:
        write_atomically(str(tmp_path / "state.json"), b"new")
    assert caught.value.path == str(tmp_path / "state.json")
    assert os.listdir(tmp_path) == ["state.json"]


def test_a_directory_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateNotWritable) as caught:
        make_directory(str(tmp_path / "file" / ".stardag"))
    assert str(tmp_path / "file") in caught.value.message


def test_a_lock_file_that_is_a_link_is_refused_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / ".lock").symlink_to(tmp_path / "victim")
    with pytest.raises(StateNotWritable, match="is a link"), locked(str(tmp_path)):
        pass
    assert not (tmp_path / "victim").exists()


def test_a_lock_that_is_kept_is_an_error_that_names_the_process(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_A_LOCK, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(StateNotWritable) as caught, locked(str(tmp_path), timeout=0.05):
            pass
        holder.kill()
    assert "has kept the lock" in caught.value.message
    if sys.platform == "linux":
        assert f"process {holder.pid} " in caught.value.message
    with locked(str(tmp_path), timeout=0.05):  # the killed holder left nothing stuck
        pass


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")

    def count() -> None:
        for _ in range(10):
            with locked(str(tmp_path)):
                write_atomically(str(counter), b"%d" % (int(counter.read_text()) + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.read_text() == "40"


def test_half_written_files_of_killed_writers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = {"config.toml", "notes.tmp", ".stardag-notes"}
    for name in (*kept, ".stardag-0123456789abcdef.tmp"):
        (tmp_path / name).write_text("half")
    with locked(str(tmp_path)):
        assert set(os.listdir(tmp_path)) == {*kept, ".lock"}


def test_reading_gives_the_content_and_nothing_where_nothing_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "dangling").symlink_to("nowhere")
    assert read_bounded(str(tmp_path / "file"), 5) == b"12345"
    assert read_bounded(str(tmp_path / "missing"), 5) is None
    assert read_bounded(str(tmp_path / "file" / "below"), 5) is None
    assert read_bounded(str(tmp_path / "dangling"), 5) is None


def test_reading_refuses_what_is_too_large_without_reading_it(tmp_path: Path) -> None:
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 2**40)
    with pytest.raises(UnreadableFile, match="larger than 5 bytes"):
        read_bounded(str(tmp_path / "huge"), 5)


def test_reading_never_waits_for_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(UnreadableFile, match="no regular file"):
            read_bounded(str(path), 5)


def test_a_link_is_followed_only_where_it_may(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    (tmp_path / "link").symlink_to("file")
    assert read_bounded(str(tmp_path / "link"), 5) == b"12345"
    with pytest.raises(UnreadableFile, match="is a link"):
        read_bounded(str(tmp_path / "link"), 5, follow_links=False)


def test_of_files_set_aside_the_five_newest_stay(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    for number in range(7):
        path.write_text(str(number))
        os.utime(path, (number, number))
        set_aside(str(path), "corrupt")
    kept = {name: (tmp_path / name).read_text() for name in os.listdir(tmp_path)}
    assert set(kept.values()) == {"2", "3", "4", "5", "6"}
    assert set(kept) == {f"state.json.corrupt-{number}" for number in range(1, 6)}


def test_what_others_may_write_is_told_from_what_they_may_not(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    assert others_may_write(str(path)) is None
    path.touch()
    for bits, answer in ((0o600, None), (0o644, None), (0o620, "others may write it"), (0o602, "others may write it")):
        path.chmod(bits)
        assert others_may_write(str(path)) == answer


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_belongs_to_another_user_may_be_written_by_them(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, -1)
    assert others_may_write(str(tmp_path)) == "it belongs to another user"


def test_the_first_write_into_a_project_keeps_all_but_the_configuration_out_of_git(tmp_path: Path) -> None:
    directory = project(tmp_path)
    prepare(directory)
    assert os.listdir(directory.path) == [".gitignore"]
    git = shutil.which("git")
    if git is None:
        assert "*\n!config.toml\n" in Path(directory.path, ".gitignore").read_text()
        return
    for name in ("config.toml", "target-root-cache.json", ".lock", "credentials/local.json"):
        path = Path(directory.path, name)
        path.parent.mkdir(exist_ok=True)
        path.touch()
    subprocess.run([git, "init", "-q", tmp_path], check=True)
    untracked = subprocess.run(
        [git, "-C", tmp_path, "ls-files", "--others", "--exclude-standard"], capture_output=True, text=True, check=True
    )
    assert untracked.stdout.split() == ["project/.stardag/config.toml"]


def test_a_gitignore_that_is_there_is_left_alone(tmp_path: Path) -> None:
    directory = project(tmp_path)
    make_directory(directory.path)
    Path(directory.path, ".gitignore").write_text("mine")
    prepare(directory)
    assert Path(directory.path, ".gitignore").read_text() == "mine"


def test_a_gitignore_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    directory = project(tmp_path)
    make_directory(directory.path)
    Path(directory.path, ".gitignore").symlink_to(tmp_path / "victim")
    prepare(directory)
    assert not (tmp_path / "victim").exists()


def test_a_projects_directory_that_is_a_link_is_refused(tmp_path: Path) -> None:
    directory = project(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "project").mkdir()
    Path(directory.path).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StateNotWritable, match="is a link"):
        prepare(directory)
    assert os.listdir(tmp_path / "elsewhere") == []


def test_the_users_own_directory_may_be_a_link_and_gets_a_gitignore_for_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / ".stardag").symlink_to("dotfiles")
    prepare(StardagDirectory(str(tmp_path / ".stardag"), str(tmp_path / ".stardag")))
    assert os.listdir(tmp_path / "dotfiles") == [".gitignore"]
    assert stat.S_IMODE((tmp_path / "dotfiles" / ".gitignore").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b"[" * 200_000, b'{"a": 1, "a": 2}', b"1" * 10_000, b"\xef\xbb\xbf[]", b"[] []"]
)
def test_json_that_is_none_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode_json(content)


def test_importing_it_brings_no_library_along() -> None:
    probe = (
        "import sys; before = set(sys.modules); import stardag.adapters.durable_files, stardag.adapters.state_files;"
        "heavy = {'filelock', 'asyncio', 'tempfile', 'hashlib', 'pydantic', 'httpx', 'logging', 'pathlib', 'json'};"
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (
            errno.ENOSPC,
            "Make room on that file system (`df -h /srv/.stardag`, `df -i /srv/.stardag`), or set STARDAG_HOME",
        ),
        (errno.EDQUOT, "Your quota on that file system is used up"),
        (errno.EROFS, "That file system is read-only: set STARDAG_HOME"),
        (errno.ENOLCK, "That file system has no locks: set STARDAG_HOME to a directory on a local disk"),
        (errno.ENAMETOOLONG, "set STARDAG_HOME to a directory with a shorter path"),
        (errno.EMFILE, "`ulimit -n`"),
        (errno.EFBIG, "`ulimit -f`"),
        (errno.EIO, "The disk reports an error"),
        (errno.ELOOP, "remove it: rm /srv/.stardag/state.json"),
        (errno.EACCES, "Check the permissions with `ls -ld /srv/.stardag/state.json`"),
        (errno.EPERM, "Check the permissions"),
    ],
    ids=lambda value: errno.errorcode[value] if isinstance(value, int) else "",
)
def test_each_failure_of_the_system_comes_with_what_helps_against_it(number: int, remedy: str) -> None:
    error = not_writable("/srv/.stardag/state.json", OSError(number, os.strerror(number)))
    assert remedy in error.fix
    assert ("permissions" in error.fix) == (number in (errno.EACCES, errno.EPERM))


def test_what_stands_in_the_way_is_named_with_the_command_that_moves_it(tmp_path: Path) -> None:
    obstacle = tmp_path / "it is" / "in the way"
    obstacle.parent.mkdir()
    for make in (lambda: obstacle.write_text(""), lambda: obstacle.symlink_to("nowhere")):
        make()
        with pytest.raises(StateNotWritable) as caught:
            make_directory(str(obstacle / "below" / "that"))
        subprocess.run(caught.value.fix.rpartition(": ")[2], shell=True, check=True)
        make_directory(str(obstacle / "below" / "that"))
        shutil.rmtree(obstacle)


def test_where_there_is_no_home_nothing_is_made_and_that_is_said(tmp_path: Path) -> None:
    directory = StardagDirectory(NO_DIRECTORY, NO_DIRECTORY)
    acts: list[Callable[[], object]] = [
        lambda: prepare(directory),
        lambda: make_private_directory(f"{NO_DIRECTORY}/credentials"),
        lambda: locked(f"{NO_DIRECTORY}/uploads").__enter__(),
    ]
    for act in acts:
        with pytest.raises(NoHomeDirectory, match="There is no home directory"):
            act()
    assert read_bounded(f"{NO_DIRECTORY}/config.toml", 10) is None
    assert others_may_write(f"{NO_DIRECTORY}/trust.json") is None


@pytest.mark.usefixtures("no_umask")
def test_a_file_system_without_modes_is_told_before_a_secret_is_put_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Like /mnt/c in WSL: whatever mode is asked for, all is open to everyone, and changing that has no effect."""
    monkeypatch.setattr("stardag.adapters.durable_files.DIRECTORY_MODE", 0o777)
    monkeypatch.setattr("stardag.adapters.durable_files.FILE_MODE", 0o777)

    def ignore(*_: object) -> None: ...

    monkeypatch.setattr(os, "fchmod", ignore)
    with pytest.raises(StateNotWritable, match="keeps no file modes") as caught:
        make_private_directory(str(tmp_path / "credentials"))
    assert "Set STARDAG_HOME to a directory on a file system that keeps them" in caught.value.fix

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "fchmod", refuse)
    with pytest.raises(StateNotWritable, match="keeps no file modes"):
        make_private_directory(str(tmp_path / "credentials"))


def test_a_file_system_that_opens_files_alone_is_told_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write_for_everyone(path: str, *_: object) -> None:
        Path(path).write_bytes(b"")

    monkeypatch.setattr("stardag.adapters.durable_files._write_new", write_for_everyone)
    with pytest.raises(StateNotWritable, match="keeps no file modes"):
        try_writing(str(tmp_path), 10)
    assert os.listdir(tmp_path) == []
