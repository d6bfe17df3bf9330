"""What every keeper of the port `EnvironmentVariables` promises, the fake as well as the real one."""

import json
from collections.abc import Callable
from typing import TypedDict, Unpack

import pytest

from stardag.adapters.environment import EnvironmentVariables as RealVariables
from stardag.app.ports import EnvironmentVariables
from stardag.domain.credentials import Secret
from stardag.domain.environment import DEFAULT_TIMEOUT, Environment, InheritedPlace
from stardag.domain.errors import InvalidVariable
from stardag.domain.layers import Layer, Origin
from tests.fakes.environment import FakeEnvironment


class Said(TypedDict, total=False):
    """What an environment may say."""

    profile: str
    registry_url: str
    api_key: str
    access_token: str
    organization: str
    workspace: str
    target_roots: dict[str, str]
    timeout: float
    offline: bool
    build_id: str
    inherited: InheritedPlace


VARIABLES = {
    "profile": "STARDAG_PROFILE",
    "registry_url": "STARDAG_REGISTRY_URL",
    "api_key": "STARDAG_API_KEY",
    "access_token": "STARDAG_ACCESS_TOKEN",
    "organization": "STARDAG_ORGANIZATION_ID",
    "workspace": "STARDAG_WORKSPACE_ID",
    "target_roots": "STARDAG_TARGET_ROOTS",
    "timeout": "STARDAG_TIMEOUT",
    "offline": "STARDAG_OFFLINE",
    "build_id": "STARDAG_BUILD_ID",
    "inherited": "STARDAG_INHERITED",
}


def real(**said: Unpack[Said]) -> EnvironmentVariables:
    def spelled(value: object) -> str:
        if isinstance(value, InheritedPlace):
            return json.dumps(value._asdict())
        return value if isinstance(value, str) else json.dumps(value)

    return RealVariables({"HOME": "/home/me", **{VARIABLES[key]: spelled(value) for key, value in said.items()}})


def fake(**said: Unpack[Said]) -> EnvironmentVariables:
    return FakeEnvironment(**said)


@pytest.fixture(params=[fake, real], ids=["fake", "real"])
def environment(request: pytest.FixtureRequest) -> Callable[..., EnvironmentVariables]:
    make: Callable[..., EnvironmentVariables] = request.param
    return make


def test_where_nothing_is_said_nothing_is_set(environment: Callable[..., EnvironmentVariables]) -> None:
    assert environment().read() == Environment()
    assert environment().read().timeout == DEFAULT_TIMEOUT


def test_every_value_comes_with_its_variable(environment: Callable[..., EnvironmentVariables]) -> None:
    read = environment(
        profile="local", registry_url="https://one.example", api_key="sk_1", organization="my-org", workspace="prod"
    ).read()
    settings = (read.profile, read.registry_url, read.organization, read.workspace)
    keys = ("profile", "registry_url", "organization", "workspace")
    assert [it.value if it else None for it in settings] == ["local", "https://one.example", "my-org", "prod"]
    for key, setting in zip(keys, settings, strict=True):
        assert setting is not None
        assert setting.origin == Origin(Layer.ENVIRONMENT, variable=VARIABLES[key])
        assert setting.overridden == ()
    assert read.api_key is not None
    assert read.api_key.value == Secret("sk_1")
    assert read.api_key.origin.variable == "STARDAG_API_KEY"


def test_what_a_command_was_handed_comes_with_its_variables(environment: Callable[..., EnvironmentVariables]) -> None:
    read = environment(access_token="token", build_id="6f9619ff-8b86-4d01-b42d-00cf4fc964ff").read()
    assert read.access_token is not None
    assert (read.access_token.value, read.access_token.origin.variable) == (Secret("token"), "STARDAG_ACCESS_TOKEN")
    assert read.build_id is not None
    assert read.build_id.value == "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
    assert read.build_id.origin.variable == "STARDAG_BUILD_ID"


def test_the_place_that_was_inherited_is_read(environment: Callable[..., EnvironmentVariables]) -> None:
    place = InheritedPlace("https://one.example", "my-org", None, {"default": "s3://bucket/x/"})
    assert environment(inherited=place).read().inherited == place


def test_target_roots_come_by_name(environment: Callable[..., EnvironmentVariables]) -> None:
    read = environment(target_roots={"default": "/one", "archive": "s3://bucket/x"}).read()
    assert {name: it.value for name, it in read.target_roots.items()} == {"default": "/one", "archive": "s3://bucket/x"}
    assert {it.origin.variable for it in read.target_roots.values()} == {"STARDAG_TARGET_ROOTS"}


@pytest.mark.parametrize("offline", [True, False])
def test_timeout_and_offline(environment: Callable[..., EnvironmentVariables], offline: bool) -> None:
    read = environment(timeout=2.5, offline=offline).read()
    assert read.timeout == 2.5
    assert read.offline is not None
    assert (read.offline.value, read.offline.origin.variable) == (offline, "STARDAG_OFFLINE")


def test_what_cannot_be_used_is_an_error_that_names_the_variable(
    environment: Callable[..., EnvironmentVariables],
) -> None:
    with pytest.raises(InvalidVariable) as caught:
        environment(profile="No Name").read()
    assert caught.value.variable == "STARDAG_PROFILE"


def test_reading_again_gives_the_same(environment: Callable[..., EnvironmentVariables]) -> None:
    variables = environment(profile="local", target_roots={"default": "/one"})
    assert variables.read() == variables.read()
