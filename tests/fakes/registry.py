"""The ports `Registries` and `RegistryApi` in memory: registries that tests change as if they were somebody else."""

import uuid
from typing import get_args

from stardag.app.registry_ports import Credential, KeyIdentity, MadeAccessToken
from stardag.domain.credentials import Secret
from stardag.domain.organizations import Role, Workspace
from stardag.domain.refusals import RefusedValue, TooMany
from stardag.domain.registry_errors import NotKnownToRegistry
from stardag.domain.sign_in import ExchangedToken, SignInSettings, User
from tests.fakes.registry_builds import FakeBuildsCalls
from tests.fakes.registry_content import DEFAULT_URL, LIFETIME, FakeRegistry, OrganizationToken, Sent
from tests.fakes.registry_people import FakeOrganizationsCalls
from tests.fakes.registry_workspaces import FakeWorkspacesCalls

ACCESS_TOKEN_LIFETIME = 12 * 3600
ROLES: tuple[Role, ...] = get_args(Role)

__all__ = ["DEFAULT_URL", "LIFETIME", "FakeRegistries", "FakeRegistry", "FakeRegistryApi", "OrganizationToken", "Sent"]


class FakeRegistryApi(FakeOrganizationsCalls, FakeWorkspacesCalls, FakeBuildsCalls):
    """A `FakeRegistry`, spoken to with one credential."""

    def check(self) -> str | None:
        self._send("GET /health")
        return self.registry.instead

    def sign_in_settings(self) -> SignInSettings:
        self._send("GET /auth/configuration")
        return SignInSettings(self.registry.issuer_url or self.registry.url, "stardag-cli")

    def identity(self) -> KeyIdentity | User:
        match self._ask("GET /me", self._caller_of):
            case Workspace(id=workspace_id):
                workspace = self.registry.workspaces[workspace_id]
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

    def make_access_token(self, organization_id: str, lifetime: float) -> MadeAccessToken:
        caller = self._member(f"POST /organizations/{organization_id}/access-tokens", organization_id, *ROLES)
        if not 1 <= lifetime <= ACCESS_TOKEN_LIFETIME:
            raise RefusedValue(self.registry.url, "the lifetime_seconds: it is 1 to 43200")
        held = [each for each in self.registry.tokens.values() if each.access_token_id and each.user == caller.user]
        if len([each for each in held if each.organization == caller.organization]) == 100:
            raise TooMany(self.registry.url, "A user in an organization has at most 100 access tokens", "access token")
        made = MadeAccessToken(str(uuid.uuid4()), Secret(f"stardag_access_{uuid.uuid4().hex}"), lifetime)
        self.registry.tokens[made.token] = OrganizationToken(caller.user, caller.organization, made.id)
        return made

    def revoke_access_token(self, organization_id: str, access_token_id: str) -> None:
        request = f"DELETE /organizations/{organization_id}/access-tokens/{access_token_id}"
        caller = self._member(request, organization_id)
        if caller.access_token_id != access_token_id:
            self._check_signed_in(caller)
        wanted = OrganizationToken(caller.user, caller.organization, access_token_id)
        self._forget_access_tokens(lambda each: each == wanted)


class FakeRegistries:
    """The registries there are, by address; nothing listens anywhere else."""

    def __init__(self, *registries: FakeRegistry) -> None:
        self._registries = {registry.url: registry for registry in registries}

    def connect(self, registry_url: str, credential: Credential | None, timeout: float) -> FakeRegistryApi:
        nobody = FakeRegistry(registry_url, down="nothing listens there")
        return FakeRegistryApi(self._registries.get(registry_url, nobody), credential)
