"""What stands in the file of a build's outcome: read with suspicion, and written in one fixed order."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, cast, get_args

from stardag.adapters.durable_files import decode_json, encode_json
from stardag.adapters.state_files.documents import CorruptDocument
from stardag.domain.builds import BuildEnd, Output, RunStatus, TaskRecord
from stardag.domain.endings import Ending, KeptOutcome
from stardag.domain.errors import ConfigurationError
from stardag.domain.names import check_name, is_id
from stardag.domain.outputs import RootPlace, check_output_path
from stardag.domain.registry_url import normal_url
from stardag.domain.tasks import Json, task_id

_ERROR_MAX_LENGTH = 4000
_ENDS: tuple[BuildEnd, ...] = get_args(BuildEnd)
_STATUSES: tuple[RunStatus, ...] = get_args(RunStatus)
_ANYWHERE = RootPlace("", "")


def write_outcome(outcome: KeptOutcome) -> bytes:
    """The outcome, as `read_outcome` reads it."""
    ending = outcome.ending
    return encode_json(
        {
            "registry_url": outcome.registry_url,
            "workspace_id": outcome.workspace_id,
            "build_id": outcome.build_id,
            "at": outcome.at.isoformat(),
            "ending": None if ending is None else {"status": ending.end, "error": ending.error},
            "tasks": [_task(record) for record in outcome.records],
        }
    )


def read_outcome(content: bytes) -> KeptOutcome:
    """The outcome of a build.

    Raises:
        CorruptDocument: it breaks the format, or says what cannot be.
    """
    try:
        document = _members(decode_json(content))
        return KeptOutcome(
            normal_url(_text(document, "registry_url")),
            _id(document, "workspace_id"),
            _id(document, "build_id"),
            _ending(document.get("ending")),
            _required_moment(document, "at"),
            tuple(_record(_members(each)) for each in _array(document, "tasks")),
        )
    except (ValueError, ConfigurationError) as error:
        raise CorruptDocument(str(error).rstrip(".")) from None


def _task(record: TaskRecord) -> dict[str, object]:
    output = record.output
    return {
        "name": record.name,
        "parameters": record.parameters,
        "status": record.status,
        "output": None if output is None else {"root": output.root, "path": output.path},
        "started_at": record.started_at.isoformat(),
        "ended_at": None if record.ended_at is None else record.ended_at.isoformat(),
        "error": record.error,
    }


def _record(entry: Mapping[str, object]) -> TaskRecord:
    name, parameters = _text(entry, "name"), cast("Mapping[str, Json]", _members(entry.get("parameters")))
    task_id(name, parameters)
    return TaskRecord(
        name,
        parameters,
        cast("RunStatus", _one_of(_STATUSES, entry)),
        _output(entry.get("output")),
        _required_moment(entry, "started_at"),
        _moment(entry, "ended_at"),
        _error(entry),
    )


def _output(value: object) -> Output | None:
    if value is None:
        return None
    members = _members(value)
    root, path = check_name("target root", _text(members, "root")), _text(members, "path")
    if check_output_path(_ANYWHERE, path) != path:
        raise CorruptDocument("'path' is not in its one spelling")
    return Output(root, path)


def _ending(value: object) -> Ending | None:
    if value is None:
        return None
    members = _members(value)
    return Ending(cast("BuildEnd", _one_of(_ENDS, members)), _error(members))


def _one_of(statuses: tuple[str, ...], members: Mapping[str, object]) -> str:
    status = _text(members, "status")
    if status not in statuses:
        raise CorruptDocument("'status' is none that there is")
    return status


def _error(members: Mapping[str, object]) -> str | None:
    if members.get("error") is None:
        return None
    error = _text(members, "error")
    if len(error) > _ERROR_MAX_LENGTH:
        raise CorruptDocument("'error' is too long")
    return error


def _required_moment(members: Mapping[str, object], key: Literal["at", "started_at"]) -> datetime:
    moment = _moment(members, key)
    if moment is None:
        raise CorruptDocument(f"{key!r} is missing")
    return moment


def _moment(members: Mapping[str, object], key: str) -> datetime | None:
    if members.get(key) is None:
        return None
    moment = datetime.fromisoformat(_text(members, key))
    if moment.utcoffset() != timedelta(0):
        raise CorruptDocument(f"{key!r} is not in UTC")
    return moment


def _id(members: Mapping[str, object], key: str) -> str:
    value = _text(members, key)
    if not is_id(value):
        raise CorruptDocument(f"{key!r} is no id")
    return value.lower()


def _text(members: Mapping[str, object], key: str) -> str:
    value = members.get(key)
    if not isinstance(value, str):
        raise CorruptDocument(f"{key!r} is no text")
    return value


def _array(members: Mapping[str, object], key: str) -> list[object]:
    value = members.get(key)
    if not isinstance(value, list):
        raise CorruptDocument(f"{key!r} is no array")
    return cast("list[object]", value)


def _members(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise CorruptDocument("an object is missing")
    return cast("Mapping[str, object]", value)
