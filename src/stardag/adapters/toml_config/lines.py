"""Where in a TOML text a key stands. Works on text that has been parsed already, and only when somebody asks."""

import re

from stardag.domain.configuration import KeyPath

_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER = re.compile(rf"^[ \t]*\[\[?[ \t]*({_DOTTED})[ \t]*\]\]?[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_STATEMENT = re.compile(rf"^[ \t]*({_DOTTED})[ \t]*=", re.MULTILINE)
_ONE_KEY = re.compile(_KEY)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_QUOTED = r'''#[^\n]*|"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\''''


class LineIndex:
    """The lines of the tables and keys of one TOML text."""

    def __init__(self, text: str) -> None:
        self._text = _without_multiline_strings(text)
        self._sections: dict[str, list[tuple[int, int]]] | None = None

    def line_of(self, key: KeyPath) -> int | None:
        """The line (from 1) of a key or table, or of the statement that it is part of; None where there is none."""
        position = self._position_of(key)
        return None if position is None else self._text.count("\n", 0, position) + 1

    def _position_of(self, key: KeyPath) -> int | None:
        if self._sections is None:
            self._sections = _sections(self._text)
        for length in range(len(key), -1, -1):
            for start, end in self._sections.get(_dotted(key[:length]), ()):
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


def _sections(text: str) -> dict[str, list[tuple[int, int]]]:
    """Start and end of every table's own lines by its dotted name, the top of the document under the empty one."""
    headers = list(_HEADER.finditer(text))
    ends = [*(header.start() for header in headers[1:]), len(text)]
    sections: dict[str, list[tuple[int, int]]] = {}
    for header, end in zip(headers, ends, strict=True):
        name = header[1]
        if not _is_bare(name):
            name = _dotted(_path(name))
        sections.setdefault(name, []).append((header.start(1), end))
    top = headers[0].start() if headers else len(text)
    return {"": [(0, top)], **sections} if top else sections


def _path(dotted: str) -> KeyPath:
    if _is_bare(dotted):
        return tuple(dotted.split("."))
    return tuple(key[1:-1] if key[0] in "\"'" else key for key in _ONE_KEY.findall(dotted))


def _dotted(path: KeyPath) -> str:
    """One spelling for each path, whichever of TOML's a file uses."""
    return ".".join(part if _BARE.fullmatch(part) else f'"{part}"' for part in path)


def _is_bare(dotted: str) -> bool:
    return '"' not in dotted and "'" not in dotted and " " not in dotted and "\t" not in dotted


def _without_multiline_strings(text: str) -> str:
    """The same text with strings of several lines blanked out, since their lines may look like anything."""
    if '"""' not in text and "'''" not in text:
        return text

    def blank(token: re.Match[str]) -> str:
        return "\n" * token[0].count("\n") if "\n" in token[0] else token[0]

    return re.sub(_QUOTED, blank, text, flags=re.DOTALL)
