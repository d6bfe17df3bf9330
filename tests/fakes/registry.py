"""The ports `Registries` and `RegistryApi` in memory: registries that tests change as if they were somebody else."""

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from typing import Self

from stardag.app.ports import KeyIdentity, ServedRoots
from stardag.domain.credentials import Secret
from stardag.domain.errors import (
    MalformedCredential,
    NoCredential,
    NotAllowed,
    NotKnownToRegistry,
    RefusedCredential,
    RegistryUnreachable,
)
from stardag.domain.organizations import Organization, Workspace
from stardag.domain.target_roots import TargetRoot

DEFAULT_URL = "http://localhost:8000"


@dataclass
class FakeRegistry:
    """One registry: what it holds, and which requests it was sent (`requests`, such as "GET /me").

    With a reason in `down`, nothing answers. A key in `forbidden` is known, and may do nothing.
    """

    url: str = DEFAULT_URL
    organizations: dict[str, Organization] = field(default_factory=dict[str, Organization])
    workspaces: dict[str, Workspace] = field(default_factory=dict[str, Workspace])
    roots: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    keys: dict[Secret, Workspace] = field(default_factory=dict[Secret, Workspace])
    forbidden: set[Secret] = field(default_factory=set[Secret])
    requests: list[str] = field(default_factory=list[str])
    down: str | None = None

    @classmethod
    def first_start(cls, url: str = DEFAULT_URL) -> Self:
        """What a real registry holds after its first start: organization, workspace, target root and one key."""
        registry = cls(url)
        workspace = registry.add_workspace(registry.add_organization("default"), "default")
        registry.set_root(workspace.id, "default", "/local-target-roots/default/default/")
        registry.make_key(workspace)
        return registry

    @property
    def owner_key(self) -> Secret:
        """The key that was made first."""
        return next(iter(self.keys))

    def add_organization(self, slug: str) -> Organization:
        organization = Organization(str(uuid.uuid4()), slug, slug.capitalize())
        self.organizations[organization.id] = organization
        return organization

    def add_workspace(self, organization: Organization, slug: str) -> Workspace:
        workspace = Workspace(str(uuid.uuid4()), slug, slug.capitalize(), organization.id)
        self.workspaces[workspace.id] = workspace
        self.roots[workspace.id] = {}
        return workspace

    def make_key(self, workspace: Workspace) -> Secret:
        key = Secret(f"sk_{uuid.uuid4().hex}")
        self.keys[key] = workspace
        return key

    def set_root(self, workspace_id: str, name: str, uri_prefix: str) -> None:
        """Add or change a target root."""
        root = TargetRoot(name, uri_prefix)
        self.roots[workspace_id][root.name] = root.uri_prefix

    def delete_root(self, workspace_id: str, name: str) -> None:
        del self.roots[workspace_id][name]

    def served_roots(self, workspace_id: str) -> ServedRoots:
        roots = sorted(self.roots[workspace_id].items())
        etag = hashlib.sha256(json.dumps(roots).encode()).hexdigest()[:16]
        return ServedRoots(tuple(TargetRoot(name, uri_prefix) for name, uri_prefix in roots), f'"{etag}"')


@dataclass(frozen=True)
class FakeRegistryApi:
    """A `FakeRegistry`, spoken to with one credential."""

    registry: FakeRegistry
    credential: Secret | None

    def check(self) -> None:
        self._send("GET /health")

    def identity(self) -> KeyIdentity:
        workspace = self._authenticate("GET /me")
        organization = self.registry.organizations[workspace.organization_id]
        return KeyIdentity(organization.id, organization.slug, workspace.id, workspace.slug)

    def organizations(self) -> tuple[Organization, ...]:
        workspace = self._authenticate("GET /organizations")
        return (self.registry.organizations[workspace.organization_id],)

    def workspaces(self, organization: str) -> tuple[Workspace, ...]:
        workspace = self._authenticate(f"GET /organizations/{organization}/workspaces")
        own = self.registry.organizations[workspace.organization_id]
        if organization not in (own.slug, own.id):
            raise NotKnownToRegistry("organization", organization, self.registry.url)
        return (workspace,)

    def target_roots(self, workspace_id: str, etag: str | None = None) -> ServedRoots | None:
        workspace = self._authenticate(f"GET /workspaces/{workspace_id}/target-roots")
        if workspace_id != workspace.id:
            raise NotKnownToRegistry("workspace", workspace_id, self.registry.url)
        served = self.registry.served_roots(workspace_id)
        return None if served.etag == etag else served

    def _send(self, request: str) -> None:
        if self.registry.down is not None:
            raise RegistryUnreachable(self.registry.url, self.registry.down)
        self.registry.requests.append(request)

    def _authenticate(self, request: str) -> Workspace:
        """The workspace whose key the credential is."""
        if self.credential is not None and not self.credential.is_well_formed:
            raise MalformedCredential("the configuration")
        self._send(request)
        if self.credential is None:
            raise NoCredential(self.registry.url)
        if self.credential not in self.registry.keys:
            raise RefusedCredential(self.registry.url)
        if self.credential in self.registry.forbidden:
            raise NotAllowed(self.registry.url, "the key is forbidden everything")
        return self.registry.keys[self.credential]


class FakeRegistries:
    """The registries there are, by address; nothing listens anywhere else."""

    def __init__(self, *registries: FakeRegistry) -> None:
        self._registries = {registry.url: registry for registry in registries}

    def connect(self, registry_url: str, credential: Secret | None, timeout: float) -> FakeRegistryApi:
        nobody = FakeRegistry(registry_url, down="nothing listens there")
        return FakeRegistryApi(self._registries.get(registry_url, nobody), credential)
