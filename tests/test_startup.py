"""What starting up imports: a short answer must not pay for what it does not use."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"httpx", "boto3", "botocore", "pydantic", "rich", "tomlkit", "tomli_w", "questionary", "prompt_toolkit"}
CONFIGURATION = '[registry.local]\nurl = "http://localhost:1"\n[profile.local]\nregistry = "local"\n'


def imported(program: str, home: Path) -> set[str]:
    """The modules that are there when a program has run in a process of its own."""
    (home / "config.toml").write_text(CONFIGURATION)
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("STARDAG_", "PYTHON", "COV_"))
    }
    finished = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys, json; print(); print(json.dumps(sorted(sys.modules)))"],
        env={**environment, "STARDAG_HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert finished.returncode == 0, finished.stderr
    modules: list[str] = json.loads(finished.stdout.splitlines()[-1])
    return set(modules)


RUN = """
from stardag.__main__ import make_container
from stardag.adapters.cli.program import run
assert run({words!r}, make_container) == 0
"""


def packages(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


@pytest.mark.parametrize("words", [["profile", "list"], ["registry", "list"], ["profile", "list", "--format", "json"]])
def test_listing_loads_nothing_that_it_does_not_use(words: list[str], tmp_path: Path) -> None:
    modules = imported(RUN.format(words=words), tmp_path)
    assert not packages(modules) & {*HEAVY, "ssl", "filelock", "fastapi", "sqlalchemy", "stardag_registry"}
    commands = {module for module in modules if module.startswith("stardag.adapters.cli.commands.")}
    assert commands <= {
        f"stardag.adapters.cli.commands.{words[0]}",
        "stardag.adapters.cli.commands.serve",
    }
    of_registries = (
        "stardag.app.registry_ports",
        "stardag.app.team",
        "stardag.domain.refusals",
        "stardag.domain.tasks",
    )
    assert not {module for module in modules if module.startswith(of_registries)}


@pytest.mark.parametrize("words", [["config", "show"], ["config", "explain"], ["config", "path"], ["version"]])
def test_reading_the_configuration_asks_for_no_network_library(words: list[str], tmp_path: Path) -> None:
    modules = imported(RUN.format(words=words), tmp_path)
    assert not packages(modules) & {*HEAVY, "stardag_registry"}


def test_importing_stardag_costs_next_to_nothing(tmp_path: Path) -> None:
    extra = imported("import stardag", tmp_path) - imported("pass", tmp_path)
    assert extra <= {"stardag", "stardag.domain", "stardag.domain.version"}


def test_the_errors_cost_no_more_than_the_domain(tmp_path: Path) -> None:
    modules = imported("import stardag; stardag.errors.NoCredential", tmp_path)
    own = {module for module in modules if module.startswith("stardag")}
    assert all(module in {"stardag", "stardag.errors"} or module.startswith("stardag.domain") for module in own)
    assert not packages(modules) & {*HEAVY, "dependency_injector", "ssl"}


def test_the_active_profile_needs_neither_container_nor_network(tmp_path: Path) -> None:
    modules = packages(imported("import stardag; stardag.active_profile()", tmp_path))
    assert not modules & {*HEAVY, "dependency_injector", "cyclopts", "filelock", "ssl", "stardag_registry"}


def test_the_container_changes_nothing_in_a_users_process(tmp_path: Path) -> None:
    program = """
import sys
before = list(sys.meta_path)
import stardag.container
assert sys.meta_path == before, sys.meta_path
import ssl, pydantic
"""
    assert "stardag.container" in imported(program, tmp_path)


def test_the_program_hides_integrations_only_while_it_is_wired(tmp_path: Path) -> None:
    program = """
import sys
before = list(sys.meta_path)
from stardag.__main__ import make_container
make_container()
assert sys.meta_path == before, sys.meta_path
import ssl, pydantic, fastapi
"""
    assert "fastapi" in imported(program, tmp_path)


def test_adapters_are_imported_only_when_they_are_asked_for(tmp_path: Path) -> None:
    modules = imported("from stardag.container import Container; Container()", tmp_path)
    assert not {module for module in modules if module.startswith(("stardag.adapters.", "stardag.app."))}
