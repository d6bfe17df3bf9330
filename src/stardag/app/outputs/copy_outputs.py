"""Copying outputs between the target roots of two profiles, so that nobody ever sees half of anything (ADR 0051)."""

import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import NamedTuple

from stardag.app.outputs.copy_plan import SHOWN, CopyPlan, add_to_plan, pairs_of
from stardag.app.outputs.copying_ports import FileStorage, StoredFile, Transfers
from stardag.app.outputs.find_target_root import FindTargetRoot
from stardag.app.outputs.stored_tasks import (
    THREADS,
    LeftOut,
    find_tasks,
    is_record,
    outputs_among,
    task_directory_of,
)
from stardag.app.validate_before_build import ValidateBeforeBuild
from stardag.domain.errors import ConfirmationNeeded, StardagError
from stardag.domain.layers import Notice
from stardag.domain.lines import lines
from stardag.domain.output_errors import CopyInterrupted, CopyStopped, NoSuchOutput, NothingToCopy, OverlappingRoots
from stardag.domain.outputs import TASK_RECORD, RootPlace, check_output_path, root_place
from stardag.domain.profile import Selection
from stardag.domain.tasks import check_task_name


class Wanted(NamedTuple):
    """What is to be copied: files and directories by their paths below a target root, and tasks by their names."""

    root: str = "default"
    paths: Sequence[str] = ()
    tasks: Sequence[str] = ()


class Copied(NamedTuple):
    """What was copied, or would be: from where to where, which files, and how many were left as they are."""

    source: RootPlace
    target: RootPlace
    files: Sequence[StoredFile]
    size: int
    replaced: int
    already_there: int
    incomplete_tasks: int
    notices: tuple[Notice, ...] = ()


class Progress:
    """How far a copy is, in files and bytes, for whoever shows it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.files = 0
        self.size = 0
        self.files_done = 0
        self.size_done = 0

    def begin(self, files: int, size: int) -> None:
        """So much is to be copied."""
        self.files, self.size = files, size

    def move(self, size: int) -> None:
        """So many bytes more are copied."""
        with self._lock:
            self.size_done += size

    def finish_file(self) -> None:
        """One file more is copied."""
        with self._lock:
            self.files_done += 1


@dataclass(frozen=True, slots=True)
class CopyOutputs:
    """Copies files, directories and complete tasks.

    Raises:
        NothingToCopy: nothing is named.
        OverlappingRoots: source and target are the same place, or one lies inside the other.
        NoSuchOutput: something that is named is not there; nothing was copied.
        ConfirmationNeeded: something else is at the target; nothing was copied.
        CopyStopped: a copy failed; the error says how many were made.
        CopyInterrupted: somebody interrupted it; likewise.
        OutsideTargetRoot, InvalidValue: a path or the name of a task cannot be one.
        StorageFailed: a storage cannot be listed or read.
        and whatever FindTargetRoot and ValidateBeforeBuild raise.
    """

    find_target_root: FindTargetRoot
    validate: ValidateBeforeBuild
    storage: FileStorage

    def __call__(
        self,
        source: Selection,
        target: Selection,
        wanted: Wanted,
        progress: Progress,
        *,
        dry_run: bool = False,
        replace: bool = False,
    ) -> Copied:
        """Copy what is wanted from the target root of one profile to that of the same name of another."""
        if not wanted.paths and not wanted.tasks:
            raise NothingToCopy
        tasks = tuple(dict.fromkeys(check_task_name(name) for name in wanted.tasks))
        found = self.find_target_root.profile(source, wanted.root)
        original = root_place(wanted.root, found.target_root(wanted.root), read_only=True)
        paths = _outermost([check_output_path(original, path) for path in wanted.paths])
        copy, notices = self._target(target, wanted.root)
        if self.storage.overlap(original, copy):
            raise OverlappingRoots(original.uri_prefix, copy.uri_prefix)
        with self.storage.transfers(original, copy) as transfers, ThreadPoolExecutor(THREADS) as pool:
            planning = _Planning(transfers, pool, original, _list_command(source, wanted.root), replace)
            try:
                plan = planning.plan(paths, tasks)
                self.find_target_root.connect.resolve.notice_log.add(planning.notices())
                if not dry_run:
                    progress.begin(len(plan.to_copy), plan.size)
                    transfers.begin()
                    _Copying(transfers, plan, progress).run(pool)
            except BaseException:
                transfers.give_up()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        notices = (*found.notices, *notices, *planning.notices())
        return Copied(
            original,
            copy,
            plan.to_copy,
            plan.size,
            plan.replaced,
            plan.already_there,
            planning.incomplete,
            tuple(dict.fromkeys(notices)),
        )

    def _target(self, selection: Selection, name: str) -> tuple[RootPlace, tuple[Notice, ...]]:
        """Where to copy to. Unless no registry is to be asked, it is made sure of that it has not moved."""
        if selection.offline:
            profile = self.find_target_root.profile(selection, name)
            return root_place(name, profile.target_root(name)), profile.notices
        validated = self.validate(selection)
        notices = tuple(notice for notice in validated.notices if notice.code != "local-build")
        return root_place(name, validated.profile.target_root(name)), notices


class _Planning:
    """Finding out what is to be done, by one listing of each side for each path and task."""

    def __init__(
        self, transfers: Transfers, pool: ThreadPoolExecutor, root: RootPlace, list_command: str, replace: bool
    ) -> None:
        self._transfers = transfers
        self._pool = pool
        self._root = root
        self._list_command = list_command
        self._replace = replace
        self._left_out = LeftOut()
        self._incomplete_at_target: list[str] = []
        self.incomplete = 0

    def plan(self, paths: Sequence[str], tasks: Sequence[str]) -> CopyPlan:
        plan = CopyPlan()
        planned: set[str] = set()
        for path in paths:
            self._add(plan, path, self._below(path, planned if tasks else None))
        for name in tasks:
            self._add(plan, name, (file for file in self._of_tasks(name) if file.path not in planned))
        if plan.in_the_way:
            raise ConfirmationNeeded(_in_the_way(plan), "--replace")
        plan.copy_records_again()
        self._incomplete_at_target = self._without_record(plan)
        return plan

    def notices(self) -> Iterator[Notice]:
        """What a person should hear of."""
        yield from self._left_out.notices("copied")
        for directory in self._incomplete_at_target:
            message = (
                f"The task {directory} is not complete any more where it was copied to: a file of it was replaced."
            )
            yield Notice("task-incomplete", message)

    def _add(self, plan: CopyPlan, path: str, originals: Iterator[StoredFile]) -> None:
        others = self._transfers.target.find(path)
        add_to_plan(plan, self._transfers, self._pool, pairs_of(originals, others), replace=self._replace)

    def _below(self, path: str, planned: set[str] | None) -> Iterator[StoredFile]:
        is_there = not path
        for file in outputs_among(self._root, self._transfers.source.find(path), self._left_out):
            is_there = True
            if planned is not None:
                planned.add(file.path)
            yield file
        if not is_there:
            raise self._no_such(repr(path))

    def _of_tasks(self, name: str) -> Iterator[StoredFile]:
        is_there = False
        for task in find_tasks(self._root, self._transfers.source, name):
            is_there = True
            if task.record is None:
                self.incomplete += 1
            else:
                yield from sorted(
                    (task.record, *task.files), key=lambda file: file.path.encode(errors="surrogateescape")
                )
        if not is_there:
            raise self._no_such(f"task {name!r}")

    def _no_such(self, what: str) -> NoSuchOutput:
        return NoSuchOutput(what, self._root.name, self._root.uri_prefix, self._list_command)

    def _without_record(self, plan: CopyPlan) -> list[str]:
        """The tasks that are complete at the target, and will not be, since their records are not copied."""
        copied = {file.path for file in plan.to_copy if is_record(file.path)}
        directories = [directory for directory in sorted(plan.spoiled) if f"{directory}/{TASK_RECORD}" not in copied]
        return [
            directory for directory in directories if any(self._transfers.target.find(f"{directory}/{TASK_RECORD}"))
        ]


class _Copying:
    """Copying all files of a plan at once, of which the record of a task comes after all its other files."""

    def __init__(self, transfers: Transfers, plan: CopyPlan, progress: Progress) -> None:
        self._transfers = transfers
        self._plan = plan
        self._progress = progress
        self._lock = threading.Lock()
        self._settled = threading.Condition(self._lock)
        self._under_way = 0
        self._failure: BaseException | None = None
        directories = (task_directory_of(file.path) for file in plan.to_copy if not is_record(file.path))
        self._missing = Counter(directory for directory in directories if directory is not None)
        self._records: dict[str, StoredFile] = {}
        self._ready: deque[StoredFile] = deque()
        for file in plan.to_copy:
            directory = str(task_directory_of(file.path))
            if is_record(file.path) and self._missing[directory]:
                self._records[directory] = file
            else:
                self._ready.append(file)

    def run(self, pool: ThreadPoolExecutor) -> None:
        """Copy."""
        try:
            wait([pool.submit(self._remove_record, directory) for directory in self._plan.spoiled])
            if self._failure is None:
                wait([pool.submit(self._work) for _ in range(THREADS)])
        except KeyboardInterrupt as interruption:
            self._fail(interruption)
            with self._settled:  # the pool does not know of a thread in whose start the interruption fell
                self._settled.wait_for(lambda: not self._under_way)
            raise CopyInterrupted(self._progress.files_done, self._progress.files) from None
        if isinstance(self._failure, StardagError):
            raise CopyStopped(self._failure, self._progress.files_done, self._progress.files)
        if self._failure is not None:
            raise self._failure

    def _remove_record(self, directory: str) -> None:
        try:
            self._transfers.target.remove(f"{directory}/{TASK_RECORD}")
        except BaseException as error:  # noqa: BLE001  # told by whoever waits
            self._fail(error)

    def _work(self) -> None:
        """Copy one file after the other, until there is none or one fails."""
        while (file := self._next()) is not None:
            try:
                self._transfers.copy(file, self._progress.move)
            except BaseException as error:  # noqa: BLE001  # told by whoever waits
                self._fail(error)
            else:
                self._finish(file)
            finally:
                with self._settled:
                    self._under_way -= 1
                    self._settled.notify_all()

    def _next(self) -> StoredFile | None:
        with self._lock:
            if not self._ready or self._failure is not None:
                return None
            self._under_way += 1
            return self._ready.popleft()

    def _finish(self, file: StoredFile) -> None:
        self._progress.finish_file()
        directory = task_directory_of(file.path)
        if directory is None or is_record(file.path):
            return
        with self._lock:
            self._missing[directory] -= 1
            if not self._missing[directory] and directory in self._records:
                self._ready.append(self._records.pop(directory))

    def _fail(self, error: BaseException) -> None:
        """Begin nothing more. The first failure is the one to tell of; others may only follow from it."""
        with self._lock:
            self._failure = self._failure or error
        self._transfers.give_up()


def _outermost(paths: Sequence[str]) -> list[str]:
    """The paths without those that lie below another of them."""
    found: list[str] = []
    for path in sorted(set(paths), key=len):
        if not any(not outer or path.startswith(f"{outer}/") for outer in found):
            found.append(path)
    return found


def _in_the_way(plan: CopyPlan) -> str:
    names = [f"  {path}" for path in plan.first_in_the_way]
    more = [f"  and {plan.in_the_way - len(plan.first_in_the_way)} more"] if plan.in_the_way > SHOWN else []
    return lines("Nothing was copied, since something else is where copies would go:", *names, *more)


def _list_command(selection: Selection, root: str) -> str:
    profile = f" --profile {selection.profile}" if selection.profile else ""
    return f"stardag outputs list{profile}{'' if root == 'default' else f' --root {root}'}"
