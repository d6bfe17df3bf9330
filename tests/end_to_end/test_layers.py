"""The guide's hierarchy as a person meets it: which layer wins, where each value came from, and what it beat."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.machine import Machine, line_of, plain
from tests.end_to_end.registries import Place

GUIDE_CONFIG = Path(__file__).with_name("guide_config.toml")

TWO_PROFILES = """\
[registry.one]
url = "https://one.example"

[registry.two]
url = "https://two.example"

[profile.first]
registry = "one"
organization = "org-one"
workspace = "ws-one"

[profile.second]
registry = "two"
organization = "org-two"
workspace = "ws-two"

[default]
profile = "first"
"""


@pytest.mark.parametrize(
    ("profile", "registry", "url", "organization", "workspace"),
    [
        (None, "local", "http://localhost:3000", "default", "default"),
        ("local", "local", "http://localhost:3000", "default", "default"),
        ("central-individual", "central", "https://api.startdag.com", "my-org", "default-username"),
        ("central-dev", "central", "https://api.startdag.com", "my-org", "developement"),
        ("central-prod", "central", "https://api.startdag.com", "my-org", "production"),
    ],
)
def test_the_guides_sample_resolves_as_it_stands_under_each_of_its_profiles(
    machine: Machine, profile: str | None, registry: str, url: str, organization: str, workspace: str
) -> None:
    machine.directory.mkdir()
    shutil.copy(GUIDE_CONFIG, machine.config)
    values = machine.values(env={"STARDAG_PROFILE": profile or ""})
    assert plain(values) == {
        "profile": profile or "local",
        "registry": registry,
        "registry_url": url,
        "organization": organization,
        "workspace": workspace,
        "api_key": None,
    }
    for key in ("registry", "registry_url", "organization", "workspace"):
        assert values[key]["origin"]["layer"] == "user"
        assert values[key]["origin"]["path"] == str(machine.config)
    assert values["registry_url"]["origin"]["line"] == line_of(machine.config, f'url = "{url}"')
    if profile is None:
        assert values["profile"]["origin"]["line"] == line_of(machine.config, 'profile = "local"')
    else:
        assert values["profile"]["origin"]["variable"] == "STARDAG_PROFILE"
        assert values["registry"]["origin"]["line"] == line_of(machine.config, f"[profile.{profile}]") + 1
        assert plain(machine.values("--profile", profile)) == plain(values)


def test_every_value_says_the_file_and_line_or_the_variable_that_it_came_from(machine: Machine) -> None:
    machine.configure(TWO_PROFILES)
    env = {"STARDAG_WORKSPACE": "elsewhere", "STARDAG_TARGET_ROOTS__DEFAULT": "/data", "STARDAG_API_KEY": "key_abcdef"}
    values = machine.values(env=env)
    origins = {key: value["origin"] for key, value in values.items()}
    path = str(machine.config)
    assert {key: (o["layer"], o["path"], o["line"], o["variable"]) for key, o in origins.items()} == {
        "profile": ("user", path, 18, None),
        "registry": ("user", path, 8, None),
        "registry_url": ("user", path, 2, None),
        "organization": ("user", path, 9, None),
        "workspace": ("environment", None, None, "STARDAG_WORKSPACE"),
        "api_key": ("environment", None, None, "STARDAG_API_KEY"),
        "target_roots.default": ("environment", None, None, "STARDAG_TARGET_ROOTS__DEFAULT"),
    }
    (lost,) = values["workspace"]["overridden"]
    assert (lost["value"], lost["origin"]["line"]) == ("ws-one", 10)
    text = machine.run("config", "show", env=env).out
    assert f"{path}:9" in text
    assert "STARDAG_WORKSPACE" in text


def test_config_explain_shows_the_value_where_it_came_from_and_every_layer_that_lost(machine: Machine) -> None:
    machine.configure(TWO_PROFILES)
    env = {"STARDAG_PROFILE": "second", "STARDAG_WORKSPACE_ID": "from-variable"}
    explained = machine.run("config", "explain", "workspace", "--profile", "first", env=env).out.splitlines()
    assert explained[0] == "workspace = ws-one"
    assert explained[1] == f"  from {machine.config}:10 (user layer)"
    machine.ask("config", "explain", "profile", "-p", "first", env=env)
    (profile,) = machine.ask("config", "explain", "profile", "-p", "first", env=env).data["values"]
    assert profile["origin"]["layer"] == "flag"
    assert [(lost["value"], lost["origin"]["text"]) for lost in profile["overridden"]] == [
        ("second", "STARDAG_PROFILE"),
        ("first", f"{machine.config}:18"),
    ]
    everything = machine.ask("config", "explain", env=env).data["values"]
    assert [value["key"] for value in everything] == list(machine.values(env=env))


def test_config_explain_of_an_unknown_key_names_the_nearest(machine: Machine) -> None:
    error = machine.ask("config", "explain", "registry-url", exits=2).error
    assert "'registry_url'" in error["message"]


def test_each_layer_beats_the_ones_below_it(machine: Machine) -> None:
    """Flag > environment > project file > user file > defaults, for one and the same value."""
    assert machine.values()["registry_url"]["origin"]["layer"] == "default"

    machine.configure('[registry.r]\nurl = "https://user.example"\n[profile.p]\nregistry = "r"\n[default]\nprofile="p"')
    seen = [machine.values()["registry_url"]]
    machine.project('[registry.r]\nurl = "https://project.example"\n[profile.p]\nregistry="r"\n[default]\nprofile="p"')
    seen.append(machine.values()["registry_url"])
    env = {"STARDAG_REGISTRY_URL": "https://variable.example"}
    seen.append(machine.values(env=env)["registry_url"])
    seen.append(machine.values("--profile", "p", env=env)["registry_url"])
    assert [(value["value"], value["origin"]["layer"]) for value in seen] == [
        ("https://user.example", "user"),
        ("https://project.example", "project"),
        ("https://variable.example", "environment"),
        ("https://project.example", "project"),
    ]
    assert [lost["value"] for lost in seen[3]["overridden"]] == ["https://variable.example", "https://api.stardag.com"]


def test_a_profile_named_by_flag_beats_the_environment_and_one_named_by_variable_does_not(machine: Machine) -> None:
    machine.configure(TWO_PROFILES)
    env = {
        "STARDAG_REGISTRY_URL": "https://three.example",
        "STARDAG_ORGANIZATION": "org-three",
        "STARDAG_WORKSPACE": "ws-three",
    }
    by_flag = plain(machine.values("-p", "second", env=env))
    by_variable = plain(machine.values(env={**env, "STARDAG_PROFILE": "second"}))
    names = ("registry", "registry_url", "organization", "workspace")
    assert [by_flag[name] for name in names] == ["two", "https://two.example", "org-two", "ws-two"]
    assert [by_variable[name] for name in names] == [None, "https://three.example", "org-three", "ws-three"]


def test_every_reason_that_is_explained_is_true(machine: Machine) -> None:
    config = machine.configure(f'[registry.central]\nurl = "https://moved.example"\n{TWO_PROFILES}')
    default = f"{config}:{line_of(config, 'profile = ')}"

    def reasons(key: str, *words: str, **env: str) -> list[str]:
        return [lost["reason"] for lost in machine.values(*words, env=env)[key]["overridden"]]

    assert reasons("registry_url") == [f"{default} selects the profile 'first'"]
    assert reasons("registry") == [f"{default} selects the profile 'first'"]
    by_flag = reasons("registry_url", "-p", "second", STARDAG_REGISTRY_URL="https://three.example")
    assert by_flag == ["--profile selects the profile 'second'", "STARDAG_REGISTRY_URL outranks it"]
    workspace = reasons("workspace", "-p", "second", STARDAG_WORKSPACE="w", STARDAG_REGISTRY_URL="https://two.example")
    assert workspace == ["--profile selects the profile 'second'"]
    organization = reasons("organization", "-p", "second", STARDAG_ORGANIZATION="org-three")
    assert organization == ["--profile selects the profile 'second', which names another registry"]
    explained = machine.run("config", "explain", "registry_url").out
    assert f"since {default} selects the profile 'first'" in explained


def test_another_registry_drops_the_organization_and_workspace_of_lower_layers(machine: Machine) -> None:
    machine.configure(TWO_PROFILES)
    values = machine.values(env={"STARDAG_REGISTRY_URL": "https://two.example"})
    assert (values["registry"]["value"], values["organization"]["value"]) == ("two", None)
    (lost,) = values["workspace"]["overridden"]
    assert lost["value"] == "ws-one"
    assert "STARDAG_REGISTRY_URL names another registry" in lost["reason"]
    explained = machine.run("config", "explain", "workspace", env={"STARDAG_REGISTRY_URL": "https://two.example"}).out
    assert "not used: ws-one" in explained


def test_the_same_registry_drops_nothing(machine: Machine) -> None:
    machine.configure(TWO_PROFILES)
    values = plain(machine.values(env={"STARDAG_REGISTRY_URL": "HTTPS://One.Example:443/"}))
    assert (values["registry"], values["organization"], values["workspace"]) == ("one", "org-one", "ws-one")


def test_another_organization_drops_the_workspace_of_lower_layers_and_the_same_one_does_not(machine: Machine) -> None:
    machine.configure(TWO_PROFILES)
    other = plain(machine.values(env={"STARDAG_ORGANIZATION_ID": "org-other"}))
    assert (other["registry"], other["organization"], other["workspace"]) == ("one", "org-other", None)
    same = plain(machine.values(env={"STARDAG_ORGANIZATION_ID": "org-one"}))
    assert same["workspace"] == "ws-one"


def test_an_id_and_its_slug_are_the_same(machine: Machine, place: Place) -> None:
    """Naming by id what a lower layer names by slug drops nothing, and finds the same cached target roots."""
    machine.configure(place.profile())
    env = {"STARDAG_API_KEY": place.key}
    machine.run("target-roots", "sync", env=env)
    by_id = machine.values(env={**env, "STARDAG_ORGANIZATION_ID": place.organization_id.upper()})
    assert by_id["workspace"]["value"] == place.workspace
    assert by_id["target_roots.default"]["origin"]["layer"] == "cache"
    for organization, workspace in (
        (place.organization_id, place.workspace_id),
        (place.organization_id, place.workspace),
    ):
        words = ("-o", organization, "-w", workspace)
        (root,) = machine.ask("target-roots", "list", *words, env=env).data["roots"]
        assert root["status"] == "same"


def test_flags_of_a_command_beat_every_layer(machine: Machine, place: Place) -> None:
    machine.configure(f'{TWO_PROFILES}\n[registry.local]\nurl = "{place.url}"\n')
    words = ("-r", "local", "-o", place.organization, "-w", place.workspace)
    env = {"STARDAG_API_KEY": place.key, "STARDAG_REGISTRY_URL": "https://three.example", "STARDAG_PROFILE": "second"}
    synced = machine.ask("target-roots", "sync", *words, env=env).data
    assert [change["name"] for change in synced["added"]] == ["default"]
    workspaces = machine.ask("workspaces", "list", "-r", "local", "-o", place.organization_id, env=env).data
    assert [workspace["slug"] for workspace in workspaces["workspaces"]] == [place.workspace]
    organizations = machine.ask("organizations", "list", "--registry", "local", env=env).data["organizations"]
    assert [organization["id"] for organization in organizations] == [place.organization_id]


def test_the_lists_mark_what_is_active(machine: Machine) -> None:
    machine.configure(TWO_PROFILES)

    def active(words: str, **env: str) -> list[str]:
        listed: dict[str, Any] = machine.ask(*words.split(), env=env).data
        (items,) = listed.values()
        return [item["name"] for item in items if item["active"]]

    assert (active("profile list"), active("registry list")) == (["first"], ["one"])
    assert active("profile list", STARDAG_PROFILE="second") == ["second"]
    assert active("registry list -p second") == ["two"]
    assert active("registry list", STARDAG_REGISTRY_URL="https://unnamed.example") == []
    registries = machine.ask("registry", "list").data["registries"]
    assert {"name": "central", "url": "https://api.stardag.com", "active": False} in registries
    marked = [line for line in machine.run("profile", "list").out.splitlines() if line.startswith("*")]
    assert marked == ["*  first   one       org-one       ws-one"]


def test_profile_show_shows_the_active_profile_or_the_one_that_is_named(machine: Machine) -> None:
    machine.configure(TWO_PROFILES)
    assert machine.ask("profile", "show").data == {
        "name": "first",
        "registry": "one",
        "organization": "org-one",
        "workspace": "ws-one",
        "active": True,
    }
    shown = machine.ask("profile", "show", "second").data
    assert (shown["workspace"], shown["active"]) == ("ws-two", False)
    assert "'second'" in machine.ask("profile", "show", "secnd", exits=2).error["message"]
    machine.configure("")
    assert machine.ask("profile", "show", exits=2).error["code"] == "missing-setting"
