"""What every keeper of the port `OutputStorage` promises: the fake, and the real one on local directories and on S3."""

import gc
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, assert_type

import pytest

from stardag.adapters.storage.output_storage import LocalAndS3OutputStorage
from stardag.app.outputs.ports import OutputPath, OutputStorage
from stardag.domain.output_errors import OutsideTargetRoot, ReadOnlyTargetRoot
from stardag.domain.outputs import RootPlace
from tests.fakes.output_storage import FakeOutputStorage
from tests.s3_server import ROOT, S3Server

TASK = f"train/{'0' * 64}"

NAMES = ["model.pkl", "a b.txt", "é.txt", "100%", "50%25 off", "a+b&c=d", "#1", "q?", "'quoted\"", "a\\b", "~", "*[x]"]


@dataclass(frozen=True, slots=True)
class Place:
    """Storage, and a root in it that nothing was written below yet."""

    storage: OutputStorage
    root: RootPlace

    def open(self, *, read_only: bool = False) -> OutputPath:
        return self.storage.open_root(self.root._replace(is_read_only=read_only))


@pytest.fixture(params=["fake", "local", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "fake":
        return Place(FakeOutputStorage(), RootPlace("default", "s3://open/prefix/"))
    if request.param == "local":
        return Place(LocalAndS3OutputStorage(), RootPlace("default", str(tmp_path / "root")))
    server: S3Server = request.getfixturevalue("s3_server")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ROOT.access)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", ROOT.secret)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return Place(LocalAndS3OutputStorage(), RootPlace("default", f"s3://{server.make_bucket()}/some/prefix/"))


@pytest.fixture
def root(place: Place) -> OutputPath:
    return place.open()


def names(paths: Iterable[OutputPath]) -> list[str]:
    return sorted(path.name for path in paths)


def test_type_checkers_know_what_is_opened(root: OutputPath) -> None:
    (root / "a").write_text("a")
    with (root / "a").open() as text, (root / "a").open("rb") as content:
        assert_type(text, IO[str])
        assert_type(content, IO[bytes])
        assert text.read().encode() == content.read()


def test_what_was_written_is_read_below_directories_that_nobody_made(root: OutputPath) -> None:
    path = root / "features" / "2026/part-0.txt"
    assert not path.exists()
    assert path.write_text("é", encoding="utf-8") == 1
    assert path.read_text(encoding="utf-8") == "é"
    assert path.read_bytes() == "é".encode()
    assert (path.exists(), path.is_file(), path.is_dir()) == (True, True, False)
    assert (path.parent.exists(), path.parent.is_file(), path.parent.is_dir()) == (True, False, True)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_may_hold_what_a_file_may_be_called(root: OutputPath, name: str) -> None:
    path = root / "odd" / name
    path.write_bytes(b"content")
    assert path.name == name
    assert names((root / "odd").iterdir()) == [name]
    assert [found.read_bytes() for found in root.rglob("*") if found.is_file()] == [b"content"]


def test_text_and_bytes_are_opened_as_python_does(root: OutputPath) -> None:
    path = root / "lines.txt"
    with path.open("w", encoding="utf-8", newline="\r\n") as text:
        text.write("one\ntwo\n")
    with path.open("rb") as content:
        assert content.read() == b"one\r\ntwo\r\n"
    with path.open(encoding="utf-8") as text:
        assert list(text) == ["one\n", "two\n"]
    with path.open("ab") as content:
        content.write(b"three")
    with path.open("r+b") as content:
        assert content.read(3) == b"one"
        content.seek(0)
        content.write(b"ONE")
    assert path.read_bytes() == b"ONE\r\ntwo\r\nthree"


def test_a_reader_sees_what_was_there_until_the_file_is_closed(root: OutputPath) -> None:
    path = root / "model.pkl"
    path.write_bytes(b"old")
    with path.open("wb") as file:
        file.write(b"new" * 100_000)
        file.flush()
        assert path.read_bytes() == b"old"
        assert names(root.iterdir()) == ["model.pkl"]
    assert path.read_bytes() == b"new" * 100_000


def write_half(path: OutputPath) -> None:
    with path.open("wb") as file:
        file.write(b"half")
        raise RuntimeError("half-way")


def replace_half(path: OutputPath) -> None:
    with path.replacing() as plain:
        plain.write_bytes(b"half")
        raise RuntimeError("half-way")


@pytest.mark.parametrize("write", [write_half, replace_half])
def test_a_block_that_fails_leaves_what_was_there(root: OutputPath, write: Callable[[OutputPath], None]) -> None:
    path, new = root / "model.pkl", root / "directory/new.pkl"
    path.write_bytes(b"old")
    for each in (path, new):
        with pytest.raises(RuntimeError, match="half-way"):
            write(each)
    assert path.read_bytes() == b"old"
    assert not new.exists()


def lose_text(path: OutputPath) -> None:
    path.open("w").write("half")


def lose_bytes(path: OutputPath) -> None:
    path.open("wb").write(b"half")


def lose_unbuffered(path: OutputPath) -> None:
    path.open("wb", 0).write(b"half")


def lose_update(path: OutputPath) -> None:
    path.open("r+b").write(b"half")


def lose_in_a_circle(path: OutputPath) -> None:
    held: list[object] = [path.open("a")]
    held.append(held)


@pytest.mark.parametrize("lose", [lose_text, lose_bytes, lose_unbuffered, lose_update, lose_in_a_circle])
def test_a_file_that_nobody_closes_is_thrown_away(place: Place, lose: Callable[[OutputPath], None]) -> None:
    if isinstance(place.storage, FakeOutputStorage):
        pytest.skip("the fake's files are put in place by what closes them, and nothing else does")
    path = place.open() / "model.pkl"
    path.write_bytes(b"old")

    def lose_and_collect() -> None:
        lose(path)
        gc.collect()

    with pytest.warns(ResourceWarning, match="model.pkl was not closed: what was written to it is thrown away"):
        lose_and_collect()
    assert path.read_bytes() == b"old"


def test_a_new_file_never_replaces_one_that_is_there(root: OutputPath) -> None:
    path = root / "once"
    with path.open("x") as file:
        file.write("first")
    with pytest.raises(FileExistsError):
        path.open("x")
    assert path.read_text() == "first"


def test_of_two_new_files_of_one_name_the_first_that_is_closed_stays(place: Place) -> None:
    if isinstance(place.storage, FakeOutputStorage):
        pytest.skip("the fake looks only when a file is opened")
    path = place.open() / "once"
    slow = path.open("xb")
    slow.write(b"slow")
    with path.open("xb") as quick:
        quick.write(b"quick")
    with pytest.raises(FileExistsError):
        slow.close()
    assert path.read_bytes() == b"quick"


def test_a_library_that_opens_files_itself_gets_a_plain_path_of_the_same_name(root: OutputPath) -> None:
    path = root / "arrays" / "weights.npy"
    with path.replacing() as plain:
        assert type(plain) is type(Path())
        assert plain.name == "weights.npy"
        plain.write_bytes(b"weights")
        assert not path.exists()
    assert path.read_bytes() == b"weights"
    assert names(root.iterdir()) == ["arrays"]
    assert names((root / "arrays").iterdir()) == ["weights.npy"]


def test_a_library_that_wrote_nothing_is_told_so(root: OutputPath) -> None:
    with pytest.raises(FileNotFoundError), (root / "weights.npy").replacing():
        pass
    assert not (root / "weights.npy").exists()


def test_what_is_not_there_is_not_found(root: OutputPath) -> None:
    (root / "there").write_bytes(b"")
    for path in (root / "missing", root / "missing" / "below"):
        assert (path.exists(), path.is_file(), path.is_dir()) == (False, False, False)
        for read in (path.read_bytes, path.read_text, path.open, path.unlink, lambda path=path: path.open("r+")):
            with pytest.raises(FileNotFoundError):
                read()
        path.unlink(missing_ok=True)
    assert list((root / "missing").glob("*")) == []


def test_what_is_removed_is_gone(root: OutputPath) -> None:
    path = root / "a" / "b"
    path.write_bytes(b"")
    path.unlink()
    assert not path.exists()


def test_listings_show_what_there_is(root: OutputPath) -> None:
    for path in ("a.txt", "b.bin", "d/c.txt", "d/e/f.txt", "d/e/g"):
        (root / path).write_bytes(b"")
    assert names(root.iterdir()) == ["a.txt", "b.bin", "d"]
    assert names(root.glob("*.txt")) == ["a.txt"]
    assert names(root.glob("*/*.txt")) == ["c.txt"]
    assert names(root.glob("d/e/?")) == ["g"]
    assert names(root.glob("**/*.txt")) == ["a.txt", "c.txt", "f.txt"]
    assert names(root.rglob("*.txt")) == ["a.txt", "c.txt", "f.txt"]
    assert names((root / "d").rglob("[fg]*")) == ["f.txt", "g"]
    assert names(root.rglob("e")) == ["e"]
    assert names(root.glob("nothing*")) == []


@pytest.mark.parametrize(
    "path",
    ["..", "a/../../b", "/etc/passwd", "%2e%2e/x", "a\\..\\b", "s3://other/key", ".stardag-x", "a/.stardag-task.json"],
)
def test_no_path_leads_out_of_its_root(root: OutputPath, path: str) -> None:
    for start in (root, root / "a" / "b"):
        with pytest.raises(OutsideTargetRoot):
            _ = start / path
    with pytest.raises(OutsideTargetRoot):
        list(root.glob(f"{path}/*"))


def test_the_root_is_its_own_parent(root: OutputPath) -> None:
    assert root.parent == root
    assert (root / "a").parent == root
    assert (root / "a").parent.parent.parent == root


def test_nothing_is_written_below_a_root_that_is_only_read(place: Place) -> None:
    (place.open() / "there").write_bytes(b"old")
    root = place.open(read_only=True)
    assert (root / "there").read_bytes() == b"old"
    writers: list[Callable[[], object]] = [
        lambda: (root / "there").write_bytes(b"new"),
        lambda: (root / "new").write_text("new"),
        lambda: (root / "there").open("w"),
        lambda: (root / "there").open("r+b"),
        lambda: (root / "new").open("x"),
        (root / "there").unlink,
        lambda: (root / "new").replacing().__enter__(),
        lambda: place.storage.task_files(place.root._replace(is_read_only=True), TASK).write_record(b"{}"),
        lambda: place.storage.task_files(place.root._replace(is_read_only=True), TASK).remove_record(),
    ]
    for write in writers:
        with pytest.raises(ReadOnlyTargetRoot, match="'default' was opened for reading only"):
            write()
    assert names(root.iterdir()) == ["there"]


def test_the_files_of_a_task_are_told_with_their_sizes_and_without_the_record(place: Place) -> None:
    files = place.storage.task_files(place.root, TASK)
    assert files.sizes() == {}
    assert files.read_record() is None
    files.path("model.pkl").write_bytes(b"12345")
    files.path("plots/loss.svg").write_bytes(b"")
    files.write_record(b'{"name": "train"}')
    assert files.sizes() == {"model.pkl": 5, "plots/loss.svg": 0}
    assert files.read_record() == b'{"name": "train"}'
    assert names((place.open() / TASK).iterdir()) == ["model.pkl", "plots"]
    files.write_record(b"{}")
    assert files.read_record() == b"{}"
    files.remove_record()
    files.remove_record()
    assert files.read_record() is None
    assert (place.open() / TASK / "model.pkl").read_bytes() == b"12345"


def test_the_files_of_other_tasks_are_left_out(place: Place) -> None:
    place.storage.task_files(place.root, "train/1").path("a").write_bytes(b"1")
    place.storage.task_files(place.root, "train/11").path("b").write_bytes(b"12")
    assert place.storage.task_files(place.root, "train/1").sizes() == {"a": 1}


def test_no_path_leaves_the_directory_of_its_task(place: Place) -> None:
    path = place.storage.task_files(place.root, TASK).path("a/b")
    assert path.parent.parent.parent.parent == path.parent.parent
    for outside in ("..", "../x", "/x", ".stardag-task.json"):
        with pytest.raises(OutsideTargetRoot):
            place.storage.task_files(place.root, TASK).path(outside)


def test_whoever_wants_to_know_of_writing_is_told_before_anything_is_written(place: Place) -> None:
    told: list[bool] = []
    files = place.storage.task_files(place.root, TASK)
    path = files.path("model.pkl", lambda: told.append(path.exists()))
    assert not path.exists()
    path.write_bytes(b"")
    assert told == [False]
    (path.parent / "other").write_text("")
    with path.open("rb"), path.open("ab"):
        pass
    with path.replacing() as plain:
        plain.write_bytes(b"")
    path.unlink()
    assert len(told) >= 5
    assert all(told[1:])


def test_whoever_wants_to_know_of_writing_may_stop_it(place: Place) -> None:
    def refuse() -> None:
        raise PermissionError("not now")

    path = place.storage.task_files(place.root, TASK).path("model.pkl", refuse)
    with pytest.raises(PermissionError, match="not now"):
        path.write_bytes(b"")
    assert not path.exists()
