"""A team at a registry of its own, told as a story: people, roles, keys, roots that builds have used, builds, tasks."""

import re
import shlex
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.machine import Machine
from tests.end_to_end.signing_in import Account, accept_at_the_page, sign_in
from tests.end_to_end.test_prompts import terminal
from tests.registry.running import RunningRegistry, running_registry

# Python warns of forking while other threads run, which pytest-xdist's do; the child only executes the program.
pytestmark = pytest.mark.filterwarnings("ignore:.*forkpty.*:DeprecationWarning")

NEWCOMER = Account("newcomer@acme.example", "a long password of theirs")
BOB = Account("bob@acme.example", "bob's password, a long one")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningRegistry]:
    with running_registry(tmp_path_factory.mktemp("team") / "data") as running:
        yield running


def machine_of(name: str, folder: Path, url: str) -> Machine:
    machine = Machine(folder / name)
    machine.home.mkdir(parents=True)
    machine.work.mkdir()
    machine.configure(f'[registry.local]\nurl = "{url}"\n')
    machine.directory.chmod(0o700)
    return machine


class Ci:
    """A pipeline with nothing but a key: its builds register themselves and their tasks over HTTP."""

    def __init__(self, machine: Machine, url: str, key: str) -> None:
        self.machine = machine
        self.variables = {"STARDAG_REGISTRY_URL": url, "STARDAG_API_KEY": key}
        self._http = httpx.Client(
            base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=30
        )
        self._workspace = self._http.get("/me").raise_for_status().json()["workspace"]["id"]

    def builds(self, description: str) -> str:
        """Register a build with the roots that the workspace has now."""
        roots = self._http.get(f"/workspaces/{self._workspace}/target-roots").raise_for_status().json()["items"]
        body = {
            "target_roots": {root["name"]: root["uri_prefix"] for root in roots},
            "description": description,
            "commit": "6c73e78",
        }
        made = self._http.post(f"/workspaces/{self._workspace}/builds", json=body).raise_for_status()
        return str(made.json()["id"])

    def records(self, build: str, *tasks: Mapping[str, Any]) -> Sequence[str]:
        """Tell of tasks of a build; their ids."""
        path = f"/workspaces/{self._workspace}/builds/{build}/tasks"
        recorded = self._http.post(path, json={"tasks": tasks}).raise_for_status()
        return [str(each) for each in recorded.json()["ids"]]

    def ends(self, build: str, status: str, error: str | None = None) -> None:
        body = {"status": status} if error is None else {"status": status, "error": error}
        self._http.patch(f"/workspaces/{self._workspace}/builds/{build}", json=body).raise_for_status()

    def close(self) -> None:
        self._http.close()


def test_a_team_in_short(tmp_path: Path, registry: RunningRegistry) -> None:
    """An organization, a member by invitation, a key, a build, and a root that is changed for good."""
    owner = machine_of("owner", tmp_path, registry.url)
    sign_in(owner, registry, "--registry", "local")
    owner.run("organizations", "create", "short", "-r", "local")
    owner.run("workspaces", "create", "main", "-r", "local", "-o", "short")
    at = '[profile.team]\nregistry = "local"\norganization = "short"\nworkspace = "main"\n[default]\nprofile = "team"\n'
    owner.configure(f"{owner.config.read_text()}{at}")
    first, second = tmp_path / "first", tmp_path / "second"
    owner.run("target-roots", "add", "default", str(first))
    accept_at_the_page(owner.run("members", "invite", "dora@acme.example").out.strip(), "dora's password, long")
    assert [each["role"] for each in owner.ask("members", "list").data["members"]] == ["member", "owner"]
    key = owner.run("api-keys", "create", "ci", "-q").out.strip()
    ci = Ci(machine_of("ci", tmp_path, registry.url), registry.url, key)
    build = ci.builds("A night of training")
    (trained,) = ci.records(build, {"name": "train", "parameters": {"rate": 0.1}, "status": "completed"})
    ci.close()
    assert [each["id"] for each in owner.ask("builds", "list").data["builds"]] == [build]
    assert owner.ask("tasks", "show", trained).data["builds"][0]["build_id"] == build
    with terminal(owner, "target-roots", "set", "default", str(second)) as person:
        person.reads("1 build has used the target root 'default'")
        person.reads("Change it all the same?")
        person.types("y")
        assert person.ends()[0] == 0
    assert owner.ask("members", "remove", "dora", exits=2).error["code"] == "confirmation-needed"
    with terminal(owner, "members", "remove", "dora") as person:
        person.reads("loses all access to it. Go on?")
        person.types("n")
        assert person.ends()[0] == 130
    assert len(owner.ask("members", "list").data["members"]) == 2
    owner.run("members", "remove", "dora", "--yes")
    assert [each["role"] for each in owner.ask("members", "list").data["members"]] == ["owner"]


def test_the_commands_of_the_invitation_page_lead_to_where_somebody_can_work(
    tmp_path: Path, registry: RunningRegistry
) -> None:
    owner, newcomer = machine_of("owner", tmp_path, registry.url), machine_of("new", tmp_path, registry.url)
    newcomer.config.unlink()
    sign_in(owner, registry, "--registry", "local")
    link = owner.run("members", "invite", NEWCOMER.name, "-r", "local", "-o", "default").out.strip()
    page = accept_at_the_page(link, NEWCOMER.password)
    commands = [shlex.split(line)[1:] for line in re.findall(r"stardag [a-z].*--.*?(?=<|\n)", page)]
    assert [words[:2] for words in commands] == [["registry", "add"], ["auth", "login"], ["profile", "add"]]
    assert "--registry team" in newcomer.run(*commands[0]).err, "each says the next"
    sign_in(newcomer, registry, *commands[1][2:], account=NEWCOMER)
    with terminal(newcomer, *commands[2]) as person:
        person.reads("Workspace:")
        person.types("\r")
        code, said = person.ends()
    assert (code, "is the default there" in said) == (0, True)
    assert newcomer.values()["workspace"]["value"] == "default"
    newcomer.run("target-roots", "validate")


@pytest.mark.slow
def test_a_team_from_its_first_day_to_somebody_leaving(tmp_path: Path, registry: RunningRegistry) -> None:
    owner = machine_of("owner", tmp_path, registry.url)
    bob = machine_of("bob", tmp_path, registry.url)

    # The owner makes an organization, a workspace and a place for its outputs.
    said = owner.run("organizations", "create", "acme", exits=4).err
    assert "stardag auth login --registry local" in said
    sign_in(owner, registry, "--registry", "local")
    assert owner.ask("organizations", "create", "acme", "--name", "Acme").data["role"] == "owner"
    assert owner.ask("organizations", "create", "acme", exits=1).error["code"] == "already-exists"
    made = owner.run("workspaces", "create", "production", "-r", "local", "-o", "acme", "--description", "For real.")
    assert "target-roots add default URI_PREFIX --workspace production --registry local --organization acme" in made.err
    owner.run("profile", "add", "team", "-r", "local", "-o", "acme", "-w", "production")
    owner.run("profile", "use", "team")
    first, second = tmp_path / "first", tmp_path / "second"
    added = owner.run("target-roots", "add", "default", str(first))
    assert "stardag target-roots sync" in added.err
    assert not (owner.directory / "target-root-cache.json").exists()
    assert [change["name"] for change in owner.ask("target-roots", "sync").data["added"]] == ["default"]
    owner.run("target-roots", "validate")

    # Bob is invited, makes an account at the page that the link leads to, and is a member.
    invited = owner.run("members", "invite", BOB.name)
    assert re.fullmatch(rf"{re.escape(registry.url)}/invitation\?token=[A-Za-z0-9_-]+\n", invited.out)
    assert "No mail is sent" in invited.err
    assert BOB.name in invited.err
    assert BOB.name in owner.run("members", "list", "--invited").out
    accept_at_the_page(invited.out.strip(), BOB.password)
    assert owner.ask("members", "list", "--invited").data == {"invitations": []}
    members = owner.ask("members", "list").data["members"]
    assert [(each["username"], each["role"]) for each in members] == [("bob", "member"), ("owner", "owner")]

    # What he may do is what his role says, from the moment that it changes.
    sign_in(bob, registry, "--registry", "local", account=BOB)
    bob.run("profile", "add", "team", "-r", "local", "-o", "acme", "-w", "production")
    mine = [each["slug"] for each in bob.ask("workspaces", "list").data["workspaces"]]
    assert "production" in mine
    assert "personal-bob" in mine
    refused = bob.ask("workspaces", "create", "staging", exits=7).error
    assert "an admin or owner of the organization" in refused["message"]
    bob.ask("target-roots", "add", "archive", "/archive", exits=7)
    bob.ask("api-keys", "list", exits=7)
    bob.ask("members", "invite", "carol@acme.example", exits=7)
    promoted = owner.ask("members", "set-role", "bob", "admin").data
    assert (promoted["old_role"], promoted["role"]) == ("member", "admin")
    bob.run("workspaces", "create", "staging")
    bob.ask("members", "invite", "carol@acme.example", "--role", "owner", exits=7)
    assert owner.ask("members", "set-role", "owner", "member", exits=1).error["code"] == "last-owner"

    # A pipeline gets a key: standard output is the key alone.
    made = bob.run("api-keys", "create", "ci", "--expires-in", "90d")
    key = made.out.strip()
    assert made.out == f"{key}\n"
    assert key.startswith("stardag_build_")
    assert key not in made.err
    assert "'ci'" in made.err
    assert "'production'" in made.err
    listed = bob.run("api-keys", "list")
    assert "ci" in listed.out
    assert key not in listed.said
    ci = Ci(machine_of("ci", tmp_path, registry.url), registry.url, key)
    ci.machine.config.unlink()
    ci.machine.run("target-roots", "validate", env=ci.variables)
    refused = ci.machine.ask("api-keys", "list", exits=7, env=ci.variables).error
    assert "an API key made for administering the workspace" in refused["message"]
    night, morning = ci.builds("A night of training\nwith all of it"), ci.builds("In the morning")
    train = {"name": "train", "parameters": {"rate": 0.1, "deep": True}}
    (trained,) = ci.records(night, {**train, "status": "completed", "output": {"root": "default", "path": "train/0.1"}})
    ci.records(morning, {**train, "status": "reused"}, {"name": "load", "parameters": {}, "status": "running"})
    ci.ends(night, "failed", "The disk is full.\n\x1b[31mRed".replace("\x1b", ""))

    # Builds and tasks are looked at by whoever wants to know.
    builds = bob.ask("builds", "list").data
    assert [(each["id"], each["status"]) for each in builds["builds"]] == [(morning, "running"), (night, "failed")]
    assert builds["more"] is False
    shown = bob.run("builds", "list", "--limit", "1")
    assert morning in shown.out
    assert night not in shown.said
    assert "--limit" in shown.err
    assert [each["id"] for each in bob.ask("builds", "list", "--status", "failed").data["builds"]] == [night]
    assert [each["id"] for each in bob.ask("builds", "list", "--since", "1h").data["builds"]] == [morning, night]
    assert bob.ask("builds", "list", "--since", "2999-01-01").data["builds"] == []
    shown = bob.ask("builds", "show", night).data
    assert (shown["target_roots"], shown["commit"]) == ({"default": str(first)}, "6c73e78")
    told = bob.run("builds", "show", night).out
    assert "The disk is full.\n" in told
    assert str(first) in told
    found = bob.ask("tasks", "list", "--parameter", "rate=0.1", "--parameter", "deep=true").data["tasks"]
    assert [each["id"] for each in found] == [trained]
    assert [each["name"] for each in bob.ask("tasks", "list", "--build", morning).data["tasks"]] == ["load", "train"]
    assert [each["name"] for each in bob.ask("tasks", "list", "--status", "running").data["tasks"]] == ["load"]
    shown = bob.ask("tasks", "show", trained).data
    assert [(run["build_id"], run["status"]) for run in shown["builds"]] == [(morning, "reused"), (night, "completed")]
    assert shown["output"] == {"root": "default", "path": "train/0.1"}
    assert "train/0.1 below target root 'default'" in bob.run("tasks", "show", trained).out
    assert "is cancelled" in bob.run("builds", "cancel", morning).out
    assert bob.ask("builds", "cancel", night, exits=1).error["code"] == "build-ended"

    # The root has been used by both: a change says so and asks, and without anybody to ask it is refused.
    change = ("target-roots", "set", "default", str(second))
    refused = bob.ask(*change, exits=2).error
    assert refused["code"] == "confirmation-needed"
    assert "--yes" in refused["fix"]
    assert "2 builds have used the target root 'default'" in refused["message"]
    for answer, code in (("n", 130), ("y", 0)):
        with terminal(bob, *change) as person:
            person.reads("2 builds have used the target root 'default'")
            person.reads("appear incomplete")
            person.reads("What is recommended instead:")
            person.reads(f"stardag target-roots add NAME {second}")
            person.reads("Change it all the same?")
            person.types(answer)
            assert person.ends()[0] == code
    mismatch = ci.machine.ask("target-roots", "validate", exits=3, env=ci.variables).error
    assert f"default: {first} -> {second}" in mismatch["message"]
    ci.machine.run("target-roots", "sync", env=ci.variables)
    ci.machine.run("target-roots", "validate", env=ci.variables)
    assert ci.machine.ask("target-roots", "list", env=ci.variables).data["roots"][0]["uri_prefix"] == str(second)
    assert bob.ask("target-roots", "remove", "default").data["builds"] == 0  # none has used it as it is now

    # The key is revoked, the workspace archived and brought back.
    assert bob.ask("api-keys", "revoke", "ci", exits=2).error["code"] == "confirmation-needed"
    with terminal(bob, "api-keys", "revoke", "ci") as person:
        person.reads("Revoke it?")
        person.types("y")
        assert person.ends()[0] == 0
    ci.machine.ask("target-roots", "sync", exits=4, env=ci.variables)
    ci.close()
    assert [each["name"] for each in bob.ask("api-keys", "list", "--revoked").data["api_keys"]] == ["ci"]
    bob.ask("workspaces", "archive", "production", exits=2)
    bob.run("workspaces", "archive", "production", "--yes")
    assert bob.ask("target-roots", "add", "more", "/more", exits=1).error["code"] == "archived"
    assert [each["slug"] for each in bob.ask("workspaces", "list", "--archived").data["workspaces"]] == ["production"]
    assert len(bob.ask("builds", "list").data["builds"]) == 2
    bob.run("workspaces", "archive", "production", "--undo")

    # Bob is asked into another organization, joins it with the link, and is removed from the first.
    owner.run("organizations", "create", "lab")
    link = owner.run("members", "invite", BOB.name, "--organization", "lab").out.strip()
    joined = bob.run("organizations", "join", "-", given=f"{link}\n")
    assert "You are a member of organization 'lab'" in joined.out
    assert link.rpartition("=")[2] not in joined.said
    assert bob.ask("organizations", "join", link, exits=5).error["code"] == "invitation-gone"
    assert [each["slug"] for each in bob.ask("organizations", "list").data["organizations"]] == ["acme", "lab"]
    assert owner.ask("members", "remove", BOB.name, "--yes").data["removed"] == "member"
    gone = bob.ask("members", "list", exits=5).error
    assert "acme" in gone["message"]
    assert [each["slug"] for each in bob.ask("organizations", "list").data["organizations"]] == ["lab"]
    bob.run("members", "remove", "bob", "--yes", "--organization", "lab")
    assert bob.ask("organizations", "list").data["organizations"] == []
