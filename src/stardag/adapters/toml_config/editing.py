"""Changing the text of a `config.toml` so that everything a person wrote in it stays as it is.

A new table is appended as text, which leaves every byte before it alone; changing or removing in place is tomlkit's
work. Whichever it was, the result is parsed again and has to be what was intended.
"""

import copy
import tomllib
from collections.abc import Mapping, Sequence
from typing import cast

from stardag.app.configuration_files import Edit
from stardag.domain.errors import EditNotPossible

Values = dict[str, object]


def edited(path: str, text: str, values: Mapping[str, object], edits: Sequence[Edit]) -> str:
    """The text with the edits made; `values` is what the text parses to now.

    Raises:
        EditNotPossible: neither way gives a text that reads back as intended.
    """
    intended = _intended(values, edits)
    result = _appended(text, edits) if _only_adds_tables(values, edits) else None
    if result is None or not _reads_back(result, intended):
        result = _changed_in_place(text, edits)
    if result is None or not _reads_back(result, intended):
        raise EditNotPossible(path, "the change would not have read back as intended", _paste(edits))
    return result


def _intended(values: Mapping[str, object], edits: Sequence[Edit]) -> Values:
    """The document as plain values once the edits are made; tables that an edit leaves empty go."""
    result = copy.deepcopy(dict(values))
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


def _only_adds_tables(values: Mapping[str, object], edits: Sequence[Edit]) -> bool:
    return all(edit.values is not None and _at(values, edit.table) is None for edit in edits)


def _appended(text: str, edits: Sequence[Edit]) -> str:
    """The text with new tables at its end."""
    newline = "\r\n" if "\r\n" in text else "\n"
    gap = "" if not text else newline if text.endswith("\n") else newline * 2
    return text + gap + _paste(edits).replace("\n", newline)


def _changed_in_place(text: str, edits: Sequence[Edit]) -> str | None:
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
