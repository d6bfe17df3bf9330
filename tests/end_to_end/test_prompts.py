"""Questions at a real terminal: what can be chosen, what is offered, and who is never asked."""

import re
import shlex
import tomllib
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pexpect
import pytest

from tests.end_to_end.machine import PROGRAM, TIMEOUT_SECONDS, Machine
from tests.end_to_end.registries import NOWHERE, Place, answering
from tests.fakes.http_server import ScriptedServer

# Python warns of forking while other threads run, which pytest-xdist's do; the child only executes the program.
pytestmark = pytest.mark.filterwarnings("ignore:.*forkpty.*:DeprecationWarning")

DOWN, ENTER, CTRL_C, CTRL_D = "\x1b[B", "\r", "\x03", "\x04"


class Terminal:
    """A person at a terminal who has typed a command."""

    def __init__(self, spawned: Any) -> None:
        self._spawned = spawned

    def reads(self, text: str) -> None:
        """Wait for text to appear."""
        self._spawned.expect(re.escape(text))

    def types(self, text: str) -> None:
        self._spawned.send(text)

    def ends(self) -> tuple[int, str]:
        """Wait for the end; the exit code, and what was written since the last text that was waited for."""
        self._spawned.expect(pexpect.EOF)
        self._spawned.close()
        said = str(self._spawned.before)
        assert "Traceback" not in said
        return int(self._spawned.exitstatus), said


@contextmanager
def terminal(machine: Machine, *words: str, shell: str = "", **variables: str) -> Generator[Terminal]:
    """Run the program at a terminal of its own; `shell` is what follows it in a line for the shell."""
    environment = machine.environment(TERM="xterm", PROMPT_TOOLKIT_NO_CPR="1", **variables)
    line = f"exec {shlex.join([str(PROGRAM), *words])} {shell}"
    spawned: pexpect.spawn[str] = pexpect.spawn(
        "/bin/sh",
        ["-c", line],
        env=environment,
        cwd=str(machine.work),
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        dimensions=(40, 240),
    )
    spawned.delaybeforesend = None
    try:
        yield Terminal(spawned)
    finally:
        spawned.close(force=True)


def listed(machine: Machine) -> dict[str, Any]:
    return tomllib.loads(machine.config.read_text())


@pytest.mark.parametrize("name", ["central", "remote"])
def test_the_url_is_asked_for_and_central_and_remote_are_offered_the_same_one(machine: Machine, name: str) -> None:
    with terminal(machine, "registry", "add", name, "--offline") as person:
        person.reads("The registry's URL:")
        person.reads("https://api.stardag.com")
        person.types(ENTER)
        assert person.ends()[0] == 0
    assert listed(machine)["registry"] == {name: {"url": "https://api.stardag.com"}}


def test_the_url_of_any_other_registry_is_typed(machine: Machine) -> None:
    with terminal(machine, "registry", "add", "mine", "--offline") as person:
        person.reads("The registry's URL:")
        person.types(f"https://mine.example{ENTER}")
        assert person.ends()[0] == 0
    assert listed(machine)["registry"] == {"mine": {"url": "https://mine.example"}}


def test_registry_organization_and_workspace_are_chosen_from_what_exists(machine: Machine) -> None:
    ids = [f"{number}" * 8 + "-1111-4111-8111-111111111111" for number in range(1, 5)]
    organizations = [{"id": ids[n], "slug": f"org-{n}", "name": "Org", "role": "member"} for n in (0, 1)]
    workspaces = [{"id": ids[n], "slug": f"ws-{n}", "name": "Ws", "organization_id": ids[1]} for n in (2, 3)]
    answers = {
        "/api/v1/organizations?": {"items": organizations, "next_cursor": None},
        "/api/v1/organizations/org-1/workspaces": {"items": workspaces, "next_cursor": None},
    }
    with ScriptedServer(answering(answers)) as server:
        machine.configure(f'[registry.here]\nurl = "{server.url}"\n')
        with terminal(machine, "profile", "add", "mine", STARDAG_API_KEY="some-key") as person:
            person.reads("Registry:")
            person.reads("here")
            person.types(DOWN + ENTER)  # central, here
            person.reads("Organization:")
            person.reads("org-1")
            person.types(DOWN + ENTER)
            person.reads("Workspace:")
            person.reads("ws-3")
            person.types(DOWN + ENTER)
            code, said = person.ends()
    assert code == 0
    assert "was added to" in said
    assert listed(machine)["profile"]["mine"] == {"registry": "here", "organization": "org-1", "workspace": "ws-3"}


def test_the_profile_that_is_being_added_may_already_be_the_chosen_one(machine: Machine, place: Place) -> None:
    machine.configure(f'[registry.here]\nurl = "{place.url}"\n')
    variables = {"STARDAG_PROFILE": "mine", "STARDAG_API_KEY": place.key}
    with terminal(machine, "profile", "add", "mine", "-r", "here", **variables) as person:
        person.reads(place.organization)
        person.types(ENTER)
        person.reads("Workspace:")
        person.reads(place.workspace)
        person.types(ENTER)
        assert person.ends()[0] == 0
    assert listed(machine)["profile"]["mine"]["workspace"] == place.workspace


def test_without_a_connection_organization_and_workspace_are_typed_and_why_is_said_first(machine: Machine) -> None:
    machine.configure(f'[registry.here]\nurl = "{NOWHERE}"\n')
    with terminal(machine, "profile", "add", "mine", "-r", "here", STARDAG_API_KEY="some-key") as person:
        person.reads("There is nothing to choose from. ")
        person.reads("connection refused")
        person.reads("Organization (slug or id):")
        person.types(f"my-org{ENTER}")
        person.reads("Workspace (slug or id):")
        person.types(f"my-ws{ENTER}")
        code, said = person.ends()
    assert code == 0
    assert "not checked" in said
    assert listed(machine)["profile"]["mine"] == {"registry": "here", "organization": "my-org", "workspace": "my-ws"}


@pytest.mark.parametrize("quiet", [(), ("-q",)], ids=["", "quiet"])
def test_who_is_not_signed_in_reads_that_before_they_are_asked_and_once(
    machine: Machine, place: Place, quiet: tuple[str, ...]
) -> None:
    machine.configure(f'[registry.here]\nurl = "{place.url}"\n')
    with terminal(machine, "profile", "add", "mine", "-r", "here", *quiet) as person:
        person.reads("There is nothing to choose from. ")
        person.reads("stardag auth login --registry here")
        person.reads("Organization (slug or id):")
        person.types(f"o{ENTER}")
        person.reads("Workspace (slug or id):")
        person.types(f"w{ENTER}")
        code, said = person.ends()
    assert (code, "nothing to choose from" in said) == (0, False)


def test_who_belongs_to_no_organization_reads_that_before_they_are_asked(machine: Machine) -> None:
    with ScriptedServer(answering({"/api/v1/organizations?": {"items": [], "next_cursor": None}})) as server:
        machine.configure(f'[registry.here]\nurl = "{server.url}"\n')
        with terminal(machine, "profile", "add", "mine", "-r", "here", STARDAG_API_KEY="some-key") as person:
            person.reads("There is no organization that you may see.")
            person.reads("Organization (slug or id):")
            person.types(CTRL_C)
            assert person.ends()[0] == 130


@pytest.mark.parametrize("answer", ["y", "n"])
def test_what_would_be_replaced_or_removed_along_is_confirmed(machine: Machine, answer: str) -> None:
    text = '[registry.r]\nurl = "https://r.example"\n\n[profile.p]\nregistry = "r"\n'
    machine.configure(text)
    with terminal(machine, "registry", "add", "r", "--url", "https://s.example", "--offline") as person:
        person.reads("already https://r.example")
        person.reads("Replace it?")
        person.types(answer)
        code, said = person.ends()
    assert code == (0 if answer == "y" else 130)
    assert ("Nothing was changed." in said) is (answer == "n")
    assert "error" not in said
    assert "--replace" not in said
    with terminal(machine, "registry", "remove", "r") as person:
        person.reads("'p'")
        person.reads("Remove all of that?")
        person.types(answer)
        assert person.ends()[0] == (0 if answer == "y" else 130)
    assert machine.config.read_text().strip() == ("" if answer == "y" else text.strip())


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["Ctrl-C", "Ctrl-D"])
def test_breaking_off_at_a_question_exits_130_and_says_that_nothing_was_changed(machine: Machine, key: str) -> None:
    text = '[registry.r]\nurl = "https://r.example"\n\n[profile.p]\nregistry = "r"\n'
    machine.configure(text)
    for words, question in (
        (("registry", "add", "mine"), "The registry's URL:"),
        (("profile", "add", "mine"), "Registry:"),
        (("registry", "remove", "r"), "Remove all of that?"),
        (("auth", "login", "--with-token"), "not shown"),
        (("organizations", "join", "-"), "not shown"),
    ):
        with terminal(machine, *words) as person:
            person.reads(question)
            person.types(key)
            code, said = person.ends()
        assert (code, "error" in said) == (130, False), said
        assert "Nothing was changed." in said
    assert machine.config.read_text() == text


def test_nobody_is_asked_with_ci_or_no_input_or_where_an_error_would_not_be_read(machine: Machine) -> None:
    words = ("registry", "add", "central")
    for more, shell, variables in (
        ((), "", {"CI": "true"}),
        (("--no-input",), "", {}),
        ((), "< /dev/null", {}),
        ((), "2> error.txt", {}),
    ):
        with terminal(machine, *words, *more, shell=shell, **variables) as person:
            code, _ = person.ends()
        assert code == 2
    assert "--url" in (machine.work / "error.txt").read_text()
    assert not machine.config.exists()


def test_questions_are_on_standard_error_so_that_the_answer_can_go_to_a_file(machine: Machine) -> None:
    words = ("registry", "add", "central", "--offline", "--format", "json")
    with terminal(machine, *words, shell="> answer.json") as person:
        person.reads("The registry's URL:")
        person.types(ENTER)
        assert person.ends()[0] == 0
    answer = (machine.work / "answer.json").read_text()
    assert answer.startswith('{\n  "schema": "stardag.registry.add/1"')


def test_colour_is_for_terminals_and_not_for_those_who_do_not_want_it(machine: Machine) -> None:
    for variables, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        with terminal(machine, "config", "show", "-p", "none", **variables) as person:
            code, said = person.ends()
        assert (code, "\x1b[" in said) == (2, coloured)
        assert "error:" in said


def test_another_address_that_is_no_registry_is_confirmed_twice(machine: Machine) -> None:
    machine.configure('[registry.r]\nurl = "https://r.example"\n')
    with ScriptedServer(answering({})) as server:
        with terminal(machine, "registry", "add", "r", "--url", server.url) as person:
            person.reads("already https://r.example")
            person.reads("Replace it?")
            person.types("y")
            person.reads("is not a Stardag registry")
            person.reads("Add it all the same?")
            person.types("n")
            code, said = person.ends()
        assert (code, "Nothing was changed." in said, "--force" in said) == (130, True, False)
        with terminal(machine, "registry", "add", "r", "--url", server.url, "--replace") as person:
            person.reads("Add it all the same?")
            person.types("y")
            assert person.ends()[0] == 0
    assert listed(machine)["registry"]["r"]["url"] == server.url
