"""The `STARDAG_*` variables: every row of their table, and every way to get one wrong (readings, section 3)."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stardag.adapters.environment import EnvironmentVariables
from stardag.domain.credentials import Secret
from stardag.domain.environment import VALUE_MAX_LENGTH, Environment
from stardag.domain.errors import ConfigurationError, ConflictingVariables, InvalidVariable
from stardag.domain.layers import Layer, Origin, Setting

AN_ID = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"


def read(**variables: str) -> Environment:
    return EnvironmentVariables(variables).read()


def invalid(**variables: str) -> InvalidVariable:
    with pytest.raises(InvalidVariable) as caught:
        read(**variables)
    assert len(caught.value.message) < 500
    assert caught.value.fix
    return caught.value


def by(variable: str, value: str) -> Setting[str]:
    return Setting(value, Origin(Layer.ENVIRONMENT, variable=variable))


@pytest.mark.parametrize("variable", ["STARDAG_ORGANIZATION_ID", "STARDAG_ORGANIZATION", "STARDAG_ORGANIZAION_ID"])
def test_every_spelling_of_the_organization(variable: str) -> None:
    assert read(**{variable: "my-org"}).organization == by(variable, "my-org")
    assert read(**{variable: AN_ID.upper()}).organization == by(variable, AN_ID)


@pytest.mark.parametrize("variable", ["STARDAG_WORKSPACE_ID", "STARDAG_WORKSPACE"])
def test_every_spelling_of_the_workspace(variable: str) -> None:
    assert read(**{variable: "production"}).workspace == by(variable, "production")


@pytest.mark.parametrize("variable", ["STARDAG_API_KEY", "STARDAG_REGISTRY_API_KEY"])
def test_every_spelling_of_the_api_key(variable: str) -> None:
    setting = read(**{variable: " sk_1\n"}).api_key
    assert setting is not None
    assert (setting.value, setting.origin.variable) == (Secret("sk_1"), variable)
    assert "sk_1" not in repr(read(**{variable: "sk_1"}))


def test_the_access_token_and_the_build_that_a_command_was_handed() -> None:
    read_ = read(STARDAG_ACCESS_TOKEN="token\n", STARDAG_BUILD_ID=AN_ID.upper())
    assert read_.access_token is not None
    assert (read_.access_token.value, read_.access_token.origin.variable) == (Secret("token"), "STARDAG_ACCESS_TOKEN")
    assert read_.build_id == by("STARDAG_BUILD_ID", AN_ID)
    assert "token\n" not in repr(read_)


def test_the_profile() -> None:
    assert read(STARDAG_PROFILE="local").profile == by("STARDAG_PROFILE", "local")


def test_the_registry_url_in_its_normal_form() -> None:
    expected = by("STARDAG_REGISTRY_URL", "https://api.stardag.com")
    assert read(STARDAG_REGISTRY_URL="HTTPS://API.stardag.com:443/").registry_url == expected


def test_the_misspelling_is_used_with_a_warning() -> None:
    (notice,) = read(STARDAG_ORGANIZAION_ID="my-org").notices
    assert notice.code == "misspelt-variable"
    assert "STARDAG_ORGANIZATION_ID" in notice.message
    assert read(STARDAG_ORGANIZATION="my-org").notices == ()


PAIRS = [
    ("STARDAG_API_KEY", "STARDAG_REGISTRY_API_KEY"),
    ("STARDAG_ORGANIZATION_ID", "STARDAG_ORGANIZATION"),
    ("STARDAG_ORGANIZATION_ID", "STARDAG_ORGANIZAION_ID"),
    ("STARDAG_ORGANIZATION", "STARDAG_ORGANIZAION_ID"),
    ("STARDAG_WORKSPACE_ID", "STARDAG_WORKSPACE"),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_spellings_with_the_same_value_are_fine(first: str, second: str) -> None:
    both = read(**{first: "same", second: "same"})
    assert both._replace(notices=()) == read(**{first: "same"})


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_spellings_with_different_values_are_an_error_that_names_both_and_no_value(first: str, second: str) -> None:
    with pytest.raises(ConflictingVariables) as caught:
        read(**{first: "hunter2", second: "hunter3"})
    assert caught.value.variables == (first, second)
    assert "hunter" not in caught.value.message + caught.value.fix


EVERY = {
    "STARDAG_PROFILE": "local",
    "STARDAG_REGISTRY_URL": "https://registry.example",
    "STARDAG_API_KEY": "stardag_build_x",
    "STARDAG_ACCESS_TOKEN": "stardag_access_x",
    "STARDAG_ORGANIZATION_ID": "my-org",
    "STARDAG_WORKSPACE": "production",
    "STARDAG_TARGET_ROOTS": '{"default": "/data"}',
    "STARDAG_TARGET_ROOTS__X": "/x",
    "STARDAG_TIMEOUT": "3",
    "STARDAG_OFFLINE": "1",
    "STARDAG_ALLOW_HTTP": "true",
    "STARDAG_BUILD_ID": AN_ID,
    "STARDAG_INHERITED": '{"registry_url": null, "organization": null, "workspace": null, "target_roots": {}}',
}


@pytest.mark.parametrize("variable", EVERY)
@pytest.mark.parametrize("around", [("", "\r"), ("", "\r\n"), (" \t", " "), ("\n", "\n")], ids=repr)
def test_blanks_and_line_ends_around_any_value_are_dropped(variable: str, around: tuple[str, str]) -> None:
    before, after = around
    assert read(**EVERY) == read(**{**EVERY, variable: f"{before}{EVERY[variable]}{after}"})
    without = {name: value for name, value in EVERY.items() if name != variable}
    assert read(**without, **{variable: f"{before} {after}"}) == read(**without)


@pytest.mark.parametrize("variable", sorted(EVERY.keys() - {"STARDAG_API_KEY", "STARDAG_ACCESS_TOKEN"}))
@pytest.mark.parametrize("quote", ["'", '"'])
def test_quotes_around_a_value_are_said_to_be_what_is_wrong(variable: str, quote: str) -> None:
    error = invalid(**{variable: f"{quote}{EVERY[variable]}{quote}"})
    assert error.variable == variable
    if variable != "STARDAG_INHERITED":  # which no person writes
        assert "the quotes around" in error.message
        assert "Remove the quotes" in error.fix


def service_links(service: str) -> dict[str, str]:
    """What Kubernetes sets in every pod of the namespace for a service with a named port."""
    return {
        f"{service}_SERVICE_HOST": "10.0.0.1",
        f"{service}_SERVICE_PORT": "8000",
        f"{service}_SERVICE_PORT_HTTP": "8000",
        f"{service}_PORT": "tcp://10.0.0.1:8000",
        f"{service}_PORT_8000_TCP": "tcp://10.0.0.1:8000",
        f"{service}_PORT_8000_TCP_PROTO": "tcp",
        f"{service}_PORT_8000_TCP_PORT": "8000",
        f"{service}_PORT_8000_TCP_ADDR": "10.0.0.1",
        f"{service}_PORT_53_UDP": "udp://[fd00::1]:53",
        f"{service}_PORT_53_UDP_ADDR": "fd00::1",
    }


@pytest.mark.parametrize("service", ["STARDAG", "STARDAG_REGISTRY", "STARDAG_REGISTRY_URL", "STARDAG_V2_WEB"])
def test_the_variables_that_kubernetes_makes_for_a_service_are_left_alone(service: str) -> None:
    assert read(**service_links(service)) == Environment()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("STARDAG_PORT", "8000"),
        ("STARDAG_REGISTRY_PORT", "8000"),
        ("STARDAG_REGISTRY_PORT", "https://registry.example"),
        ("STARDAG_SERVICE_HOST", "registry.example"),
        ("STARDAG_REGISTRY_SERVICE_PORT", "8000"),
        ("STARDAG_SERVICE_PORT_HTTP", "8000"),
        ("STARDAG_PORT_8000", "tcp://10.0.0.1:8000"),
        ("STARDAG_REGISTRY_PORT_8000_TCP_HOST", "10.0.0.1"),
        ("STARDAG_REGISTRY_HOST", "10.0.0.1"),
        ("STARDAG_PORT_8000_TCP_PROTO", "http"),
    ],
)
def test_a_variable_that_merely_looks_like_a_service_link_is_not_known(variable: str, value: str) -> None:
    assert [notice.code for notice in read(**{variable: value}).notices] == ["unknown-variable"]


def test_permission_for_plain_http_without_an_address_is_said_not_to_count() -> None:
    (notice,) = read(STARDAG_ALLOW_HTTP="true").notices
    assert notice.code == "ignored-variable"
    assert "counts only beside the STARDAG_REGISTRY_URL" in notice.message
    assert read(STARDAG_ALLOW_HTTP="true", STARDAG_REGISTRY_URL="http://registry:8000").notices == ()


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("STARDAG_API_URL", "STARDAG_REGISTRY_URL"),
        ("STARDAG_URL", "STARDAG_REGISTRY_URL"),
        ("STARDAG_HOST", "STARDAG_REGISTRY_URL"),
        ("STARDAG_WORKSPACES", "STARDAG_WORKSPACE"),
        ("STARDAG_API_KEYS", "STARDAG_REGISTRY_API_KEY"),
    ],
)
def test_what_is_meant_is_a_variable_that_is_not_set_and_an_address_the_registrys(variable: str, meant: str) -> None:
    (notice,) = read(**{variable: "x", "STARDAG_API_KEY": "stardag_build_x"}).notices
    assert notice.message.endswith(f"Did you mean {meant}?")


def test_an_empty_variable_is_an_unset_one() -> None:
    names = """STARDAG_PROFILE STARDAG_REGISTRY_URL STARDAG_API_KEY STARDAG_ORGANIZATION_ID STARDAG_WORKSPACE_ID
    STARDAG_TARGET_ROOTS STARDAG_TARGET_ROOTS__DEFAULT STARDAG_TIMEOUT STARDAG_OFFLINE STARDAG_NONSENSE
    STARDAG_ACCESS_TOKEN STARDAG_BUILD_ID STARDAG_ALLOW_HTTP"""
    assert read(**dict.fromkeys(names.split(), "")) == Environment()
    assert read(STARDAG_WORKSPACE_ID="", STARDAG_WORKSPACE="w").workspace == by("STARDAG_WORKSPACE", "w")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("STARDAG_PROFILE", "No Name"),
        ("STARDAG_PROFILE", "../../etc"),
        ("STARDAG_PROFILE", "a__b"),
        ("STARDAG_REGISTRY_URL", "localhost:8000"),
        ("STARDAG_ORGANIZATION_ID", "My Org"),
        ("STARDAG_WORKSPACE", "a/b"),
        ("STARDAG_TIMEOUT", "soon"),
        ("STARDAG_TIMEOUT", "0"),
        ("STARDAG_TIMEOUT", "-1"),
        ("STARDAG_TIMEOUT", "nan"),
        ("STARDAG_TIMEOUT", "inf"),
        ("STARDAG_TIMEOUT", "3601"),
        ("STARDAG_OFFLINE", "perhaps"),
        ("STARDAG_BUILD_ID", "nightly"),
        ("STARDAG_BUILD_ID", f"{AN_ID}0"),
        ("STARDAG_ACCESS_TOKEN", "a" * (VALUE_MAX_LENGTH + 1)),
        ("STARDAG_TARGET_ROOTS__DEFAULT", "relative"),
        ("STARDAG_TARGET_ROOTS__", "/data"),
        ("STARDAG_TARGET_ROOTS__A B", "/data"),
        ("STARDAG_TARGET_ROOTS__A__B", "/data"),
        ("STARDAG_PROFILE", "a" * (VALUE_MAX_LENGTH + 1)),
        ("STARDAG_API_KEY", "a" * (VALUE_MAX_LENGTH + 1)),
    ],
)
def test_a_value_that_cannot_be_used_is_an_error_that_names_the_variable(variable: str, value: str) -> None:
    error = invalid(**{variable: value})
    assert error.variable == variable
    assert variable in error.message


def test_user_information_in_the_url_is_never_repeated() -> None:
    assert "hunter2" not in str(invalid(STARDAG_REGISTRY_URL="https://me:hunter2@api.stardag.com"))


@pytest.mark.parametrize(("text", "seconds"), [("10", 10.0), ("0.5", 0.5), ("1e2", 100.0), ("3600", 3600.0)])
def test_the_timeout_is_seconds(text: str, seconds: float) -> None:
    assert read(STARDAG_TIMEOUT=text).timeout == seconds


@pytest.mark.parametrize(
    ("text", "offline"),
    [*((text, True) for text in ("1", "true", "YES", "On")), *((text, False) for text in ("0", "false", "No", "off"))],
)
def test_offline_is_yes_or_no(text: str, offline: bool) -> None:
    setting = read(STARDAG_OFFLINE=text).offline
    assert setting is not None
    assert setting.value is offline


def test_target_roots_are_a_json_object() -> None:
    roots = read(STARDAG_TARGET_ROOTS='{"default": "s3://bucket/x/", "cold-storage": "~/cold"}').target_roots
    assert roots == {
        "default": by("STARDAG_TARGET_ROOTS", "s3://bucket/x/"),
        "cold-storage": by("STARDAG_TARGET_ROOTS", "~/cold"),
    }
    assert read(STARDAG_TARGET_ROOTS="{}").target_roots == {}


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "default=/data",
        "[]",
        '"x"',
        "null",
        '{"default": 1}',
        '{"default": null}',
        '{"default": {"a": "/b"}}',
        '{"Default": "/data"}',
        '{"a__b": "/data"}',
        '{"default": "data"}',
        '{"default": ""}',
        '{"default": "/a", "default": "/b"}',
        "[" * 5000,
        '{"a":' * 5000,
        "\ud800",
    ],
)
def test_target_roots_that_are_not_are_an_error_that_names_the_variable(text: str) -> None:
    assert invalid(STARDAG_TARGET_ROOTS=text).variable == "STARDAG_TARGET_ROOTS"


@pytest.mark.parametrize("uri_prefix", ["s3://My_Bucket/x", "s3://bucket//x", "/data/*", "/data/${USER}"])
def test_a_root_that_cannot_work_is_refused_wherever_a_person_sets_it(uri_prefix: str) -> None:
    roots = json.dumps({"default": uri_prefix})
    assert uri_prefix in invalid(STARDAG_TARGET_ROOTS=roots).message
    assert uri_prefix in invalid(STARDAG_TARGET_ROOTS__DEFAULT=uri_prefix).message
    inherited = json.dumps({"registry_url": "https://x", "target_roots": {"default": uri_prefix}})
    assert read(STARDAG_TARGET_ROOTS=roots, STARDAG_INHERITED=inherited).target_roots["default"].value == uri_prefix


def test_a_root_named_twice_is_said() -> None:
    assert "twice" in invalid(STARDAG_TARGET_ROOTS='{"default": "/a", "default": "/a"}').message


def test_a_root_of_its_own_variable_is_known_by_its_name_in_lower_case() -> None:
    roots = read(**{"STARDAG_TARGET_ROOTS__COLD-storage": "/cold", "STARDAG_TARGET_ROOTS__X": "/x"})
    assert roots.target_root_variables == {
        "cold_storage": by("STARDAG_TARGET_ROOTS__COLD-storage", "/cold"),
        "x": by("STARDAG_TARGET_ROOTS__X", "/x"),
    }


def test_two_spellings_of_one_root_may_not_differ() -> None:
    names = ("STARDAG_TARGET_ROOTS__A_B", "STARDAG_TARGET_ROOTS__a-b")
    assert list(read(**dict.fromkeys(names, "/x")).target_root_variables) == ["a_b"]
    with pytest.raises(ConflictingVariables) as caught:
        read(**dict(zip(names, ("/x", "/y"), strict=True)))
    assert set(caught.value.variables) == set(names)


def test_an_unknown_variable_is_a_warning_with_the_nearest_known_name() -> None:
    notices = read(STARDAG_PROFIL="x", STARDAG_WORKSPCE_ID="y", STARDAG_ZZZZZZZZ="z").notices
    assert [notice.code for notice in notices] == ["unknown-variable"] * 3
    assert "'STARDAG_PROFIL' is not known. Did you mean STARDAG_PROFILE?" in notices[0].message
    assert "STARDAG_WORKSPACE_ID" in notices[1].message
    assert "Did you mean" not in notices[2].message


def test_the_variables_that_others_read_are_known() -> None:
    known = ("STARDAG_HOME", "STARDAG_TARGET_ROOTS__ANY")
    assert read(**dict.fromkeys(known, "/x")).notices == ()


def test_only_stardags_variables_are_looked_at() -> None:
    assert read(PATH="/bin", AWS_STARDAG_PROFILE="x") == Environment()
    read_ = read(STARDAGPROFILE="x", stardag_profile="x")
    assert read_._replace(notices=()) == Environment()


@given(
    st.dictionaries(
        st.sampled_from(["PROFILE", "REGISTRY_URL", "API_KEY", "ORGANIZATION", "WORKSPACE_ID", "TARGET_ROOTS"])
        | st.sampled_from(["TARGET_ROOTS__X", "TIMEOUT", "OFFLINE", "HOME"])
        | st.text(max_size=8),
        st.text(max_size=20) | st.sampled_from(["1", "{}", "local", "https://x", "/x", json.dumps({"a": "/x"})]),
        max_size=4,
    )
)
def test_any_environment_is_read_or_one_clear_error(variables: dict[str, str]) -> None:
    said = {f"STARDAG_{name}": value for name, value in variables.items()}
    try:
        read(**said)
    except ConfigurationError:
        with pytest.raises(ConfigurationError, match="STARDAG_"):
            read(**said)


PLACE: dict[str, object] = {
    "registry_url": "https://one.example",
    "organization": "red",
    "workspace": "prod",
    "target_roots": {},
}


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{}",
        "[]",
        "nonsense",
        "[" * 5000,
        json.dumps(PLACE | {"registry_url": 1}),
        json.dumps(PLACE | {"target_roots": ["default"]}),
        json.dumps(PLACE | {"target_roots": {"default": None}}),
        json.dumps(PLACE | {"target_roots": {"Not A Name": "/x"}}),
        json.dumps(PLACE | {"target_roots": {"default": "no prefix"}}),
        '{"target_roots": {"default": "/a", "default": "/b"}}',
    ],
)
def test_a_place_that_nothing_hands_down_is_an_error(value: str) -> None:
    if not value:
        assert read(STARDAG_INHERITED=value).inherited is None
    else:
        assert invalid(STARDAG_INHERITED=value).variable == "STARDAG_INHERITED"


@pytest.mark.parametrize(
    "name", ["stardag_registry_url", "Stardag_Registry_Url", "STARDAG-REGISTRY_URL", "STARDAGREGISTRY_URL"]
)
def test_a_variable_in_another_case_or_without_its_underscore_is_not_passed_over(name: str) -> None:
    (notice,) = read(**{name: "https://one.example"}).notices
    assert notice.code == "unknown-variable"
    assert "STARDAG_REGISTRY_URL" in notice.message


def test_variables_of_other_programs_are() -> None:
    assert read(STARDAGGER="1", stardag_of_mine="x", STAR="y").notices == ()


@pytest.mark.parametrize(
    "name", ["STARDAG_TARGET_ROOTS_ARCHIVE", "STARDAG_TARGET_ROOT__ARCHIVE", "STARDAG_TARGET_ROOT_ARCHIVE"]
)
def test_a_variable_of_one_root_with_another_separator_is_told_the_right_one(name: str) -> None:
    (notice,) = read(**{name: "/x"}).notices
    assert notice.message.endswith("Did you mean STARDAG_TARGET_ROOTS__ARCHIVE?")
