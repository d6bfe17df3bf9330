"""The provider of a real application in this process, with an owner who can sign in, and a clock that stands still."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher
from dependency_injector import providers
from fastapi import FastAPI

from stardag_registry.adapters.passwords import Argon2Passwords
from stardag_registry.app.provider.ports import ProviderDatabase
from stardag_registry.container import Container, Settings
from tests.registry.in_process import SettableClock, client_of
from tests.registry.signing_in import CommandLine, Person, answer_in

OWNER = "owner@localhost"
ADDRESS = "http://localhost:8000"

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Hashes as right as any, and worth nothing against an attacker: most tests are not about how long they take."""


@dataclass(frozen=True)
class Scene:
    """The registry, as its owner and its clients reach it."""

    http: httpx.Client
    app: FastAPI
    clock: SettableClock
    database: ProviderDatabase
    data_dir: Path
    password: str

    def person(self) -> Person:
        """Somebody at a new browser."""
        return Person(self.http)

    def owner(self) -> Person:
        """The owner, signed in at a new browser."""
        person = self.person()
        assert person.sign_in(OWNER, self.password).status_code == 200
        return person

    def command_line(self, **changed: str) -> CommandLine:
        """A client that is about to sign in."""
        return CommandLine(self.http, **changed)

    def code(self, command_line: CommandLine, person: Person | None = None, **changed: str | None) -> str:
        """A code that the owner has allowed."""
        person = person or self.owner()
        consent = person.get(command_line.authorization(**changed))
        return answer_in(person.submit(consent, {"decision": "allow"}))["code"]

    def tokens(self) -> dict[str, Any]:
        """The owner's tokens, at a new client."""
        command_line = self.command_line()
        answer = command_line.redeem(self.code(command_line))
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        return tokens

    def at_rest(self) -> bytes:
        """Everything that is in the database and the files beside it."""
        return b"".join(path.read_bytes() for path in sorted(self.data_dir.glob("registry.sqlite3*")))


@dataclass(frozen=True)
class FirstStart:
    """A data directory as the first start leaves it, to be copied."""

    data_dir: Path
    password: str

    @classmethod
    def made_in(cls, data_dir: Path) -> "FirstStart":
        """Start a registry there for the first time."""
        container = Container(settings=_settings(data_dir, ADDRESS), passwords=providers.Object(Argon2Passwords(QUICK)))
        try:
            account = container.make_owner_account()(OWNER)
        finally:
            container.shutdown_resources()
        assert account is not None
        return cls(data_dir, account.password.text)

    @contextmanager
    def scene(self, data_dir: Path, public_url: str = ADDRESS, hasher: PasswordHasher = QUICK) -> Generator[Scene]:
        """A registry that has been started before, on a copy."""
        shutil.copytree(self.data_dir, data_dir, dirs_exist_ok=True)
        clock = SettableClock()
        container = Container(
            settings=_settings(data_dir, public_url),
            clock=providers.Object(clock),
            passwords=providers.Object(Argon2Passwords(hasher)),
        )
        app = container.application()
        try:
            with client_of(app, public_url) as http:
                yield Scene(http, app, clock, container.provider_database(), data_dir, self.password)
        finally:
            container.shutdown_resources()


def _settings(data_dir: Path, public_url: str) -> Settings:
    return Settings(host="localhost", port=8000, data_dir=data_dir, public_url=public_url)
