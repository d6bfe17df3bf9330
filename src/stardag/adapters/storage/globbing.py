"""Patterns of paths, the same for every storage and every version of Python.

As in `pathlib` of Python 3.13: `*`, `?` and `[…]` within a name, and `**` for any number of directories; as the last
step, it stands for all that lies below. A link to a directory is looked through where a step matches it, not by `**`.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import translate
from typing import Literal, NamedTuple


class Child(NamedTuple):
    """What a directory holds under one name."""

    name: str
    kind: Literal["file", "directory", "link"]


Children = Callable[[str], Iterable[Child]]
"""What a directory holds, by its relative path; nothing where it is none, or not there."""


def select(pattern: str, children: Children) -> Iterator[str]:
    """The relative paths that match a pattern, which is relative and in its one spelling; each of them once."""
    seen: set[str] = set()
    for path in _select("", pattern.split("/"), children):
        if path not in seen:
            seen.add(path)
            yield path


def _select(directory: str, steps: Sequence[str], children: Children) -> Iterator[str]:
    step, rest = steps[0], steps[1:]
    if step == "**":
        yield from _below(directory, rest, children)
        return
    fits = re.compile(translate(step)).match
    for child in children(directory):
        if fits(child.name):
            path = _join(directory, child.name)
            if not rest:
                yield path
            elif child.kind != "file":
                yield from _select(path, rest, children)


def _below(directory: str, rest: Sequence[str], children: Children) -> Iterator[str]:
    if rest:
        yield from _select(directory, rest, children)
    else:
        yield directory
    for child in children(directory):
        path = _join(directory, child.name)
        if child.kind == "directory":
            yield from _below(path, rest, children)
        elif not rest:
            yield path


def _join(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory else name
