"""The owner's account: made once, its password kept where only the owner finds it, and never twice."""

import logging
import stat
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from stardag.domain.errors import ConfigurationError
from stardag_registry.adapters.data_directory import OwnerPasswordInDirectory
from stardag_registry.adapters.database import open_database
from stardag_registry.adapters.passwords import Argon2Passwords
from stardag_registry.adapters.system import random_bytes
from stardag_registry.app.provider.derived_secrets import Derive
from stardag_registry.app.provider.owner_account import MakeOwnerAccount
from stardag_registry.app.provider.ports import OwnerPasswordFile, ProviderDatabase
from stardag_registry.domain.accounts import Password
from stardag_registry.domain.errors import InvalidOwner, UnusableDataDirectory
from tests.registry.in_process import SettableClock
from tests.registry.provider.scene import QUICK, Scene

PASSWORDS = Argon2Passwords(QUICK)


class PowerCut(BaseException):
    """The process ends here."""


@dataclass
class KeptInMemory:
    """A password file that may fail, or be the last thing that happens."""

    kept: list[Password] = field(default_factory=list[Password])
    then: BaseException | None = None
    location: str = "memory"

    def exists(self) -> bool:
        return bool(self.kept)

    def write(self, password: Password) -> None:
        self.kept.append(password)
        if self.then is not None:
            raise self.then

    def remove(self) -> None:
        self.kept.clear()


@pytest.fixture
def database(tmp_path: Path) -> ProviderDatabase:
    return open_database(tmp_path / "registry.sqlite3").provider


def maker(database: ProviderDatabase, file: OwnerPasswordFile) -> MakeOwnerAccount:
    return MakeOwnerAccount(database, PASSWORDS, Derive(database, random_bytes), SettableClock(), random_bytes, file)


def test_it_is_made_where_nobody_can_sign_in_and_never_again(database: ProviderDatabase) -> None:
    file = KeptInMemory()
    made = maker(database, file)("Ada.Lovelace@Example.com")
    assert made is not None
    assert made.email == "ada.lovelace@example.com"
    assert file.kept == [made.password]
    with database.reading() as reading:
        account = reading.account_by_name("ada-lovelace")
        assert account is not None
        assert account == reading.account_by_name("ada.lovelace@example.com")
        kept = reading.password_hash(account.id)
    assert account.password_kept
    assert kept is not None
    assert PASSWORDS.fits(made.password, kept)
    assert maker(database, file)("another@example.com") is None
    assert len(file.kept) == 1


def test_a_start_that_dies_before_it_commits_is_made_up_for_by_the_next(database: ProviderDatabase) -> None:
    file = KeptInMemory(then=PowerCut())
    with pytest.raises(PowerCut):
        maker(database, file)("me@localhost")
    with database.reading() as reading:
        assert not reading.has_accounts()
    file.then = None
    made = maker(database, file)("me@localhost")
    assert made is not None
    assert made.replaced_another_password
    assert file.kept[-1] == made.password


def test_a_password_that_cannot_be_kept_is_not_made(database: ProviderDatabase) -> None:
    with pytest.raises(UnusableDataDirectory):
        maker(database, KeptInMemory(then=UnusableDataDirectory("/data", "disk full")))("me@localhost")
    with database.reading() as reading:
        assert not reading.has_accounts()


@pytest.mark.parametrize(
    "owner", ["", "me", "@localhost", "me@", "a b@localhost", "me@local\nhost", "ü@localhost", "a@b@c"]
)
def test_an_owner_who_has_no_address_is_refused(database: ProviderDatabase, owner: str) -> None:
    with pytest.raises(InvalidOwner) as refused:
        maker(database, KeptInMemory())(owner)
    assert isinstance(refused.value, ConfigurationError)
    with database.reading() as reading:
        assert not reading.has_accounts()


def test_the_file_is_private_from_the_start_and_goes_without_a_trace(tmp_path: Path) -> None:
    file = OwnerPasswordInDirectory(tmp_path)
    file.write(Password("the first"))
    file.write(Password("another"))
    (path,) = tmp_path.iterdir()
    assert (path.name, path.read_text()) == ("owner-password", "another\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    file.remove()
    file.remove()
    assert not list(tmp_path.iterdir())


def test_passwords_show_themselves_nowhere() -> None:
    assert "secret" not in repr(Password("secret"))
    assert "secret" not in str([Password("secret")])


def test_what_is_kept_of_a_password_is_argon2id_as_rfc_9106_has_it() -> None:
    passwords = Argon2Passwords()
    kept = passwords.hashed(Password("p\u00e4ssword"))
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.fits(Password("pa\u0308ssword"), kept)
    assert not passwords.fits(Password("another"), kept)
    assert not passwords.fits(Password("nobody's"), None)
    assert not passwords.fits(Password("x"), "no hash")
    assert not passwords.is_outdated(kept)
    assert passwords.is_outdated(QUICK.hash("x"))


def test_an_account_that_is_not_there_costs_as_much_as_one_that_is() -> None:
    verified: list[str] = []

    class Recording(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override]  # noqa: A002
            verified.append(str(hash).rpartition("$")[0].rpartition("$")[0])
            return super().verify(hash, password)

    passwords = Argon2Passwords(Recording())
    kept = passwords.hashed(Password("x"))
    passwords.fits(Password("wrong"), kept)
    passwords.fits(Password("wrong"), None)
    there, missing = verified
    assert there == missing


def test_a_password_of_an_older_kind_is_kept_anew_when_it_is_next_known(scene: Scene) -> None:
    with scene.database.transaction() as transaction:
        account = transaction.account_by_name("owner")
        assert account is not None
        older = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash("an older password")
        transaction.change_password(account.id, older)
    assert scene.person().sign_in("owner", "an older password").status_code == 200
    with scene.database.reading() as reading:
        assert str(reading.password_hash(account.id)).startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert scene.person().sign_in("owner", "an older password").status_code == 200


def test_nothing_secret_is_at_rest_or_in_the_log(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """A whole life of a sign-in, with every logger at its most talkative."""
    caplog.set_level(logging.DEBUG)
    logging.getLogger("authlib.oauth2").setLevel(logging.NOTSET)
    command_line, person = scene.command_line(), scene.person()
    visit = person.get("/sign-in")
    secrets = [*person.cookies.values(), scene.password]
    person.submit(visit, {"name": "owner", "password": scene.password})
    secrets += person.cookies.values()
    code = scene.code(command_line, person)
    tokens = command_line.redeem(code).json()
    renewed = command_line.refresh(tokens["refresh_token"]).json()
    device = command_line.begin_device().json()
    consent = person.submit(person.get("/oauth/device"), {"user_code": device["user_code"]})
    person.submit(consent, {"decision": "allow"})
    more = command_line.poll(device["device_code"]).json()
    command_line.redeem(code)
    command_line.refresh(tokens["refresh_token"])
    command_line.revoke(more["refresh_token"])
    scene.person().sign_in("typed-into-the-wrong-field", "typed-password")
    secrets += [code, command_line.verifier, device["device_code"], device["user_code"]]
    secrets += [issued[name] for issued in (tokens, renewed, more) for name in issued if name.endswith("_token")]
    secrets += ["typed-password", "typed-into-the-wrong-field"]
    at_rest = scene.at_rest()
    ours = "\n".join(
        record.getMessage() for record in caplog.records if record.name.startswith(("stardag", "authlib", "sqlalchemy"))
    )
    assert "refresh granted" in ours
    for secret in secrets:
        assert secret.encode() not in at_rest
        assert secret.removeprefix("stardag_refresh_").encode() not in at_rest
        assert secret not in ours
