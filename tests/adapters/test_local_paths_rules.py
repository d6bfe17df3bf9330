"""Whatever is done with paths below a local root, nothing outside of it is changed or read."""

import os
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stardag.adapters.storage.local_paths import LocalOutputPath, open_local_root
from stardag.domain.output_errors import OutsideTargetRoot, StorageFailed
from stardag.domain.outputs import RootPlace

SECRET = "nobody may read this"

NAMES = st.sampled_from(
    ["a", "b", "file", "beside", "secret", "..", ".", "", "../beside", "a/../..", "/etc/passwd", "%2e%2e",
     "..%2fbeside", "\\..", "link", "out", "up", "loop", ".stardag-x", "é"]
)  # fmt: skip

WALKS: dict[str, Callable[[LocalOutputPath, str], object]] = {
    "join": lambda path, name: path / name,
    "joinpath": lambda path, name: path.joinpath(name, name),
    "with_name": lambda path, name: path.with_name(name),
    "with_stem": lambda path, name: path.with_stem(name),
    "with_suffix": lambda path, name: path.with_suffix(f".{name}"),
    "parent": lambda path, _: path.parent,
    "last parent": lambda path, _: (*path.parents, path)[-1],
    "resolve": lambda path, _: path.resolve(),
    "absolute": lambda path, _: path.absolute(),
    "expanduser": lambda path, _: path.expanduser(),
    "first child": lambda path, _: next(path.iterdir(), path),
    "first match": lambda path, name: next(path.glob(f"{name}*"), path),
    "first match below": lambda path, name: next(path.rglob(name), path),
    "construct": lambda path, name: type(path)(path, name),
}

DEEDS: dict[str, Callable[[LocalOutputPath, str], object]] = {
    "read": lambda path, _: path.read_text(),
    "open": lambda path, _: Path(os.fspath(path)).read_text(),
    "write": lambda path, name: path.write_text(name),
    "append": lambda path, name: path.open("a").close(),
    "replacing": lambda path, name: replace(path),
    "touch": lambda path, _: path.touch(),
    "mkdir": lambda path, _: path.mkdir(),
    "unlink": lambda path, _: path.unlink(),
    "rmdir": lambda path, _: path.rmdir(),
    "chmod": lambda path, _: path.chmod(0o755),
    "rename": lambda path, name: path.rename(path.parent / name),
    "rename anywhere": lambda path, name: path.rename(name),
    "replace": lambda path, name: path.replace(f"{path}/../{name}"),
    "symlink": lambda path, name: path.symlink_to(name),
    "symlink to a sibling": lambda path, name: path.symlink_to(path.parent / name),
    "hard link": lambda path, name: path.hardlink_to(name),
    "hard link to a sibling": lambda path, name: path.hardlink_to(path.parent / name),
    "walk": lambda path, _: list(path.walk(follow_symlinks=False)),
    "glob": lambda path, _: [each.read_text() for each in path.glob("*/*") if each.is_file()],
    "rglob": lambda path, _: [each.read_text() for each in path.rglob("*") if each.is_file()],
}

Work = list[tuple[list[tuple[str, str]], str, str]]

STEPS = st.tuples(st.sampled_from(sorted(WALKS)), NAMES)
WORK = st.lists(st.tuples(st.lists(STEPS, max_size=4), st.sampled_from(sorted(DEEDS)), NAMES), max_size=12)


def replace(path: LocalOutputPath) -> None:
    with path.replacing() as plain:
        plain.write_text("replaced")


def look_outside(directory: Path) -> list[tuple[str, int, int, bytes | str]]:
    """Everything beside the root: its names, modes, times and content."""
    found: list[tuple[str, int, int, bytes | str]] = []
    for path in sorted(directory.rglob("*")):
        if not path.is_relative_to(directory / "root"):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else ""
            found.append((str(path), status.st_mode, status.st_mtime_ns, content))
    return found


def check_that_nothing_outside_is_touched(work: Work, has_links_out: bool) -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name).resolve()
        (directory / "root/a").mkdir(parents=True)
        (directory / "root/a/file").write_text("ours")
        (directory / "beside").mkdir()
        for secret in (directory / "beside/secret", directory / "secret", directory / "file"):
            secret.write_text(SECRET)
        if has_links_out:  # which somebody else has made
            (directory / "root/out").symlink_to("../beside")
            (directory / "root/up").symlink_to("..")
            (directory / "root/a/link").symlink_to(directory / "secret")
        before = look_outside(directory)
        root = open_local_root(RootPlace("default", str(directory / "root")))
        for steps, deed, argument in work:
            path = root
            with suppress(OutsideTargetRoot, StorageFailed, OSError, ValueError, RuntimeError):
                for walk, argument_of_walk in steps:
                    next_path = WALKS[walk](path, argument_of_walk)
                    assert isinstance(next_path, LocalOutputPath)
                    path = next_path
                assert SECRET not in str(DEEDS[deed](path, argument))
        assert look_outside(directory) == before


def _no_sync(descriptor: int) -> None:
    """What keeps a file through a power cut takes long, and changes no name."""


def test_nothing_beside_the_root_is_changed_or_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", _no_sync)
    settings(max_examples=50)(given(WORK, st.booleans())(check_that_nothing_outside_is_touched))()


@pytest.mark.slow
def test_nothing_beside_the_root_is_changed_or_read_whatever_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", _no_sync)
    settings(max_examples=3000)(given(WORK, st.booleans())(check_that_nothing_outside_is_touched))()


@pytest.mark.skipif(sys.platform != "linux", reason="times of access are not kept alike everywhere")
def test_the_links_of_a_root_are_looked_at_by_a_call_for_each_step_alone(tmp_path: Path) -> None:
    root = open_local_root(RootPlace("default", str(tmp_path)))
    path = root / "train" / ("0" * 64) / "model.pkl"
    path.write_text("")
    calls: list[str] = []
    looked_at = os.lstat

    def lstat(name: str) -> os.stat_result:
        calls.append(name)
        return looked_at(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "lstat", lstat)
        os.fspath(path)
    assert calls == [str(each) for each in (path.parent.parent, path.parent, path)]
