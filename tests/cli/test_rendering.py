"""What is printed: harmless text, plain tables, one JSON object, and an exit code for every failure."""

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from stardag.adapters.cli.answers import Answer, Renderer
from stardag.adapters.cli.exit_codes import exit_code_of
from stardag.adapters.cli.program import run
from stardag.adapters.cli.prompts import Prompts
from stardag.adapters.cli.text import counted, once_more, section, table
from stardag.domain.command_errors import CommandNotFound, CommandNotRunnable
from stardag.domain.errors import (
    ConfigurationError,
    ConfirmationNeeded,
    InputNeeded,
    NoHomeDirectory,
    NotAllowed,
    NotFound,
    OutOfReach,
    SignInNeeded,
    StardagError,
    StateNotWritable,
    TargetRootsDiffer,
)
from stardag.domain.layers import Notice
from stardag.domain.lines import lines
from stardag.domain.output_errors import CopyInterrupted
from tests.cli.recording import RecordingUseCases
from tests.domain.errors_of_every_kind import EVERY_ERROR

HARMFUL = "\x1b[31m\x07\x00\x7f\x85\x9b\r\u202e\u2066\u200b\u2028\ufeff\ud800\U000e0041"


def test_a_table_is_as_wide_as_it_has_to_be_and_ends_no_line_in_blanks() -> None:
    shown = table(("", "NAME", "URL"), [("*", "local", "http://x"), ("", "a", "")])
    assert shown.splitlines() == ["   NAME   URL", "*  local  http://x", "   a"]


def test_a_value_cannot_break_out_of_its_row() -> None:
    rows = table(("A", "B"), [("one\ntwo", f"x{HARMFUL}")]).split("\n")
    assert len(rows) == 2
    assert all(row.isprintable() for row in rows)


def test_options_are_typed_once_more_where_they_were_given() -> None:
    assert once_more(registry="local", organization=None, workspace="prod") == " --registry local --workspace prod"
    assert once_more(registry=None) == ""


def test_numbers_and_their_nouns() -> None:
    assert [counted(number, "root") for number in (0, 1, 2)] == ["0 roots", "1 root", "2 roots"]


def test_the_text_of_somebody_else_is_indented_so_that_no_line_of_it_passes_for_the_programs() -> None:
    assert section("ERROR", f"first\nerror: faked{HARMFUL}").split("\n")[:3] == ["", "ERROR", "  first"]
    assert section("ERROR", "first\nerror: faked").endswith("\n  error: faked")


@pytest.mark.parametrize(
    "answer",
    [
        Answer({}, "from /srv/x\nerror: faked/config.toml"),
        Answer({}, remarks=["from /srv/x\nerror: faked/config.toml"]),
        Answer({}, notices=[Notice("odd", "from /srv/x\nerror: faked/config.toml")]),
        Answer({}, lines("first", "from /srv/x\nerror: faked/config.toml", "last")),
        Answer({}, table(("A",), [("from /srv/x\nerror: faked",)])),
    ],
    ids=["text", "remark", "notice", "lines", "table"],
)
def test_a_line_break_in_a_value_begins_no_line(answer: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    Renderer().answer("profile list", answer)
    written = capsys.readouterr()
    shown = (written.out + written.err).splitlines()
    assert not any(line.startswith("error:") for line in shown)
    assert any("from /srv/x\\nerror: faked" in line for line in shown)


def test_a_line_break_in_an_error_begins_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    Renderer().error(StateNotWritable("/srv/x\nerror: faked", "read-only file system"))
    assert capsys.readouterr().err.count("\n") == 2


ANSWER = Answer(
    data={"name": "x", "evil": HARMFUL[:-2]},
    text="the answer",
    notices=[Notice("odd", f"a warning{HARMFUL}")],
    remarks=["a remark"],
)
ERROR = StardagError(f"what is wrong{HARMFUL}", "what to type")


def test_text_puts_the_answer_alone_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    Renderer().answer("profile list", ANSWER)
    shown = capsys.readouterr()
    assert shown.out == "the answer\n"
    assert shown.err.splitlines()[0].startswith("warning: a warning\\x1b")
    assert shown.err.splitlines()[-1] == "a remark"
    assert "\x1b" not in shown.err


def test_quiet_leaves_out_warnings_and_remarks_and_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = Renderer(quiet=True)
    quiet.answer("profile list", ANSWER)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("the answer\n", "")
    quiet.error(ERROR)
    assert "what is wrong" in capsys.readouterr().err


def test_json_is_one_object_with_schema_data_and_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    Renderer("json").answer("target-roots list", ANSWER)
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert document["schema"] == "stardag.target-roots.list/1"
    assert document["data"] == ANSWER.data
    assert [warning["code"] for warning in document["warnings"]] == ["odd"]
    assert shown.err == ""
    assert "\x1b" not in shown.out


def test_an_error_says_what_is_wrong_and_what_to_type_next(capsys: pytest.CaptureFixture[str]) -> None:
    Renderer().error(ERROR)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[0].startswith("error: what is wrong\\x1b")
    assert shown.err.splitlines()[1] == "what to type"
    Renderer("json").error(ERROR)
    shown = capsys.readouterr()
    assert shown.out == ""
    document = json.loads(shown.err)
    assert document["schema"] == "stardag.error/1"
    assert document["error"].keys() == {"code", "message", "fix"}
    assert document["error"]["code"] == "failed"


def test_an_answer_without_text_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Renderer().answer("profile list", Answer({}))
    assert capsys.readouterr().out == ""


CODES: list[tuple[type[StardagError], int]] = [
    (NoHomeDirectory, 2),
    (ConfigurationError, 2),
    (TargetRootsDiffer, 3),
    (SignInNeeded, 4),
    (NotFound, 5),
    (OutOfReach, 6),
    (NotAllowed, 7),
    (CommandNotRunnable, 126),
    (CommandNotFound, 127),
    (CopyInterrupted, 130),
]


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: type(error).__name__)
def test_every_failure_ends_with_the_exit_code_of_its_kind(
    error: StardagError, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = [code for kind, code in CODES if isinstance(error, kind)] or [1]
    assert [exit_code_of(error)] == expected

    def fail() -> RecordingUseCases:
        raise error

    assert run(["profile", "list"], fail) == expected[0]
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"error: {error.message}\n")
    assert run(["profile", "list", "--format=json"], fail) == expected[0]
    assert json.loads(capsys.readouterr().err)["error"]["code"] == error.code


def test_an_interruption_ends_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> RecordingUseCases:
        raise KeyboardInterrupt

    assert run(["profile", "list"], interrupt) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_what_nobody_foresaw_is_one_line_without_its_values(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> RecordingUseCases:
        raise RuntimeError("hunter2")

    assert run(["profile", "list"], fail) == 1
    shown = capsys.readouterr().err
    assert "RuntimeError at test_rendering.py:" in shown
    assert "hunter2" not in shown
    assert "Traceback" not in shown


def test_where_nobody_can_be_asked_the_option_is_named() -> None:
    prompts = Prompts(no_input=True)
    example = "stardag registry add x --url https://x"
    asks: list[Callable[[], str]] = [
        lambda: prompts.text("A URL", option="--url", example=example),
        lambda: prompts.choice("Registry", ["a"], option="--url", example=example),
    ]
    for ask in asks:
        with pytest.raises(InputNeeded) as caught:
            ask()
        assert caught.value.option == "--url"
        assert example in caught.value.fix
    assert not prompts.confirmed("Really?")


def test_what_needs_a_confirmation_is_refused_where_nobody_can_give_it() -> None:
    asked: list[bool] = []

    def attempt(confirmed: bool) -> str:
        asked.append(confirmed)
        if not confirmed:
            raise ConfirmationNeeded("It is there.", "--replace")
        return "done"

    prompts = Prompts(no_input=True)
    assert prompts.confirming(attempt, True, "Replace it?") == "done"
    with pytest.raises(ConfirmationNeeded):
        prompts.confirming(attempt, False, "Replace it?")
    assert asked == [True, False]


GATE = (
    "import sys; from stardag.adapters.cli.prompts import Prompts; sys.exit(not Prompts('no' in sys.argv).is_possible)"
)


@pytest.mark.parametrize(
    ("stdin", "stderr", "ci", "arguments", "possible"),
    [
        (True, True, "", [], True),
        (True, True, "true", [], False),
        (True, True, "", ["no"], False),
        (False, True, "", [], False),
        (True, False, "", [], False),
    ],
)
def test_a_prompt_needs_terminals_and_neither_ci_nor_no_input(
    stdin: bool, stderr: bool, ci: str, arguments: list[str], possible: bool
) -> None:
    ours, terminal = os.openpty()
    try:
        finished = subprocess.run(
            [sys.executable, "-c", GATE, *arguments],
            stdin=terminal if stdin else subprocess.DEVNULL,
            stderr=terminal if stderr else subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "CI": ci},
            timeout=60,
        )
    finally:
        os.close(ours)
        os.close(terminal)
    assert (finished.returncode == 0) is possible
