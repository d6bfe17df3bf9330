"""What a command answers, and the one renderer that makes text or JSON of it (readings, section 6)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple, TextIO

from stardag.domain.errors import StardagError
from stardag.domain.lines import shown, single_line

if TYPE_CHECKING:
    from stardag.domain.layers import Notice

Format = Literal["text", "json"]

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


class Answer(NamedTuple):
    """A command's answer: `data` for programs, `text` for people, and what else they should hear of.

    `remarks` are sentences for people alone (which file was edited, what to do next); `exit_code` is other than 0
    where an answer is one and still no success.
    """

    data: Mapping[str, Json]
    text: str = ""
    notices: Sequence[Notice] = ()
    remarks: Sequence[str] = ()
    exit_code: int = 0


class Renderer:
    """Writes answers to standard output and everything else to standard error."""

    def __init__(self, format: Format = "text", quiet: bool = False) -> None:  # noqa: A002  # what the option is called
        self.format = format
        self.quiet = quiet
        self._told: set[Notice] = set()

    def answer(self, command: str, answer: Answer) -> None:
        """Write an answer; `command` is the words of the command, such as "registry list"."""
        if self.format == "json":
            schema = f"stardag.{command.replace(' ', '.')}/1"
            _write_json(sys.stdout, {"schema": schema, "data": answer.data, "warnings": _warnings_data(answer.notices)})
            return
        for notice in answer.notices:
            self.notice(notice)
        if answer.text:
            sys.stdout.write(shown(answer.text) + "\n")
        for remark in answer.remarks:
            self.remark(remark)

    def notice(self, notice: Notice) -> None:
        """Write a warning, for people."""
        if self.format == "text":
            self.tell(notice)

    def tell(self, notice: Notice, *, is_needed: bool = False) -> None:
        """Write a warning as a sentence, whatever the format of the answer; once. One that a question cannot be
        understood without `is_needed`, also with --quiet."""
        if notice in self._told:
            return
        self._told.add(notice)
        if is_needed or not self.quiet:
            sys.stderr.write(f"{_coloured('warning:', '33')} {shown(notice.message)}\n")

    def remark(self, sentence: str) -> None:
        """Write something that helps a person along."""
        if not self.quiet and self.format == "text":
            sys.stdout.flush()
            sys.stderr.write(shown(sentence) + "\n")

    def error(self, error: StardagError, notices: Iterable[Notice] = ()) -> None:
        """Write what went wrong and what to do, after the warnings that have not been written yet."""
        if self.format == "json":
            content = {"code": error.code, "message": error.message, "fix": error.fix}
            warnings = _warnings_data(notice for notice in notices if notice not in self._told)
            _write_json(
                sys.stderr,
                {"schema": "stardag.error/1", "error": content, **({"warnings": warnings} if warnings else {})},
            )
            return
        for notice in notices:
            self.notice(notice)
        sys.stderr.write(f"{_coloured('error:', '31')} {shown(error.message)}\n")
        if error.fix:
            sys.stderr.write(f"{shown(error.fix)}\n")


def _warnings_data(notices: Iterable[Notice]) -> list[Json]:
    return [{"code": notice.code, "message": notice.message} for notice in dict.fromkeys(notices)]


def _write_json(stream: TextIO, document: Mapping[str, Json]) -> None:
    import json

    text = json.dumps(document, indent=2)
    if "\\ud" in text:  # perhaps half of a surrogate pair, which strict readers of JSON do not take
        text = json.dumps(_encodable(document), indent=2)
    stream.write(text + "\n")


def _encodable(value: Json) -> Json:
    """The same, with what is no text shown as `single_line` does; all other characters stay."""
    if isinstance(value, str):
        return "".join(single_line(each) if "\ud800" <= each <= "\udfff" else each for each in value)
    if isinstance(value, Mapping):
        return {key: _encodable(each) for key, each in value.items()}
    return [_encodable(each) for each in value] if isinstance(value, Sequence) else value


def _coloured(word: str, code: str) -> str:
    """A word in colour where standard error is a terminal that shows it (https://no-color.org)."""
    import os

    if sys.stderr.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
        return f"\x1b[{code};1m{word}\x1b[0m"
    return word
