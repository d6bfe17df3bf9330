"""One root laid over another: reading looks here first, writing is only done here."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from stardag.adapters.storage.overlay import OverlayPath, OverlayRoot
from stardag.domain.output_errors import OutsideTargetRoot, ReadOnlyTargetRoot
from stardag.domain.outputs import RootPlace


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """The other root, with two files."""
    (tmp_path / "there/d").mkdir(parents=True)
    (tmp_path / "there/both").write_text("there")
    (tmp_path / "there/d/far").write_text("there")
    return tmp_path / "there"


def lay(here: Path, there: Path, *, keep: bool = False) -> OverlayRoot:
    return OverlayRoot.of(RootPlace("default", str(here)), RootPlace("default", str(there)), keep=keep)


@pytest.fixture
def root(here: Path, there: Path) -> OverlayRoot:
    (here / "both").write_text("here")
    (here / "near").write_text("here")
    return lay(here, there)


def content(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()}


def read_as_text(path: OverlayPath) -> str:
    with path.open() as file:
        return file.read()


def read_as_bytes(path: OverlayPath) -> str:
    with path.open("rb") as file:
        return file.read().decode()


READERS: list[Callable[[OverlayPath], str]] = [
    lambda path: path.read_text(),
    lambda path: path.read_bytes().decode(),
    lambda path: Path(os.fspath(path)).read_text(),
    read_as_text,
    read_as_bytes,
]


@pytest.mark.parametrize("read", READERS)
def test_what_is_here_is_read_here_and_all_else_there(root: OverlayRoot, read: Callable[[OverlayPath], str]) -> None:
    assert [read(root / name) for name in ("both", "near", "d/far")] == ["here", "here", "there"]


@pytest.mark.parametrize("read", READERS)
def test_a_file_that_is_in_neither_is_not_found_once(root: OverlayRoot, read: Callable[[OverlayPath], str]) -> None:
    with pytest.raises(FileNotFoundError, match="nor is there") as raised:
        read(root / "missing/file")
    assert raised.value.__context__ is None


def test_an_overlay_shows_both(root: OverlayRoot) -> None:
    assert [path.name for path in root.iterdir()] == ["both", "d", "near"]
    assert [path.name for path in root.glob("*a*")] == ["near"]
    assert [path.name for path in root.rglob("*")] == ["both", "d", "far", "near"]
    assert [path.read_text() for path in root.rglob("far")] == ["there"]
    assert [(root / name).is_file() for name in ("both", "near", "d/far", "d", "missing")] == [True] * 3 + [False] * 2
    assert [(root / name).is_dir() for name in ("d", "both", "missing")] == [True, False, False]
    assert [(root / name).exists() for name in ("d", "d/far", "missing")] == [True, True, False]
    assert (root / "d/far").parent == root / "d"
    with pytest.raises(FileNotFoundError):
        (root / "missing").iterdir()


def test_writing_changes_this_root_alone(root: OverlayRoot, here: Path, there: Path) -> None:
    before = content(there)
    (root / "d/far").write_text("mine")
    (root / "both").write_bytes(b"mine")
    with (root / "new").open("w") as file:
        file.write("mine")
    with (root / "library").replacing() as plain:
        plain.write_text("mine")
    (root / "near").unlink()
    assert content(there) == before
    assert content(here) == dict.fromkeys(("d/far", "both", "new", "library"), "mine")
    (root / "both").unlink()
    assert (root / "both").read_text() == "there"


def test_a_change_begins_with_what_would_be_read(root: OverlayRoot, here: Path, there: Path) -> None:
    with (root / "d/far").open("a") as file:
        file.write(", and mine")
    assert (root / "d/far").read_text() == "there, and mine"
    assert (there / "d/far").read_text() == "there"
    with pytest.raises(FileExistsError):
        (root / "both").open("x")
    with pytest.raises(FileNotFoundError):
        (root / "missing").open("r+")


def test_a_copy_is_kept_only_of_what_was_read_and_read_from_then_on(here: Path, there: Path) -> None:
    root = lay(here, there, keep=True)
    assert (root / "d/far").is_file()
    assert content(here) == {}
    assert (root / "d/far").read_text() == "there"
    assert content(here) == {"d/far": "there"}
    (there / "d/far").write_text("changed")
    assert (root / "d/far").read_text() == "there"
    assert Path(os.fspath(root / "both")).is_relative_to(here)


def test_a_copy_that_breaks_off_is_not_kept(here: Path, there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_off(original: object, copy: object, length: int) -> None:
        raise ConnectionError("broke off")

    monkeypatch.setattr("shutil.copyfileobj", break_off)
    with pytest.raises(ConnectionError):
        (lay(here, there, keep=True) / "d/far").read_text()
    assert content(here) == {}


def test_the_other_root_is_never_written(root: OverlayRoot) -> None:
    with pytest.raises(ReadOnlyTargetRoot):
        root.source.write_bytes(b"")
    with pytest.raises(OutsideTargetRoot):
        _ = root / "../there/both"


def test_an_overlay_works_in_another_process(root: OverlayRoot) -> None:
    path = pickle.loads(pickle.dumps(root / "d/far"))
    assert path == root / "d/far"
    assert path.read_text() == "there"


def test_the_record_here_decides_and_else_the_one_there(here: Path, there: Path) -> None:
    far = OverlayRoot.of(RootPlace("default", str(there)), RootPlace("default", str(here)), keep=False)
    files = lay(here, there).task_files("train/1")
    assert (files.read_record(), files.sizes()) == (None, {})
    far.task_files("train/1").path("model").write_bytes(b"12345")
    far.task_files("train/1").write_record(b"there")
    assert (files.read_record(), files.sizes()) == (b"there", {"model": 5})
    assert files.path("model").read_bytes() == b"12345"
    files.path("model").write_bytes(b"1")
    assert files.sizes() == {"model": 5}
    assert files.path("model").read_bytes() == b"12345"
    files.write_record(b"here")
    assert (files.read_record(), files.sizes()) == (b"here", {"model": 1})
    files.remove_record()
    assert files.read_record() == b"there"


def test_what_a_run_that_died_has_left_here_is_not_taken_for_the_output_there(here: Path, there: Path) -> None:
    far = OverlayRoot.of(RootPlace("default", str(there)), RootPlace("default", str(here)), keep=False)
    for name in ("model", "d/plot"):
        far.task_files("train/1").path(name).write_bytes(b"12345")
    far.task_files("train/1").write_record(b"there")
    for name in ("model", "d/left"):
        (lay(here, there).local / f"train/1/{name}").write_bytes(b"1")
    for keep in (False, True):
        files = lay(here, there, keep=keep).task_files("train/1")
        assert (files.path("") / "model").read_bytes() == b"12345"
        assert files.path("model").read_bytes() == b"12345"
        assert files.path("d/plot").read_bytes() == b"12345"
        with pytest.raises(FileNotFoundError):
            files.path("d/left").read_bytes()
    assert content(here) == {"train/1/model": "12345", "train/1/d/plot": "12345", "train/1/d/left": "1"}
