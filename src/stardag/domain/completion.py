"""The record that a task leaves beside its outputs once all of them are there (readings, section 7).

It is written last and removed before anything is changed, so that it vouches for what it lists.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, cast

from stardag.domain.errors import ConfigurationError
from stardag.domain.outputs import TASK_RECORD_MAX_BYTES, RootPlace, check_output_path
from stardag.domain.tasks import Json, task_id

RECORD_MAX_BYTES = TASK_RECORD_MAX_BYTES

_ANYWHERE = RootPlace("", "")


class Completion(NamedTuple):
    """That a task is complete: which one, its outputs (relative path to bytes), and since when."""

    name: str
    parameters: Mapping[str, Json]
    outputs: Mapping[str, int]
    completed_at: datetime

    @property
    def id(self) -> str:
        """The task's id."""
        return task_id(self.name, self.parameters)


def write_completion(completion: Completion) -> bytes:
    """The record, as `read_completion` reads it."""
    document = {
        "name": completion.name,
        "parameters": completion.parameters,
        "outputs": [{"path": path, "size": size} for path, size in sorted(completion.outputs.items())],
        "completed_at": completion.completed_at.isoformat(),
    }
    return json.dumps(document, separators=(",", ":")).encode()


def read_completion(content: bytes) -> Completion | None:
    """What a record says; None where it cannot have been written by this program."""
    try:
        document = _members(json.loads(content.decode()))
        completion = Completion(
            cast("str", _typed(document["name"], str)),
            cast("Mapping[str, Json]", _members(document["parameters"])),
            dict(_output(each) for each in cast("list[object]", _typed(document["outputs"], list))),
            datetime.fromisoformat(cast("str", _typed(document["completed_at"], str))),
        )
        _ = completion.id  # which no name or parameters have that cannot be a task's
    except (ValueError, KeyError, RecursionError, ConfigurationError):
        return None
    return completion


def _output(value: object) -> tuple[str, int]:
    members = _members(value)
    path, size = cast("str", _typed(members["path"], str)), cast("int", _typed(members["size"], int))
    if size < 0 or not path or check_output_path(_ANYWHERE, path) != path:
        raise ValueError("no output can be so")
    return path, size


def _members(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", _typed(value, dict))


def _typed(value: object, kind: type) -> object:
    if type(value) is not kind:
        raise ValueError("something has another type")
    return value
