"""Where code runs is never in doubt: another place than the one that is named gets nothing, and nothing goes there."""

import json
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.end_to_end.machine import PROGRAM, Machine
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
