"""What the program says of an access token that `stardag exec` handed down; never the token itself."""

import pytest

from stardag.domain.credentials import Secret
from tests.cli.running import Program
from tests.fakes.environment import FakeEnvironment
from tests.fakes.registry import DEFAULT_URL, OrganizationToken

TOKEN = Secret("stardag_access_hunter2")


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str]) -> Program:
    """A command that has a token of its own."""
    program = Program(capsys)
    world = program.world
    organization = next(iter(world.registry.organizations.values()))
    user = world.registry.add_user("alice@acme.example", organization, "member")
    world.registry.tokens[TOKEN] = OrganizationToken(user, organization, "6f1c2a52-9f0e-4f5e-8a3d-0c5f3a8d2b11")
    world.environment = FakeEnvironment(
        registry_url=DEFAULT_URL,
        organization=organization.id,
        workspace=world.workspace.id,
        access_token=TOKEN.reveal(),
    )
    return program


def test_the_status_says_what_is_used_and_that_nobody_knows_until_when(program: Program) -> None:
    ran = program("auth status")
    assert "STARDAG_ACCESS_TOKEN" in ran.out
    assert "alice@acme.example" in ran.out
    assert "ends with that command, after twelve hours at most" in ran.err
    assert program.data("auth status")["credential"] == "access-token"
    assert TOKEN.reveal() not in ran.out + ran.err


def test_the_token_is_printed_where_that_is_asked_for(program: Program) -> None:
    assert program("auth token").out == f"{TOKEN.reveal()}\n"
    assert program.data("auth token") == {"access_token": TOKEN.reveal(), "expires_at": None}


def test_the_configuration_shows_it_masked(program: Program) -> None:
    for words in ("config show", "config explain access_token"):
        ran = program(words)
        assert "stardag_access_****" in ran.out
        assert TOKEN.reveal() not in ran.out + ran.err


def test_one_that_is_not_used_is_explained(program: Program) -> None:
    program.world.environment.organization = "another"
    ran = program("config explain access_token --profile local")
    assert "not used: stardag_access_**** from STARDAG_ACCESS_TOKEN" in ran.out
    assert "it is for the organization 'another'" in ran.out
    assert "warning: STARDAG_ACCESS_TOKEN is not used here" in ran.err
    assert TOKEN.reveal() not in ran.out + ran.err


def test_without_one_the_configuration_has_no_such_value(program: Program) -> None:
    program.world.environment = FakeEnvironment()
    assert "access_token" not in program("config show").out
