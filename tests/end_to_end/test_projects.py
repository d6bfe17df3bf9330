"""A project's `.stardag` directory: how it is found, what it replaces, whose it may be, and what it may not do."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tests.end_to_end.machine import Machine, files_below, plain, write
from tests.end_to_end.registries import Place, Registry

ROOT_ONLY = pytest.mark.skipif(
    os.geteuid() != 0,
    reason="NOT TESTED: only root can give a file to another user, and these tests do not run as root",
)
ANOTHER_USER = 12345

USERS = """\
[registry.mine]
url = "https://mine.example"

[profile.mine]
registry = "mine"

[default]
profile = "mine"
"""
PROJECTS = '[registry.team]\nurl = "https://team.example"\n\n[profile.team]\nregistry = "team"\nworkspace = "shared"\n'


def test_the_nearest_project_file_at_or_above_the_working_directory_counts(machine: Machine) -> None:
    outer = machine.project('[registry.r]\nurl = "https://outer.example"\n')
    inner = machine.project('[registry.r]\nurl = "https://inner.example"\n', "a/b")
    for folder, expected in (("", outer), ("a", outer), ("a/b", inner), ("a/b/c/d", inner)):
        cwd = machine.work / folder
        cwd.mkdir(parents=True, exist_ok=True)
        assert machine.ask("config", "path", cwd=cwd).data["in_force"] == str(expected)
    (machine.work / "a/b/c/.stardag").mkdir()  # a directory with no config.toml is no project
    assert machine.ask("config", "path", cwd=machine.work / "a/b/c").data["in_force"] == str(inner)


def test_a_project_file_replaces_the_users_whole_and_the_program_says_so(machine: Machine) -> None:
    machine.configure(USERS)
    project = machine.project(PROJECTS)
    names = [registry["name"] for registry in machine.ask("registry", "list").data["registries"]]
    assert names == ["central", "team"]
    assert plain(machine.values())["profile"] is None, "the user's [default] is not read"
    assert machine.run("config", "show", "-p", "mine", exits=2).err.startswith("error: There is no profile 'mine'")
    said = f"{machine.config} is not read: the project file {project} replaces it whole."
    assert said in machine.run("config", "explain", "registry").err
    assert said in machine.ask("config", "explain").warnings["user-file-replaced"]
    path = machine.ask("config", "path")
    assert path.data["read"] == [str(project)]
    assert (path.data["project"], path.data["user"]) == (str(project), str(machine.config))
    assert path.data["stardag_directory"] == str(project.parent)
    assert "not read: the project's file replaces it" in machine.run("config", "path").out


def test_without_a_project_config_path_shows_the_users_file(machine: Machine) -> None:
    before = machine.ask("config", "path").data
    assert (before["read"], before["project"], before["in_force"]) == ([], None, str(machine.config))
    machine.configure(USERS)
    assert machine.ask("config", "path").data["read"] == [str(machine.config)]


@pytest.mark.parametrize("below", ["", "work/deep", ".stardag/credentials"])
def test_the_users_own_directory_is_never_a_project(machine: Machine, below: str) -> None:
    machine.configure(USERS)
    cwd = machine.home / below
    cwd.mkdir(parents=True, exist_ok=True)
    path = machine.ask("config", "path", cwd=cwd).data
    assert (path["project"], path["read"]) == (None, [str(machine.config)])
    assert machine.values(cwd=cwd)["registry"]["origin"]["layer"] == "user"


def test_with_stardag_home_neither_that_nor_the_usual_directory_is_a_project(machine: Machine) -> None:
    machine.configure(USERS)
    elsewhere = machine.home / "elsewhere"
    mine = write(elsewhere / "config.toml", '[registry.moved]\nurl = "https://moved.example"\n')
    env = {"STARDAG_HOME": str(elsewhere)}
    for cwd in (machine.home, elsewhere, machine.directory):
        path = machine.ask("config", "path", env=env, cwd=cwd).data
        assert (path["project"], path["user"], path["read"]) == (None, str(mine), [str(mine)])
    dotted = machine.work / ".stardag"
    write(dotted / "config.toml", "")
    assert machine.ask("config", "path", env={"STARDAG_HOME": str(dotted)}).data["project"] is None
    by_tilde = machine.ask("config", "path", env={"STARDAG_HOME": "~/elsewhere"}).data
    assert by_tilde["user"] == str(mine)


def test_a_link_to_the_users_own_directory_is_no_project_either(machine: Machine) -> None:
    machine.configure(USERS)
    (machine.work / ".stardag").symlink_to(machine.directory)
    assert machine.ask("config", "path").data["project"] is None


@pytest.mark.parametrize("place", ["file", "directory"])
def test_a_project_file_that_everyone_may_write_is_refused_until_it_is_trusted(machine: Machine, place: str) -> None:
    project = machine.project(PROJECTS)
    (project if place == "file" else project.parent).chmod(0o777)
    error = machine.ask("config", "show", exits=2).error
    assert error["code"] == "untrusted-file"
    assert str(project) in error["message"]
    assert "everyone may write" in error["message"]
    assert f"stardag trust {project}" in error["fix"]
    for words in ("profile list", "registry add x --url https://x.example", "config validate"):
        assert machine.ask(*words.split(), exits=2).error["code"] == "untrusted-file"
    trusted = machine.ask("trust", str(project)).data
    assert trusted == {"path": str(project), "registry_urls": ["https://team.example"]}
    assert plain(machine.values("-p", "team"))["registry_url"] == "https://team.example"


@ROOT_ONLY
@pytest.mark.parametrize("place", ["file", "directory"])
def test_a_project_file_of_another_user_is_refused_until_it_is_trusted(machine: Machine, place: str) -> None:
    project = machine.project(PROJECTS)
    os.chown(project if place == "file" else project.parent, ANOTHER_USER, -1)
    error = machine.ask("profile", "list", exits=2).error
    assert error["code"] == "untrusted-file"
    assert "belongs to another user" in error["message"]
    trusted = machine.run("trust")  # where it is left out: the one in force here
    assert str(project) in trusted.out
    assert "https://team.example" in trusted.out
    assert [profile["name"] for profile in machine.ask("profile", "list").data["profiles"]] == ["team"]


def test_trust_names_one_file_and_no_other(machine: Machine) -> None:
    one, two = machine.project(PROJECTS, "one"), machine.project(PROJECTS, "two")
    for project in (one, two):
        project.chmod(0o666)
    machine.run("trust", str(one.parent.parent))  # a project's directory will do
    assert machine.ask("profile", "list", cwd=one.parent).code == 0
    assert machine.ask("profile", "list", exits=2, cwd=two.parent).error["code"] == "untrusted-file"


def test_trust_where_there_is_no_project_exits_2(machine: Machine) -> None:
    assert machine.ask("trust", exits=2).error["code"] == "no-project-file"
    assert machine.ask("trust", "nowhere", exits=2).error["code"] == "no-project-file"
    machine.configure(USERS)
    assert machine.ask("trust", exits=2).error["code"] == "no-project-file"


def test_a_pyproject_section_is_not_read_and_config_path_says_so(machine: Machine) -> None:
    pyproject = write(machine.work / "pyproject.toml", '[tool.stardag.profile.p]\nregistry = "central"\n')
    assert machine.ask("profile", "list").data["profiles"] == []
    assert machine.ask("config", "path").data["pyproject"] == str(pyproject)
    text = machine.run("config", "path").out
    assert str(pyproject) in text
    assert "not read" in text
    write(pyproject, "[project]\n")
    assert str(pyproject) not in machine.run("config", "path").out


def test_allow_http_in_a_project_file_does_not_count_and_is_a_warning(machine: Machine) -> None:
    url = "http://registry.example"
    text = f'[registry.r]\nurl = "{url}"\nallow_http = true\n[profile.p]\nregistry = "r"\n[default]\nprofile = "p"\n'
    project = machine.project(text)
    machine.run("trust", str(project))
    ran = machine.ask("organizations", "list", env={"STARDAG_API_KEY": "some-key"}, exits=2)
    assert ran.error["code"] == "invalid-value"
    assert "plain http" in ran.error["message"]
    assert f"{project}:3" in machine.ask("registry", "list").warnings["ignored-key"]


def test_state_lies_beside_the_file_in_force_and_the_first_write_leaves_a_gitignore(
    machine: Machine, place: Place
) -> None:
    project = machine.project(place.profile()).parent
    env = {"STARDAG_API_KEY": place.key}
    machine.run("trust", env=env)
    assert sorted(files_below(project)) == ["config.toml"]
    machine.run("target-roots", "sync", env=env)
    names = set(files_below(project))
    assert {"target-root-cache.json", "id-cache.json", ".gitignore"} <= names
    assert "target-root-cache.json" not in files_below(machine.directory)
    ignored = (project / ".gitignore").read_text().splitlines()
    assert [line for line in ignored if not line.startswith("#")] == ["*", "!config.toml"]
    for name in names - {".gitignore", "config.toml"}:
        assert (project / name).stat().st_mode & 0o777 == 0o600
    root = machine.values(env=env)["target_roots.default"]
    assert (root["origin"]["layer"], root["origin"]["path"]) == ("cache", str(project / "target-root-cache.json"))
    (project / ".gitignore").write_text("mine\n")
    machine.run("registry", "add", "x", "--url", "https://x.example", "--offline")
    assert (project / ".gitignore").read_text() == "mine\n", "one that is there is left alone"


def test_an_edit_in_a_project_goes_to_its_file_says_so_and_leaves_a_gitignore(machine: Machine) -> None:
    users = machine.configure(USERS).read_text()
    project = machine.project(PROJECTS)
    ran = machine.run("registry", "add", "x", "--url", "https://x.example", "--offline")
    assert str(project) in ran.out
    assert '[registry.x]\nurl = "https://x.example"' in project.read_text()
    assert machine.config.read_text() == users
    assert (project.parent / ".gitignore").exists()


def test_the_cache_that_a_repository_brings_along_does_not_redirect_outputs(machine: Machine, place: Place) -> None:
    """A project's state counts only where the user's own directory records that this user made it."""
    env = {"STARDAG_API_KEY": place.key}
    project = machine.project(place.profile()).parent
    machine.run("trust", env=env)
    machine.run("target-roots", "sync", env=env)
    cloned = machine.root / "cloned"
    shutil.copytree(machine.work, cloned)
    cache = cloned / ".stardag" / "target-root-cache.json"
    evil = json.loads(cache.read_text())
    evil[0]["target_roots"]["default"] = "s3://somebody-elses/bucket/"
    cache.write_text(json.dumps(evil))
    for shown in (machine.ask("config", "show", env=env, cwd=cloned), machine.ask("config", "show", cwd=cloned)):
        assert "somebody-elses" not in shown.out
        assert str(cache) in shown.warnings["state-not-made-here"]
        assert "was not made by this user" in shown.warnings["state-not-made-here"]
    machine.run("trust", env=env, cwd=cloned)  # trust is for the file, not for what lies beside it
    assert "somebody-elses" not in machine.ask("config", "show", env=env, cwd=cloned).out
    machine.run("target-roots", "sync", env=env, cwd=cloned)
    assert "somebody-elses" not in cache.read_text()
    aside = [path for path in cache.parent.iterdir() if path.name.startswith("target-root-cache.json.")]
    assert len(aside) == 1, "what was there is set aside, not thrown away"
    assert project.exists()


def test_a_state_file_in_a_project_that_is_a_link_is_set_aside(machine: Machine, place: Place) -> None:
    env = {"STARDAG_API_KEY": place.key}
    project = machine.project(place.profile()).parent
    machine.run("trust", env=env)
    precious = write(machine.root / "precious.json", "[]")
    (project / "target-root-cache.json").symlink_to(precious)
    assert "is a link" in machine.ask("config", "show", env=env).warnings["state-not-made-here"]
    machine.run("target-roots", "sync", env=env)
    assert precious.read_text() == "[]"
    assert not (project / "target-root-cache.json").is_symlink()


def test_a_key_from_the_environment_does_not_go_where_only_a_project_file_leads(
    machine: Machine, place: Place, registry: Registry
) -> None:
    project = machine.project(place.profile())
    env = {"STARDAG_API_KEY": place.key}
    for words in ("organizations list", "target-roots validate"):
        error = machine.ask(*words.split(), env=env, exits=4).error
        assert error["code"] == "withheld-credential"
        assert str(project) in error["message"]
        assert f"stardag trust {project}" in error["fix"]
    # Named by flag it is the project's file all the same that says where the registry is.
    assert machine.ask("organizations", "list", "-r", "local", env=env, exits=4).error["code"] == "withheld-credential"
    machine.run("trust", env=env)
    assert machine.ask("organizations", "list", env=env).data["organizations"]

    # Trusted was where it led then, not where it leads after a change.
    project.write_text(project.read_text().replace(place.url, "http://127.0.0.1:9"))
    assert machine.ask("organizations", "list", env=env, exits=4).error["code"] == "withheld-credential"


def test_a_key_goes_where_the_user_names_the_same_registry(machine: Machine, place: Place) -> None:
    machine.project(place.profile())
    by_variable = {"STARDAG_API_KEY": place.key, "STARDAG_REGISTRY_URL": place.url}
    assert machine.ask("organizations", "list", env=by_variable).data["organizations"]
    machine.configure(f'[registry.own-name]\nurl = "{place.url}"\n')
    assert machine.ask("organizations", "list", env={"STARDAG_API_KEY": place.key}).data["organizations"]


def test_the_project_is_found_from_a_directory_that_is_reached_by_a_link(machine: Machine) -> None:
    project = machine.project(PROJECTS)
    (machine.root / "link").symlink_to(machine.work)
    path = machine.ask("config", "path", cwd=machine.root / "link").data["project"]
    assert os.path.samefile(Path(path), project)


def test_config_path_says_that_a_refused_project_file_is_not_read(machine: Machine) -> None:
    project = machine.project('[registry.team]\nurl = "https://registry.example"\n')
    project.chmod(0o666)
    answered = machine.ask("config", "path")
    assert answered.data["project"] == str(project)
    assert answered.data["read"] == []
    assert f"refused: everyone may write {project}" in machine.run("config", "path").out
    machine.run("trust")
    assert machine.ask("config", "path").data["read"] == [str(project)]


def test_a_name_that_only_the_replaced_file_of_ones_own_defines_is_said_to_be_there(machine: Machine) -> None:
    profile = '[profile.NAME]\nregistry = "r"\n'
    machine.configure('[registry.r]\nurl = "https://r.example"\n' + profile.replace("NAME", "mine"))
    project = machine.project('[registry.other]\nurl = "https://o.example"\n')
    said = f"{machine.config} defines it, but is not read here: the project file {project} replaces it whole."
    for words, env in (
        (("config", "show"), {"STARDAG_PROFILE": "mine"}),
        (("config", "show", "--profile", "mine"), {}),
        (("profile", "show", "mine"), {}),
        (("profile", "use", "mine"), {}),
        (("profile", "remove", "mine", "--yes"), {}),
        (("target-roots", "list", "--registry", "r"), {}),
        (("registry", "remove", "r", "--yes"), {}),
        (("profile", "add", "new", "--registry", "r", "--organization", "o", "--workspace", "w"), {}),
    ):
        ran = machine.run(*words, env=env, exits=2)
        assert said in ran.err, words
        assert "Add it to the project: stardag" in ran.err
    assert said in machine.run("profile", "list", env={"STARDAG_PROFILE": "mine"}).err
    assert said not in machine.run("config", "show", "--profile", "mein", exits=2).err
