"""Changing the text of a `config.toml` so that everything a person wrote in it stays as it is.

A new table is appended as text, which leaves every byte before it alone, and a table is taken out as the lines that it
stands on; whatever that cannot do is tomlkit's work. Whichever it was, the result is parsed again and has to be what
was intended. Nothing that an edit leaves empty makes a difference.
"""

import copy
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import cast

from stardag.app.configuration_files import Edit
from stardag.domain.errors import EditNotPossible

Values = dict[str, object]


def edited(path: str, text: str, values: Mapping[str, object], edits: Sequence[Edit]) -> str:
    """The text with the edits made; `values` is what the text parses to now.

    Raises:
        EditNotPossible: neither way gives a text that reads back as intended.
    """
    edits = [edit for edit in edits if not (edit.unless_set and _is_set(values, edit))]
    intended = _intended(values, edits)
    for way in (_appended, _taken_out, _changed_in_place):
        result = way(text, values, edits)
        if result is not None and _reads_back(result, intended, edits):
            return result
    raise EditNotPossible(path, "the change would not have read back as intended", _paste(edits))


def _intended(values: Mapping[str, object], edits: Sequence[Edit]) -> Values:
    """The document as plain values once the edits are made; tables that an edit leaves empty go."""
    result = copy.deepcopy(dict(values))
    for edit in edits:
        _apply(result, edit)
    return _without_empty(result, edits)


def _without_empty(document: Values, edits: Sequence[Edit]) -> Values:
    """The document without those tables on the way to an edit that hold nothing."""
    for edit in edits:
        for depth in range(len(edit.table), 0, -1):
            *parents, name = edit.table[:depth]
            parent = _at(document, parents)
            if isinstance(parent, dict) and cast(Values, parent).get(name) == {}:
                del parent[name]
    return document


def _apply(document: Values, edit: Edit) -> None:
    """Make one edit on a document of nested mappings: plain ones or tomlkit's, which behave alike here."""
    *parents, name = edit.table
    table = document
    for parent in parents:
        table = cast(Values, table.setdefault(parent, {}))
    if edit.values is None:
        table.pop(name, None)
        return
    target = cast(Values, table.setdefault(name, {}))
    for key, value in edit.values.items():
        if value is None:
            target.pop(key, None)
        else:
            target[key] = value


def _is_set(values: Mapping[str, object], edit: Edit) -> bool:
    """Whether the table of an edit has one of its keys already."""
    table = _at(values, edit.table)
    return isinstance(table, dict) and not cast(Values, table).keys().isdisjoint(edit.values or ())


def _only_adds_tables(values: Mapping[str, object], edits: Sequence[Edit]) -> bool:
    return all(edit.values is not None and _at(values, edit.table) is None for edit in edits)


def _appended(text: str, values: Mapping[str, object], edits: Sequence[Edit]) -> str | None:
    """The text with new tables at its end; None where the edits do something else."""
    if not _only_adds_tables(values, edits):
        return None
    newline = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text else newline if text.endswith("\n") else newline * 2
    return text + gap + _added(edits).replace("\n", newline)


def _taken_out(text: str, values: Mapping[str, object], edits: Sequence[Edit]) -> str | None:
    """The text without the lines of the tables that go; None where the edits do something else.

    Comments after the last value of a table stay: they may well be about what follows.
    """
    lines = text.split("\n")
    for edit in edits:
        start = _header_of(lines, edit.table) if _empties(values, edit) else None
        if start is None:
            return None
        end = start + 1
        while end < len(lines) and not lines[end].lstrip().startswith("["):
            end += 1
        while end > start + 1 and _is_blank_or_comment(lines[end - 1]):
            end -= 1
        while (start == 0 or not lines[start - 1].strip()) and end < len(lines) - 1 and not lines[end].strip():
            end += 1
        del lines[start:end]
    return "\n".join(lines)


def _empties(values: Mapping[str, object], edit: Edit) -> bool:
    """Whether an edit leaves nothing of its table."""
    if edit.values is None:
        return True
    table = _at(values, edit.table)
    return (
        isinstance(table, dict)
        and all(key in edit.values for key in cast(Values, table))
        and not any(edit.values.values())
    )


def _header_of(lines: Sequence[str], table: Sequence[str]) -> int | None:
    """The index of the line on which a table begins, if it does on a line of its own."""
    header: Values = {}
    for name in reversed(table):
        header = {name: header}
    for index, line in enumerate(lines):
        if line.lstrip().startswith("["):
            with suppress(tomllib.TOMLDecodeError, RecursionError):
                if tomllib.loads(line.strip()) == header:
                    return index
    return None


def _is_blank_or_comment(line: str) -> bool:
    return line.lstrip()[:1] in ("", "#")


def _changed_in_place(text: str, _values: Mapping[str, object], edits: Sequence[Edit]) -> str | None:
    """The text with the edits made in it; None where tomlkit cannot make them."""
    import tomlkit  # half as large as all the rest, and few commands change a file in place

    try:
        document = tomlkit.parse(text)
        for edit in edits:
            _apply(document, edit)
        return tomlkit.dumps(document)  # pyright: ignore[reportUnknownMemberType]  # tomlkit leaves its Mapping bare
    except Exception:  # noqa: BLE001  # it has failed in many ways on valid files, and nothing is written yet
        return None


def _at(values: Mapping[str, object], path: Sequence[str]) -> object | None:
    found = cast(object, values)
    for key in path:
        table = cast(Values, found) if isinstance(found, dict) else {}
        if key not in table:
            return None
        found = table[key]
    return found


def _reads_back(text: str, intended: Values, edits: Sequence[Edit]) -> bool:
    try:
        return _without_empty(tomllib.loads(text), edits) == intended
    except tomllib.TOMLDecodeError:
        return False


def _paste(edits: Sequence[Edit]) -> str:
    """What to do by hand: what the edits add, as TOML, below comments on what they take out."""
    gone: list[str] = []
    for edit in edits:
        table = ".".join(edit.table)
        if edit.values is None:
            gone.append(f"# no more: {table}\n")
        else:
            gone += [f"# no more: {table}.{key}\n" for key, value in edit.values.items() if value is None]
    return "".join(gone) + _added(edits)


def _added(edits: Sequence[Edit]) -> str:
    """What the edits add, as TOML."""
    import tomli_w

    document: Values = {}
    for edit in edits:
        if edit.values is not None:
            _apply(document, edit)
    return tomli_w.dumps(_without_empty(document, edits))
