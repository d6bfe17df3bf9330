"""Editing `config.toml` by command: what a person wrote in it stays, and what was not confirmed does not happen."""

import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.end_to_end.machine import PROGRAM, TIMEOUT_SECONDS, Machine, files_below, write
from tests.end_to_end.registries import NOWHERE, Place
from tests.fakes.http_server import ScriptedServer, response

HANDWRITTEN = """\
# My registries, and why.
top-secret-plan = "kept"   # a key that nobody knows

[registry.zeta]  # last in the alphabet, first here
url    = 'https://zeta.example'

[registry.alpha]
# the old one
url = "https://alpha.example"
note = "mine"

[profile.work]
workspace    = "ws"        # order as I like it
registry = "zeta"

[default]
profile = "work"   # most days

# The end.
"""


def add(machine: Machine, *words: str, exits: int = 0) -> str:
    return machine.run(*words, "--offline", exits=exits).said


def test_every_edit_keeps_comments_order_and_unknown_keys(machine: Machine) -> None:
    path = machine.configure(HANDWRITTEN)
    path.chmod(0o640)
    add(machine, "registry", "add", "new", "--url", "https://new.example")
    assert path.read_text().startswith(HANDWRITTEN), "what is added goes to the end"
    add(machine, "registry", "add", "alpha", "--url", "https://other.example", "--replace")
    add(machine, "profile", "add", "work", "-r", "zeta", "-o", "org", "-w", "elsewhere", "--replace")
    add(machine, "profile", "add", "home", "-r", "new", "-o", "org", "-w", "ws")
    add(machine, "profile", "use", "home")
    text = path.read_text()
    added = '\n[registry.new]\nurl = "https://new.example"\n\n[profile.home]\nregistry = "new"\n'
    expected = HANDWRITTEN.replace('"https://alpha.example"', '"https://other.example"')
    expected = expected.replace('"ws"        # order', '"elsewhere"        # order')
    expected = expected.replace('profile = "work"   #', 'profile = "home"   #')
    for line in expected.splitlines():
        assert line in text.splitlines()
    assert added in text
    assert tomllib.loads(text)["profile"]["work"] == {
        "workspace": "elsewhere",
        "registry": "zeta",
        "organization": "org",
    }
    for name in ("home", "work"):
        add(machine, "profile", "remove", name, "--yes")
    add(machine, "registry", "remove", "new")
    add(machine, "registry", "remove", "zeta")
    rest = path.read_text()
    for comment in ("# My registries, and why.", "# a key that nobody knows", "# the old one", "# The end."):
        assert comment in rest
    assert tomllib.loads(rest) == {
        "top-secret-plan": "kept",
        "registry": {"alpha": {"url": "https://other.example", "note": "mine"}},
    }
    assert path.stat().st_mode & 0o777 == 0o640, "the mode is the person's as well"


def test_windows_line_ends_stay(machine: Machine) -> None:
    path = machine.configure("")
    path.write_bytes(b'# mine\r\n[registry.r]\r\nurl = "https://r.example"\r\n')
    add(machine, "registry", "add", "s", "--url", "https://s.example")
    assert path.read_bytes().count(b"\r\n") == path.read_bytes().count(b"\n") > 3


def test_a_linked_file_stays_a_link(machine: Machine) -> None:
    target = write(machine.home / "dotfiles" / "stardag.toml", "# mine\n")
    machine.directory.mkdir()
    machine.config.symlink_to(target)
    add(machine, "registry", "add", "r", "--url", "https://r.example")
    assert machine.config.is_symlink()
    assert target.read_text() == '# mine\n\n[registry.r]\nurl = "https://r.example"\n'


def test_a_new_file_is_for_its_owner_alone(machine: Machine) -> None:
    said = add(machine, "registry", "add", "r", "--url", "https://r.example")
    assert str(machine.config) in said, "an edit says which file it went to"
    assert machine.config.stat().st_mode & 0o777 == 0o600
    assert machine.directory.stat().st_mode & 0o777 == 0o700


def test_an_invalid_file_is_never_overwritten(machine: Machine) -> None:
    broken = '[registry.r]\nurl = "https://r.example\n'
    path = machine.configure(broken)
    for words in (
        "registry add s --url https://s.example --replace",
        "registry remove r --yes",
        "profile add p -r central -o o -w w",
        "profile use p",
        "profile remove p",
    ):
        ran = machine.run(*words.split(), "--offline", exits=2)
        assert f"{path}:2:" in ran.err
    assert path.read_text() == broken


def test_an_edit_that_cannot_be_made_changes_nothing_and_says_what_to_paste(machine: Machine) -> None:
    text = 'registry = { r = { url = "https://r.example" } }\nprofile = {}\n'
    path = machine.configure(text)
    ran = machine.ask("registry", "add", "s", "--url", "https://s.example", "--offline", exits=None)
    if ran.code == 0:  # tomlkit could do it after all; then it has to be right
        assert tomllib.loads(path.read_text())["registry"]["s"] == {"url": "https://s.example"}
    else:
        assert ran.error["code"] == "edit-not-possible"
        assert '[registry.s]\nurl = "https://s.example"' in ran.error["fix"]
        assert path.read_text() == text


def test_a_file_that_cannot_be_written_is_one_clear_error(machine: Machine) -> None:
    blocked = write(machine.root / "file", "")
    env = {"STARDAG_HOME": f"{blocked}/below"}
    error = machine.ask("registry", "add", "r", "--url", "https://r.example", "--offline", env=env, exits=1).error
    assert error["code"] == "not-writable"


def test_a_registry_is_added_without_a_connection_and_what_was_not_checked_is_said(machine: Machine) -> None:
    ran = machine.ask("registry", "add", "r", "--url", NOWHERE)
    assert ran.data == {"name": "r", "url": NOWHERE, "changed": True, "path": str(machine.config)}
    assert "connection refused" in ran.warnings["not-checked"]
    assert "asks to work offline" in machine.run("registry", "add", "o", "--url", NOWHERE, "--offline").err


def test_a_registry_that_answers_is_added_without_a_warning_and_the_next_step_is_said(
    machine: Machine, place: Place
) -> None:
    ran = machine.run("registry", "add", "local", "--url", f"{place.url}/")
    assert ran.err == "Next: stardag auth login --registry local\n"
    assert f'url = "{place.url}"' in machine.config.read_text()
    ran = machine.run("registry", "add", "other", "--url", place.url, env={"STARDAG_API_KEY": place.key})
    assert ran.err == "Next: stardag profile add other --registry other\n"


@pytest.mark.parametrize("page", ["/docs", "/api/v1/", "/openapi.json", "/login", "/account", "/api", "/oauth/device"])
def test_the_address_of_a_registrys_page_is_corrected(machine: Machine, place: Place, page: str) -> None:
    ran = machine.ask("registry", "add", "local", "--url", f"{place.url}{page}")
    assert ran.data["url"] == place.url
    assert f"{place.url}{page} is a page of a registry" in ran.warnings["corrected-url"]
    assert machine.config.read_text() == f'[registry.local]\nurl = "{place.url}"\n'


def test_a_site_that_is_no_registry_is_added_by_force_alone(machine: Machine) -> None:
    with ScriptedServer(response(200, b"<html>", {"Content-Type": "text/html"})) as server:
        words = ("registry", "add", "web", "--url", f"{server.url}/login")
        error = machine.ask(*words, exits=2).error
        assert f"What answers at {server.url}/login is not a Stardag registry" in error["message"]
        assert "--force" in error["fix"]
        assert not machine.config.exists()
        assert "is not a Stardag registry" in machine.ask(*words, "--force").warnings["not-a-registry"]
        assert all("authorization" not in request.headers for request in server.requests)
    assert machine.config.read_text() == f'[registry.web]\nurl = "{server.url}/login"\n'


def test_plain_http_is_permitted_by_an_option_in_the_users_own_file_alone(machine: Machine) -> None:
    words = ("registry", "add", "lan", "--url", "http://registry.lan:8000", "--offline")
    assert "--allow-http" in machine.ask(*words, exits=2).error["fix"]
    machine.project("")
    error = machine.ask(*words, "--allow-http", exits=2).error
    assert str(machine.config) in error["fix"]
    machine.run(*words, "--allow-http", cwd=machine.home)
    assert machine.config.read_text() == '[registry.lan]\nurl = "http://registry.lan:8000"\nallow_http = true\n'
    machine.run(*words)
    assert "allow_http" not in (machine.work / ".stardag" / "config.toml").read_text(), "it counts for the project, too"


def test_a_permission_of_plain_http_without_effect_is_said_and_not_written_into_a_projects_file(
    machine: Machine,
) -> None:
    path = machine.project("")
    words = ("registry", "add", "here", "--url", NOWHERE, "--allow-http", "--offline")
    assert f"not for {NOWHERE}." in machine.ask(*words).warnings["unused-option"]
    assert path.read_text() == f'[registry.here]\nurl = "{NOWHERE}"\n'
    assert "allow_http" not in machine.run("registry", "list").err


def test_the_default_registry_without_an_entry_cannot_be_removed_and_a_replaced_profile_was_changed(
    machine: Machine,
) -> None:
    error = machine.ask("registry", "remove", "central", exits=2).error
    assert "known without an entry" in error["message"]
    words = ("profile", "add", "p", "-r", "central", "-o", "o", "--offline", "-w")
    machine.run(*words, "w")
    assert machine.run(*words, "v", "--replace").out.startswith("Profile 'p' was changed in ")


def test_a_default_that_a_command_of_exec_sets_is_said_to_count_outside_of_it(machine: Machine, place: Place) -> None:
    machine.configure('[registry.r]\nurl = "https://r.example"\n[profile.q]\nregistry = "r"\n')
    said = machine.run("exec", "--", str(PROGRAM), "profile", "use", "q", env=place.variables).err
    assert f"works there: workspace {place.workspace!r} at {place.url}. 'q' is the default outside of it." in said
    assert "unset" not in said


def test_the_secret_of_a_pasted_link_is_not_repeated(machine: Machine) -> None:
    ran = machine.run("registry", "add", "x", "--url", "https://r.example/invitation?token=s3cret", exits=2)
    assert "s3cret" not in ran.said


def test_a_profile_is_added_without_a_connection_and_what_was_not_checked_is_said(machine: Machine) -> None:
    machine.configure(f'[registry.r]\nurl = "{NOWHERE}"\n')
    words = ("profile", "add", "p", "--registry=r", "--organization=my-org", "--workspace=my-ws")
    no_key = machine.ask(*words)
    assert no_key.data == {
        "name": "p",
        "registry": "r",
        "organization": "my-org",
        "workspace": "my-ws",
        "changed": True,
        "default": True,
        "path": str(machine.config),
    }
    assert "no credential" in no_key.warnings["not-checked"]
    assert "stardag auth login --registry r" in no_key.warnings["not-checked"]
    machine.run("profile", "remove", "p", "--yes")
    down = machine.ask(*words, env={"STARDAG_API_KEY": "some-key"})
    assert "connection refused" in down.warnings["not-checked"]


def test_a_profile_is_checked_against_the_registry_where_that_can_be_asked(machine: Machine, place: Place) -> None:
    machine.configure(f'[registry.r]\nurl = "{place.url}"\n')
    env = {"STARDAG_API_KEY": place.key}
    before = machine.config.read_text()
    profile = ("profile", "add", "p", "-r", "r")
    error = machine.ask(*profile, "-o", "nobody", "-w", place.workspace, env=env, exits=5).error
    assert (error["code"], "organization 'nobody'" in error["message"]) == ("not-known", True)
    error = machine.ask(*profile, "-o", place.organization, "-w", f"{place.workspace}x", env=env, exits=5).error
    assert (error["code"], "workspace" in error["message"]) == ("not-known", True)
    assert f"Did you mean {place.workspace!r}?" in error["message"]
    assert machine.config.read_text() == before
    error = machine.ask("profile", "add", "p", "-r", "nowhere", "-o", "o", "-w", "w", env=env, exits=2).error
    assert error["code"] == "unknown-name"
    by_id = ("profile", "add", "p", "-r", "r", "-o", place.organization_id, "-w", place.workspace_id)
    assert "not-checked" not in machine.ask(*by_id, env={**env, "STARDAG_PROFILE": "p"}).warnings


def test_a_name_that_exists_with_other_values_is_refused_until_replace_says_so(machine: Machine) -> None:
    machine.configure(HANDWRITTEN)
    registry = ("registry", "add", "zeta", "--offline", "--url")
    same = machine.ask(*registry, "https://zeta.example").data
    assert same["changed"] is False
    error = machine.ask(*registry, "https://else.example", exits=2).error
    assert error["code"] == "confirmation-needed"
    assert "https://zeta.example" in error["message"]
    assert "--replace" in error["fix"]
    profile = ("profile", "add", "work", "-r", "zeta", "-o", "org", "-w", "ws", "--offline")
    assert "--replace" in machine.ask(*profile, exits=2).error["fix"]
    assert machine.config.read_text() == HANDWRITTEN
    assert machine.ask(*profile, "--replace").data["changed"] is True
    assert machine.ask(*profile).data["changed"] is False


def test_a_registry_that_profiles_use_is_removed_only_with_yes_and_they_go_with_it(machine: Machine) -> None:
    machine.configure(HANDWRITTEN)
    error = machine.ask("registry", "remove", "zeta", exits=2).error
    assert error["code"] == "confirmation-needed"
    assert "'work'" in error["message"]
    assert "--yes" in error["fix"]
    assert machine.config.read_text() == HANDWRITTEN
    assert machine.ask("registry", "remove", "alpha").data["profiles"] == []
    assert machine.ask("registry", "remove", "zeta", "--yes").data["profiles"] == ["work"]
    assert "default" not in tomllib.loads(machine.config.read_text()), "nor is a default left that leads nowhere"
    machine.run("config", "validate")


def test_what_is_not_there_cannot_be_removed_or_used_and_the_nearest_is_named(machine: Machine) -> None:
    machine.configure(HANDWRITTEN)
    for words, near in (
        ("registry remove zet", "zeta"),
        ("profile remove wrk", "work"),
        ("profile use wrk", "work"),
    ):
        error = machine.ask(*words.split(), exits=2).error
        assert error["code"] == "unknown-name"
        assert f"Did you mean {near!r}?" in error["message"]


def test_what_a_removal_leaves_is_what_a_person_wrote_around_it(machine: Machine) -> None:
    first = '[profile.a]\nregistry = "central"\n\n# production, mind\n[profile.b]\nregistry = "central"\n# The end.\n'
    path = machine.configure(first)
    machine.run("profile", "remove", "a")
    assert path.read_text() == '# production, mind\n[profile.b]\nregistry = "central"\n# The end.\n'
    machine.run("profile", "remove", "b")
    assert path.read_text() == "# production, mind\n# The end.\n", "the last one can be removed as well"
    path.write_text('profile = { a = { registry = "central" } } # in a line\n')
    machine.run("profile", "remove", "a")
    assert "# in a line" in path.read_text()


def test_the_first_profile_becomes_the_default_of_the_file_and_the_second_does_not(machine: Machine) -> None:
    words = ("profile", "add", "-r", "central", "-o", "o", "-w", "w", "--offline", "--name")
    assert f"was added to {machine.config}, and is the default there." in machine.run(*words, "first").out
    assert machine.values()["profile"]["value"] == "first"
    assert "stardag profile use second" in machine.run(*words, "second").err
    assert machine.values()["profile"]["value"] == "first"
    machine.project("")
    assert machine.ask(*words, "own").data["default"] is True, "each file has a default of its own"
    assert machine.values()["profile"]["value"] == "own"
    machine.project("")
    assert machine.ask(*words, "own", "--no-default").data["default"] is False
    assert machine.values()["profile"]["value"] is None


def test_a_variable_that_outranks_the_default_is_named_when_the_default_is_set(machine: Machine) -> None:
    machine.configure(HANDWRITTEN + '[profile.b]\nregistry = "alpha"\n')
    ran = machine.ask("profile", "use", "b", env={"STARDAG_PROFILE": "work", "STARDAG_WORKSPACE_ID": "w"})
    assert ran.warnings["outranked"].splitlines() == [
        "STARDAG_PROFILE=work outranks the default profile; unset STARDAG_PROFILE to work at 'b'.",
        "STARDAG_WORKSPACE_ID=w outranks the default profile; unset STARDAG_WORKSPACE_ID to work at 'b'.",
    ]


def test_a_profile_that_is_named_and_does_not_exist_is_an_error_or_said_to_make_no_difference(machine: Machine) -> None:
    machine.configure(HANDWRITTEN)
    for words in ("profile show", "profile show work", "profile list", "registry list", "config show"):
        error = machine.ask(*words.split(), "-p", "wrk", exits=2).error
        assert (error["code"], "Did you mean 'work'?" in error["message"]) == ("unknown-name", True)
    assert "has no effect" in machine.ask("config", "path", "-p", "wrk").warnings["unused-option"]


def test_removing_the_default_profile_asks_first_and_says_so(machine: Machine) -> None:
    machine.configure(HANDWRITTEN)
    error = machine.ask("profile", "remove", "work", exits=2).error
    assert (error["code"], "--yes" in error["fix"]) == ("confirmation-needed", True)
    assert machine.config.read_text() == HANDWRITTEN
    removed = machine.run("profile", "remove", "work", "--yes")
    assert "It was the default" in removed.err
    assert machine.ask("profile", "list").data == {"profiles": []}


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "a__b",
        "a\x1b[31m",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("Upper", "a b", "", "a/b", "x" * 64, "-", "é")),
    ],
)
def test_names_that_are_paths_or_hold_two_underscores_are_refused(machine: Machine, name: str) -> None:
    for words in (
        ("registry", "add", "--url", "https://r.example", "--name", name),
        ("profile", "add", "-r", "central", "-o", "o", "-w", "w", "--name", name),
    ):
        ran = machine.run(*words, "--offline", exits=2)
        assert "\x1b" not in ran.err
    assert files_below(machine.home) == {}


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000",
        "ftp://r.example",
        "https://",
        "https://u:p@r.example",
        "https://r.example/?q",
        "https://r\x1b.example",
    ],
)
def test_urls_that_cannot_be_a_registrys_are_refused(machine: Machine, url: str) -> None:
    ran = machine.ask("registry", "add", "r", "--url", url, exits=2)
    assert ran.error["code"] == "invalid-value"
    assert "u:p" not in ran.err
    assert files_below(machine.home) == {}


@pytest.mark.parametrize("processes", [8, pytest.param(32, marks=pytest.mark.slow)])
def test_many_processes_that_add_profiles_lose_none(machine: Machine, processes: int) -> None:
    names = [f"profile-{number}" for number in range(processes)]
    running = [
        subprocess.Popen(
            [PROGRAM, "profile", "add", name, "-r", "central", "-o", "org", "-w", f"ws-{name}", "--offline", "-q"],
            env=machine.environment(),
            cwd=machine.work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for name in names
    ]
    for process in running:
        with process:
            _, err = process.communicate(timeout=2 * TIMEOUT_SECONDS)
        assert (process.returncode, err) == (0, b"")
    profiles = machine.ask("profile", "list").data["profiles"]
    assert {profile["name"]: profile["workspace"] for profile in profiles} == {name: f"ws-{name}" for name in names}
    leftovers = [path.name for path in Path(machine.directory).iterdir() if path.name.endswith(".tmp")]
    assert leftovers == []
