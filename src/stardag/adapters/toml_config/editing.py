"""Changing the text of a `config.toml` so that everything a person wrote in it stays as it is.

A new table is appended as text, which leaves every byte before it alone; changing or removing in place is tomlkit's
work. Whichever it was, the result is parsed again and has to be what was intended.
"""

import copy
import tomllib
from collections.abc import Mapping, Sequence
from typing import cast

from stardag.app.ports import Edit
from stardag.domain.errors import EditNotPossible

Values = dict[str, object]


def edited(path: str, text: str, values: Mapping[str, object], edits: Sequence[Edit]) -> str:
    """The text with the edits made; `values` is what the text parses to now.

    Raises:
        EditNotPossible: neither way gives a text that reads back as intended.
    """
    intended = _intended(values, edits)
    paste = _paste(edits)
    for attempt in (_appended, _changed_in_place):
        try:
            result = attempt(text, values, edits)
        except Exception:  # tomlkit has failed in many ways on valid files: whatever it is, nothing is written
            continue
        if result is not None and _reads_back(result, intended):
            return result
    raise EditNotPossible(path, "the change would not have read back as intended", paste)


def _intended(values: Mapping[str, object], edits: Sequence[Edit]) -> Values:
    """The document as plain values once the edits are made; tables that an edit leaves empty go."""
    result = cast(Values, copy.deepcopy(dict(values)))
    for edit in edits:
        _apply(result, edit)
    return result


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


def _appended(text: str, values: Mapping[str, object], edits: Sequence[Edit]) -> str | None:
    """The text with new tables at its end, or None where an edit is more than that."""
    if any(edit.values is None or _at(values, edit.table) is not None for edit in edits):
        return None
    newline = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text else newline if text.endswith("\n") else newline * 2
    return text + gap + _paste(edits).replace("\n", newline)


def _changed_in_place(text: str, values: Mapping[str, object], edits: Sequence[Edit]) -> str:
    import tomlkit  # half as large as all the rest, and few commands change a file in place

    document = tomlkit.parse(text)
    for edit in edits:
        _apply(cast(Values, document), edit)
    return tomlkit.dumps(document)  # pyright: ignore[reportUnknownMemberType]  # tomlkit leaves its Mapping bare


def _at(values: Mapping[str, object], path: Sequence[str]) -> object | None:
    found: object = values
    for key in path:
        if not isinstance(found, dict) or key not in found:
            return None
        found = cast(Values, found)[key]
    return found


def _reads_back(text: str, intended: Values) -> bool:
    try:
        return tomllib.loads(text) == intended
    except tomllib.TOMLDecodeError:
        return False


def _paste(edits: Sequence[Edit]) -> str:
    """What the edits add, as TOML."""
    import tomli_w

    document: Values = {}
    for edit in edits:
        if edit.values is not None:
            _apply(document, edit)
    return tomli_w.dumps(document)
