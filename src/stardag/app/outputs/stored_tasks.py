"""Which files below a target root are outputs, and which task each belongs to, as their paths and records say."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import groupby, islice
from typing import NamedTuple

from stardag.app.outputs.copying_ports import StoredFile, StoredFiles
from stardag.domain.completion import RECORD_MAX_BYTES, read_completion
from stardag.domain.layers import Notice
from stardag.domain.output_errors import OutsideTargetRoot
from stardag.domain.outputs import OWN_PREFIX, TASK_RECORD, RootPlace, check_output_path
from stardag.domain.tasks import is_task_id, is_task_name

THREADS = 16
"""How many files are read or copied at once."""

_TASKS_AT_ONCE = 4 * THREADS


class StoredTask(NamedTuple):
    """A task's directory: its files but for the record, and the record where the task is complete by it."""

    directory: str
    files: Sequence[StoredFile]
    record: StoredFile | None = None

    @property
    def name(self) -> str:
        """The task's name."""
        return self.directory.partition("/")[0]

    @property
    def id(self) -> str:
        """The task's id."""
        return self.directory.partition("/")[2]


class LeftOut:
    """Files that no output can be called, of which a person should hear: how many, and the first."""

    def __init__(self) -> None:
        self.number = 0
        self.first = ""

    def add(self, path: str) -> None:
        """One more."""
        self.first = self.first or path
        self.number += 1

    def notices(self, done: str) -> Iterator[Notice]:
        """What to say of them, who are not `done`."""
        if self.number:
            names = repr(self.first) if self.number == 1 else f"{self.number} files, the first of them {self.first!r}"
            yield Notice(f"not-{done}", f"Not {done}, since no output can be called so: {names}.")


def outputs_among(root: RootPlace, files: Iterable[StoredFile], left_out: LeftOut) -> Iterator[StoredFile]:
    """The outputs among the files below a root, and the records of tasks, without what else is Stardag's own."""
    for file in files:
        if is_record(file.path) or _is_output(root, file.path):
            yield file
        elif not _is_own(file.path):
            left_out.add(file.path)


def task_directory_of(path: str) -> str | None:
    """The directory of the task that a file belongs to by its path; None where it belongs to none."""
    segments = path.split("/", 2)
    if len(segments) == 3 and is_task_id(segments[1]) and is_task_name(segments[0]):
        return f"{segments[0]}/{segments[1]}"
    return None


def is_record(path: str) -> bool:
    """Whether a path is that of a task's record."""
    return path.endswith(TASK_RECORD) and path == f"{task_directory_of(path)}/{TASK_RECORD}"


def find_tasks(root: RootPlace, files: StoredFiles, name: str) -> Iterator[StoredTask]:
    """The tasks of a name, complete or not, by their ids."""
    listed = outputs_among(root, files.find(name), LeftOut())
    groups = groupby(listed, lambda file: task_directory_of(file.path))
    tasks = (StoredTask(directory, tuple(group)) for directory, group in groups if directory is not None)
    with ThreadPoolExecutor(THREADS) as pool:
        while some := tuple(islice(tasks, _TASKS_AT_ONCE)):
            yield from pool.map(partial(_completed, files), some)


def _completed(files: StoredFiles, task: StoredTask) -> StoredTask:
    """The task with its record taken from among its files, if that vouches for the others (readings, section 7)."""
    outputs = {file.path: file for file in task.files}
    record = outputs.pop(f"{task.directory}/{TASK_RECORD}", None)
    task = StoredTask(task.directory, tuple(outputs.values()))
    content = None if record is None else files.read(record, RECORD_MAX_BYTES)
    completion = None if content is None else read_completion(content)
    if completion is None or f"{completion.name}/{completion.id}" != task.directory:
        return task
    for path, size in completion.outputs.items():
        output = outputs.get(f"{task.directory}/{path}")
        if output is None or output.size != size:
            return task
    listed = tuple(file for file in task.files if file.path[len(task.directory) + 1 :] in completion.outputs)
    return StoredTask(task.directory, listed, record)


def _is_output(root: RootPlace, path: str) -> bool:
    try:
        return check_output_path(root, path) == path
    except OutsideTargetRoot:
        return False


def _is_own(path: str) -> bool:
    return path.startswith(OWN_PREFIX) or f"/{OWN_PREFIX}" in path
