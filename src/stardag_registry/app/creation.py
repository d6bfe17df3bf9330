"""Makes organizations, workspaces, API keys, access tokens and users, inside a transaction that the caller holds."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from stardag_registry.app.ports import Clock, Randomness, Transaction
from stardag_registry.domain.access_tokens import AccessToken, AccessTokenSecret, make_access_token_secret
from stardag_registry.domain.api_keys import ApiKey, ApiKeySecret, Purpose, make_secret
from stardag_registry.domain.made_secrets import ENTROPY_BYTES
from stardag_registry.domain.organizations import Organization, Workspace, check_display_name
from stardag_registry.domain.users import Claims, User, usernames_for


@dataclass(frozen=True, slots=True)
class Create:
    """Makes what has an id. Several of these can be one transaction, as they are at the first start."""

    clock: Clock
    randomness: Randomness

    def organization(self, transaction: Transaction, slug: str, name: str) -> Organization:
        """Raises InvalidName, InvalidField, AlreadyExists."""
        organization = Organization(self._new_id(), slug, name)
        transaction.add_organization(organization, self.clock())
        return organization

    def workspace(
        self,
        transaction: Transaction,
        organization_id: str,
        slug: str,
        name: str,
        description: str = "",
        owner_id: str | None = None,
    ) -> Workspace:
        """Raises InvalidName, InvalidField, AlreadyExists, NotFound."""
        workspace = Workspace(self._new_id(), organization_id, slug, name, description, owner_id)
        transaction.add_workspace(workspace, self.clock())
        return workspace

    def api_key(
        self,
        transaction: Transaction,
        workspace_id: str,
        name: str,
        purpose: Purpose = "build",
        expires_at: datetime | None = None,
        maker: str = "the server",
    ) -> tuple[ApiKey, ApiKeySecret]:
        """The key, and its secret, which is nowhere else and cannot be had again.

        Raises:
            InvalidField: the name cannot be one.
            NotFound: there is no such workspace.
        """
        check_display_name(name)
        secret = make_secret(purpose, self.randomness(ENTROPY_BYTES))
        api_key = ApiKey(self._new_id(), workspace_id, name, purpose, self.clock(), expires_at, maker=maker)
        transaction.add_api_key(api_key, secret.fingerprint)
        return api_key, secret

    def access_token(
        self, transaction: Transaction, organization_id: str, user_id: str, lifetime: timedelta
    ) -> tuple[AccessToken, AccessTokenSecret]:
        """The token, and its secret, which is nowhere else and cannot be had again."""
        secret = make_access_token_secret(self.randomness(ENTROPY_BYTES))
        at = self.clock()
        access_token = AccessToken(self._new_id(), organization_id, user_id, at, at + lifetime)
        transaction.add_access_token(access_token, secret.fingerprint)
        return access_token, secret

    def user(self, transaction: Transaction, claims: Claims) -> User:
        """The user that these claims are about, called by the first name that nobody has."""
        username = next(name for name in usernames_for(claims) if not transaction.is_username_taken(name))
        user = User(self._new_id(), claims.issuer, claims.subject, username, claims.email, claims.email_verified)
        transaction.add_user(user, self.clock())
        return user

    def _new_id(self) -> str:
        return str(uuid.UUID(bytes=self.randomness(16), version=4))
