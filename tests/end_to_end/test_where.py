"""Where code runs is never in doubt: another place than the one that is named gets nothing, and nothing goes there."""

import json
import secrets
import sys
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest

from tests.end_to_end import builds
from tests.end_to_end.machine import PROGRAM, Machine
from tests.end_to_end.registries import Place, Registry
from tests.end_to_end.signing_in import sign_in
from tests.registry.running import RunningRegistry, running_registry

TWO_PROFILES = """
[registry.here]
url = "{url}"

[profile.local]
registry = "here"
organization = "default"
workspace = "default"

[profile.prod]
registry = "here"
organization = "default"
workspace = "prod"

[default]
profile = "local"
"""


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningRegistry]:
    with running_registry(tmp_path_factory.mktemp("issuer") / "data") as running:
        yield running


class TestHandedDown:
    """Two profiles of two workspaces, each with a root `default` of its own; the owner has signed in."""

    @pytest.fixture(autouse=True)
    def two_workspaces(self, machine: Machine, issuer: RunningRegistry, tmp_path: Path) -> None:
        machine.configure(TWO_PROFILES.format(url=issuer.url))
        machine.directory.chmod(0o700)
        sign_in(machine, issuer)
        if "prod" not in [each["slug"] for each in machine.ask("workspaces", "list").data["workspaces"]]:
            machine.run("workspaces", "create", "prod")
            machine.run("target-roots", "add", "default", str(tmp_path / "prod"), "-p", "prod")
        machine.run("target-roots", "sync")
        machine.run("target-roots", "sync", "-p", "prod")

    def roots(self, machine: Machine) -> tuple[str, str]:
        """The root `default` of either profile."""
        local, prod = (machine.values("-p", name)["target_roots.default"]["value"] for name in ("local", "prod"))
        assert local != prod
        return local, prod

    SHOW = 'import stardag\nprint(stardag.target_root("default", profile="{profile}"))'

    @pytest.mark.parametrize("way", [(), ("--build", "nightly")])
    def test_a_command_that_chooses_another_profile_writes_to_that_ones_roots(
        self, machine: Machine, way: tuple[str, ...]
    ) -> None:
        local, prod = self.roots(machine)
        for profile, expected in (("prod", prod), ("local", local)):
            command = ["exec", "-p", "local", *way, "--", sys.executable, "-W", "error", "-c"]
            ran = machine.run(*command, self.SHOW.format(profile=profile))
            assert ran.out.strip() == expected.rstrip("/")

    def test_a_command_in_a_command_is_at_the_place_that_it_chooses(self, machine: Machine) -> None:
        _, prod = self.roots(machine)
        inner = [
            str(PROGRAM),
            "exec",
            "-p",
            "prod",
            "--",
            sys.executable,
            "-c",
            "import stardag;print(stardag.target_root())",
        ]
        assert machine.run("exec", "-p", "local", "--", *inner).out.strip() == prod.rstrip("/")

    def test_a_build_of_another_profile_is_registered_and_writes_there(self, machine: Machine) -> None:
        _, prod = self.roots(machine)
        program = """
import os, stardag
with stardag.build("there", profile="prod") as build:
    print(build.target_root())
    print(build.id != os.environ["STARDAG_BUILD_ID"])
"""
        ran = machine.run("exec", "-p", "local", "--build", "here", "--", sys.executable, "-c", program)
        assert ran.out.split() == [prod.rstrip("/"), "True"]
        builds = machine.ask("builds", "list", "-p", "prod").data["builds"]
        assert [build["name"] for build in builds if build["name"] in ("here", "there")] == ["there"]

    def test_a_worker_that_chooses_another_profile_writes_to_that_ones_roots(self, machine: Machine) -> None:
        _, prod = self.roots(machine)
        worker = self.SHOW.format(profile="prod")
        program = f"""
import os, subprocess, sys, stardag
with stardag.build("outer", profile="local") as build:
    environment = {{**os.environ, **build.environment()}}
    subprocess.run([sys.executable, "-c", {worker!r}], env=environment, check=True)
"""
        script = machine.work / "outer.py"
        script.write_text(program)
        ran = machine.run("exec", "-p", "prod", "--", sys.executable, str(script))
        assert ran.out.strip() == prod.rstrip("/")

    def test_a_root_that_a_person_sets_counts_at_every_place(self, machine: Machine, tmp_path: Path) -> None:
        mine = str(tmp_path / "mine")
        for variables in (
            {"STARDAG_TARGET_ROOTS__DEFAULT": mine},
            {"STARDAG_TARGET_ROOTS": json.dumps({"default": mine})},
        ):
            command = ["exec", "-p", "local", "--", sys.executable, "-c", self.SHOW.format(profile="prod")]
            assert machine.run(*command, env=variables).out.strip() == mine


BUILD = """
import stardag
with stardag.build("nightly") as build:
    print(build.profile.target_root("default"))
"""


class TestNoProfileIsChosen:
    """A file with two profiles, neither of which is the default."""

    @pytest.fixture(autouse=True)
    def two_profiles(self, machine: Machine) -> None:
        machine.configure(TWO_PROFILES.format(url="http://localhost:9").partition("[default]")[0])
        machine.directory.chmod(0o700)

    @pytest.mark.parametrize(
        "words",
        [
            ("exec", "--", "true"),
            ("exec", "--build", "nightly", "--", "true"),
            ("exec", "--offline", "--", "true"),
            ("target-roots", "validate"),
            ("target-roots", "sync"),
            ("target-roots", "list"),
            ("builds", "list"),
            ("workspaces", "list"),
            ("organizations", "list"),
        ],
    )
    @pytest.mark.parametrize("key", [{}, {"STARDAG_API_KEY": "sk_1"}, {"STARDAG_WORKSPACE": "prod"}])
    def test_whatever_needs_a_place_lists_the_profiles(
        self, machine: Machine, words: tuple[str, ...], key: dict[str, str]
    ) -> None:
        ran = machine.run(*words, exits=2, env=key)
        assert f"No profile is chosen: {machine.config} defines local, prod" in ran.err
        assert "stardag profile use local" in ran.err
        assert [path.name for path in machine.directory.iterdir()] == ["config.toml"]

    @pytest.mark.parametrize("call", ['stardag.target_root("default")', 'stardag.build("x").__enter__()'])
    def test_code_hears_the_same(self, machine: Machine, call: str) -> None:
        program = f"""
import stardag, stardag.errors
try:
    {call}
except stardag.errors.NoProfileChosen as error:
    print(error.profiles)
"""
        out, err = builds.run(program, machine.environment(), machine.work)
        assert (out.strip(), err) == ("('local', 'prod')", "")

    def test_the_configuration_is_shown_all_the_same(self, machine: Machine) -> None:
        ran = machine.run("config", "show")
        assert "https://api.stardag.com" in ran.out
        assert "No profile is chosen" in ran.err


class TestThreeVariables:
    """Registry URL, API key and workspace, which are enough."""

    def test_they_override_a_file_that_names_another_organization_at_the_same_address(
        self, machine: Machine, registry: Registry, place: Place
    ) -> None:
        other = registry.place({"default": "/other"})
        machine.project(other.profile())
        for variables in ({}, {"STARDAG_PROFILE": "here"}):
            names = place.variables | variables
            out, _ = builds.run(BUILD, machine.environment(**names), machine.work)
            assert out.strip().endswith("/roots/default")
            (build, *_) = machine.ask("builds", "list", env=names).data["builds"]
            assert build["name"] == "nightly"

    def test_a_profile_given_by_option_still_disagrees(
        self, machine: Machine, registry: Registry, place: Place
    ) -> None:
        machine.project(registry.place().profile())
        ran = machine.run("builds", "list", "-p", "here", exits=2, env=place.variables)
        assert "belongs to organization" in ran.err

    @pytest.mark.parametrize("variables", [{}, {"STARDAG_PROFILE": "here"}])
    def test_a_checkout_of_somebody_else_is_left_unread_with_a_warning(
        self, machine: Machine, place: Place, variables: dict[str, str]
    ) -> None:
        """As in a container that runs as root."""
        file = machine.project("this is no TOML, and nobody reads it")
        file.chmod(0o666)
        names = place.variables | variables
        ran = machine.ask("target-roots", "validate", env=names)
        assert "Nothing of it is needed" in ran.warnings["untrusted-file"]
        assert machine.run("exec", "--build", "nightly", "--", "echo", "ran", env=names).out == "ran\n"
        out, _ = builds.run(BUILD, machine.environment(**names), machine.work)
        assert out.strip().endswith("/roots/default")
        assert [path.name for path in file.parent.iterdir()] == ["config.toml"]

    @pytest.mark.parametrize("missing", ["STARDAG_REGISTRY_URL", "STARDAG_API_KEY", "STARDAG_WORKSPACE"])
    def test_where_one_is_missing_the_file_is_needed_and_refused(
        self, machine: Machine, place: Place, missing: str
    ) -> None:
        machine.project(place.profile()).chmod(0o666)
        ran = machine.run("target-roots", "sync", exits=2, env=place.variables | {missing: ""})
        assert "stardag trust" in ran.err

    def test_an_option_that_needs_the_file_does_not_do_without(self, machine: Machine, place: Place) -> None:
        machine.project(place.profile()).chmod(0o666)
        for option in (("-p", "here"), ("--registry", "local")):
            assert "stardag trust" in machine.run("target-roots", "sync", *option, exits=2, env=place.variables).err


class TestRenamed:
    """The slug of a workspace that was synced and built in leads to another one by now."""

    @pytest.fixture(autouse=True)
    def renamed(self, machine: Machine, issuer: RunningRegistry, tmp_path: Path) -> str:
        """Somebody else has renamed the workspace, and made another with its slug, which is returned."""
        slug = f"ws-{secrets.token_hex(4)}"
        machine.configure(TWO_PROFILES.format(url=issuer.url).replace('workspace = "default"', f'workspace = "{slug}"'))
        machine.directory.chmod(0o700)
        sign_in(machine, issuer)
        made = self.make(machine, slug, str(tmp_path / "old"))
        machine.run("exec", "--build", "before", "--", "true")
        token = machine.run("auth", "token").out.strip()
        httpx.patch(
            f"{issuer.url}/api/v1/workspaces/{made}",
            json={"slug": f"{slug}-old"},
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
        ).raise_for_status()
        self.make(machine, slug, str(tmp_path / "new"), sync=False)
        return slug

    def make(self, machine: Machine, slug: str, root: str, *, sync: bool = True) -> str:
        made = machine.ask("workspaces", "create", slug).data
        if sync:
            machine.run("target-roots", "add", "default", root)
            machine.run("target-roots", "sync")
        return str(made["id"])

    def test_builds_stop_until_a_sync_accepts_the_other_workspace(self, machine: Machine, renamed: str) -> None:
        listed = machine.ask("builds", "list")
        assert listed.data["builds"] == []
        assert "Builds stop until a sync" in listed.warnings["workspace-replaced"]
        machine.run("target-roots", "add", "default", str(machine.root / "new"))
        for words in (["exec", "--build", "x", "--", "true"], ["exec", "--", "true"], ["target-roots", "validate"]):
            ran = machine.run(*words, exits=3)
            assert f"'{renamed}' is another one than at the last sync" in ran.err
            assert "stardag target-roots sync" in ran.err
        assert machine.run("target-roots", "sync", "--dry-run", "--exit-code", exits=3).out
        synced = machine.ask("target-roots", "sync")
        assert [change["new"] for change in synced.data["modified"]] == [str(machine.root / "new")]
        machine.run("exec", "--build", "after", "--", "true")
        assert [build["name"] for build in machine.ask("builds", "list").data["builds"]] == ["after"]
        old = machine.ask("builds", "list", "--workspace", f"{renamed}-old").data["builds"]
        assert [build["name"] for build in old] == ["before"]


class TestWhatCodeHears:
    """Python code hears of what explains an error before it."""

    def test_a_misspelt_variable_is_said_where_the_call_fails(self, machine: Machine) -> None:
        machine.configure(TWO_PROFILES.format(url="http://localhost:9").partition("[default]")[0])
        machine.directory.chmod(0o700)
        program = "import stardag\nstardag.target_root()"
        _, err = builds.run(program, machine.environment(STARDAG_PROFIL="local"), machine.work, exits=1)
        assert "Did you mean STARDAG_PROFILE?" in err
        assert err.index("STARDAG_PROFIL'") < err.index("NoProfileChosen")

    def test_foreign_state_that_is_set_aside_is_said_at_a_build_start(self, machine: Machine, place: Place) -> None:
        machine.project(place.profile())
        machine.run("trust")
        key = {"STARDAG_API_KEY": place.key}
        machine.run("target-roots", "sync", env=key)
        for words in (["target-roots", "validate"], ["exec", "--", "true"]):
            (machine.directory / "made-here.json").unlink()
            assert "set aside" in machine.run(*words, env=key).err
        (machine.directory / "made-here.json").unlink()
        _, err = builds.run("import stardag\nstardag.target_root()", machine.environment(**key), machine.work)
        assert "set aside" in err
