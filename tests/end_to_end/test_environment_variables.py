"""The `STARDAG_*` variables: spellings, conflicts, misspellings, target roots, and the three that are enough."""

import json

import pytest

from tests.end_to_end.machine import PROGRAM, Machine, plain
from tests.end_to_end.registries import NOWHERE, Place, Registry, passing_on
from tests.fakes.http_server import ScriptedServer, response

SPELLINGS = [
    ("registry_url", "https://r.example", ("STARDAG_REGISTRY_URL",)),
    ("organization", "org", ("STARDAG_ORGANIZATION_ID", "STARDAG_ORGANIZATION", "STARDAG_ORGANIZAION_ID")),
    ("workspace", "ws", ("STARDAG_WORKSPACE_ID", "STARDAG_WORKSPACE")),
    ("api_key", "stardag_build_secret", ("STARDAG_API_KEY", "STARDAG_REGISTRY_API_KEY")),
]
PAIRS = [
    ("STARDAG_API_KEY", "STARDAG_REGISTRY_API_KEY"),
    ("STARDAG_ORGANIZATION_ID", "STARDAG_ORGANIZATION"),
    ("STARDAG_ORGANIZATION_ID", "STARDAG_ORGANIZAION_ID"),
    ("STARDAG_WORKSPACE_ID", "STARDAG_WORKSPACE"),
]


@pytest.mark.parametrize(("key", "value", "spellings"), SPELLINGS)
def test_every_spelling_in_the_table_works_and_is_named_as_the_origin(
    machine: Machine, key: str, value: str, spellings: tuple[str, ...]
) -> None:
    for spelling in spellings:
        shown = machine.values(env={spelling: value})[key]
        assert shown["value"] == ("stardag_build_****" if key == "api_key" else value)
        assert (shown["origin"]["layer"], shown["origin"]["variable"]) == ("environment", spelling)


def test_the_guides_misspelling_works_with_a_warning(machine: Machine) -> None:
    ran = machine.ask("config", "show", env={"STARDAG_ORGANIZAION_ID": "org"})
    assert "misspelling of STARDAG_ORGANIZATION_ID" in ran.warnings["misspelt-variable"]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_spellings_with_the_same_value_are_fine_and_with_different_ones_an_error_that_names_both(
    machine: Machine, first: str, second: str
) -> None:
    machine.run("config", "show", env={first: "the-same", second: "the-same"})
    error = machine.ask("config", "show", env={first: "one-value", second: "another-value"}, exits=2).error
    assert error["code"] == "conflicting-variables"
    assert first in error["message"]
    assert second in error["message"]
    if "API_KEY" in first:
        assert "value" not in error["fix"] + error["message"].replace("different values", "")


def test_an_empty_variable_is_an_unset_one(machine: Machine) -> None:
    names = [name for _, _, spellings in SPELLINGS for name in spellings]
    names += ["STARDAG_PROFILE", "STARDAG_TARGET_ROOTS", "STARDAG_TARGET_ROOTS__DEFAULT", "STARDAG_HOME"]
    names += ["STARDAG_TIMEOUT", "STARDAG_OFFLINE", "STARDAG_NONSENSE"]
    empty = dict.fromkeys(names, "")
    assert machine.values(env=empty) == machine.values()
    assert machine.ask("config", "show", env=empty).warnings == {}
    assert plain(machine.values(env={**empty, "STARDAG_WORKSPACE": "ws"}))["workspace"] == "ws"


@pytest.mark.parametrize(
    ("variable", "near"),
    [
        ("STARDAG_REGISTRY_ULR", "STARDAG_REGISTRY_URL"),
        ("STARDAG_WORKSPACEID", "STARDAG_WORKSPACE_ID"),
        ("STARDAG_PROFIL", "STARDAG_PROFILE"),
        ("STARDAG_TARGET_ROOT", "STARDAG_TARGET_ROOTS"),
    ],
)
def test_an_unknown_variable_is_a_warning_with_the_nearest_known_name(
    machine: Machine, variable: str, near: str
) -> None:
    warning = machine.ask("config", "show", env={variable: "x"}).warnings["unknown-variable"]
    assert variable in warning
    assert f"Did you mean {near}?" in warning


def test_no_key_goes_to_the_default_registry_because_the_variable_for_another_is_misspelt(machine: Machine) -> None:
    with ScriptedServer(response(500, b"")) as proxy:
        env = {"STARDAG_API_URL": proxy.url, "STARDAG_API_KEY": "stardag_build_x", "HTTPS_PROXY": proxy.url}
        for words in (("workspaces", "list"), ("organizations", "list"), ("target-roots", "sync")):
            error = machine.ask(*words, env=env, exits=2).error
            assert error["code"] == "unknown-variable"
            assert "'STARDAG_API_URL' is not known. Did you mean STARDAG_REGISTRY_URL?" in error["message"]
        error = machine.ask("auth", "login", "--device", env={**env, "STARDAG_API_KEY": ""}, exits=2).error
        assert error["code"] == "unknown-variable"
        assert proxy.requests == []


def test_plain_http_is_permitted_beside_the_address_that_needs_it_and_for_children_too(
    machine: Machine, place: Place
) -> None:
    with passing_on(place.url) as proxy:  # stands for the network that the address is in
        env = {**place.variables, "STARDAG_REGISTRY_URL": "http://registry.example:8000", "HTTP_PROXY": proxy.url}
        error = machine.ask("target-roots", "sync", env=env, exits=2).error
        assert "STARDAG_ALLOW_HTTP=true beside STARDAG_REGISTRY_URL" in error["fix"]
        assert proxy.requests == []
        env["STARDAG_ALLOW_HTTP"] = "true"
        words = ("exec", "--", str(PROGRAM), "target-roots", "list", "--format", "json")
        listed = json.loads(machine.run(*words, env=env).out)
        assert [root["name"] for root in listed["data"]["roots"]] == ["default"]
        asked = len(proxy.requests)
        elsewhere = {**env, "STARDAG_REGISTRY_URL": "", "STARDAG_PROFILE": "other"}
        machine.configure('[registry.r]\nurl = "http://r.example"\n[profile.other]\nregistry = "r"\n')
        machine.run("organizations", "list", env=elsewhere, exits=2)
        assert len(proxy.requests) == asked


def test_a_key_with_quotes_around_it_is_malformed_before_anything_is_sent(machine: Machine) -> None:
    with ScriptedServer(response(500, b"")) as server:
        env = {"STARDAG_REGISTRY_URL": server.url, "STARDAG_API_KEY": '"stardag_build_x"'}
        error = machine.ask("organizations", "list", env=env, exits=4).error
        assert error["code"] == "malformed-credential"
        assert "quotes" in error["message"]
        assert server.requests == []


def test_line_ends_of_windows_around_every_variable_change_nothing(machine: Machine, place: Place) -> None:
    env = {**place.variables, "STARDAG_HOME": str(machine.root / "state"), "STARDAG_TARGET_ROOTS__X": "/x"}
    with_line_ends = {name: f"{value}\r\n" for name, value in env.items()}
    assert (
        machine.ask("target-roots", "list", env=with_line_ends).data
        == machine.ask("target-roots", "list", env=env).data
    )


def test_no_variable_of_the_table_is_called_unknown(machine: Machine) -> None:
    env = {
        "STARDAG_HOME": str(machine.directory),
        "STARDAG_TIMEOUT": "5",
        "STARDAG_OFFLINE": "1",
        "STARDAG_ACCESS_TOKEN": "token-of-exec",
        "STARDAG_BUILD_ID": "6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b11",
        "STARDAG_TARGET_ROOTS": "{}",
        "STARDAG_TARGET_ROOTS__X": "/x",
    }
    assert set(machine.ask("config", "show", env=env).warnings) == {"access-token-not-used"}


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("STARDAG_REGISTRY_URL", "localhost:8000", "http"),
        ("STARDAG_REGISTRY_URL", "https://user:password@host.example", "user information"),
        ("STARDAG_WORKSPACE", "../../etc", "cannot name"),
        ("STARDAG_ORGANIZATION", "a__b", "cannot name"),
        pytest.param("STARDAG_PROFILE", "/etc/passwd", "cannot name", marks=pytest.mark.slow),
        pytest.param("STARDAG_WORKSPACE", "x" * 64, "cannot name", marks=pytest.mark.slow),
        ("STARDAG_TIMEOUT", "soon", "number of seconds"),
        pytest.param("STARDAG_TIMEOUT", "0", "number of seconds", marks=pytest.mark.slow),
        pytest.param("STARDAG_TIMEOUT", "nan", "number of seconds", marks=pytest.mark.slow),
        ("STARDAG_OFFLINE", "maybe", "neither yes nor no"),
        ("STARDAG_TARGET_ROOTS", "{", "not JSON"),
        pytest.param("STARDAG_TARGET_ROOTS", "[]", "not a JSON object", marks=pytest.mark.slow),
        pytest.param("STARDAG_TARGET_ROOTS", '{"a": 1}', "not a JSON object", marks=pytest.mark.slow),
        pytest.param("STARDAG_TARGET_ROOTS", '{"a": "/1", "a": "/2"}', "twice", marks=pytest.mark.slow),
        ("STARDAG_TARGET_ROOTS", '{"../a": "/1"}', "cannot name"),
        ("STARDAG_TARGET_ROOTS", '{"a__b": "/1"}', "cannot name"),
        pytest.param(
            "STARDAG_TARGET_ROOTS", '{"a": "relative/path"}', "neither absolute nor a URI", marks=pytest.mark.slow
        ),
        pytest.param("STARDAG_TARGET_ROOTS", "[" * 60000, "not JSON", marks=pytest.mark.slow),
        ("STARDAG_TARGET_ROOTS__DEFAULT", "/data/../etc", "upwards"),
        pytest.param("STARDAG_TARGET_ROOTS__A__B", "/data", "cannot name", marks=pytest.mark.slow),
        pytest.param("STARDAG_TARGET_ROOTS__", "/data", "cannot name", marks=pytest.mark.slow),
    ],
)
def test_a_variable_that_does_not_parse_is_an_error_that_names_it(
    machine: Machine, variable: str, value: str, says: str
) -> None:
    error = machine.ask("config", "show", env={variable: value}, exits=2).error
    assert error["code"] == "invalid-variable"
    assert variable in error["message"]
    assert says in error["message"]
    assert "password" not in error["message"] + error["fix"]


def test_url_key_and_workspace_are_enough_with_no_files_and_no_organization(
    machine: Machine, place: Place, registry: Registry
) -> None:
    """The guide's production worker. The key's own organization is asked of the registry."""
    env = place.variables
    for workspace in ("STARDAG_WORKSPACE", "STARDAG_WORKSPACE_ID"):
        env = {"STARDAG_REGISTRY_URL": place.url, "STARDAG_API_KEY": place.key, workspace: place.workspace}
        validated = machine.ask("target-roots", "validate", env=env).data
        assert not validated["modified"]
    assert not machine.config.exists()
    values = machine.values(env=env)
    assert values["target_roots.default"]["origin"]["layer"] == "cache"
    by_id = {**place.variables, "STARDAG_WORKSPACE": place.workspace_id}
    assert machine.values(env=by_id)["target_roots.default"]["value"] == values["target_roots.default"]["value"]


def test_they_override_everything_that_files_say_of_registry_organization_and_workspace(
    machine: Machine, place: Place
) -> None:
    machine.configure(f'[registry.r]\nurl = "{NOWHERE}"\n[profile.p]\nregistry = "r"\norganization = "o"\n'
                      'workspace = "w"\n[default]\nprofile = "p"\n')  # fmt: skip
    assert machine.ask("target-roots", "sync", env=place.variables).data["added"]


def test_a_key_may_be_used_without_naming_its_workspace(machine: Machine, place: Place) -> None:
    env = {"STARDAG_REGISTRY_URL": place.url, "STARDAG_API_KEY": place.key}
    assert machine.ask("target-roots", "sync", env=env).data["added"]


@pytest.mark.parametrize("variable", ["STARDAG_API_KEY", "STARDAG_REGISTRY_API_KEY"])
def test_a_key_that_the_registry_rejects_is_named_by_its_variable(
    machine: Machine, place: Place, variable: str
) -> None:
    env = {"STARDAG_REGISTRY_URL": place.url, variable: "stardag_build_revoked"}
    error = machine.ask("target-roots", "sync", env=env, exits=4).error
    assert error["code"] == "refused-credential"
    assert f"rejected the API key from {variable}: it is unknown, expired or revoked." in error["message"]
    assert error["fix"].startswith(f"Set {variable} to a valid API key")
    assert "auth login" not in error["fix"]


def test_a_key_whose_workspace_disagrees_with_one_named_anywhere_is_an_error(
    machine: Machine, place: Place, registry: Registry
) -> None:
    other = registry.place()
    variable = {**place.variables, "STARDAG_WORKSPACE": other.workspace}
    error = machine.ask("target-roots", "sync", env=variable, exits=2).error
    assert error["code"] == "workspace-disagrees"
    for words in (place.workspace, other.workspace, "STARDAG_API_KEY", "STARDAG_WORKSPACE"):
        assert words in error["message"]
    error = machine.ask("target-roots", "sync", "-w", other.workspace_id, env=place.variables, exits=2).error
    assert (error["code"], "--workspace" in error["message"]) == ("workspace-disagrees", True)
    path = machine.configure(other.profile())
    error = machine.ask("target-roots", "validate", env={"STARDAG_API_KEY": place.key}, exits=2).error
    assert error["code"] == "workspace-disagrees"
    assert f"{path}:6" in error["message"], "the organization's line"
    assert "target-root-cache.json" not in [path.name for path in machine.directory.iterdir()]


def test_target_roots_are_overridden_by_json_and_one_by_one_whichever_way_the_name_is_spelt(machine: Machine) -> None:
    roots = {"default": "/json/default", "long-term": "s3://bucket/long/", "cold_store": "/json/cold"}
    env = {
        "STARDAG_TARGET_ROOTS": json.dumps(roots),
        "STARDAG_TARGET_ROOTS__LONG_TERM": "/by/name",
        "STARDAG_TARGET_ROOTS__Cold_Store": "/by/other/name",
        "STARDAG_TARGET_ROOTS__new_one": "~/new",
    }
    values = machine.values(env=env)
    found = {key: (value["value"], value["origin"]["variable"]) for key, value in values.items() if "." in key}
    assert found == {
        "target_roots.default": ("/json/default", "STARDAG_TARGET_ROOTS"),
        "target_roots.long-term": ("/by/name", "STARDAG_TARGET_ROOTS__LONG_TERM"),
        "target_roots.cold_store": ("/by/other/name", "STARDAG_TARGET_ROOTS__Cold_Store"),
        "target_roots.new_one": ("~/new", "STARDAG_TARGET_ROOTS__new_one"),
    }
    (beaten,) = values["target_roots.long-term"]["overridden"]
    assert (beaten["value"], beaten["origin"]["variable"]) == ("s3://bucket/long/", "STARDAG_TARGET_ROOTS")
    hyphens = machine.values(env={"STARDAG_TARGET_ROOTS": '{"a-b": "/1"}', "STARDAG_TARGET_ROOTS__A-B": "/2"})
    assert hyphens["target_roots.a-b"]["value"] == "/2"


def test_a_variable_that_fits_two_target_roots_or_stands_twice_is_an_error(machine: Machine) -> None:
    two = {"STARDAG_TARGET_ROOTS": '{"a-b": "/1", "a_b": "/2"}', "STARDAG_TARGET_ROOTS__A_B": "/3"}
    error = machine.ask("config", "show", env=two, exits=2).error
    assert "STARDAG_TARGET_ROOTS__A_B" in error["message"]
    twice = {"STARDAG_TARGET_ROOTS__A_B": "/1", "STARDAG_TARGET_ROOTS__a_b": "/2"}
    assert machine.ask("config", "show", env=twice, exits=2).error["code"] == "conflicting-variables"


@pytest.mark.slow
def test_an_overriding_root_beats_the_cached_one_of_the_same_name(machine: Machine, registry: Registry) -> None:
    place = registry.place({"default": "/served/default", "long-term": "/served/long"})
    machine.run("target-roots", "sync", env=place.variables)
    env = {**place.variables, "STARDAG_TARGET_ROOTS__LONG_TERM": "/mine"}
    values = machine.values(env=env)
    assert (values["target_roots.default"]["value"], values["target_roots.long-term"]["value"]) == (
        "/served/default",
        "/mine",
    )
    (lost,) = values["target_roots.long-term"]["overridden"]
    assert (lost["value"], lost["origin"]["layer"]) == ("/served/long", "cache")


def test_api_keys_are_shown_masked(machine: Machine, place: Place) -> None:
    env = place.variables
    for words in ("config show", "config explain", "config explain api_key"):
        assert "stardag_admin_****" in machine.run(*words.split(), env=env).out
        assert place.key[-6:] not in machine.ask(*words.split(), env=env).out
    assert machine.values(env={"STARDAG_API_KEY": "unprefixed-secret"})["api_key"]["value"] == "****"
