"""The ports `Registries` and `RegistryApi` in memory: registries that tests change as if they were somebody else."""

import hashlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self, TypeVar

from stardag.app.ports import Credential, KeyIdentity, ServedRoots
from stardag.domain.credentials import Secret
from stardag.domain.errors import (
    MalformedCredential,
    NoCredential,
    NotAllowed,
    NotKnownToRegistry,
    RefusedCredential,
    RegistryUnreachable,
)
from stardag.domain.organizations import Organization, Role, Workspace
from stardag.domain.sign_in import ExchangedToken, SignInSettings, User
from stardag.domain.target_roots import TargetRoot

DEFAULT_URL = "http://localhost:8000"
LIFETIME = 600.0
"""Seconds that an organization's token is good for."""


@dataclass(frozen=True)
class OrganizationToken:
    """Whom a token was given, and for which organization."""

    user: User
    organization: Organization


@dataclass
class FakeRegistry:
    """One registry: what it holds, and which requests it was sent (`requests`, such as "GET /me").

    With a reason in `down`, nothing answers. A key in `forbidden` is known, and may do nothing. Whoever has an access
    token of the issuer stands in `issued`, a fake provider's or the test's own; what was exchanged for one, in
    `tokens`. `clock_offset` is how far the client's clock is ahead.
    """

    url: str = DEFAULT_URL
    organizations: dict[str, Organization] = field(default_factory=dict[str, Organization])
    workspaces: dict[str, Workspace] = field(default_factory=dict[str, Workspace])
    roots: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    keys: dict[Secret, Workspace] = field(default_factory=dict[Secret, Workspace])
    forbidden: set[Secret] = field(default_factory=set[Secret])
    issuer_url: str = ""
    issued: dict[Secret, str] = field(default_factory=dict[Secret, str])
    users: dict[str, User] = field(default_factory=dict[str, User])
    members: dict[tuple[str, str], Role] = field(default_factory=dict[tuple[str, str], Role])
    tokens: dict[Secret, OrganizationToken] = field(default_factory=dict[Secret, OrganizationToken])
    clock_offset: float = 0.0
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

    def add_user(self, email: str, organization: Organization | None = None, role: Role = "member") -> User:
        """Somebody who has signed in before, and may be a member."""
        user = self.users.get(email) or User(str(uuid.uuid4()), email.partition("@")[0], email)
        self.users[email] = user
        if organization is not None:
            self.members[organization.id, user.id] = role
        return user

    def issue(self, email: str) -> Secret:
        """An access token of the issuer for whoever has this address."""
        token = Secret(f"issued-{uuid.uuid4().hex}")
        self.issued[token] = email
        return token

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


Caller = Workspace | OrganizationToken | User
"""Whose credential it is: an API key's workspace, a member, or a user before any organization."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class FakeRegistryApi:
    """A `FakeRegistry`, spoken to with one credential."""

    registry: FakeRegistry
    credential: Credential | None

    def check(self) -> None:
        self._send("GET /health")

    def sign_in_settings(self) -> SignInSettings:
        self._send("GET /auth/configuration")
        return SignInSettings(self.registry.issuer_url or self.registry.url, "stardag-cli")

    def identity(self) -> KeyIdentity | User:
        match self._ask("GET /me", self._caller_of):
            case Workspace() as workspace:
                organization = self.registry.organizations[workspace.organization_id]
                return KeyIdentity(organization.id, organization.slug, workspace.id, workspace.slug)
            case OrganizationToken(user) | (User() as user):
                return user

    def introduce(self, id_token: Secret | None) -> User:
        email = self._ask("PUT /me", lambda secret: self._issued_to(secret, id_token))
        return self.registry.add_user(email)

    def exchange(self, organization: str, id_token: Secret | None) -> ExchangedToken:
        email = self._ask("POST /auth/exchange", lambda secret: self._issued_to(secret, id_token))
        user = self.registry.users.get(email)
        found = self._find_organization(organization)
        if user is None or (found.id, user.id) not in self.registry.members:
            raise NotKnownToRegistry("organization", organization, self.registry.url)
        token = Secret(f"organization-{uuid.uuid4().hex}")
        self.registry.tokens[token] = OrganizationToken(user, found)
        return ExchangedToken(token, LIFETIME, found.id, found.slug, self.registry.clock_offset)

    def organizations(self) -> tuple[Organization, ...]:
        match self._ask("GET /organizations", self._caller_of):
            case Workspace() as workspace:
                return (self.registry.organizations[workspace.organization_id],)
            case OrganizationToken(user, organization):
                return (self._with_role(organization, user),)
            case User() as user:
                own = [
                    each for each in self.registry.organizations.values() if (each.id, user.id) in self.registry.members
                ]
                return tuple(self._with_role(each, user) for each in sorted(own, key=lambda each: each.slug))

    def workspaces(self, organization: str) -> tuple[Workspace, ...]:
        caller = self._ask(f"GET /organizations/{organization}/workspaces", self._caller_in_organization)
        own, workspaces = self._reach_of(caller)
        if organization not in (own.slug, own.id):
            raise NotKnownToRegistry("organization", organization, self.registry.url)
        return workspaces

    def target_roots(self, workspace_id: str, etag: str | None = None) -> ServedRoots | None:
        caller = self._ask(f"GET /workspaces/{workspace_id}/target-roots", self._caller_in_organization)
        if workspace_id not in [workspace.id for workspace in self._reach_of(caller)[1]]:
            raise NotKnownToRegistry("workspace", workspace_id, self.registry.url)
        served = self.registry.served_roots(workspace_id)
        return None if served.etag == etag else served

    def _find_organization(self, reference: str) -> Organization:
        for organization in self.registry.organizations.values():
            if reference in (organization.slug, organization.id):
                return organization
        raise NotKnownToRegistry("organization", reference, self.registry.url)

    def _with_role(self, organization: Organization, user: User) -> Organization:
        return organization._replace(role=self.registry.members[organization.id, user.id])

    def _reach_of(self, caller: Workspace | OrganizationToken) -> tuple[Organization, tuple[Workspace, ...]]:
        """The one organization, and the workspaces of it, that a credential may see."""
        if isinstance(caller, Workspace):
            return self.registry.organizations[caller.organization_id], (caller,)
        own = [each for each in self.registry.workspaces.values() if each.organization_id == caller.organization.id]
        return caller.organization, tuple(sorted(own, key=lambda each: each.slug))

    def _send(self, request: str) -> None:
        if self.registry.down is not None:
            raise RegistryUnreachable(self.registry.url, self.registry.down)
        self.registry.requests.append(request)

    def _ask(self, request: str, authenticate: Callable[[Secret], Result]) -> Result:
        """Send a request with the credential, and once more with another where that is refused."""
        if self.credential is None:
            self._send(request)
            raise NoCredential(self.registry.url)
        secret = self.credential()
        try:
            return self._send_with(secret, request, authenticate)
        except RefusedCredential as refusal:
            another = self.credential.instead_of(secret, refusal)
            if another is None or another == secret:
                raise
        return self._send_with(another, request, authenticate)

    def _send_with(self, secret: Secret, request: str, authenticate: Callable[[Secret], Result]) -> Result:
        if not secret.is_well_formed_token:
            raise MalformedCredential("the configuration")
        self._send(request)
        if secret in self.registry.forbidden:
            raise NotAllowed(self.registry.url, "the key is forbidden everything")
        return authenticate(secret)

    def _caller_of(self, secret: Secret) -> Caller:
        if secret in self.registry.issued and self.registry.issued[secret] in self.registry.users:
            return self.registry.users[self.registry.issued[secret]]
        return self._caller_in_organization(secret)

    def _caller_in_organization(self, secret: Secret) -> Workspace | OrganizationToken:
        if secret in self.registry.keys:
            return self.registry.keys[secret]
        token = self.registry.tokens.get(secret)
        if token is None or (token.organization.id, token.user.id) not in self.registry.members:
            raise self._refusal()
        return token

    def _issued_to(self, secret: Secret, id_token: Secret | None) -> str:
        """The address of whoever has these tokens of the issuer."""
        if secret not in self.registry.issued:
            raise self._refusal()
        if id_token is not None and id_token.reveal() != self.registry.issued[secret]:
            raise self._refusal()
        return self.registry.issued[secret]

    def _refusal(self) -> RefusedCredential:
        return RefusedCredential(self.registry.url, self.registry.clock_offset)


class FakeRegistries:
    """The registries there are, by address; nothing listens anywhere else."""

    def __init__(self, *registries: FakeRegistry) -> None:
        self._registries = {registry.url: registry for registry in registries}

    def connect(self, registry_url: str, credential: Credential | None, timeout: float) -> FakeRegistryApi:
        nobody = FakeRegistry(registry_url, down="nothing listens there")
        return FakeRegistryApi(self._registries.get(registry_url, nobody), credential)
