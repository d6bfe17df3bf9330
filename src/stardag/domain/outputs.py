"""Where outputs lie: which paths may stand below a target root, and where a task's are (readings, section 7)."""

from typing import NamedTuple
from urllib.parse import unquote

from stardag.domain.output_errors import OutsideTargetRoot, UnsupportedScheme
from stardag.domain.target_roots import CHECKED_SCHEMES, scheme_of

OWN_PREFIX = ".stardag-"
"""What names begin with that are Stardag's own: records of tasks, and what is only being written."""

TASK_RECORD = f"{OWN_PREFIX}task.json"
"""The file in a task's directory that says that the task is complete, and which outputs it has."""

TASK_RECORD_MAX_BYTES = 1024 * 1024

_DECODINGS_MAX = 5
_CONTROL = frozenset(map(chr, (*range(0x20), 0x7F)))


class RootPlace(NamedTuple):
    """A target root that outputs are opened below: its name, where it is, and whether it is only read."""

    name: str
    uri_prefix: str
    is_read_only: bool = False


def root_place(name: str, uri_prefix: str, *, read_only: bool = False) -> RootPlace:
    """A target root, to be opened.

    Raises:
        UnsupportedScheme: nothing can be opened there; the error names the schemes that can.
    """
    if scheme_of(uri_prefix) not in CHECKED_SCHEMES:
        raise UnsupportedScheme(name, uri_prefix)
    return RootPlace(name, uri_prefix, read_only)


def task_directory(task_name: str, task_id: str) -> str:
    """Where the outputs of a task lie below its target root."""
    return f"{task_name}/{task_id}"


def check_output_path(root: RootPlace, path: str) -> str:
    """Return `path` in its one spelling: relative, with single slashes and without "."; "" is the root itself.

    Raises:
        OutsideTargetRoot: it is absolute, steps upwards (as it is, or once decoded), or names what is Stardag's own.
    """
    problem = _problem_of(path)
    if problem is not None:
        raise OutsideTargetRoot(root.name, root.uri_prefix, path, problem)
    return "/".join(_segments(path))


def _segments(path: str) -> list[str]:
    return [segment for segment in path.split("/") if segment not in ("", ".")]


def _problem_of(path: str) -> str | None:
    if path.startswith("/") or "://" in path:
        return "it is absolute"
    if not _CONTROL.isdisjoint(path):
        return "it holds control characters"
    if any(segment.startswith(OWN_PREFIX) for segment in _segments(path)):
        return f"names that begin with {OWN_PREFIX!r} are Stardag's own"
    if _steps_upwards(path):
        return "it steps upwards with '..'"
    if "%" not in path:
        return None
    decoded = "/".join(_segments(path))  # "./%2Fetc" is as absolute as "%2Fetc"
    for _ in range(_DECODINGS_MAX):
        before, decoded = decoded, unquote(decoded)
        if decoded == before:
            return None
        if _steps_upwards(decoded) or "\0" in decoded or decoded.startswith("/"):
            return "it steps out once it is decoded"
    return "it is encoded again and again"


def _steps_upwards(path: str) -> bool:
    return ".." in path.replace("\\", "/").split("/")
