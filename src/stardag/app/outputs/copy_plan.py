"""What a copy has to do, found out by comparing two listings before anything is copied."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from stardag.app.outputs.copying_ports import StoredFile, Transfers
from stardag.app.outputs.stored_tasks import is_record, task_directory_of
from stardag.domain.output_errors import StorageFailed

SHOWN = 5
"""How many of the files that are in the way an error names."""

_PAIRS_AT_ONCE = 1000

Pair = tuple[StoredFile, StoredFile | None]


@dataclass
class CopyPlan:
    """The files to copy, how many of them replace another one, and how many are there already.

    `in_the_way` counts those at the target that hold something else, and are not to be replaced. `spoiled` are the
    directories of tasks that are not as they were at the target while files in them are replaced.
    """

    to_copy: list[StoredFile] = field(default_factory=list[StoredFile])
    size: int = 0
    replaced: int = 0
    already_there: int = 0
    in_the_way: int = 0
    first_in_the_way: list[str] = field(default_factory=list[str])
    spoiled: set[str] = field(default_factory=set[str])
    _records_there: dict[str, StoredFile] = field(default_factory=dict[str, StoredFile])

    def copy(self, file: StoredFile) -> None:
        """Copy a file."""
        self.to_copy.append(file)
        self.size += file.size

    def replace(self, file: StoredFile) -> None:
        """Copy a file in place of another one. A task's record goes before any of its files is replaced."""
        self.replaced += 1
        self.copy(file)
        directory = task_directory_of(file.path)
        if directory is not None:
            self.spoiled.add(directory)

    def leave(self, file: StoredFile) -> None:
        """Leave a file that is there already."""
        self.already_there += 1
        if is_record(file.path):
            self._records_there[str(task_directory_of(file.path))] = file

    def stop_at(self, path: str) -> None:
        """Note what is in the way."""
        self.in_the_way += 1
        if len(self.first_in_the_way) < SHOWN:
            self.first_in_the_way.append(path)

    def copy_records_again(self) -> None:
        """Copy the records of spoiled tasks also where they are there already, since they go first."""
        for directory in sorted(self.spoiled & self._records_there.keys()):
            self.already_there -= 1
            self.copy(self._records_there[directory])


def add_to_plan(
    plan: CopyPlan, transfers: Transfers, pool: ThreadPoolExecutor, pairs: Iterable[Pair], *, replace: bool
) -> None:
    """Add files to a plan, each with the file that is at its path at the target, if any."""
    waiting = iter(pairs)
    while some := tuple(islice(waiting, _PAIRS_AT_ONCE)):
        unclear = [pair for pair in some if _is_unclear(*pair)]
        same = dict(zip(unclear, pool.map(partial(_is_same, transfers), unclear), strict=True))
        for original, other in some:
            if other is not None and (same.get((original, other)) or _is_plainly_same(original, other)):
                plan.leave(original)
            elif other is not None and replace:
                plan.replace(original)
            elif other is not None:
                plan.stop_at(original.path)
            elif obstacle := transfers.target.obstacle(original.path):
                raise StorageFailed(original.path, f"it cannot be copied: {obstacle}")
            else:
                plan.copy(original)


def pairs_of(originals: Iterable[StoredFile], others: Iterable[StoredFile]) -> Iterator[Pair]:
    """Each file of one listing with the file of the same path in the other, if there is one. Both are in the order of
    the bytes of paths, so that neither has to be kept."""
    waiting = iter(others)
    other = next(waiting, None)
    for original in originals:
        while other is not None and _order(other) < _order(original):
            other = next(waiting, None)
        yield original, other if other is not None and other.path == original.path else None


def _order(file: StoredFile) -> bytes:
    return file.path.encode(errors="surrogateescape")


def _is_plainly_same(original: StoredFile, other: StoredFile) -> bool:
    return (original.size, original.version) == (other.size, other.version)


def _is_unclear(original: StoredFile, other: StoredFile | None) -> bool:
    return other is not None and original.size == other.size and original.version != other.version


def _is_same(transfers: Transfers, pair: Pair) -> bool:
    original, other = pair
    return other is not None and transfers.is_same(original, other)
