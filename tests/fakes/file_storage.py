"""The port `FileStorage` in memory."""

import hashlib
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from stardag.app.outputs.copying_ports import GivenUp, StoredFile, StoredFiles, Transfers
from stardag.domain.output_errors import StorageFailed
from stardag.domain.outputs import RootPlace


@dataclass
class FakeFileStorage:
    """Any number of roots by their URI prefixes, without the slash at the end; each holds contents by their paths.

    `done` tells what was copied and removed, in that order; copying a path in `failing` fails with what it says, and
    `copying` is called with each path before it is copied.
    """

    roots: dict[str, dict[str, bytes]] = field(default_factory=dict[str, dict[str, bytes]])
    failing: dict[str, str] = field(default_factory=dict[str, str])
    done: list[str] = field(default_factory=list[str])
    copying: Callable[[str], None] = lambda _path: None

    def root(self, uri_prefix: str) -> dict[str, bytes]:
        """What is below a root."""
        return self.roots.setdefault(uri_prefix.rstrip("/"), {})

    def files(self, root: RootPlace) -> StoredFiles:
        return _Files(self, root.uri_prefix)

    def overlap(self, first: RootPlace, second: RootPlace) -> bool:
        one, other = (root.uri_prefix.rstrip("/") + "/" for root in (first, second))
        return one.startswith(other) or other.startswith(one)

    @contextmanager
    def transfers(self, source: RootPlace, target: RootPlace) -> Generator[Transfers]:
        yield _Transfers(self, _Files(self, source.uri_prefix), _Files(self, target.uri_prefix))


class _Files:
    def __init__(self, storage: FakeFileStorage, uri_prefix: str) -> None:
        self._storage = storage
        self._uri_prefix = uri_prefix
        self.contents = storage.root(uri_prefix)

    def find(self, path: str) -> Iterator[StoredFile]:
        for name in sorted(self.contents, key=str.encode):
            if not path or name == path or name.startswith(f"{path}/"):
                content = self.contents[name]
                yield StoredFile(name, len(content), 1_790_000_000.0, hashlib.md5(content).hexdigest())

    def read(self, file: StoredFile, limit: int) -> bytes | None:
        content = self.contents.get(file.path)
        return content if content is not None and len(content) <= limit else None

    def obstacle(self, path: str) -> str | None:
        if any(name.startswith(f"{path}/") for name in self.contents):
            return f"{self._uri_prefix}/{path} is a directory"
        above = path.split("/")[:-1]
        files = ("/".join(above[:length]) for length in range(1, len(above) + 1))
        return next((f"{self._uri_prefix}/{name} is not a directory" for name in files if name in self.contents), None)

    def remove(self, path: str) -> None:
        self._storage.done.append(f"removed {path}")
        self.contents.pop(path, None)


class _Transfers:
    def __init__(self, storage: FakeFileStorage, source: _Files, target: _Files) -> None:
        self.source = source
        self.target = target
        self._storage = storage
        self._given_up = threading.Event()

    def begin(self) -> None:
        pass

    def is_same(self, original: StoredFile, other: StoredFile) -> bool:
        return self.source.contents[original.path] == self.target.contents[other.path]

    def copy(self, original: StoredFile, moved: Callable[[int], None]) -> None:
        self._storage.copying(original.path)
        if self._given_up.is_set():
            raise GivenUp
        if original.path in self._storage.failing:
            raise StorageFailed(original.path, self._storage.failing[original.path])
        content = self.source.contents.get(original.path)
        if content is None or hashlib.md5(content).hexdigest() != original.version:
            raise StorageFailed(original.path, "it was changed while it was copied")
        self._storage.done.append(f"copied {original.path}")
        self.target.contents[original.path] = content
        moved(len(content))

    def give_up(self) -> None:
        self._given_up.set()
