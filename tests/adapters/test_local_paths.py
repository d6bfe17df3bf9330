"""Paths below a local root: pathlib's own, which no spelling, link or method leads out of."""

import copy
import errno
import io
import os
import pickle
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stardag.adapters.storage.local_paths import LocalOutputPath, open_local_root
from stardag.adapters.storage.local_tasks import LocalTaskFiles
from stardag.domain.output_errors import OutsideTargetRoot, ReadOnlyTargetRoot, StorageFailed
from stardag.domain.outputs import RootPlace


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The directory of the root, with one of somebody else's beside it."""
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "secret").write_text("secret")
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


@pytest.fixture
def root(directory: Path) -> LocalOutputPath:
    return open_local_root(RootPlace("default", str(directory)))


def temporaries(directory: Path) -> list[str]:
    return [name for name in os.listdir(directory) if name.startswith(".stardag-")]


def test_a_path_is_pathlibs(root: LocalOutputPath, directory: Path) -> None:
    path = root / "a" / "b.tar.gz"
    assert isinstance(path, Path)
    assert path == directory / "a/b.tar.gz"
    assert hash(path) == hash(directory / "a/b.tar.gz")
    assert (path.name, path.stem, path.suffixes) == ("b.tar.gz", "b.tar", [".tar", ".gz"])
    assert path.with_name("c.txt") == directory / "a/c.txt"
    assert path.with_suffix(".zip") == directory / "a/b.tar.zip"
    assert path.with_stem("c") == directory / "a/c.gz"
    assert path.relative_to(root) == Path("a/b.tar.gz")
    assert path.is_relative_to(root / "a")
    assert not path.is_relative_to(root / "b")
    assert path.parents == (root / "a", root)
    assert path.absolute() is path
    assert root / Path("a") / "b.tar.gz" == path
    assert type(root)("/etc/passwd").parents == (Path("/etc"), Path("/"))
    with pytest.raises(TypeError):
        _ = root / 1  # type: ignore[operator]  # pyright: ignore[reportOperatorIssue]  # a number is no path
    assert repr(path) == f"LocalOutputPath('{path}')"


@pytest.mark.parametrize("spelling", ["{}", "{}/", "{}//", "file://{}", "file://{}/", "file://localhost{}"])
def test_a_root_is_the_same_however_it_is_spelled(directory: Path, spelling: str) -> None:
    assert open_local_root(RootPlace("default", spelling.format(directory))) / "a" == directory / "a"


def test_a_root_may_be_below_the_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert open_local_root(RootPlace("home", "~/outputs")) == tmp_path / "outputs"


def test_a_root_that_means_no_directory_is_the_storages_failure() -> None:
    with pytest.raises(StorageFailed, match="it names another machine"):
        open_local_root(RootPlace("remote", "file://elsewhere/outputs"))


def test_nothing_is_looked_at_when_a_root_is_opened(tmp_path: Path) -> None:
    root = open_local_root(RootPlace("default", str(tmp_path / "missing")))
    assert not root.exists()
    assert not (tmp_path / "missing").exists()


WAYS: dict[str, Callable[[LocalOutputPath], object]] = {
    "read": lambda root: (root / "out/secret").read_text(),
    "read bytes": lambda root: (root / "up/beside/secret").read_bytes(),
    "open": lambda root: (root / "out/secret").open("rb"),
    "open's own": lambda root: open(root / "out/secret"),  # noqa: SIM115  # it is not opened
    "io": lambda root: io.open_code(os.fspath(root / "out/secret")),  # noqa: SIM115  # it is not opened
    "os": lambda root: os.listdir(root / "out"),
    "shutil": lambda root: shutil.copy(root / "out/secret", root / "copy"),
    "list": lambda root: list((root / "out").iterdir()),
    "glob": lambda root: list((root / "out").glob("*")),
    "glob through": lambda root: list(root.glob("*/secret")),
    "rglob": lambda root: list((root / "out").rglob("*")),
    "walk": lambda root: list((root / "out").walk()),
    "walk links": lambda root: list(root.walk(follow_symlinks=True)),
    "stat": lambda root: (root / "out/secret").stat(),
    "exists": lambda root: (root / "out/secret").exists(),
    "is_file": lambda root: (root / "out/secret").is_file(),
    "is_dir": lambda root: (root / "out").is_dir(),
    "resolve": lambda root: (root / "out").resolve(),
    "readlink": lambda root: (root / "out").readlink(),
    "write": lambda root: (root / "out/new").write_text("x"),
    "append": lambda root: (root / "out/secret").open("a"),
    "replacing": lambda root: (root / "out/secret").replacing().__enter__(),
    "mkdir": lambda root: (root / "out/new").mkdir(),
    "touch": lambda root: (root / "out/secret").touch(),
    "unlink": lambda root: (root / "out/secret").unlink(),
    "chmod": lambda root: (root / "out/secret").chmod(0),
    "rename from": lambda root: (root / "out/secret").rename(root / "mine"),
    "rename to": lambda root: (root / "file").rename(root / "out/mine"),
    "rename out": lambda root: (root / "file").rename(Path(str(root)).parent / "mine"),
    "rename relative": lambda root: (root / "file").rename("mine"),
    "replace up": lambda root: (root / "file").replace(f"{root}/../mine"),
    "link": lambda root: (root / "link").symlink_to("../beside/secret"),
    "link absolutely": lambda root: (root / "link").symlink_to("/etc/passwd"),
    "link through": lambda root: (root / "link").symlink_to("out/secret"),
    "hard link": lambda root: (root / "link").hardlink_to(Path(str(root)).parent / "beside/secret"),
    "hard link through": lambda root: (root / "link").hardlink_to(root / "out/secret"),
    "construct": lambda root: type(root)("/etc/passwd").read_text(),
    "home": lambda root: (type(root).cwd() / "x").exists(),
    "name": lambda root: (root / "file").with_name(".."),
    "name of the root": lambda root: root.with_name("beside"),
    "join": lambda root: root.joinpath("file", "..", "..", "beside"),
    "join absolutely": lambda root: root / Path("/etc/passwd"),
}
"""Ways of leaving the root, where `out` in it is a link to the directory beside it, and `up` to its parent."""


@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_out_of_the_root(root: LocalOutputPath, directory: Path, way: str) -> None:
    (directory / "out").symlink_to(directory.parent / "beside")
    (directory / "up").symlink_to("..")
    (directory / "file").write_text("mine")
    before = sorted(directory.parent.rglob("*"))
    with pytest.raises(OutsideTargetRoot) as raised:
        WAYS[way](root)
    assert "'default'" in raised.value.message
    assert sorted(directory.parent.rglob("*")) == before
    assert (directory.parent / "beside/secret").read_text() == "secret"


def test_a_link_to_the_root_itself_or_below_it_is_followed(root: LocalOutputPath, directory: Path) -> None:
    (directory / "runs/1").mkdir(parents=True)
    (directory / "runs/1/model").write_text("one")
    (root / "latest").symlink_to("runs/1")
    (root / "all").symlink_to(root)
    assert (root / "latest/model").read_text() == "one"
    assert (root / "all/latest/model").read_text() == "one"
    assert (root / "latest/model").resolve() == root / "runs/1/model"
    assert (root / "latest").readlink() == Path("runs/1")
    assert sorted(root.glob("latest/*")) == [root / "latest/model"]
    assert sorted(root.rglob("model")) == [root / "runs/1/model"]
    (root / "latest/model").write_text("two")
    assert (directory / "runs/1/model").read_text() == "two"


def test_a_file_is_written_through_a_link(root: LocalOutputPath, directory: Path) -> None:
    (root / "model").write_text("one")
    (root / "latest").symlink_to("model")
    (root / "latest").write_text("two")
    assert (directory / "latest").is_symlink()
    assert (root / "model").read_text() == "two"


def test_a_root_that_is_a_link_leads_where_it_leads(root: LocalOutputPath, directory: Path) -> None:
    (directory.parent / "link").symlink_to(directory)
    linked = open_local_root(RootPlace("linked", str(directory.parent / "link")))
    (linked / "a").write_text("a")
    (linked / "b").symlink_to("a")
    assert (linked / "b").read_text() == (root / "b").read_text() == "a"
    assert (linked / "b").resolve() == linked / "a"


def test_a_link_that_leads_out_can_be_removed(root: LocalOutputPath, directory: Path) -> None:
    (directory / "out").symlink_to(directory.parent / "beside")
    assert [path.name for path in root.iterdir()] == ["out"]
    (root / "out").unlink()
    assert list(root.iterdir()) == []
    assert (directory.parent / "beside/secret").exists()


def test_a_copy_and_a_path_of_another_process_are_confined_as_well(root: LocalOutputPath) -> None:
    (root / "a").mkdir()
    for path in (root, root / "a/b%2e"):
        for made in (pickle.loads(pickle.dumps(path)), copy.copy(path), copy.deepcopy(path)):
            assert made == path
            assert type(made) is type(path)
    task = LocalTaskFiles(root.confinement.place, "train/1").path("x")
    assert pickle.loads(pickle.dumps(task)).parent.parent == task.parent


def test_names_that_no_path_would_be_given_are_listed_and_opened(root: LocalOutputPath, directory: Path) -> None:
    odd = ["a\nb", "%2e%2e", os.fsdecode(b"\xff")]
    for name in odd:
        Path(directory, name).write_text("odd")
    assert sorted(path.name for path in root.iterdir()) == sorted(odd)
    assert [path.read_text() for path in root.glob("*")] == ["odd"] * 3


def test_what_pathlib_raises_stays_what_it_is(root: LocalOutputPath, directory: Path) -> None:
    (root / "directory/file").write_text("")
    with pytest.raises(IsADirectoryError):
        (root / "directory").read_text()
    with pytest.raises(IsADirectoryError):
        (root / "directory").open("w")
    with pytest.raises(IsADirectoryError):
        (root / "directory").replacing().__enter__()
    with pytest.raises(NotADirectoryError):
        (root / "directory/file/below").read_text()
    with pytest.raises(NotADirectoryError):
        (root / "directory/file/below").write_text("")
    with pytest.raises(NotADirectoryError):
        list((root / "directory/file").iterdir())
    with pytest.raises(FileNotFoundError):
        list((root / "missing").iterdir())
    with pytest.raises(FileExistsError):
        (root / "directory").mkdir()
    with pytest.raises(OSError, match=os.strerror(errno.ENOTEMPTY)):
        (root / "directory").rmdir()
    with pytest.raises(ValueError, match="invalid mode"):
        (root / "file").open("rw")
    with pytest.raises(LookupError):
        (root / "file").open("w", encoding="nonsense")
    assert not (root / "file").exists()
    assert temporaries(directory) == []


def test_what_the_storage_refuses_is_its_failure(root: LocalOutputPath) -> None:
    with pytest.raises(StorageFailed, match="a name in the path is too long"):
        (root / ("x" * 300)).write_text("")
    with pytest.raises(OutsideTargetRoot, match="no file can have such a name"):
        _ = root / "\ud800"


def test_a_full_disk_leaves_what_was_there(root: LocalOutputPath, monkeypatch: pytest.MonkeyPatch) -> None:
    path = root / "model"
    path.write_bytes(b"old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageFailed, match="no space is left on the device") as raised:
        path.write_bytes(b"new")
    assert str(path) in raised.value.message
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [each.name for each in root.iterdir()] == ["model"]


def test_a_new_file_has_the_mode_of_any_other_and_an_appended_one_keeps_its(
    root: LocalOutputPath, directory: Path
) -> None:
    (directory / "plain").write_text("")
    (root / "new").write_text("")
    assert stat.S_IMODE((directory / "new").stat().st_mode) == stat.S_IMODE((directory / "plain").stat().st_mode)
    (root / "new").chmod(0o640)
    with (root / "new").open("a") as file:
        file.write("more")
    assert stat.S_IMODE((directory / "new").stat().st_mode) == 0o640


def test_what_is_appended_comes_last_wherever_was_read(root: LocalOutputPath) -> None:
    (root / "log").write_text("one")
    with (root / "log").open("a+") as file:
        file.seek(0)
        assert file.read(1) == "o"
        file.seek(0)
        file.write(" two")
    assert (root / "log").read_text() == "one two"


def test_a_file_system_without_links_is_said_to_be_one(
    root: LocalOutputPath, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: str, target: str) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    file = (root / "new").open("x")
    with pytest.raises(StorageFailed, match="has no hard links"):
        file.close()
    assert os.listdir(directory) == []


def test_the_whole_file_system_may_be_a_root() -> None:
    assert str(open_local_root(RootPlace("all", "/")) / "etc") == "/etc"
    assert str((open_local_root(RootPlace("all", "/")) / "etc/passwd").parent.parent) == "/"
    assert os.fspath(open_local_root(RootPlace("all", "file:///")) / "etc/passwd") == "/etc/passwd"


def test_what_pathlib_can_do_besides_is_done_and_makes_directories(root: LocalOutputPath, directory: Path) -> None:
    (root / "a/b/touched").touch()
    (root / "c/d").mkdir()
    (root / "a/b/touched").rename(root / "e/f/renamed")
    (root / "hard").hardlink_to(root / "e/f/renamed")
    assert sorted(path.relative_to(root).as_posix() for path in root.rglob("*")) == [
        "a", "a/b", "c", "c/d", "e", "e/f", "e/f/renamed", "hard",
    ]  # fmt: skip
    (root / "c/d").rmdir()
    assert not (directory / "c/d").exists()
    walked = [(path.relative_to(root).as_posix(), directories, files) for path, directories, files in root.walk()]
    assert walked[0] == (".", ["a", "c", "e"], ["hard"])
    assert [name for name, _, _ in walked] == [".", "a", "a/b", "c", "e", "e/f"]
    assert next(root.walk(top_down=False))[0] == root / "a/b"


WRITERS: list[Callable[[LocalOutputPath], object]] = [
    lambda root: (root / "new").touch(),
    lambda root: (root / "new").mkdir(),
    lambda root: (root / "there").chmod(0),
    lambda root: (root / "there").rename(root / "new"),
    lambda root: (root / "there").replace(root / "new"),
    lambda root: (root / "new").symlink_to("there"),
    lambda root: (root / "new").hardlink_to(root / "there"),
    lambda root: (root / "empty").rmdir(),
]


@pytest.mark.parametrize("write", WRITERS)
def test_a_root_that_is_only_read_stays_as_it_is(directory: Path, write: Callable[[LocalOutputPath], object]) -> None:
    (directory / "there").write_text("there")
    (directory / "empty").mkdir()
    before = [(path, path.lstat()) for path in sorted(directory.rglob("*"))]
    with pytest.raises(ReadOnlyTargetRoot):
        write(open_local_root(RootPlace("default", str(directory), is_read_only=True)))
    assert [(path, path.lstat()) for path in sorted(directory.rglob("*"))] == before


def test_what_a_library_wrote_is_put_in_place_only_if_it_is_a_file(root: LocalOutputPath, directory: Path) -> None:
    def link(plain: Path) -> None:
        plain.symlink_to("/etc/passwd")

    for write in (Path.mkdir, link):
        with pytest.raises(IsADirectoryError, match="is no file"), (root / "made").replacing() as plain:
            write(plain)
    assert not os.path.lexists(directory / "made")
    assert temporaries(directory) == []


def test_many_writers_of_one_file_leave_one_of_theirs_whole(root: LocalOutputPath, directory: Path) -> None:
    def write(number: int) -> None:
        (root / "shared/file").write_bytes(bytes([number]) * 100_000)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(64)))
    content = (root / "shared/file").read_bytes()
    assert content == content[:1] * 100_000
    assert os.listdir(directory / "shared") == ["file"]


KILLED = """
import os, sys
from stardag.adapters.storage.local_paths import open_local_root
from stardag.domain.outputs import RootPlace
path = open_local_root(RootPlace("default", sys.argv[1])) / "model"
file = path.open("wb")
file.write(b"half" * 100_000)
file.flush()
with path.replacing() as plain:
    plain.write_bytes(b"half")
    print("written", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def writer(directory: Path) -> Iterator["subprocess.Popen[str]"]:
    """A process that is writing two files in the root."""
    with subprocess.Popen(
        (sys.executable, "-c", KILLED, str(directory)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "written\n"
        yield process
        process.kill()


def test_a_killed_writer_leaves_nothing_but_what_the_next_one_removes(
    root: LocalOutputPath, directory: Path, writer: "subprocess.Popen[str]"
) -> None:
    assert len(temporaries(directory)) == 2
    writer.kill()
    writer.wait()
    assert not (root / "model").exists()
    assert list(root.iterdir()) == []
    (root / "other").write_text("")
    assert os.listdir(directory) == ["other"]


def test_what_a_living_writer_writes_is_left_alone(
    root: LocalOutputPath, directory: Path, writer: "subprocess.Popen[str]"
) -> None:
    (root / "other").write_text("")
    assert len(temporaries(directory)) == 2
    assert writer.poll() is None


def test_a_child_that_was_forked_does_not_throw_away_what_its_parent_writes(root: LocalOutputPath) -> None:
    with (root / "model").open("wb") as file:
        file.write(b"whole")
        child = os.fork()
        if child == 0:
            try:
                file.close()
            finally:
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    assert (root / "model").read_bytes() == b"whole"


def test_the_record_of_a_task_is_bounded_and_no_link(directory: Path) -> None:
    files = LocalTaskFiles(RootPlace("default", str(directory)), "train/1")
    files.write_record(b"x" * (1024 * 1024 + 1))
    with pytest.raises(StorageFailed, match="larger than 1048576 bytes"):
        files.read_record()
    record = directory / "train/1/.stardag-task.json"
    record.unlink()
    record.symlink_to(directory.parent / "beside/secret")
    with pytest.raises(StorageFailed, match="it is a link"):
        files.read_record()


def test_a_task_whose_directory_is_a_link_out_of_the_root_is_refused(directory: Path) -> None:
    (directory / "train").symlink_to(directory.parent / "beside")
    files = LocalTaskFiles(RootPlace("default", str(directory)), "train/1")
    for ask in (files.sizes, files.read_record, files.remove_record, lambda: files.write_record(b"{}")):
        with pytest.raises(OutsideTargetRoot):
            ask()
    assert os.listdir(directory.parent / "beside") == ["secret"]
