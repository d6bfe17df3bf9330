"""What a task has left below a target root: whether it is complete, and its outputs. Needs no build and no registry."""

import json
from collections.abc import Mapping
from typing import cast

from stardag.app.outputs.ports import OutputPath, TaskFiles
from stardag.domain.completion import Completion, read_completion
from stardag.domain.output_errors import TaskNotRunning
from stardag.domain.tasks import Json, check_parameters, task_id


def completion_of(files: TaskFiles, wanted_id: str) -> Completion | None:
    """The record of the task with this id, if the task is complete: every output that it lists is there, with the size
    that it lists."""
    content = files.read_record()
    completion = None if content is None else read_completion(content)
    if completion is None or completion.id != wanted_id:
        return None
    is_there = not completion.outputs or completion.outputs.items() <= files.sizes().items()
    return completion if is_there else None


class TaskOutputs:
    """The outputs of one task, for reading.

    Attributes:
        id: the SHA-256 of name and parameters, the same everywhere.
        name, parameters: what the task was called by.
    """

    def __init__(self, name: str, parameters: Mapping[str, Json], files: TaskFiles) -> None:
        """
        Raises:
            InvalidValue: name or parameters cannot be those of a task.
        """
        self.id = task_id(name, parameters)
        self.name = name
        # A copy, since whoever gave them may change them.
        self.parameters = cast("Mapping[str, Json]", json.loads(check_parameters(parameters)))
        self._files = files

    @property
    def complete(self) -> bool:
        """Whether everything that the task wrote is there: looked at each time, without asking a registry."""
        return completion_of(self._files, self.id) is not None

    def outputs(self) -> tuple[str, ...]:
        """The paths of all outputs in the task's directory; none as long as the task is not complete."""
        completion = completion_of(self._files, self.id)
        return () if completion is None else tuple(sorted(completion.outputs))

    def output(self, path: str) -> OutputPath:
        """An output by its path in the task's directory, which the path never leaves.

        Raises:
            OutsideTargetRoot: it would.
            TaskNotRunning: on writing, outside of a run of the task.
        """
        return self._files.path(path, lambda: self._before_writing(path))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name} {self.id[:12]}>"

    def _before_writing(self, path: str) -> None:
        raise TaskNotRunning(self.name, path)
