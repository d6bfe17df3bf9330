"""Layers and origins: where a value came from, and what it overrode (readings, section 2)."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Generic, NamedTuple, Self, TypeVar

from stardag.domain.lines import single_line

Value = TypeVar("Value", covariant=True)


class Layer(StrEnum):
    """The places a value can come from, highest priority first; the cache holds target roots only."""

    FLAG = "flag"
    ENVIRONMENT = "environment"
    PROJECT = "project"
    USER = "user"
    CACHE = "cache"
    DEFAULT = "default"


class Origin(NamedTuple):
    """Where a value came from: its layer, and the option, variable, or file and line (counted from 1)."""

    layer: Layer
    path: str | None = None
    line: int | None = None
    variable: str | None = None
    option: str | None = None

    def __str__(self) -> str:
        if self.option is not None:
            return self.option
        if self.variable is not None:
            return self.variable
        if self.path is not None:
            return self.path if self.line is None else f"{self.path}:{self.line}"
        return "the defaults"


DEFAULT = Origin(Layer.DEFAULT)


class Overridden(NamedTuple, Generic[Value]):
    """A value that lost, and why, as a phrase to follow "not used: "."""

    value: Value
    origin: Origin
    reason: str


class Setting(NamedTuple, Generic[Value]):
    """A value, where it came from, and the values that it won over, nearest rival first."""

    value: Value
    origin: Origin = DEFAULT
    overridden: tuple[Overridden[Value], ...] = ()


class _NoticeFields(NamedTuple):
    code: str
    message: str


class Notice(_NoticeFields):
    """Something a person should hear of that stops nothing: a stable code and one sentence, on one line."""

    __slots__ = ()

    def __new__(cls, code: str, message: str) -> Self:
        return super().__new__(cls, code, single_line(message))


class NoticeLog:
    """Every notice so far, each once, so that a person also hears of them where what was asked for fails."""

    def __init__(self) -> None:
        self._notices: dict[Notice, None] = {}

    def add(self, notices: Iterable[Notice]) -> None:
        """Add notices. For any thread."""
        self._notices.update(dict.fromkeys(notices))

    def __iter__(self) -> Iterator[Notice]:
        return iter(tuple(self._notices))
