"""From words to one call of one use case, for every command; nothing is run."""

import json
from collections.abc import Iterator
from inspect import signature

import pytest
from cyclopts import App

from stardag.adapters.cli.program import make_app, run
from stardag.adapters.cli.session import Options, SessionArgument
from stardag.adapters.cli.use_cases import UseCases
from stardag.domain.configuration import Profile
from stardag.domain.profile import Selection
from tests.cli.recording import Call, RecordingUseCases, parsed


def commands(app: App, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], App]]:
    """Every command that can be run, each imported by being looked at."""
    names = [name for name in app if not name.startswith("-")]
    if not names:
        yield path, app
    for name in names:
        yield from commands(app[name], (*path, name))


COMMANDS = dict(commands(make_app()))

EXPECTED = """registry list, registry add, registry remove, registry serve, profile list, profile show, profile add,
profile use, profile remove, organizations list, workspaces list, target-roots list, target-roots sync,
target-roots validate, auth login, auth status, auth logout, auth token, registry rotate-signing-key, config show,
config explain, config path, config validate, trust, quickstart, version"""


def test_every_command_is_there_and_its_module_is_found() -> None:
    assert {" ".join(path) for path in COMMANDS} >= {" ".join(name.split()) for name in EXPECTED.split(",")}
    assert all(command.default_command is not None for command in COMMANDS.values())


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_takes_the_shared_options_and_a_session(path: tuple[str, ...]) -> None:
    function = COMMANDS[path].default_command
    assert function is not None
    parameters = signature(function).parameters
    assert parameters["options"].annotation is Options
    assert parameters["session"].annotation == SessionArgument
    assert function.__doc__


SHARED = ["-p", "prod", "--format", "json", "-q", "-v", "--no-input", "--offline"]
NEEDED: dict[tuple[str, ...], list[str]] = {
    ("registry", "add"): ["x", "--url", "https://x"],
    ("registry", "remove"): ["x"],
    ("profile", "add"): ["x"],
    ("profile", "use"): ["x"],
    ("profile", "remove"): ["x"],
}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_shared_options_are_understood_in_both_spellings(path: tuple[str, ...]) -> None:
    long = ["--profile=prod", "--format=json", "--quiet", "--verbose", "--no-input", "--offline"]
    for spelt in (SHARED, long):
        _, bound, _ = make_app().parse_args([*path, *NEEDED.get(path, []), *spelt])
        options = bound.arguments["options"]
        assert isinstance(options, Options)
        said = (options.profile, options.format, options.quiet, options.verbose, options.no_input, options.offline)
        assert said == ("prod", "json", True, True, True, True)


ALL = Selection("p1", "r", "o", "w", offline=True)
LONG = ["--registry", "r", "--organization", "o", "--workspace", "w", "--profile", "p1", "--offline"]
SHORT = ["-r", "r", "-o=o", "-w", "w", "-p=p1", "--offline"]


@pytest.mark.parametrize("options", [LONG, SHORT], ids=["long", "short"])
def test_what_is_selected_reaches_the_use_case(options: list[str]) -> None:
    assert parsed(["target-roots", "list", *options]) == ("ListTargetRoots", (ALL,), {})
    assert parsed(["target-roots", "sync", *options]) == ("SyncTargetRoots", (ALL,), {"dry_run": False})
    assert parsed(["target-roots", "validate", *options]) == ("ValidateBeforeBuild", (ALL,), {})


CALLS: list[tuple[str, Call]] = [
    ("target-roots sync --dry-run --exit-code", ("SyncTargetRoots", (Selection(),), {"dry_run": True})),
    ("organizations list", ("BrowseRegistry.organizations", (Selection(),), {})),
    ("organizations list -r x", ("BrowseRegistry.organizations", (Selection(registry="x"),), {})),
    ("workspaces list", ("BrowseRegistry.workspaces", (Selection(),), {})),
    (
        "workspaces list --registry=x --organization=o",
        ("BrowseRegistry.workspaces", (Selection(registry="x", organization="o"),), {}),
    ),
    ("registry list", ("ListConfiguration", (Selection(),), {})),
    ("registry list -p x", ("ListConfiguration", (Selection("x"),), {})),
    ("profile list", ("ListConfiguration", (Selection(),), {})),
    ("profile show", ("ListConfiguration", (Selection(),), {})),
    ("profile show x", ("ListConfiguration", (Selection(),), {})),
    ("config show", ("ResolveProfile", (Selection(),), {})),
    ("config show --offline", ("ResolveProfile", (Selection(offline=True),), {})),
    ("config explain registry_url", ("ResolveProfile", (Selection(),), {})),
    (
        "registry add local --url http://localhost:3000",
        ("AddRegistry", ("local", "http://localhost:3000"), {"overwrite": False, "offline": False}),
    ),
    (
        "registry add local --url=http://x --replace --offline",
        ("AddRegistry", ("local", "http://x"), {"overwrite": True, "offline": True}),
    ),
    ("registry remove local", ("RemoveRegistry", ("local",), {"and_profiles": False})),
    ("registry remove local --yes", ("RemoveRegistry", ("local",), {"and_profiles": True})),
    (
        "profile add x -r local -o my-org -w prod",
        ("AddProfile", (Profile("x", "local", "my-org", "prod"),), {"overwrite": False, "offline": False}),
    ),
    (
        "profile add x --registry=local --organization=my-org --workspace=prod --replace",
        ("AddProfile", (Profile("x", "local", "my-org", "prod"),), {"overwrite": True, "offline": False}),
    ),
    ("profile use x", ("UseProfile", ("x",), {})),
    ("profile remove x", ("RemoveProfile", ("x",), {})),
    ("auth status", ("TellStatus", (Selection(),), {})),
    ("auth status --registry x", ("TellStatus", (Selection(registry="x"),), {})),
    ("auth token -r x", ("TellStatus.token", (Selection(registry="x"),), {})),
    ("auth logout", ("LogOut", (Selection(),), {"every": False})),
    ("auth logout --all", ("LogOut", (Selection(),), {"every": True})),
    ("trust", ("TrustProject", (None,), {})),
    ("trust ../x", ("TrustProject", ("../x",), {})),
    ("stardag target-roots sync", ("SyncTargetRoots", (Selection(),), {"dry_run": False})),
    ("stardag stardag profile use x", ("UseProfile", ("x",), {})),
]


@pytest.mark.parametrize(("words", "call"), CALLS)
def test_every_command_leads_to_one_call(words: str, call: Call) -> None:
    assert parsed(words.split()) == call


WRONG = """nonsense
registry nonsense
registry add
registry add a b c
registry add x --url
profile use
profile use a b
target-roots sync --dry
target-roots sync --no-dry-run
config show --format yaml
registry list --format
version extra
organizations list --workspace w
registry serve --port many
auth login --device --no-browser
auth login --with-token --device
auth login someone
auth logout local
auth status --all
registry rotate-signing-key now
--nonsense"""


@pytest.mark.parametrize("words", WRONG.splitlines())
def test_what_cannot_be_understood_exits_2_and_calls_nothing(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    use_cases = RecordingUseCases()
    assert run(words.split(), lambda: use_cases) == 2
    shown = capsys.readouterr()
    assert use_cases.calls == []
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert "--help" in shown.err
    assert "Traceback" not in shown.err


def test_a_mistake_is_answered_in_json_where_that_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["nonsense", "--format", "json"], RecordingUseCases) == 2
    error = json.loads(capsys.readouterr().err)
    assert (error["schema"], error["error"]["code"]) == ("stardag.error/1", "usage")


def test_the_recording_use_cases_are_what_the_command_line_asks_for() -> None:
    use_cases: UseCases = RecordingUseCases()
    assert {name for name in vars(UseCases) if not name.startswith("_")} <= set(dir(use_cases))


@pytest.mark.parametrize("words", ["--help", "-h", "registry --help", "--version", "target-roots sync -h"])
def test_help_and_version_make_no_use_case(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    def never() -> RecordingUseCases:
        raise AssertionError("nobody asked for it")

    assert run(words.split(), never) == 0
    assert capsys.readouterr().out
