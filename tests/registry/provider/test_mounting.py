"""When there is a provider at all, and what it does when the database is not there."""

import shutil
import sqlite3
from collections.abc import Generator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from dependency_injector import providers

from stardag_registry.adapters.database import DATABASE_FILE, open_database
from stardag_registry.adapters.passwords import Argon2Passwords
from stardag_registry.adapters.system import random_bytes
from stardag_registry.app.creation import Create
from stardag_registry.app.identity_provider import ExistingIdentityProvider
from stardag_registry.app.provider.ports import ProviderReading, ProviderTransaction
from stardag_registry.container import Container, Settings
from stardag_registry.domain.errors import DatabaseUnavailable
from tests.registry.in_process import client_of
from tests.registry.provider.scene import ADDRESS, QUICK, FirstStart
from tests.registry.signing_in import CLIENT_ID

OLD = datetime(2026, 1, 1, tzinfo=UTC)
PATHS = [
    "/.well-known/openid-configuration",
    "/oauth/jwks",
    "/oauth/authorize",
    "/sign-in",
    "/account",
    "/oauth/device",
]


def settings(data_dir: Path, existing: ExistingIdentityProvider | None = None) -> Settings:
    return Settings("localhost", 8000, data_dir, ADDRESS, identity_provider=existing)


def test_where_an_existing_provider_signs_people_in_there_is_none_of_ours(tmp_path: Path) -> None:
    container = Container(settings=settings(tmp_path, ExistingIdentityProvider("https://issuer.example", "stardag")))
    try:
        with client_of(container.application()) as http:
            assert {http.get(path).status_code for path in PATHS} == {404}
            for path in ("/oauth/token", "/oauth/revoke", "/oauth/device_authorization", "/sign-out"):
                assert http.post(path).status_code == 404
    finally:
        container.shutdown_resources()


def test_a_database_that_is_older_than_accounts_gets_the_owners_at_the_next_start(tmp_path: Path) -> None:
    """One that was furnished before there was a provider: what is there stays, and somebody can sign in."""
    file = tmp_path / DATABASE_FILE
    opened = open_database(file)
    with opened.transaction() as transaction:
        Create(lambda: OLD, random_bytes).organization(transaction, "default", "Default")
    opened.close()
    container = Container(settings=settings(tmp_path), passwords=providers.Object(Argon2Passwords(QUICK)))
    try:
        assert container.first_start()("/data") is None
        account = container.make_owner_account()("owner@localhost")
    finally:
        container.shutdown_resources()
    assert account is not None
    assert (tmp_path / "owner-password").read_text().strip() == account.password.text
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT slug FROM organizations").fetchall() == [("default",)]


class BrokenDatabase:
    """A provider's database that does not answer."""

    def reading(self) -> AbstractContextManager[ProviderReading]:
        raise DatabaseUnavailable

    def transaction(self) -> AbstractContextManager[ProviderTransaction]:
        raise DatabaseUnavailable


@pytest.fixture
def broken(first_start: FirstStart, tmp_path: Path) -> Generator[httpx.Client]:
    shutil.copytree(first_start.data_dir, tmp_path / "data")
    container = Container(settings=settings(tmp_path / "data"), provider_database=providers.Object(BrokenDatabase()))
    try:
        with client_of(container.application()) as http:
            yield http
    finally:
        container.shutdown_resources()


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("/oauth/token", {"grant_type": "refresh_token", "refresh_token": "x", "client_id": CLIENT_ID}),
        ("/oauth/token", {"grant_type": "authorization_code", "code": "x", "client_id": CLIENT_ID}),
        ("/oauth/revoke", {"token": "x", "client_id": CLIENT_ID}),
        ("/oauth/device_authorization", {"scope": "openid", "client_id": CLIENT_ID}),
    ],
)
def test_a_database_that_does_not_answer_is_no_refusal(broken: httpx.Client, path: str, form: dict[str, str]) -> None:
    """A client that took it for one would forget its sign-in."""
    answer = broken.post(path, data=form)
    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["retry-after"] == "1"


def test_people_are_told_so_too(broken: httpx.Client) -> None:
    for answer in (broken.get("/sign-in"), broken.post("/sign-in", data={"name": "x"})):
        assert answer.status_code == 503
        assert "cannot be used at the moment" in answer.text
        assert "form-action" in answer.headers["content-security-policy"]
