"""The real application in this process, with some organizations, workspaces and keys to ask it with."""

import uuid
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from anyio.from_thread import BlockingPortal, start_blocking_portal
from dependency_injector import providers
from fastapi import FastAPI

from stardag.domain.organizations import Role
from stardag_registry.adapters.signing import DatabaseSigner
from stardag_registry.app.creation import Create
from stardag_registry.app.organization_tokens import OrganizationTokens
from stardag_registry.app.ports import Database
from stardag_registry.app.provider.tokens import ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE
from stardag_registry.container import Container, Settings
from stardag_registry.domain.api_keys import ApiKeySecret, Purpose
from stardag_registry.domain.grants import CLIENT_ID
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.users import User

ADDRESS = "http://localhost:8000"


class SettableClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 23, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self._now

    def move(self, by: timedelta) -> None:
        self._now += by


class AsgiTransport(httpx.BaseTransport):
    """Lets a synchronous client of httpx's talk to an ASGI application that runs on another thread's event loop."""

    def __init__(self, app: FastAPI, portal: BlockingPortal) -> None:
        self._transport = httpx.ASGITransport(app)
        self._portal = portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._portal.call(self._answer, request)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        response = await self._transport.handle_async_request(request)
        return httpx.Response(response.status_code, headers=response.headers, content=await response.aread())


@contextmanager
def client_of(app: FastAPI, address: str = ADDRESS) -> Generator[httpx.Client]:
    """A client that talks to the application as if it listened at `address`."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(app.router.lifespan_context(app)),
        httpx.Client(transport=AsgiTransport(app, portal), base_url=address) as client,
    ):
        yield client


@dataclass(frozen=True, slots=True)
class Furnishing:
    """Makes what a test needs, straight in the database."""

    database: Database
    create: Create
    clock: SettableClock

    def organization(self, slug: str = "acme") -> Organization:
        with self.database.transaction() as transaction:
            return self.create.organization(transaction, slug, slug.capitalize())

    def workspace(self, organization: Organization, slug: str = "production") -> Workspace:
        with self.database.transaction() as transaction:
            return self.create.workspace(transaction, organization.id, slug, slug.capitalize())

    def api_key(
        self, workspace: Workspace, purpose: Purpose = "administer", expires_in: timedelta | None = None
    ) -> ApiKeySecret:
        expires_at = None if expires_in is None else self.clock() + expires_in
        with self.database.transaction() as transaction:
            return self.create.api_key(transaction, workspace.id, "a key", purpose, expires_at)[1]

    def user(self, username: str) -> User:
        user = User(str(uuid.uuid4()), ADDRESS, username, username, f"{username}@acme.example", email_verified=True)
        with self.database.transaction() as transaction:
            transaction.add_user(user, self.clock())
        return user

    def member(self, organization: Organization, role: Role, username: str | None = None) -> User:
        user = self.user(username or role)
        with self.database.transaction() as transaction:
            transaction.add_member(organization.id, user.id, role, self.clock())
        return user

    def remove(self, organization: Organization, user: User) -> None:
        with self.database.transaction() as transaction:
            transaction.remove_member(organization.id, user.id)

    def revoke(self, secret: ApiKeySecret) -> None:
        with self.database.transaction() as transaction:
            caller = transaction.caller_by_fingerprint(secret.fingerprint)
            assert caller is not None
            transaction.revoke_api_key(caller.api_key.id, self.clock())


@dataclass(frozen=True, slots=True)
class InProcess:
    """The application, a client of it, and the way to furnish its database."""

    app: FastAPI
    client: httpx.Client
    furnish: Furnishing
    signer: DatabaseSigner
    tokens: OrganizationTokens

    def access_token(self, user: User, **changed: object) -> str:
        """What the registry's own provider would give a user; a claim that is changed to None is left out."""
        return self.signed(ACCESS_TOKEN_TYPE, {"aud": ADDRESS, "sub": user.subject, "scope": "openid"} | changed)

    def id_token(self, user: User, **changed: object) -> str:
        """The same for the ID token."""
        about = {"preferred_username": user.username, "email": user.email, "email_verified": True}
        return self.signed(ID_TOKEN_TYPE, {"aud": CLIENT_ID, "sub": user.subject} | about | changed)

    def signed(self, typ: str, claims: Mapping[str, object]) -> str:
        """Claims, signed by the registry."""
        now = int(self.furnish.clock().timestamp())
        whole = {"iss": ADDRESS, "iat": now, "exp": now + 600} | dict(claims)
        return self.signer.sign({name: value for name, value in whole.items() if value is not None}, typ)

    def ask(
        self,
        method: str,
        path: str,
        secret: ApiKeySecret | str | None = None,
        headers: Mapping[str, str] = {},
        **body: Any,
    ) -> httpx.Response:
        """One request, with the key or token as its credential; `json` or `content` are httpx's."""
        shown = secret.text if isinstance(secret, ApiKeySecret) else secret
        credential = {} if shown is None else {"Authorization": f"Bearer {shown}"}
        return self.client.request(method, path, headers={**credential, **headers}, **body)


@contextmanager
def in_process(
    data_dir: Path, database: Database | None = None, database_url: str | None = None
) -> Generator[InProcess]:
    """The application on a new SQLite database in `data_dir`, or on the database given, or on the one at a URL."""
    clock = SettableClock()
    given = {} if database is None else {"database": providers.Object(database)}
    settings = Settings(host="localhost", port=8000, data_dir=data_dir, public_url=ADDRESS, database_url=database_url)
    container = Container(settings=settings, clock=providers.Object(clock), **given)
    furnish = Furnishing(container.database(), container.create(), clock)
    app = container.application()
    try:
        with client_of(app) as client:
            signer = container.token_signer()
            tokens = OrganizationTokens(ADDRESS, signer, clock, container.randomness())
            yield InProcess(app, client, furnish, signer, tokens)
    finally:
        container.shutdown_resources()
