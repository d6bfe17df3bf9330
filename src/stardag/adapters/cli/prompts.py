"""Asking a person, behind the one gate that decides whether there is one (readings, section 6)."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from stardag.domain.errors import ConfirmationNeeded, InputNeeded
from stardag.domain.lines import shown

if TYPE_CHECKING:
    from typing import TypedDict

    from prompt_toolkit.output import Output
    from questionary import Question

    class _Drawn(TypedDict):
        output: Output


Result = TypeVar("Result")


class QuestionInterrupted(KeyboardInterrupt):
    """A person broke off at a question (Ctrl-C, or Ctrl-D), which is asked before anything is changed."""


class Declined(QuestionInterrupted):
    """A person said no to what has to be confirmed, which ends a command as breaking off does."""


class Prompts:
    """Questions on standard error, where a person sits at a terminal; an error naming the option where none does."""

    def __init__(self, no_input: bool = False) -> None:
        self.no_input = no_input

    @property
    def is_possible(self) -> bool:
        """Whether standard input and error are terminals, and neither `CI` nor `--no-input` forbids asking."""
        return sys.stdin.isatty() and sys.stderr.isatty() and not os.environ.get("CI") and not self.no_input

    def text(self, what: str, *, option: str, example: str, default: str = "") -> str:
        """Ask for a line of text.

        Raises:
            InputNeeded: there is nobody to ask.
            QuestionInterrupted: the person broke off.
        """
        if not self.is_possible:
            raise InputNeeded(what, option, example)
        import questionary

        return _text(_answer(questionary.text(f"{what}:", default=default, **_on_standard_error()))).strip()

    def choice(self, what: str, choices: Sequence[str], *, option: str, example: str) -> str:
        """Ask for one of several.

        Raises:
            InputNeeded: there is nobody to ask.
            QuestionInterrupted: the person broke off.
        """
        if not self.is_possible:
            raise InputNeeded(what, option, example)
        import questionary

        return _text(_answer(questionary.select(f"{what}:", choices=list(choices), **_on_standard_error())))

    def confirming(
        self, attempt: Callable[[bool], Result], given: bool, question: str, option: str | None = None
    ) -> Result:
        """What an attempt returns that may need a confirmation: with the one that was `given` by option, else with the
        one that a person gives. Where an attempt may need several, `option` names the one that this is about.

        Raises:
            ConfirmationNeeded: there is nobody to ask.
            Declined: the person said no.
            QuestionInterrupted: the person broke off.
        """
        try:
            return attempt(given)
        except ConfirmationNeeded as error:
            if option not in (None, error.option):
                raise
            if self._agrees(error.message, question):
                return attempt(True)
            if self.is_possible:
                raise Declined from None
            raise

    def _agrees(self, message: str, question: str) -> bool:
        """Whether a person says yes to what a message says; what has several lines is shown before the question."""
        if "\n" not in message:
            return self.confirmed(f"{message} {question}")
        if self.is_possible:
            sys.stderr.write(f"{shown(message)}\n")
        return self.confirmed(question)

    def confirmed(self, question: str) -> bool:
        """Whether a person says yes; no where there is nobody to ask."""
        if not self.is_possible:
            return False
        import questionary

        return _answer(questionary.confirm(question, default=False, **_on_standard_error())) is True

    def secret(self, what: str, *, option: str, example: str) -> str:
        """Ask for a line of text that is not shown.

        Raises:
            as `text`.
        """
        if not self.is_possible:
            raise InputNeeded(what, option, example)
        import getpass

        try:
            return getpass.getpass(f"{what} (not shown): ", sys.stderr).strip()
        except (KeyboardInterrupt, EOFError):
            raise QuestionInterrupted from None


def _answer(question: "Question") -> object:
    """What a person answers. Ctrl-D breaks off at every kind of question, as Ctrl-C does.

    Raises:
        QuestionInterrupted: the person broke off.
    """
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent, merge_key_bindings

    own = KeyBindings()

    @own.add("c-d", eager=True)
    def break_off(event: KeyPressEvent) -> None:  # pyright: ignore[reportUnusedFunction]  # prompt_toolkit calls it
        event.app.exit(exception=EOFError, style="class:aborting")

    application = question.application
    application.key_bindings = merge_key_bindings([application.key_bindings or KeyBindings(), own])
    try:
        return question.unsafe_ask()
    except (KeyboardInterrupt, EOFError):
        raise QuestionInterrupted from None


def _text(answer: object) -> str:
    if not isinstance(answer, str):
        raise QuestionInterrupted
    return answer


def _on_standard_error() -> "_Drawn":
    """Where prompt_toolkit draws: standard output carries the answer alone."""
    from prompt_toolkit.output import create_output

    return {"output": create_output(stdout=sys.stderr)}
