"""Tasks: the named steps of builds, and the id that such a step has everywhere (readings, section 7).

Client and registry make the id by the same rule, so that it never has to be asked for.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import cast

from stardag.domain.errors import InvalidValue
from stardag.domain.names import is_text

TASK_NAME_MAX_LENGTH = 100
TASK_NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]*"
PARAMETERS_MAX_BYTES = 16 * 1024
"""Of their canonical JSON. What is larger is data, and belongs below a target root."""

PARAMETERS_MAX_DEPTH = 32

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]

_NAME = re.compile(TASK_NAME_PATTERN)
_ID = re.compile(r"[0-9a-f]{64}")


def task_id(name: str, parameters: Mapping[str, Json]) -> str:
    """The SHA-256, in hexadecimal, of the canonical JSON of the array that holds name and parameters.

    Raises:
        InvalidValue: name or parameters cannot be those of a task.
    """
    check_task_name(name)
    check_parameters(parameters)
    return hashlib.sha256(canonical_json([name, parameters]).encode()).hexdigest()


def is_task_id(value: str) -> bool:
    """Whether `value` has the form of a task's id."""
    return _ID.fullmatch(value) is not None


def is_task_name(value: str) -> bool:
    """Whether `value` may name a task."""
    return len(value) <= TASK_NAME_MAX_LENGTH and _NAME.fullmatch(value) is not None


def check_task_name(value: str) -> str:
    """Return `value`, a task's name, which is also a directory's below the target root.

    Raises:
        InvalidValue: it is empty, too long, or holds anything but ASCII letters, digits, ".", "_" and "-".
    """
    if not is_text(value) or not is_task_name(value):
        rule = f"1 to {TASK_NAME_MAX_LENGTH} ASCII letters, digits, '.', '_' and '-', the first a letter or a digit"
        raise InvalidValue("task name", value, "it does not follow the rule", f"A task's name is {rule}.")
    return value


def check_parameters(parameters: Mapping[str, Json]) -> str:
    """The canonical JSON of a task's parameters.

    Raises:
        InvalidValue: they nest too deep, are too large, or hold what JSON cannot say.
    """
    fix = "Keep large values below a target root, and give their path as the parameter."
    if not isinstance(cast("object", parameters), Mapping):  # types promise a mapping, and nobody checks them
        raise InvalidValue("parameters", None, "they are no mapping", "Give a dictionary of names and values.")
    if _is_deeper(parameters, PARAMETERS_MAX_DEPTH):
        raise InvalidValue("parameters", None, f"they nest deeper than {PARAMETERS_MAX_DEPTH} levels", fix)
    try:
        text = canonical_json(parameters)
        size = len(text.encode())
    except (TypeError, ValueError):  # NaN, infinity, half a surrogate pair, and what is no JSON at all
        raise InvalidValue("parameters", None, "they hold what JSON cannot say", fix) from None
    if size > PARAMETERS_MAX_BYTES:
        raise InvalidValue("parameters", None, f"they have more than {PARAMETERS_MAX_BYTES} bytes", fix)
    return text


def canonical_json(value: Json) -> str:
    """JSON of which equal values have one spelling: keys sorted, no blanks, no escapes but the needed ones, numbers as
    Python writes them (1 and 1.0 differ, as they do to a program).

    Raises:
        ValueError, TypeError: `value` holds NaN or infinity, or is no JSON.
    """
    _check_keys(value)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _check_keys(value: Json) -> None:
    """That keys are texts. The library would make texts of numbers, after it has sorted them as numbers."""
    if isinstance(value, Mapping):
        keys = cast("Collection[object]", value.keys())  # types promise texts, and nobody checks types when it runs
        if not all(isinstance(key, str) for key in keys):
            raise TypeError("a key is no text")
        value = tuple(value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        for each in value:
            _check_keys(each)


def _is_deeper(value: Json, levels: int) -> bool:
    if isinstance(value, str) or not isinstance(value, Mapping | Sequence):
        return False
    inner = value.values() if isinstance(value, Mapping) else value
    return levels == 0 or any(_is_deeper(each, levels - 1) for each in inner)
