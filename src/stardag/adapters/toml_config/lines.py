"""Where in a TOML text a key stands. Works on text that has been parsed already, and only when somebody asks."""

import re

from stardag.domain.configuration import KeyPath

_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER = re.compile(rf"^[ \t]*\[\[?[ \t]*({_DOTTED})[ \t]*\]\]?[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_STATEMENT = re.compile(rf"^[ \t]*({_DOTTED})[ \t]*=", re.MULTILINE)
_ONE_KEY = re.compile(_KEY)
_QUOTED = re.compile(r'''#[^\n]*|"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''', re.DOTALL)


class LineIndex:
    """The lines of the tables and keys of one TOML text."""

    def __init__(self, text: str) -> None:
        self._text = _without_multiline_strings(text)
        self._sections: dict[KeyPath, list[tuple[int, int]]] | None = None

    def line_of(self, key: KeyPath) -> int | None:
        """The line (from 1) of a key or table, or of the statement that it is part of; None where there is none."""
        position = self._position_of(key)
        return None if position is None else self._text.count("\n", 0, position) + 1

    def _position_of(self, key: KeyPath) -> int | None:
        if self._sections is None:
            self._sections = _sections(self._text)
        for length in range(len(key), -1, -1):
            for start, end in self._sections.get(key[:length], ()):
                if length == len(key):
                    return start
                position = self._statement_within(start, end, key[length:])
                if position is not None:
                    return position
        return None

    def _statement_within(self, start: int, end: int, rest: KeyPath) -> int | None:
        """The statement of one section that sets `rest`, or something that `rest` is part of."""
        for statement in _STATEMENT.finditer(self._text, start, end):
            path = _path(statement[1])
            if path == rest[: len(path)] or rest == path[: len(rest)]:
                return statement.start(1)
        return None


def _sections(text: str) -> dict[KeyPath, list[tuple[int, int]]]:
    """Start and end of every table's own lines, the top of the document under the empty path."""
    sections: dict[KeyPath, list[tuple[int, int]]] = {}
    path: KeyPath = ()
    start = 0
    for header in _HEADER.finditer(text):
        sections.setdefault(path, []).append((start, header.start()))
        path, start = _path(header[1]), header.start(1)
    sections.setdefault(path, []).append((start, len(text)))
    if sections[()][0][1] == 0:
        del sections[()]
    return sections


def _path(dotted: str) -> KeyPath:
    if '"' not in dotted and "'" not in dotted and " " not in dotted and "\t" not in dotted:
        return tuple(dotted.split("."))
    return tuple(_unquoted(key) for key in _ONE_KEY.findall(dotted))


def _unquoted(key: str) -> str:
    return key[1:-1] if key[0] in "\"'" else key


def _without_multiline_strings(text: str) -> str:
    """The same text with strings of several lines blanked out, since their lines may look like anything."""
    if '"""' not in text and "'''" not in text:
        return text

    def blank(token: re.Match[str]) -> str:
        return "\n" * token[0].count("\n") if "\n" in token[0] else token[0]

    return _QUOTED.sub(blank, text)
