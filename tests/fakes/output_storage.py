"""The port `OutputStorage` in memory: what is written is there as a whole, and every change can be made to fail."""

import io
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, overload

from stardag.app.outputs.ports import BinaryMode, TextMode
from stardag.domain.output_errors import ReadOnlyTargetRoot
from stardag.domain.outputs import TASK_RECORD, RootPlace, check_output_path


def _nothing(change: str) -> None:
    """What is done about a change, unless a test says otherwise."""


@dataclass
class FakeOutputStorage:
    """Files by the URI prefix of their root and their path below it. `before_change` is told of every change before it
    is made, and may raise."""

    files: dict[tuple[str, str], bytes] = field(default_factory=dict[tuple[str, str], bytes])
    before_change: Callable[[str], None] = _nothing

    def open_root(self, root: RootPlace) -> "FakePath":
        return FakePath(self, root, "", "")

    def task_files(self, root: RootPlace, directory: str) -> "FakeTaskFiles":
        return FakeTaskFiles(self, root, directory)

    def put(self, root: RootPlace, path: str, content: bytes) -> None:
        if root.is_read_only:
            raise ReadOnlyTargetRoot(root.name, f"{root.uri_prefix}{path}")
        self.before_change(f"write {path}")
        self.files[root.uri_prefix, path] = content

    def remove(self, root: RootPlace, path: str) -> None:
        if root.is_read_only:
            raise ReadOnlyTargetRoot(root.name, f"{root.uri_prefix}{path}")
        self.before_change(f"remove {path}")
        self.files.pop((root.uri_prefix, path), None)

    def below(self, root: RootPlace, directory: str) -> Mapping[str, bytes]:
        """The outputs below a directory, by their path in it."""
        start = f"{directory}/" if directory else ""
        return {
            path.removeprefix(start): content
            for (prefix, path), content in sorted(self.files.items())
            if prefix == root.uri_prefix and path.startswith(start) and "/.stardag-" not in f"/{path}"
        }


@dataclass(frozen=True)
class FakeTaskFiles:
    """The port `TaskFiles`."""

    storage: FakeOutputStorage
    root: RootPlace
    directory: str

    def sizes(self) -> Mapping[str, int]:
        return {path: len(content) for path, content in self.storage.below(self.root, self.directory).items()}

    def read_record(self) -> bytes | None:
        return self.storage.files.get((self.root.uri_prefix, self._record))

    def write_record(self, content: bytes) -> None:
        self.storage.put(self.root, self._record, content)

    def remove_record(self) -> None:
        self.storage.remove(self.root, self._record)

    def path(self, relative: str, before_writing: Callable[[], None] | None = None) -> "FakePath":
        return FakePath(self.storage, self.root, self.directory, "", before_writing) / relative

    @property
    def _record(self) -> str:
        return f"{self.directory}/{TASK_RECORD}"


@dataclass(frozen=True)
class FakePath:
    """The port `OutputPath`: `relative` to a directory that it never leaves."""

    storage: FakeOutputStorage
    root: RootPlace
    top: str
    relative: str
    before_writing: Callable[[], None] | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        return self.relative.rpartition("/")[2]

    @property
    def parent(self) -> "FakePath":
        return self._at(self.relative.rpartition("/")[0])

    def __truediv__(self, other: str) -> "FakePath":
        return self._at("/".join(filter(None, (self.relative, check_output_path(self.root, other)))))

    def __fspath__(self) -> str:
        return f"/in-memory/{self.root.name}/{self._path}"

    def __str__(self) -> str:
        return f"{self.root.uri_prefix}{self._path}"

    def exists(self) -> bool:
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        return (self.root.uri_prefix, self._path) in self.storage.files

    def is_dir(self) -> bool:
        return bool(self.storage.below(self.root, self._path))

    def iterdir(self) -> Iterator["FakePath"]:
        names = {path.partition("/")[0] for path in self.storage.below(self.root, self._path)}
        return (self / name for name in sorted(names))

    def glob(self, pattern: str) -> Iterator["FakePath"]:
        steps = check_output_path(self.root, pattern).split("/")
        return (self / path for path in self._all_below() if _matches(path.split("/"), steps))

    def rglob(self, pattern: str) -> Iterator["FakePath"]:
        return self.glob(f"**/{pattern}")

    @overload
    def open(
        self,
        mode: TextMode = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[str]: ...
    @overload
    def open(self, mode: BinaryMode, buffering: int = -1) -> IO[bytes]: ...
    def open(
        self,
        mode: TextMode | BinaryMode = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[str] | IO[bytes]:
        opened = self._opened(mode.replace("b", ""))
        if "b" in mode:
            return opened
        return io.TextIOWrapper(opened, encoding or "utf-8", errors, newline)

    def read_bytes(self) -> bytes:
        try:
            return self.storage.files[self.root.uri_prefix, self._path]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory", str(self)) from None

    def read_text(self, encoding: str | None = None) -> str:
        return self.read_bytes().decode(encoding or "utf-8")

    def write_bytes(self, data: bytes) -> int:
        self._tell()
        self.storage.put(self.root, self._path, bytes(data))
        return len(data)

    def write_text(self, data: str, encoding: str | None = None) -> int:
        self.write_bytes(data.encode(encoding or "utf-8"))
        return len(data)

    def unlink(self, missing_ok: bool = False) -> None:
        if self.is_file():
            self._tell()
            self.storage.remove(self.root, self._path)
        elif not missing_ok:
            raise FileNotFoundError(2, "No such file or directory", str(self))

    @contextmanager
    def replacing(self) -> Generator[Path]:
        self._tell()
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory, self.name)
            yield path
            self.write_bytes(path.read_bytes())

    @property
    def _path(self) -> str:
        return "/".join(filter(None, (self.top, self.relative)))

    def _at(self, relative: str) -> "FakePath":
        return FakePath(self.storage, self.root, self.top, relative, self.before_writing)

    def _tell(self) -> None:
        if self.root.is_read_only:
            raise ReadOnlyTargetRoot(self.root.name, str(self))
        if self.before_writing is not None:
            self.before_writing()

    def _all_below(self) -> list[str]:
        files = list(self.storage.below(self.root, self._path))
        folders = {"/".join(file.split("/")[:depth]) for file in files for depth in range(1, file.count("/") + 1)}
        return sorted({*files, *folders})

    def _opened(self, mode: str) -> IO[bytes]:
        if mode == "r":
            return io.BytesIO(self.read_bytes())
        self._tell()
        if mode.startswith("x") and self.is_file():
            raise FileExistsError(17, "File exists", str(self))
        before = self.read_bytes() if mode == "r+" or (mode.startswith("a") and self.is_file()) else b""
        written = _Written(before, self)
        written.seek(0, io.SEEK_END if mode.startswith("a") else io.SEEK_SET)
        return written


class _Written(io.BytesIO):
    """A file that is being written, and put in place when it is closed."""

    def __init__(self, before: bytes, path: FakePath) -> None:
        super().__init__(before)
        self._output = path

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            super().close()
        else:
            self.close()

    def close(self) -> None:
        if not self.closed:
            content = self.getvalue()
            super().close()
            self._output.write_bytes(content)


def _matches(steps: list[str], patterns: list[str]) -> bool:
    if not patterns or not steps:
        return not steps and all(pattern == "**" for pattern in patterns)
    if patterns[0] == "**":
        return _matches(steps, patterns[1:]) or _matches(steps[1:], patterns)
    return fnmatchcase(steps[0], patterns[0]) and _matches(steps[1:], patterns[1:])


def failing_at(step: int, error: BaseException) -> Callable[[str], None]:
    """A `before_change` with which the changes from number `step` (from 0) on are not made any more."""
    left = iter(range(step))

    def before_change(change: str) -> None:
        if next(left, None) is None:
            raise error

    return before_change
