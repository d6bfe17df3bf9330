"""Registries that keep the port `RegistryApi`, the fake and the real one, and the people and others who use them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

import httpx

from stardag.adapters.http_registry import HttpRegistries
from stardag.app.registry_ports import KeyIdentity, Registries, RegistryApi
from stardag.app.sign_in.fixed_credential import FixedCredential
from stardag.domain.builds import RunStatus
from stardag.domain.credentials import Secret
from stardag.domain.members import parse_invitation_link
from stardag.domain.tasks import Json
from tests.fakes.registry import FakeRegistry, FakeRegistryApi
from tests.registry.running import RunningRegistry
from tests.registry.signing_in import Person, sign_in

TIMEOUT = 20.0
ALICE = "alice@acme.example"
PASSWORD = "a password that nobody guesses"

BuildEnd = Literal["completed", "failed", "cancelled"]


class Issued(NamedTuple):
    """What the issuer gives to somebody who signs in, and the address that they have."""

    access_token: Secret
    id_token: Secret
    email: str


class People(Protocol):
    """People who sign in."""

    def owner(self) -> Issued:
        """The owner of the first organization."""
        ...

    def newcomer(self, link: Secret, email: str) -> Issued:
        """Somebody without an account, who makes one with an invitation's link, and so becomes a member."""
        ...

    def alice(self, link: Callable[[str], Secret]) -> Issued:
        """Somebody who has an account already, and was a newcomer with a link to her address if need be."""
        ...


class FakePeople:
    """People of a fake registry."""

    def __init__(self, registry: FakeRegistry) -> None:
        self._registry = registry
        first = next(iter(registry.organizations.values()))
        registry.add_user("owner@localhost", first, "owner")

    def owner(self) -> Issued:
        return self._issued("owner@localhost")

    def newcomer(self, link: Secret, email: str) -> Issued:
        self._registry.add_user(email)
        issued = self._issued(email)
        api = FakeRegistryApi(self._registry, FixedCredential(issued.access_token))
        api.accept_invitation(parse_invitation_link(link.reveal()).token)
        return issued

    def alice(self, link: Callable[[str], Secret]) -> Issued:
        self._registry.add_user(ALICE)
        return self._issued(ALICE)

    def _issued(self, email: str) -> Issued:
        return Issued(self._registry.issue(email), Secret(email), email)


class PeopleAtABrowser:
    """People who sign in at the pages of a real registry."""

    def __init__(self, running: RunningRegistry) -> None:
        self._running = running
        self._alice: Issued | None = None

    @cached_property
    def _owner(self) -> Issued:
        return self._issued("owner", self._running.owner_password, "owner@localhost")

    def owner(self) -> Issued:
        return self._owner

    def newcomer(self, link: Secret, email: str) -> Issued:
        with self._http() as http:
            parts = urlsplit(link.reveal())
            person = Person(http)
            joined = person.submit(person.get(f"{parts.path}?{parts.query}"), {"password": PASSWORD})
            assert joined.status_code == HTTPStatus.OK, joined.text
        return self._issued(email, PASSWORD, email)

    def alice(self, link: Callable[[str], Secret]) -> Issued:
        if self._alice is None:  # passwords are slow on purpose
            self._alice = self.newcomer(link(ALICE), ALICE)
        return self._alice

    def _issued(self, name: str, password: str, email: str) -> Issued:
        with self._http() as http:
            tokens = sign_in(http, name, password)
        issued = Issued(Secret(tokens["access_token"]), Secret(tokens["id_token"]), email)
        api = HttpRegistries().connect(self._running.url, FixedCredential(issued.access_token), TIMEOUT)
        api.introduce(issued.id_token)
        return issued

    def _http(self) -> httpx.Client:
        return httpx.Client(base_url=self._running.url, trust_env=False)


class Somebody(Protocol):
    """Somebody else, who changes target roots and builds behind the back of the one under test."""

    def set_root(self, workspace_id: str, name: str, uri_prefix: str) -> None: ...

    def delete_root(self, workspace_id: str, name: str) -> None: ...

    def register_build(
        self, workspace_id: str, description: str = "", roots: Mapping[str, str] | None = None
    ) -> str: ...

    def end_build(self, workspace_id: str, build_id: str, status: BuildEnd) -> None: ...

    def record_task(
        self, workspace_id: str, build_id: str, name: str, parameters: Mapping[str, Json], status: RunStatus
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class World:
    """A registry as it is after its first start, save for roots with names of their own."""

    registries: Registries
    url: str
    key: Secret
    somebody: Somebody
    people: People

    def connect(self) -> RegistryApi:
        return self.with_credential(self.key)

    def with_credential(self, credential: Secret | None) -> RegistryApi:
        return self.registries.connect(self.url, FixedCredential(credential) if credential else None, TIMEOUT)

    def identity(self) -> KeyIdentity:
        identity = self.connect().identity()
        assert isinstance(identity, KeyIdentity)
        return identity

    def somebody_with(self, key: Secret) -> Somebody:
        """Somebody else with a key of their own."""
        return OverHttp(self.url, key.reveal()) if isinstance(self.somebody, OverHttp) else self.somebody

    def owner(self) -> RegistryApi:
        """The owner, signed in to the first organization."""
        return self.member(self.people.owner(), "default")

    def user(self, issued: Issued) -> RegistryApi:
        """Somebody who has signed in, before any organization."""
        return self.with_credential(issued.access_token)

    def member(self, issued: Issued, organization: str) -> RegistryApi:
        """The same in an organization."""
        return self.with_credential(self.user(issued).exchange(organization, issued.id_token).token)


@dataclass(frozen=True, slots=True)
class OverHttp:
    """Somebody who uses the API as any other client would."""

    url: str
    key: str

    def set_root(self, workspace_id: str, name: str, uri_prefix: str) -> None:
        added = self._send("POST", workspace_id, "", {"name": name, "uri_prefix": uri_prefix})
        if added.status_code == HTTPStatus.CONFLICT:
            added = self._send("PATCH", workspace_id, f"/{name}", {"uri_prefix": uri_prefix})
        added.raise_for_status()

    def delete_root(self, workspace_id: str, name: str) -> None:
        self._send("DELETE", workspace_id, f"/{name}", None).raise_for_status()

    def register_build(self, workspace_id: str, description: str = "", roots: Mapping[str, str] | None = None) -> str:
        if roots is None:
            items = self._send("GET", workspace_id, "", None).json()["items"]
            roots = {item["name"]: item["uri_prefix"] for item in items}
        body = {"target_roots": roots, "description": description or None}
        made = self._send("POST", workspace_id, "", body, "builds")
        return str(made.raise_for_status().json()["id"])

    def end_build(self, workspace_id: str, build_id: str, status: BuildEnd) -> None:
        self._send("PATCH", workspace_id, f"/{build_id}", {"status": status}, "builds").raise_for_status()

    def record_task(
        self, workspace_id: str, build_id: str, name: str, parameters: Mapping[str, Json], status: RunStatus
    ) -> str:
        body = {"tasks": [{"name": name, "parameters": parameters, "status": status}]}
        recorded = self._send("POST", workspace_id, f"/{build_id}/tasks", body, "builds")
        return str(recorded.raise_for_status().json()["ids"][0])

    def _send(
        self, method: str, workspace_id: str, below: str, body: Mapping[str, object] | None, what: str = "target-roots"
    ) -> httpx.Response:
        return httpx.request(
            method,
            f"{self.url}/api/v1/workspaces/{workspace_id}/{what}{below}",
            json=body,
            headers={"Authorization": f"Bearer {self.key}"},
            trust_env=False,
        )
