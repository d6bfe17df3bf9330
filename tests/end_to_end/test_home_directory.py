"""The user's own directory: where there is none, where it is wrong, whom it may belong to, and what git sees of it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from stardag.adapters.storage.local_paths import open_local_root
from stardag.domain.outputs import RootPlace
from stardag_registry.adapters.data_directory import prepare_data_directory
from tests.end_to_end.machine import PROGRAM, Machine, files_below, write
from tests.end_to_end.registries import Place

HOMELESS = {"HOME": "home"}
"""A home that is no absolute path counts as none, as does an account without an entry, which few tests can have."""

CONFIG = '[registry.local]\nurl = "http://localhost:8000"\n'

WRONG_HOMES = ["rel", '"/quoted"', "$HOME/x", "~nosuchuser/x"]


def is_homeless_possible() -> bool:
    command = ["unshare", "-U", "--map-user=54321", "true"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.skipif(not is_homeless_possible(), reason="needs user namespaces")
def test_a_directory_named_tilde_in_a_repository_is_not_the_home_of_a_user_without_one(machine: Machine) -> None:
    write(machine.work / "~" / ".stardag" / "config.toml", CONFIG + '[default]\nprofile = "nosuch"\n')
    command = ["unshare", "-U", "--map-user=54321", str(PROGRAM), "config", "show", "--format", "json"]
    environment = {"PATH": machine.environment()["PATH"]}
    ended = subprocess.run(command, cwd=machine.work, env=environment, capture_output=True, text=True, check=True)
    answer = json.loads(ended.stdout)
    values = {value["key"]: value["value"] for value in answer["data"]["values"]}
    assert values["registry_url"] == "https://api.stardag.com"
    assert [warning["code"] for warning in answer["warnings"]] == ["no-home-directory"]


def test_without_a_home_nothing_is_read_or_kept_and_whatever_must_write_is_an_error(machine: Machine) -> None:
    write(machine.root / "home" / ".stardag" / "config.toml", CONFIG)
    before = files_below(machine.root)
    for words in (("config", "show"), ("registry", "list"), ("profile", "list")):
        assert "no-home-directory" in machine.ask(*words, env=HOMELESS, cwd=machine.root).warnings
    path = machine.ask("config", "path", env=HOMELESS, cwd=machine.root).data
    assert (path["user"], path["in_force"], path["stardag_directory"], path["read"]) == (None, None, None, [])
    for command in (
        "registry add local --url http://127.0.0.1:1",
        "auth login --with-token --registry central",
        "registry serve",
    ):
        ran = machine.run(*command.split(), exits=2, env=HOMELESS, cwd=machine.root, given="token")
        assert "no home directory" in ran.err
        assert "Set HOME to a directory that you can write, or STARDAG_HOME" in ran.err
    assert files_below(machine.root) == before


def test_local_outputs_have_no_place_without_a_home_and_no_other_is_found_for_them(machine: Machine) -> None:
    code = "import stardag; stardag.target_root('default')"
    environment = machine.environment(HOME="home")
    command = [str(PROGRAM.with_name("python")), "-W", "ignore", "-c", code]
    ended = subprocess.run(command, cwd=machine.work, env=environment, capture_output=True, text=True)
    assert "stardag.errors.NoHomeDirectory: There is no home directory" in ended.stderr
    assert list(machine.work.iterdir()) == []


def test_variables_alone_are_enough_without_a_home_and_nothing_is_written(machine: Machine, place: Place) -> None:
    variables = {**HOMELESS, **place.variables}
    before = files_below(machine.work)
    validated = machine.ask("target-roots", "validate", env=variables)
    assert {"no-home-directory", "not-cached"} & set(validated.warnings)
    ran = machine.run("exec", "--", "sh", "-c", "echo $STARDAG_TARGET_ROOTS", env=variables)
    assert "default" in json.loads(ran.out)
    assert files_below(machine.work) == before


@pytest.mark.parametrize("home", WRONG_HOMES)
def test_a_stardag_home_that_is_not_absolute_is_an_error_in_every_command(machine: Machine, home: str) -> None:
    for command in ("config show", "config path", "registry serve --data-dir data", "trust"):
        ran = machine.run(*command.split(), exits=2, env={"STARDAG_HOME": home})
        assert "STARDAG_HOME cannot be used" in ran.err
        assert "is not an absolute path" in ran.err
    machine.run("version", env={"STARDAG_HOME": home})
    machine.run("config", "show", "--help", env={"STARDAG_HOME": home})
    assert list(machine.work.iterdir()) == []


def test_a_configuration_that_others_may_write_is_refused_until_the_named_command_closes_it(machine: Machine) -> None:
    machine.configure(CONFIG)
    for path in (machine.config, machine.directory):
        path.chmod(0o777)
        ran = machine.run("registry", "list", exits=2)
        assert f"others may write {path}" in ran.err
        assert "refused" in machine.run("config", "path").out
        command = ran.err.strip().rpartition(": ")[2]
        subprocess.run(command, shell=True, check=True)
        machine.run("registry", "list")


def test_what_stardag_makes_is_not_refused_afterwards_whatever_the_umask(machine: Machine) -> None:
    before = os.umask(0)
    try:
        machine.installed.run("registry", "add", "local", "--url", "http://127.0.0.1:1")
    finally:
        os.umask(before)
    machine.run("registry", "list")


def staged(repository: Path) -> list[str]:
    """What `git add --all` would take."""
    command = ["git", "-C", str(repository), "ls-files", "--others", "--exclude-standard"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
@pytest.mark.parametrize("where", ["home", "elsewhere"])
def test_a_repository_takes_nothing_of_the_users_directory_but_the_configuration(
    machine: Machine, place: Place, tmp_path: Path, where: str
) -> None:
    repository = machine.home if where == "home" else tmp_path / "elsewhere"
    repository.mkdir(exist_ok=True)
    env = {} if where == "home" else {"STARDAG_HOME": str(repository / "state")}
    directory = repository / (".stardag" if where == "home" else "state")
    subprocess.run(["git", "init", "-q", repository], check=True)
    machine.run("target-roots", "sync", env={**env, **place.variables})
    machine.run("registry", "add", "local", "--url", "http://127.0.0.1:1", env=env)
    assert staged(repository) == [str((directory / "config.toml").relative_to(repository))]
    assert (directory / "target-root-cache.json").exists()


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_outputs_and_a_registrys_data_are_kept_out_of_git_where_they_are_the_first_in_a_home(machine: Machine) -> None:
    subprocess.run(["git", "init", "-q", machine.home], check=True)
    before = os.umask(0o002)
    try:
        root = machine.directory / "local-target-roots" / "default" / "default"
        (open_local_root(RootPlace("default", str(root))) / "model.bin").write_bytes(b"content")
        prepare_data_directory(machine.directory / "registry")
        (machine.directory / "registry" / "registry.db").write_bytes(b"data")
    finally:
        os.umask(before)
    assert (root / "model.bin").read_bytes() == b"content"
    assert staged(machine.home) == []
    machine.run("registry", "add", "local", "--url", "http://127.0.0.1:1")
    assert machine.ask("registry", "list").data["registries"], "a directory that stardag made is not refused"


def test_a_directory_with_a_line_break_in_its_name_fakes_no_line(machine: Machine) -> None:
    work = machine.work / "x\nerror: the registry was closed\nsee https:" / "\u202eevil"
    config = write(work / ".stardag" / "config.toml", CONFIG)
    for command in ("config show", "config path", "config explain", "config validate", "registry remove local"):
        ran = machine.run(*command.split(), cwd=work)
        assert not any(line.startswith(("error:", "see https:")) for line in ran.said.splitlines())
        assert "\u202e" not in ran.said
    config.write_text("[registry.local]\n")
    for command in ("config show", "config validate", "profile use x"):
        ran = machine.run(*command.split(), cwd=work, exits=2)
        assert sum(line.startswith("error:") for line in ran.said.splitlines()) <= 1
        assert "x\\nerror: the registry" in ran.said
