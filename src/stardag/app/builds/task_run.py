"""A task of a build, which may be run: complete only once all that a run wrote is there.

The record of an earlier completion is removed before the first thing is written, and written anew when the run has
come to its end. Whatever dies in between leaves a task that is not complete.
"""

import threading
from collections.abc import Mapping
from datetime import datetime

from stardag.app.builds.running_build import RunningBuild
from stardag.app.builds.task_outputs import TaskOutputs
from stardag.app.outputs.ports import TaskFiles
from stardag.domain.builds import Output, RunStatus, TaskRecord
from stardag.domain.completion import RECORD_MAX_BYTES, Completion, read_completion, write_completion
from stardag.domain.endings import ending_of_task
from stardag.domain.output_errors import TaskNotRunning, TooManyOutputs
from stardag.domain.outputs import task_directory
from stardag.domain.tasks import Json


class TaskRun(TaskOutputs):
    """A task of a build. It is run from `start` to `finish`, any number of times, one after the other."""

    def __init__(
        self, name: str, parameters: Mapping[str, Json], files: TaskFiles, root: str, build: RunningBuild
    ) -> None:
        super().__init__(name, parameters, files)
        self._output = Output(root, task_directory(name, self.id))
        self._build = build
        self._lock = threading.Lock()
        self._is_running = False
        self._has_written = False
        self._started_at = build.now()

    def start(self) -> None:
        """Begin a run.

        Raises:
            BuildCancelled: somebody ended the build at the registry.
            RuntimeError: it is running, or the build has ended.
        """
        self._build.check_goes_on()
        with self._lock:
            if self._is_running:
                raise RuntimeError(f"the task {self.name!r} is running already")
            self._is_running, self._has_written = True, False
        self._started_at = self._build.now()
        self._tell("running")

    def finish(self, raised: BaseException | None) -> None:
        """End a run, which `raised` was raised out of, or nothing.

        Raises:
            StorageFailed, TooManyOutputs: the task cannot be made complete.
        """
        with self._lock:
            self._is_running = False
        end, error = ending_of_task(raised)
        if end != "completed":
            self._tell(end, error)
            return
        try:
            status = self._complete()
        except BaseException as failure:
            self._tell(*ending_of_task(failure))
            raise
        self._tell(status)

    def _complete(self) -> RunStatus:
        """Say beside the outputs that they are all there, unless that is said already, and nothing was written."""
        sizes = self._files.sizes()
        if not self._has_written:
            content = self._files.read_record()
            known = None if content is None else read_completion(content)
            # What a library wrote to a plain path was written unseen.
            if known is not None and known.id == self.id and known.outputs == sizes:
                return "reused"
        content = write_completion(Completion(self.name, self.parameters, sizes, self._build.now()))
        if len(content) > RECORD_MAX_BYTES:
            raise TooManyOutputs(self.name, len(sizes), RECORD_MAX_BYTES)
        self._files.write_record(content)
        return "completed"

    def _before_writing(self, path: str) -> None:
        with self._lock:
            if not self._is_running:
                raise TaskNotRunning(self.name, path)
            if not self._has_written:
                self._files.remove_record()
                self._has_written = True

    def _tell(self, status: RunStatus, error: str | None = None) -> None:
        ended_at: datetime | None = None if status == "running" else self._build.now()
        record = TaskRecord(self.name, self.parameters, status, self._output, self._started_at, ended_at, error)
        self._build.record(self.id, record)
