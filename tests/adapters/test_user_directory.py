"""Where the user's stardag directory is, whatever the variables say."""

import os
import pwd

import pytest

from stardag.adapters.user_directory import home_directory, user_directory
from stardag.domain.configuration import NO_DIRECTORY
from stardag.domain.errors import InvalidVariable

ACCOUNT = pwd.getpwuid(os.getuid())


@pytest.mark.parametrize(
    ("home", "directory"),
    [("/home/me", "/home/me/.stardag"), ("/home/me/", "/home/me/.stardag"), ("/", "/.stardag")],
)
def test_the_users_directory_is_below_home(home: str, directory: str) -> None:
    assert user_directory({"HOME": home}) == directory


@pytest.mark.parametrize("variables", [{}, {"HOME": ""}], ids=["unset", "empty"])
def test_without_a_home_the_accounts_own_counts(variables: dict[str, str]) -> None:
    assert home_directory(variables) == ACCOUNT.pw_dir
    assert user_directory(variables) == os.path.join(ACCOUNT.pw_dir, ".stardag")


@pytest.mark.parametrize("home", ["home", ".", "~", "~/x", "$HOME"])
def test_a_home_below_the_working_directory_is_none(home: str) -> None:
    assert home_directory({"HOME": home}) is None
    assert user_directory({"HOME": home}) == NO_DIRECTORY


@pytest.mark.parametrize(
    ("stated", "directory"),
    [
        ("/srv/stardag", "/srv/stardag"),
        ("/srv/stardag/", "/srv/stardag"),
        ("/srv/a/../stardag", "/srv/stardag"),
        (" /srv/stardag\r\n", "/srv/stardag"),
        ("~", "/home/me"),
        ("~/state", "/home/me/state"),
        (f"~{ACCOUNT.pw_name}/state", f"{ACCOUNT.pw_dir}/state"),
        ("", "/home/me/.stardag"),
        (" \t ", "/home/me/.stardag"),
    ],
)
def test_stardag_home_moves_it(stated: str, directory: str) -> None:
    assert user_directory({"HOME": "/home/me", "STARDAG_HOME": stated}) == directory


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ("rel", "path."),
        ("./rel", "path."),
        ('"/quoted"', "remove the quotes"),
        ("'/quoted'", "remove the quotes"),
        ("$HOME/x", "variables in it are not expanded"),
        ("${HOME}/x", "variables in it are not expanded"),
        ("~nosuchuser/x", "there is no such user"),
        ("C:\\stardag", "path."),
    ],
)
def test_a_stardag_home_that_is_not_absolute_is_an_error(stated: str, reason: str) -> None:
    with pytest.raises(InvalidVariable, match=r"STARDAG_HOME cannot be used: .* is not an absolute path") as caught:
        user_directory({"HOME": "/home/me", "STARDAG_HOME": stated})
    assert reason in caught.value.message
    assert "STARDAG_HOME=/" in caught.value.fix


def test_a_tilde_without_a_home_is_an_error_and_no_directory_of_that_name() -> None:
    with pytest.raises(InvalidVariable, match="there is no home directory that '~' could stand for"):
        user_directory({"HOME": "rel", "STARDAG_HOME": "~/x"})


def test_stardag_home_needs_no_home() -> None:
    assert user_directory({"HOME": "rel", "STARDAG_HOME": "/srv/stardag"}) == "/srv/stardag"
