"""Options of every command in front of it, and what of a command line is another command's."""

import json

import pytest

from stardag.adapters.cli.command_line import presentation_of, split_command_line
from stardag.adapters.cli.program import run
from stardag.domain.profile import Selection
from tests.cli.recording import RecordingUseCases, parsed
from tests.cli.running import Program


@pytest.fixture
def stardag(capsys: pytest.CaptureFixture[str]) -> Program:
    return Program(capsys)


SAME = [
    "workspaces list -p prod --offline",
    "-p prod --offline workspaces list",
    "--offline workspaces -p prod list",
    "--profile=prod --offline workspaces list",
    "-pprod --offline workspaces list",
    "-qp prod --offline workspaces list",
    "-qvpprod --offline workspaces list",
    "workspaces -qp prod list --offline",
    "--quiet=true -p=prod --offline workspaces list",
    "-qv -p prod --no-input --format json --offline workspaces list",
    "--format=json --profile prod workspaces list --offline",
    "stardag -p prod workspaces --offline list",
]


@pytest.mark.parametrize("words", SAME)
def test_options_of_every_command_stand_in_front_of_it_within_it_or_behind_it(words: str) -> None:
    assert parsed(words.split()) == (
        "BrowseRegistry.workspaces",
        (Selection("prod", offline=True),),
        {"archived": False},
    )


@pytest.mark.parametrize(
    "words",
    [
        "-p x workspaces list -p prod",
        "-p x -p prod workspaces list",
        "-p x workspaces --profile prod list",
        "-q -qv -p prod workspaces list -q",
    ],
)
def test_the_one_nearest_to_the_end_counts(words: str) -> None:
    (selection,) = parsed(words.split())[1]
    assert selection == Selection("prod")


def test_the_words_of_another_command_are_its_own() -> None:
    for words in ("exec -p prod -- cmd -p x --format json", "-p prod exec -- cmd -p x --format json"):
        name, arguments, _ = parsed(words.split())
        assert name == "RunCommand"
        assert arguments[:2] == (Selection("prod"), ["cmd", "-p", "x", "--format", "json"])


def test_the_guides_slips_are_corrected_behind_an_option() -> None:
    line = split_command_line(["-p", "x", "stardag", "auth", "loging", "--device"])
    assert (line.words, line.front) == (["auth", "login", "--device"], {"--profile": ["-p", "x"]})
    assert line.is_corrected


@pytest.mark.parametrize("words", ["-p prod", "-q", "-q --help", "-p prod workspaces", "workspaces -p prod"])
def test_help_is_shown_where_there_is_no_command(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words.split(), RecordingUseCases) == 0
    assert "Usage: stardag" in capsys.readouterr().out


def test_the_first_help_says_that_they_stand_in_front(stardag: Program) -> None:
    shown = " ".join(stardag("--help").out.split())
    assert "in front of it or behind it: --profile/-p NAME, --format text|json" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("-r local workspaces list", "Invalid option in front of a command: '-r'"),
        ("-p", "Option -p requires an argument: the name of a profile."),
        ("-qp", "Option -p requires an argument: the name of a profile."),
        ("-p --offline workspaces list", "Option -p requires an argument: the name of a profile."),
        ("--profile", "Option --profile requires an argument: the name of a profile."),
        ("-p version", 'Option -p requires an argument: "version" behind it is a command.'),
        ("-qp version", 'Option -p requires an argument: "version" behind it is a command.'),
        ("-p workspaces list", 'Option -p requires an argument: "workspaces" behind it is a command.'),
        ("workspaces --profile list", 'Option --profile requires an argument: "list" behind it is a command.'),
        ("--format", "Option --format requires an argument: text or json."),
        ("workspaces --format", "Option --format requires an argument: text or json."),
        ("--format version", 'Invalid value "version" for --format. Choose from: "text", "json".'),
        ("--format workspaces list", 'Invalid value "workspaces" for --format.'),
        ("--format=yaml", 'Invalid value "yaml" for --format.'),
        ("--quite workspaces list", "Invalid option in front of a command: '--quite'. Did you mean --quiet?"),
        ("workspaces --quite list", "Did you mean --quiet?"),
        ("--profil=x workspaces list", "Did you mean --profile?"),
        ("--token=secret workspaces list", "Invalid option in front of a command: '--token'."),
        ("-- version", 'There is a "--" in front of a command.'),
        ("workspaces -- list", 'There is a "--" in front of a command.'),
        ("-p prod nosuch", "nosuch"),
        ("--format yaml profile list", "yaml"),
    ],
)
def test_what_cannot_stand_in_front_is_an_error_of_usage(words: str, said: str, stardag: Program) -> None:
    ran = stardag(words)
    assert ran.code == 2
    assert said in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("registry add", "Missing argument: NAME.\nUsage: stardag registry add [OPTIONS] NAME."),
        ("registry backup", "Missing argument: FILE.\nUsage: stardag registry backup [OPTIONS] FILE."),
        ("-q profile use", "Missing argument: NAME.\nUsage: stardag profile use [OPTIONS] NAME."),
        (
            "target-roots add x",
            "Missing argument: URI_PREFIX.\nUsage: stardag target-roots add [OPTIONS] NAME URI_PREFIX.",
        ),
        ("registry add --name", "--name requires an argument"),
        ("registry add x --url", "--url requires an argument"),
    ],
)
def test_an_argument_that_is_missing_is_named_as_help_names_it_and_an_option_as_it_was_typed(
    words: str, said: str, stardag: Program
) -> None:
    ran = stardag(words)
    assert ran.code == 2
    assert said in ran.err


def test_an_error_before_parsing_is_in_the_format_asked_for_in_front(stardag: Program) -> None:
    ran = stardag("--format json nosuch")
    assert json.loads(ran.err)["error"]["code"] == "usage"
    assert json.loads(stardag("--format=json -r x profile list").err)["error"]["code"] == "usage"


def test_format_and_quietness_are_read_off_the_words_in_front_of_a_commands_own() -> None:
    assert presentation_of(["exec", "--", "--format", "json", "-q"]) == ("text", False)
    assert presentation_of(["-vq", "exec", "--format", "json", "--"]) == ("json", True)
    assert presentation_of(["-", "--quiet"]) == ("text", True)
    assert presentation_of(["-vqp", "x"]) == ("text", True)
    assert presentation_of(["-pq", "-", "--q"]) == ("text", False)
