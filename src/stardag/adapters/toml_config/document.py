"""From the text of a `config.toml` to a checked configuration; everything wrong in it gets its line and key."""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, TypeVar, cast

from stardag.domain.configuration import CENTRAL_NAME, Configuration, KeyPath, Profile, Registry
from stardag.domain.errors import FileProblem, InvalidName, InvalidValue
from stardag.domain.layers import Notice
from stardag.domain.suggestions import nearest

if TYPE_CHECKING:
    from stardag.adapters.toml_config.lines import LineIndex

SIZE_MAXIMUM = 1024 * 1024
"""Bytes of one file: room for some ten thousand profiles."""

DEPTH_MAXIMUM = 32
"""Parts of one dotted key; the parser's time grows with their square."""

LISTED_MAXIMUM = 50
"""Problems, and unknown keys, that are listed one by one; each costs a search for its line and its nearest name."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""What some editors on Windows begin a file with; it is skipped, and goes with the next edit."""

Table = Mapping[str, object]
Item = TypeVar("Item")

_TOP_KEYS = frozenset(("registry", "profile", "default"))
_REGISTRY_KEYS = frozenset(("url", "allow_http"))
_PROFILE_KEYS = frozenset(("registry", "organization", "workspace"))
_KEY_OF_KIND = {"registry URL": "url"}
_DEFAULT_KEYS = frozenset(("profile",))
_DEEP_KEY = r"""(?:(?:[\w-]++|"[^"]*+"|'[^']*+')[ \t]*+\.[ \t]*+)""" + f"{{{DEPTH_MAXIMUM}}}"
_PARSER_LINE = r" \(at (?:line (\d+), column \d+|end of document)\)$"


class Document:
    """A configuration file's text, what it says, and all that is wrong or odd in it.

    `values` is the plain TOML document; empty where the text could not be parsed.
    """

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.values: dict[str, object] = {}
        self.registries: dict[str, Registry] = {}
        self.profiles: dict[str, Profile] = {}
        self.default_profile: str | None = None
        self.problems: list[FileProblem] = []
        self.notices: list[Notice] = []
        self._lines: LineIndex | None = None

    @property
    def configuration(self) -> Configuration:
        """What the file says, as far as it is right."""
        return Configuration(self.registries, self.profiles, self.default_profile)

    def line_of(self, key: KeyPath) -> int | None:
        """The line (from 1) at which a key or table stands."""
        if self._lines is None:
            from stardag.adapters.toml_config.lines import LineIndex  # most documents are right, and few are asked

            self._lines = LineIndex(self.text)
        return self._lines.line_of(key)

    @property
    def is_full(self) -> bool:
        """Whether no more problems are listed."""
        return len(self.problems) > LISTED_MAXIMUM

    def refuse(self, key: KeyPath, problem: str) -> None:
        """Note one thing that is wrong."""
        if len(self.problems) < LISTED_MAXIMUM:
            self.problems.append(FileProblem(self.path, self.line_of(key), ".".join(key), problem))
        elif not self.is_full:
            self.problems.append(FileProblem(self.path, None, None, "more is wrong, which is not listed here"))


def read_document(path: str, content: bytes) -> Document:
    """Parse and check the content of the file at `path`. Never raises for what stands in it: see `problems`."""
    content = content.removeprefix(BYTE_ORDER_MARK)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        broken = Document(path, "")
        broken.problems.append(FileProblem(path, line, None, "this is not UTF-8 text"))
        return broken
    document = Document(path, text)
    values = _parse(document)
    if values is not None:
        document.values = values
        _check(document)
    return document


def _parse(document: Document) -> dict[str, object] | None:
    line = _too_deep(document.text)
    if line is not None:
        document.problems.append(
            FileProblem(document.path, line, None, f"a key of more than {DEPTH_MAXIMUM} parts is not read")
        )
        return None
    try:
        return tomllib.loads(document.text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        where = re.search(_PARSER_LINE, message)
        line = int(where[1]) if where and where[1] else document.text.count("\n") + 1
        problem = f"this is not TOML: {re.sub(_PARSER_LINE, '', message)}"
        document.problems.append(FileProblem(document.path, line, None, problem))
    except RecursionError:
        document.problems.append(FileProblem(document.path, None, None, "brackets are nested too deeply"))
    return None


def _too_deep(text: str) -> int | None:
    """The line of a dotted key with more parts than are read."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") >= DEPTH_MAXIMUM and re.search(rf"(?<![\w\"'.-]){_DEEP_KEY}", line):
            return number
    return None


def _check(document: Document) -> None:
    _note_unknown(document, (), document.values, _TOP_KEYS)
    _read_tables(document, "registry", _REGISTRY_KEYS, document.registries, _registry)
    _read_tables(document, "profile", _PROFILE_KEYS, document.profiles, _profile)
    _check_references(document)
    default = _table(document, ("default",), document.values.get("default", {}))
    if default is not None:
        _note_unknown(document, ("default",), default, _DEFAULT_KEYS)
        document.default_profile = _text(document, ("default",), "profile", default)
    _check_default(document)


def _read_tables(
    document: Document,
    section: str,
    known: frozenset[str],
    into: dict[str, Item],
    make: Callable[[Document, str, Table], Item | None],
) -> None:
    """Read every table `[section.NAME]`."""
    tables = _table(document, (section,), document.values.get(section, {}))
    for name, value in (tables or {}).items():
        table = _table(document, (section, name), value)
        if table is None:
            continue
        _note_unknown(document, (section, name), table, known)
        try:
            item = make(document, name, table)
        except (InvalidName, InvalidValue) as error:
            blamed = _KEY_OF_KIND.get(error.kind, error.kind)
            key = (section, name, blamed) if blamed in table else (section, name)
            document.refuse(key, f"{error.message} {error.fix}")
            continue
        if item is not None:
            into[name] = item


def _registry(document: Document, name: str, table: Table) -> Registry | None:
    key = ("registry", name)
    if "url" not in table:
        document.refuse(key, "the registry has no url")
        return None
    url = _text(document, key, "url", table)
    allow_http = table.get("allow_http", False)
    if not isinstance(allow_http, bool):
        document.refuse((*key, "allow_http"), f"this is {_kind(allow_http)}, where true or false belongs")
        return None
    return None if url is None else Registry(name, url, allow_http)


def _profile(document: Document, name: str, table: Table) -> Profile | None:
    key = ("profile", name)
    if "registry" not in table:
        document.refuse(key, "the profile names no registry")
        return None
    found = len(document.problems)
    registry = _text(document, key, "registry", table)
    organization = _text(document, key, "organization", table)
    workspace = _text(document, key, "workspace", table)
    if registry is None or len(document.problems) > found:
        return None
    return Profile(name, registry, organization, workspace)


def _check_references(document: Document) -> None:
    known = {CENTRAL_NAME, *_names(document, "registry")}
    for profile in document.profiles.values():
        if profile.registry not in known and not document.is_full:
            document.refuse(
                ("profile", profile.name, "registry"),
                f"there is no registry {profile.registry!r}{_meant(profile.registry, known)}",
            )


def _check_default(document: Document) -> None:
    name = document.default_profile
    known = _names(document, "profile")
    if name is not None and name not in known:
        document.refuse(("default", "profile"), f"there is no profile {name!r}{_meant(name, known)}")


def _names(document: Document, section: str) -> set[str]:
    """The names that a section defines, those included whose content is wrong: one mistake, one problem."""
    tables = document.values.get(section)
    return set(cast(Table, tables)) if isinstance(tables, dict) else set()


def _table(document: Document, key: KeyPath, value: object) -> Table | None:
    if isinstance(value, dict):
        return cast(Table, value)
    document.refuse(key, f"this is {_kind(value)}, where a table belongs")
    return None


def _text(document: Document, path: KeyPath, key: str, table: Table) -> str | None:
    """The string at a key of the table at a path; None where there is none or it is no string, which is noted."""
    value = table.get(key)
    if value is None or (isinstance(value, str) and value):
        return value
    problem = "this is empty" if value == "" else f"this is {_kind(value)}, where a string belongs"
    document.refuse((*path, key), problem)
    return None


def _kind(value: object) -> str:
    kinds: dict[type, str] = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "a table",
    }
    return kinds.get(type(value), "a date or time")


def _note_unknown(document: Document, key: KeyPath, table: Table, known: frozenset[str]) -> None:
    if table.keys() <= known:
        return
    for name in sorted(table.keys() - known):
        if len(document.notices) >= LISTED_MAXIMUM:
            if len(document.notices) == LISTED_MAXIMUM:
                document.notices.append(Notice("unknown-key", f"{document.path}: more keys are not known."))
            return
        path = (*key, name)
        line = document.line_of(path)
        place = document.path if line is None else f"{document.path}:{line}"
        shown = ".".join(part if part.isprintable() else repr(part) for part in path)
        document.notices.append(Notice("unknown-key", f"{place}: {shown} is not known.{_meant(name, known)}"))


def _meant(name: str, known: Iterable[str]) -> str:
    near = nearest(name, known)
    return f" (did you mean {near!r}?)" if near else ""
