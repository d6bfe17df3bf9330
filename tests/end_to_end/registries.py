"""Registries to talk to: the real server with workspaces of a test's own, one that counts, and some that misbehave."""

import http.client
import json
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from stardag_registry.adapters.system import now, random_bytes
from stardag_registry.app.creation import Create
from stardag_registry.app.ports import Database
from tests.fakes.http_server import Request, Script, ScriptedServer, as_bytes
from tests.registry.running import RunningRegistry

NOWHERE = "http://localhost:9"
"""A registry's address at which nothing listens (the port of the discard service)."""


@dataclass(frozen=True, slots=True)
class Place:
    """One workspace of the real registry, and somebody else who changes its target roots."""

    url: str
    organization: str
    organization_id: str
    workspace: str
    workspace_id: str
    key: str

    @property
    def variables(self) -> dict[str, str]:
        """The three variables that are enough."""
        return {
            "STARDAG_REGISTRY_URL": self.url,
            "STARDAG_API_KEY": self.key,
            "STARDAG_WORKSPACE": self.workspace,
        }

    def profile(self, name: str = "here") -> str:
        """A configuration that names this workspace and makes it the default."""
        return (
            f'[registry.local]\nurl = "{self.url}"\n\n[profile.{name}]\nregistry = "local"\n'
            f'organization = "{self.organization}"\nworkspace = "{self.workspace}"\n\n[default]\nprofile = "{name}"\n'
        )

    def add(self, name: str, uri_prefix: str) -> None:
        self._call("POST", "", {"name": name, "uri_prefix": uri_prefix})

    def change(self, name: str, uri_prefix: str) -> None:
        self._call("PATCH", f"/{name}", {"uri_prefix": uri_prefix})

    def remove(self, name: str) -> None:
        self._call("DELETE", f"/{name}", None)

    def _call(self, method: str, path: str, body: Mapping[str, str] | None) -> None:
        url = f"{self.url}/api/v1/workspaces/{self.workspace_id}/target-roots{path}"
        headers = {"Authorization": f"Bearer {self.key}"}
        httpx.request(method, url, json=body, headers=headers, trust_env=False).raise_for_status()


@dataclass(frozen=True, slots=True)
class Registry:
    """The real server, and its database for making what its API has no call for yet."""

    running: RunningRegistry
    database: Database

    @property
    def url(self) -> str:
        return self.running.url

    def place(self, roots: Mapping[str, str] = {}, organization: str | None = None) -> Place:
        """A new workspace with an administering key, in a new organization, and its target roots."""
        create = Create(now, random_bytes)
        word = secrets.token_hex(4)
        with self.database.transaction() as transaction:
            org = create.organization(transaction, organization or f"org-{word}", "An organization")
            workspace = create.workspace(transaction, org.id, f"ws-{word}", "A workspace")
            _, secret = create.api_key(transaction, workspace.id, "a key", "administer")
        place = Place(self.url, org.slug, org.id, workspace.slug, workspace.id, secret.text)
        for name, uri_prefix in roots.items():
            place.add(name, uri_prefix)
        return place


def passing_on(url: str) -> ScriptedServer:
    """A server that passes every request on to the registry at `url`, and so knows what was asked; also as a proxy."""
    host = urlsplit(url).netloc

    def script(connection: socket.socket, request: Request) -> None:
        upstream = http.client.HTTPConnection(host, timeout=30)
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        path = request.path if request.path.startswith("/") else f"/{request.path.split('/', 3)[3]}"
        upstream.request(request.method, path, headers=headers)
        answer = upstream.getresponse()
        names = ("content-type", "etag")
        connection.sendall(
            as_bytes(answer.status, answer.read(), {n: v for n in names if (v := answer.headers.get(n)) is not None})
        )
        upstream.close()

    return ScriptedServer(script)


def answering(answers: Mapping[str, Any]) -> Script:
    """A script that gives each path, which stands for all that begin so, its own JSON body."""

    def script(connection: socket.socket, request: Request) -> None:
        for path, body in answers.items():
            if request.path.startswith(path):
                connection.sendall(as_bytes(200, json.dumps(body).encode(), {"Content-Type": "application/json"}))
                return
        problem = json.dumps({"code": "not-found", "title": "Not found"}).encode()
        connection.sendall(as_bytes(404, problem, {"Content-Type": "application/problem+json"}))

    return script
