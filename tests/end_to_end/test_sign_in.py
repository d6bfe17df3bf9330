"""Signing in with the installed program at a real registry: the browser's way, devices, renewal, and who gets what."""

import json
import shutil
import stat
import subprocess
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import httpx
import pytest

from tests.end_to_end.machine import PROGRAM, Machine, Ran
from tests.end_to_end.recorder import Recorder, recording
from tests.end_to_end.signing_in import (
    CONFIGURATION,
    allow,
    expire,
    is_revealed,
    journal,
    login,
    secrets_of,
    sign_in,
)
from tests.end_to_end.test_prompts import DOWN, ENTER, terminal
from tests.registry.running import DEADLINE, RunningRegistry, running_registry

CHROMIUM = shutil.which("chromium")

ADD_LOCAL = ["profile", "add", "local", "--registry", "local", "--organization", "default", "--workspace", "default"]


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningRegistry]:
    with running_registry(tmp_path_factory.mktemp("issuer") / "data") as running:
        yield running


@pytest.fixture
def machine(machine: Machine, issuer: RunningRegistry) -> Machine:
    machine.configure(CONFIGURATION.format(url=issuer.url))
    machine.directory.chmod(0o700)
    return machine


class TestTheStory:
    def test_the_account_is_named_straight_after_signing_in_also_where_no_profile_is(
        self, machine: Machine, issuer: RunningRegistry
    ) -> None:
        machine.configure(f'[registry.local]\nurl = "{issuer.url}"\n')
        sign_in(machine, issuer)
        ran = machine.ask("auth", "status")
        assert (ran.data["user"]["email"], ran.data["verified"]) == ("owner@localhost", False)
        assert "not-verified" in ran.warnings
        assert "owner@localhost" in machine.run("auth", "status", "--offline").out
        machine.run("auth", "logout")
        assert not list(machine.directory.glob("sign-in-accounts/*.json"))

    def test_signing_in_shows_the_roots_that_changed_as_a_sync_does(
        self, machine: Machine, issuer: RunningRegistry
    ) -> None:
        assert "added     default: " in sign_in(machine, issuer).out
        cache = machine.directory / "target-root-cache.json"
        (cached,) = json.loads(cache.read_text())
        now = cached["target_roots"]["default"]
        for asked in ((), ("--format", "json")):
            cache.write_text(json.dumps([cached | {"target_roots": {"default": "/elsewhere", "gone": "/gone"}}]))
            said = sign_in(machine, issuer, *asked)
            if not asked:
                changes = [f"modified  default: /elsewhere -> {now}", "deleted   gone: /gone"]
                assert said.out.splitlines()[1:3] == changes
                continue
            data = said.data
            assert data["modified"] == [{"name": "default", "old": "/elsewhere", "new": now}]
            assert [change["name"] for change in data["deleted"]] == ["gone"]
            assert (data["added"], data["applied"]) == ([], True)

    def test_somebody_signs_in_works_and_leaves(self, machine: Machine, issuer: RunningRegistry) -> None:
        said = sign_in(machine, issuer)
        assert f"Signing in to 'local' ({issuer.url})." in said.err
        assert "Signed in to 'local'" in said.out
        kept = sorted(str(path.relative_to(machine.directory)) for path in machine.directory.rglob("*.json"))
        assert "credentials/local.json" in kept
        assert "access-token-cache/local__default.json" in kept
        assert "target-root-cache.json" in kept
        document = json.loads((machine.directory / "credentials" / "local.json").read_text())
        assert sorted(document) == ["client_id", "refresh_token", "registry_url", "token_endpoint"]

        status = machine.ask("auth", "status").data
        assert (status["verified"], status["user"]["email"]) == (True, "owner@localhost")
        organizations = machine.ask("organizations", "list").data["organizations"]
        assert [(each["slug"], each["role"]) for each in organizations] == [("default", "owner")]
        workspaces = machine.ask("workspaces", "list").data["workspaces"]
        assert [(each["slug"], each["personal"]) for each in workspaces] == [
            ("default", False),
            ("personal-owner", True),
        ]
        assert machine.ask("target-roots", "sync").data
        token = machine.run("auth", "token").out.strip()
        me = httpx.get(f"{issuer.url}/api/v1/me", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
        assert me.json()["user"]["username"] == "owner"

        spent = json.loads((machine.directory / "credentials" / "local.json").read_text())["refresh_token"]
        assert "Signed out of 'local'" in machine.run("auth", "logout").out
        assert secrets_of(machine.directory) == []
        assert machine.ask("auth", "status", exits=4).error["code"] == "no-credential"
        answer = httpx.post(
            f"{issuer.url}/oauth/token",
            data={"grant_type": "refresh_token", "client_id": "stardag-cli", "refresh_token": spent},
            trust_env=False,
        )
        assert answer.status_code == 400

    def test_the_first_steps_of_a_newcomer(self, machine: Machine, issuer: RunningRegistry) -> None:
        """As the README says them: the sign-in comes before any profile."""
        machine.config.unlink()
        machine.run("registry", "add", "local", "--url", issuer.url)
        said = sign_in(machine, issuer, "--registry", "local").err
        assert "stardag organizations list --registry local" in said
        assert "default" in machine.run("organizations", "list", "--registry", "local").out
        added = machine.ask(*ADD_LOCAL)
        assert added.warnings == {}
        machine.run("profile", "remove", "local", "--yes")
        assert machine.run(*ADD_LOCAL).err == "Next: stardag target-roots sync\n"
        for words in (("target-roots", "sync"), ("target-roots", "list"), ("target-roots", "validate")):
            assert machine.ask(*words).warnings == {}

    def test_a_registry_that_was_removed_is_still_signed_out_of(
        self, machine: Machine, issuer: RunningRegistry
    ) -> None:
        sign_in(machine, issuer)
        (secret, *_) = secrets_of(machine.directory)
        said = machine.run("registry", "remove", "local", "--yes").err
        assert f"You are still signed in to {issuer.url}; sign out with: stardag auth logout --registry local." in said
        assert secret in secrets_of(machine.directory)
        assert "Signed out of 'local'" in machine.run("auth", "logout", "--registry", "local").out
        assert secrets_of(machine.directory) == []
        machine.run("auth", "logout", "--registry", "local", exits=2)

    def test_what_profile_add_offers_is_what_the_user_may_see(self, machine: Machine, issuer: RunningRegistry) -> None:
        sign_in(machine, issuer)
        with terminal(machine, "profile", "add", "mine") as person:
            person.reads("Registry:")
            person.types(DOWN + ENTER)  # central, local
            person.reads("Organization:")
            person.reads("default")
            person.types(ENTER)
            person.reads("Workspace:")
            person.reads("default")
            person.types(ENTER)
            assert person.ends()[0] == 0
        shown = machine.ask("profile", "show", "mine").data
        assert (shown["registry"], shown["organization"], shown["workspace"]) == ("local", "default", "default")

    def test_a_new_signing_key_signs_nobody_out(
        self, machine: Machine, issuer: RunningRegistry, tmp_path: Path
    ) -> None:
        sign_in(machine, issuer)
        made = machine.ask("registry", "rotate-signing-key", "--data-dir", str(issuer.data_dir)).data["key_id"]
        assert machine.run("target-roots", "sync").code == 0
        expire(machine)
        assert machine.run("target-roots", "sync").code == 0
        with running_registry(issuer.data_dir) as another:
            keys = httpx.get(f"{another.url}/oauth/jwks", trust_env=False).json()["keys"]
        assert keys[0]["kid"] == made
        assert len(keys) > 1

    def test_a_registry_that_is_not_there_gets_no_signing_key(self, machine: Machine, tmp_path: Path) -> None:
        nowhere = tmp_path / "nowhere"
        error = machine.ask("registry", "rotate-signing-key", "--data-dir", str(nowhere), exits=None).error
        assert str(nowhere) in error["message"]
        assert not nowhere.exists()

    def test_files_are_private_whatever_the_umask(self, machine: Machine, issuer: RunningRegistry) -> None:
        sign_in(machine, issuer)
        subprocess.run(
            [PROGRAM, "auth", "token"],
            env=machine.environment(),
            cwd=machine.work,
            umask=0,
            check=True,
            capture_output=True,
        )
        for name in ("credentials", "access-token-cache"):
            assert stat.S_IMODE((machine.directory / name).stat().st_mode) == 0o700
            for path in (machine.directory / name).iterdir():
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path

    def test_a_device_signs_in(self, machine: Machine, issuer: RunningRegistry) -> None:
        with login(machine, "--device") as program:
            allow(issuer, program.page())
            assert "Signed in" in program.ended().out

    @pytest.mark.parametrize(
        "variables",
        [
            pytest.param({"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22", "DISPLAY": ":0"}, id="over SSH"),
            pytest.param({}, id="in a container"),
        ],
    )
    def test_where_there_is_no_browser_a_device_is_used_by_itself(
        self, machine: Machine, issuer: RunningRegistry, variables: dict[str, str]
    ) -> None:
        with login(machine, **variables) as program:
            assert "/oauth/device" in program.page()

    def test_a_refresh_token_signs_in(self, machine: Machine, issuer: RunningRegistry) -> None:
        sign_in(machine, issuer)
        token = json.loads((machine.directory / "credentials" / "local.json").read_text())["refresh_token"]
        assert not is_revealed(token, machine.run("auth", "login", "--with-token", given=token).said)

    @pytest.mark.parametrize(
        "rounds", [pytest.param((2, 8), id="short"), pytest.param((20, 100), marks=pytest.mark.slow)]
    )
    def test_however_many_find_the_token_stale_there_is_one_refresh(
        self, machine: Machine, issuer: RunningRegistry, rounds: tuple[int, int]
    ) -> None:
        sign_in(machine, issuer)
        before = journal(issuer)
        count, processes = rounds
        for _ in range(count):
            expire(machine)
            with ExitStack() as stack:
                started = [
                    stack.enter_context(machine.running("auth", "token", STARDAG_TIMEOUT="60"))
                    for _ in range(processes)
                ]
                ended = [process.ended(DEADLINE) for process in started]
            assert [each.err for each in ended if each.code] == []
            tokens = {each.out for each in ended}
            assert len(tokens) == 1
        spent = journal(issuer) - before
        assert (spent["refresh granted"], spent["refresh repeated"], spent["refresh refused"]) == (count, 0, 0)

    @pytest.mark.skipif(CHROMIUM is None, reason="SIGNING IN IS NOT TESTED IN A BROWSER: there is no chromium")
    def test_a_real_browser_signs_in(self, machine: Machine, issuer: RunningRegistry) -> None:
        from playwright.sync_api import sync_playwright

        with login(machine, "--no-browser") as program, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page()
            page.goto(program.page())
            page.get_by_label("E-mail address or username").fill("owner")
            page.get_by_label("Password").fill(issuer.owner_password)
            page.get_by_role("button", name="Sign in").click()
            page.get_by_role("button", name="Allow").click()
            page.get_by_text("You can close this page").wait_for()
            browser.close()
            assert "Signed in" in program.ended().out


class TestTamperedAnswers:
    """What the browser brings back is not what the issuer said."""

    def back(self, machine: Machine, issuer: RunningRegistry, exits: int, **changed: str | None) -> Ran:
        with login(machine, "--no-browser") as program:
            location = urlsplit(allow(issuer, program.page()).headers["location"])
            query = {name: value for name, value in {**dict(parse_qsl(location.query)), **changed}.items() if value}
            httpx.get(urlunsplit(location._replace(query=urlencode(query))), trust_env=False)
            return program.ended(exits)

    @pytest.mark.parametrize(
        "changed",
        [
            {"iss": "https://evil.example"},
            {"iss": None},
            {"code": "x" * 40},
            {"code": None},
            {"error": "access_denied"},
            {"error": "server_error"},
        ],
    )
    def test_it_is_refused(self, machine: Machine, issuer: RunningRegistry, changed: dict[str, str | None]) -> None:
        said = self.back(machine, issuer, 4, **changed)
        assert "did not work" in said.err
        assert secrets_of(machine.directory) == []

    def test_another_state_and_stray_requests_are_ignored(self, machine: Machine, issuer: RunningRegistry) -> None:
        with login(machine, "--no-browser") as program:
            location = allow(issuer, program.page()).headers["location"]
            parts = urlsplit(location)
            origin = f"{parts.scheme}://{parts.netloc}"
            query = dict(parse_qsl(parts.query))
            for stray in ("/", "/favicon.ico", "/callback", f"/callback?{urlencode({**query, 'state': 'x'})}"):
                answer = httpx.get(origin + stray, trust_env=False)
                assert answer.status_code == 404
                assert "x" * 5 not in answer.text
            assert httpx.post(location, trust_env=False).status_code == 501
            page = httpx.get(location, trust_env=False)
            assert query["code"] not in page.text + str(page.headers)
            assert "Signed in" in program.ended().out

    @pytest.mark.parametrize("was_used", [True, False])
    def test_a_code_of_another_sign_in_is_refused(
        self, machine: Machine, issuer: RunningRegistry, was_used: bool
    ) -> None:
        with login(machine, "--no-browser") as program:
            location = allow(issuer, program.page()).headers["location"]
            if was_used:
                httpx.get(location, trust_env=False)
                program.ended()
                machine.run("auth", "logout")
        code = dict(parse_qsl(urlsplit(location).query))["code"]
        assert "does not take its own answer (invalid_grant)" in self.back(machine, issuer, 4, code=code).err
        assert secrets_of(machine.directory) == []

    def test_what_a_person_denies_is_said(self, machine: Machine, issuer: RunningRegistry) -> None:
        with login(machine, "--no-browser") as program:
            httpx.get(allow(issuer, program.page(), "deny").headers["location"], trust_env=False)
            assert "it was denied" in program.ended(4).err


@pytest.fixture
def recorder() -> Generator[Recorder]:
    with recording() as recorder:
        yield recorder


HOSTILE = {
    "re-pointed": "http://127.0.0.1:{port}",
    "other port": "http://localhost:{port}",
    "user information": "http://{real}@127.0.0.1:{port}",
    "look-alike host": "http://localhost.localdomain:{port}",
    "path of the real one": "http://127.0.0.1:{port}/{real}",
}

COMMANDS = (
    ("target-roots", "sync"),
    ("target-roots", "validate"),
    ("organizations", "list"),
    ("workspaces", "list"),
    ("auth", "status"),
    ("auth", "token"),
    ("auth", "login", "--no-browser"),
    ("auth", "logout"),
)


class TestHostileRepositories:
    @pytest.mark.parametrize(
        "kind", [pytest.param(kind, marks=() if kind == "re-pointed" else pytest.mark.slow) for kind in HOSTILE]
    )
    def test_they_get_no_byte_of_any_secret(
        self, machine: Machine, issuer: RunningRegistry, recorder: Recorder, kind: str
    ) -> None:
        sign_in(machine, issuer)
        secrets = [*secrets_of(machine.directory), issuer.owner_key]
        real = urlsplit(issuer.url).netloc
        url = HOSTILE[kind].format(port=recorder.port, real=real)
        machine.project(CONFIGURATION.format(url=url))
        for words in COMMANDS:
            for env in ({}, {"STARDAG_API_KEY": issuer.owner_key}):
                said = machine.run(*words, exits=None, env=env).said
                if words != ("auth", "token"):
                    assert not any(is_revealed(secret, said) for secret in secrets)
        assert not any(is_revealed(secret, request) for secret in secrets for request in recorder.received)
        assert not any("authorization" in request.lower() for request in recorder.received)

    def test_a_link_to_the_users_own_secrets_is_not_followed(
        self, machine: Machine, issuer: RunningRegistry, recorder: Recorder
    ) -> None:
        sign_in(machine, issuer)
        secrets = secrets_of(machine.directory)
        machine.project(CONFIGURATION.format(url=recorder.url))
        for name in ("credentials", "access-token-cache"):
            (machine.work / ".stardag" / name).symlink_to(machine.directory / name)
        for words in COMMANDS:
            machine.run(*words, exits=None)
        assert not any(is_revealed(secret, request) for secret in secrets for request in recorder.received)


class TestBadInput:
    def test_a_file_that_others_can_read_is_refused_with_the_command_that_mends_it(
        self, machine: Machine, issuer: RunningRegistry
    ) -> None:
        sign_in(machine, issuer)
        path = machine.directory / "credentials" / "local.json"
        path.chmod(0o644)
        error = machine.ask("auth", "token", exits=4).error
        assert (str(path) in error["message"], "chmod" in error["fix"]) == (True, True)

    @pytest.mark.parametrize("content", ["", "{", "[]", '{"refresh_token": 1}', '{"refresh_token": "x"}'])
    def test_a_broken_file_is_named(self, machine: Machine, issuer: RunningRegistry, content: str) -> None:
        sign_in(machine, issuer)
        path = machine.directory / "credentials" / "local.json"
        path.write_text(content)
        error = machine.ask("auth", "token", exits=4).error
        assert str(path) in error["message"]
        assert "stardag auth login --registry local" in error["fix"]

    def test_a_broken_access_token_is_replaced_by_a_new_one(self, machine: Machine, issuer: RunningRegistry) -> None:
        sign_in(machine, issuer)
        (path,) = (machine.directory / "access-token-cache").glob("*.json")
        path.write_text("{")
        machine.run("workspaces", "list")
        assert "access_token" in path.read_text()
        path.unlink()
        path.mkdir()
        machine.run("workspaces", "list")

    def test_a_home_that_cannot_be_written_is_said_before_anything_is_opened(
        self, machine: Machine, issuer: RunningRegistry, tmp_path: Path
    ) -> None:
        blocked = tmp_path / "file"
        blocked.write_text("")
        variables = {"STARDAG_HOME": str(blocked / "below"), "STARDAG_REGISTRY_URL": issuer.url}
        said = machine.run("auth", "login", "--no-browser", exits=None, env=variables)
        assert said.code != 0
        assert "/oauth/" not in said.said

    def test_an_organization_that_is_not_known_any_more_is_named(
        self, machine: Machine, issuer: RunningRegistry
    ) -> None:
        sign_in(machine, issuer)
        error = machine.ask("auth", "token", exits=5, env={"STARDAG_ORGANIZATION": "gone"}).error
        assert "'gone'" in error["message"]
        assert "stardag organizations list" in error["fix"]

    @pytest.mark.parametrize("token", ["", "two words", "x" * 20000, "ü"])
    def test_what_cannot_be_a_token_is_refused(self, machine: Machine, issuer: RunningRegistry, token: str) -> None:
        said = machine.run("auth", "login", "--with-token", exits=4, given=token).said
        assert "The refresh token from standard input is malformed" in said
        assert not token or token not in said
