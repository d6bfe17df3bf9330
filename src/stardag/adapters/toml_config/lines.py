"""Where in a TOML text a key stands. Works on text that has been parsed already, and only when somebody asks."""

import re
from collections.abc import Iterator

from stardag.domain.configuration import KeyPath

_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER = re.compile(rf"^[ \t]*\[\[?[ \t]*({_DOTTED})[ \t]*\]\]?[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_STATEMENT = re.compile(rf"^[ \t]*({_DOTTED})[ \t]*=", re.MULTILINE)
_ONE_KEY = re.compile(_KEY)
_QUOTED = r'''#[^\n]*|"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\''''


class LineIndex:
    """The lines of the tables and keys of one TOML text. Looks only where the words of a key stand: most are asked of
    files with many tables for few."""

    def __init__(self, text: str) -> None:
        self._text = _without_multiline_strings(text)

    def line_of(self, key: KeyPath) -> int | None:
        """The line (from 1) of a key or table, or of the statement that it is part of; None where there is none."""
        position = self._position_of(key)
        return None if position is None else self._text.count("\n", 0, position) + 1

    def _position_of(self, key: KeyPath) -> int | None:
        for length in range(len(key) - 1, -1, -1):
            for start, end in self._sections(key[:length]):
                position = self._statement_within(start, end, key[length:])
                if position is not None:
                    return position
        own = next((start for start, _ in self._sections(key)), None)
        return self._first_below(key) if own is None else own

    def _sections(self, table: KeyPath) -> Iterator[tuple[int, int]]:
        """Start and end of a table's own lines; of the top of the document for the empty path."""
        if not table:
            yield 0, self._next_header(0)
            return
        position = self._text.find(table[-1])
        while position >= 0:
            header = _HEADER.match(self._text, self._text.rfind("\n", 0, position) + 1)
            if header and _path(header[1]) == table:
                yield header.start(1), self._next_header(header.end())
            end_of_line = self._text.find("\n", position)
            position = -1 if end_of_line < 0 else self._text.find(table[-1], end_of_line + 1)

    def _first_below(self, table: KeyPath) -> int | None:
        """The first table below one that has no header of its own, as `[profile.a]` is below `profile`."""
        below = (header for header in _HEADER.finditer(self._text) if _path(header[1])[: len(table)] == table)
        return next((header.start(1) for header in below), None)

    def _next_header(self, position: int) -> int:
        header = _HEADER.search(self._text, position)
        return header.start() if header else len(self._text)

    def _statement_within(self, start: int, end: int, rest: KeyPath) -> int | None:
        """The statement of one section that sets `rest`, or something that `rest` is part of."""
        for statement in _STATEMENT.finditer(self._text, start, end):
            path = _path(statement[1])
            if path == rest[: len(path)] or rest == path[: len(rest)]:
                return statement.start(1)
        return None


def _path(dotted: str) -> KeyPath:
    if _is_bare(dotted):
        return tuple(dotted.split("."))
    return tuple(key[1:-1] if key[0] in "\"'" else key for key in _ONE_KEY.findall(dotted))


def _is_bare(dotted: str) -> bool:
    return '"' not in dotted and "'" not in dotted and " " not in dotted and "\t" not in dotted


def _without_multiline_strings(text: str) -> str:
    """The same text with strings of several lines blanked out, since their lines may look like anything."""
    if '"""' not in text and "'''" not in text:
        return text

    def blank(token: re.Match[str]) -> str:
        return "\n" * token[0].count("\n") if "\n" in token[0] else token[0]

    return re.sub(_QUOTED, blank, text, flags=re.DOTALL)
