"""From words to one call of one use case, for every command; nothing is run."""

import json
from collections.abc import Iterator
from datetime import timedelta
from inspect import signature

import pytest
from cyclopts import App

from stardag.adapters.cli.program import make_app, run
from stardag.adapters.cli.session import Options, SessionArgument
from stardag.adapters.cli.use_cases import UseCases
from stardag.app.run_command import BuildAsked
from stardag.domain.builds import TaskFilter
from stardag.domain.configuration import Profile
from stardag.domain.credentials import Secret
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
config explain, config path, config validate, trust, quickstart, version, organizations create, organizations join,
members list, members invite, members remove, members set-role, workspaces create, workspaces archive, target-roots add,
target-roots set, target-roots remove, api-keys list, api-keys create, api-keys revoke, builds list, builds show,
builds cancel, tasks list, tasks show, outputs list, outputs copy, exec"""


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
    ("registry", "backup"): ["x"],
    ("registry", "restore"): ["x"],
    ("registry", "copy"): ["x"],
    ("organizations", "create"): ["x"],
    ("organizations", "join"): ["x"],
    ("members", "invite"): ["x@acme.example"],
    ("members", "remove"): ["x"],
    ("members", "set-role"): ["x", "admin"],
    ("workspaces", "create"): ["x"],
    ("workspaces", "archive"): ["x"],
    ("target-roots", "add"): ["x", "/x"],
    ("target-roots", "set"): ["x", "/x"],
    ("target-roots", "remove"): ["x"],
    ("api-keys", "create"): ["x"],
    ("api-keys", "revoke"): ["x"],
    ("builds", "show"): ["x"],
    ("builds", "cancel"): ["x"],
    ("tasks", "show"): ["x"],
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
    for words in (
        "target-roots add x /x",
        "target-roots set x /x",
        "target-roots remove x",
        "api-keys list",
        "api-keys create x",
        "api-keys revoke x",
        "builds list",
        "builds show x",
        "builds cancel x",
        "tasks list",
        "tasks show x",
    ):
        assert parsed([*words.split(), *options])[1][0] == ALL
    assert parsed(["target-roots", "list", *options]) == ("ListTargetRoots", (ALL,), {})
    assert parsed(["target-roots", "sync", *options]) == ("SyncTargetRoots", (ALL,), {"dry_run": False})
    assert parsed(["target-roots", "validate", *options]) == ("ValidateBeforeBuild", (ALL,), {})


UNFORCED: dict[str, object] = {"overwrite": False, "force": False, "allow_http": False, "offline": False}
OFFERED: dict[str, object] = {"overwrite": False, "offline": False, "may_become_default": True}

CALLS: list[tuple[str, Call]] = [
    ("target-roots sync --dry-run --exit-code", ("SyncTargetRoots", (Selection(),), {"dry_run": True})),
    ("organizations list", ("BrowseRegistry.organizations", (Selection(),), {})),
    ("organizations list -r x", ("BrowseRegistry.organizations", (Selection(registry="x"),), {})),
    ("workspaces list", ("BrowseRegistry.workspaces", (Selection(),), {"archived": False})),
    ("workspaces list --archived", ("BrowseRegistry.workspaces", (Selection(),), {"archived": True})),
    (
        "workspaces list --registry=x --organization=o",
        ("BrowseRegistry.workspaces", (Selection(registry="x", organization="o"),), {"archived": False}),
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
        ("AddRegistry", ("local", "http://localhost:3000"), UNFORCED),
    ),
    (
        "registry add local --url=http://x --replace --offline",
        ("AddRegistry", ("local", "http://x"), {**UNFORCED, "overwrite": True, "offline": True}),
    ),
    (
        "registry add local --url=http://x --force --allow-http",
        ("AddRegistry", ("local", "http://x"), {**UNFORCED, "force": True, "allow_http": True}),
    ),
    ("registry remove local", ("RemoveRegistry", ("local",), {"and_profiles": False})),
    ("registry remove local --yes", ("RemoveRegistry", ("local",), {"and_profiles": True})),
    (
        "profile add x -r local -o my-org -w prod",
        ("AddProfile", (Profile("x", "local", "my-org", "prod"),), OFFERED),
    ),
    (
        "profile add x --registry=local --organization=my-org --workspace=prod --replace",
        ("AddProfile", (Profile("x", "local", "my-org", "prod"),), {**OFFERED, "overwrite": True}),
    ),
    (
        "profile add x -r local -o my-org -w prod --no-default --offline",
        (
            "AddProfile",
            (Profile("x", "local", "my-org", "prod"),),
            {**OFFERED, "offline": True, "may_become_default": False},
        ),
    ),
    ("profile use x", ("UseProfile", ("x",), {})),
    ("profile remove x", ("RemoveProfile", ("x",), {"confirmed": False})),
    ("profile remove x --yes", ("RemoveProfile", ("x",), {"confirmed": True})),
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


LINK = "http://localhost:8000/invitation?token=" + "x" * 43
OF_ORGANIZATION = Selection(registry="r", organization="o")
AT = "-r r -o o"
WEEK = timedelta(days=7)

OF_A_TEAM: list[tuple[str, Call]] = [
    ("organizations create acme", ("JoinOrganizations.create", (Selection(), "acme", None), {})),
    (
        "organizations create acme --name=Acme -r x",
        ("JoinOrganizations.create", (Selection(registry="x"), "acme", "Acme"), {}),
    ),
    (f"organizations join {LINK} -r x", ("JoinOrganizations.accept", (Selection(registry="x"), Secret(LINK)), {})),
    (f"members list {AT}", ("EditMembers.members", (OF_ORGANIZATION, None), {})),
    ("members list --role admin", ("EditMembers.members", (Selection(), "admin"), {})),
    (f"members list --invited {AT}", ("EditMembers.invitations", (OF_ORGANIZATION, None), {})),
    ("members list --invited --role owner", ("EditMembers.invitations", (Selection(), "owner"), {})),
    (f"members invite a@b.example {AT}", ("EditMembers.invite", (OF_ORGANIZATION, "a@b.example", "member"), {})),
    ("members invite a@b.example --role=owner", ("EditMembers.invite", (Selection(), "a@b.example", "owner"), {})),
    (f"members remove alice {AT}", ("EditMembers.remove", (OF_ORGANIZATION, "alice"), {"confirmed": False})),
    ("members remove alice --yes", ("EditMembers.remove", (Selection(), "alice"), {"confirmed": True})),
    (f"members set-role alice admin {AT}", ("EditMembers.set_role", (OF_ORGANIZATION, "alice", "admin"), {})),
    (f"workspaces create staging {AT}", ("EditWorkspaces.create", (OF_ORGANIZATION, "staging", None, ""), {})),
    (
        "workspaces create staging --name Staging --description Before",
        ("EditWorkspaces.create", (Selection(), "staging", "Staging", "Before"), {}),
    ),
    (
        f"workspaces archive staging {AT}",
        ("EditWorkspaces.archive", (OF_ORGANIZATION, "staging"), {"undo": False, "confirmed": False}),
    ),
    (
        "workspaces archive staging --yes",
        ("EditWorkspaces.archive", (Selection(), "staging"), {"undo": False, "confirmed": True}),
    ),
    (
        "workspaces archive staging --undo",
        ("EditWorkspaces.archive", (Selection(), "staging"), {"undo": True, "confirmed": False}),
    ),
    ("target-roots add x s3://b/", ("EditTargetRoots.add", (Selection(), "x", "s3://b/"), {"confirmed": False})),
    ("target-roots add x /y --yes", ("EditTargetRoots.add", (Selection(), "x", "/y"), {"confirmed": True})),
    ("target-roots set x /y", ("EditTargetRoots.change", (Selection(), "x", "/y"), {"confirmed": False})),
    ("target-roots set x /y --yes", ("EditTargetRoots.change", (Selection(), "x", "/y"), {"confirmed": True})),
    ("target-roots remove x", ("EditTargetRoots.remove", (Selection(), "x"), {"confirmed": False})),
    ("target-roots remove x --yes", ("EditTargetRoots.remove", (Selection(), "x"), {"confirmed": True})),
    ("api-keys list", ("EditApiKeys.list", (Selection(),), {"revoked": False})),
    ("api-keys list --revoked", ("EditApiKeys.list", (Selection(),), {"revoked": True})),
    ("api-keys create ci", ("EditApiKeys.make", (Selection(), "ci", "build", None), {})),
    (
        "api-keys create ci --administer --expires-in 7d",
        ("EditApiKeys.make", (Selection(), "ci", "administer", WEEK), {}),
    ),
    ("api-keys revoke ci", ("EditApiKeys.revoke", (Selection(), "ci"), {"confirmed": False})),
    ("api-keys revoke ci --yes", ("EditApiKeys.revoke", (Selection(), "ci"), {"confirmed": True})),
    ("builds list", ("ReadBuilds.builds", (Selection(), None, None, 20), {})),
    ("builds list --status=lost --since 7d --limit 3", ("ReadBuilds.builds", (Selection(), "lost", WEEK, 3), {})),
    ("builds show x", ("ReadBuilds.build", (Selection(), "x"), {})),
    ("builds cancel x", ("ReadBuilds.cancel", (Selection(), "x"), {})),
    ("tasks list", ("ReadBuilds.tasks", (Selection(), TaskFilter(), 20), {})),
    (
        "tasks list --name t --parameter a=1 --parameter=b=x=y --status failed --build b --limit=7",
        ("ReadBuilds.tasks", (Selection(), TaskFilter("t", "failed", ("a=1", "b=x=y"), "b"), 7), {}),
    ),
    ("tasks show x", ("ReadBuilds.task", (Selection(), "x"), {})),
]


@pytest.mark.parametrize(("words", "call"), [*CALLS, *OF_A_TEAM])
def test_every_command_leads_to_one_call(words: str, call: Call) -> None:
    assert parsed(words.split()) == call


WRONG = """nonsense
organizations create
organizations join
members invite
members invite a@b.example --role boss
members remove
members set-role alice
members set-role alice boss
members list --role boss
workspaces create
workspaces archive
target-roots add x
target-roots set x
target-roots remove
api-keys create
api-keys revoke
builds list --status odd
builds list --limit 0
builds list --limit 10001
builds show
builds cancel
tasks list --status lost
tasks list --limit x
tasks show
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


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ("api-keys create x --expires-in soon", "--expires-in"),
        ("api-keys create x --expires-in 0d", "--expires-in"),
        ("api-keys create x --expires-in=-1d", "--expires-in"),
        ("builds list --since yesterdayish", "--since"),
        ("builds list --since 2026-13-01", "--since"),
        ("tasks list --parameter x", "--parameter NAME=VALUE"),
        ("tasks list --parameter =1", "--parameter NAME=VALUE"),
    ],
)
def test_a_value_that_cannot_be_meant_exits_2_says_how_it_is_written_and_asks_nobody(
    words: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    use_cases = RecordingUseCases()
    assert run(words.split(), lambda: use_cases) == 2
    shown = capsys.readouterr()
    assert (use_cases.calls, shown.out) == ([], "")
    assert f"Give {option}" in shown.err


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


@pytest.mark.parametrize(
    ("words", "selection", "command", "build"),
    [
        ("-- true", Selection(), ["true"], None),
        ("-p x -r r -o o -w w --offline -- a", Selection("x", "r", "o", "w", offline=True), ["a"], None),
        ("--build nightly -- a", Selection(), ["a"], BuildAsked("nightly")),
        ("--build b --description d -- a", Selection(), ["a"], BuildAsked("b", "d")),
        (
            "-- python -c x --profile y -q --help",
            Selection(),
            ["python", "-c", "x", "--profile", "y", "-q", "--help"],
            None,
        ),
        ("-q -- a -- b --build c", Selection(), ["a", "--", "b", "--build", "c"], None),
    ],
)
def test_what_is_behind_the_dashes_is_a_command_of_its_own(
    words: str, selection: Selection, command: list[str], build: BuildAsked | None
) -> None:
    name, arguments, _ = parsed(["exec", *words.split()])
    assert name == "RunCommand"
    assert arguments[:2] == (selection, command)
    assert arguments[3] == build
