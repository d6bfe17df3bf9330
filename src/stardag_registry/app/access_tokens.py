"""Makes and revokes access tokens, which members have made for commands that run without them."""

from dataclasses import dataclass

from stardag.domain.names import is_id
from stardag_registry.app.changes import Changes
from stardag_registry.app.creation import Create
from stardag_registry.domain.access_tokens import (
    MAX_ACCESS_TOKENS,
    AccessToken,
    AccessTokenSecret,
    checked_lifetime,
)
from stardag_registry.domain.errors import NotFound, TooMany
from stardag_registry.domain.permissions import ApiKeyCaller, MemberCaller, check_may_revoke


@dataclass(frozen=True, slots=True)
class ManageAccessTokens:
    """Makes and revokes the access tokens of one user in one organization. Both operations raise what Changes raises,
    and what stands there."""

    changes: Changes
    create: Create

    def make(
        self, caller: ApiKeyCaller | MemberCaller, organization: str, lifetime_seconds: int
    ) -> tuple[AccessToken, AccessTokenSecret]:
        """A token of the caller's, and its secret, which is nowhere else and cannot be had again.

        Raises:
            InvalidField: the lifetime cannot be one.
            TooMany: the caller has as many in the organization as anybody may.
        """
        with self.changes.in_organization(caller, "make access tokens", organization) as change:
            lifetime = checked_lifetime(lifetime_seconds)
            transaction, own, user = change.transaction, change.organization, change.caller.user
            transaction.remove_expired_access_tokens(change.at)
            if transaction.count_access_tokens(own.id, user.id) >= MAX_ACCESS_TOKENS:
                raise TooMany("access token", MAX_ACCESS_TOKENS, "A user in an organization")
            made = self.create.access_token(transaction, own.id, user.id, lifetime)
            change.record("access-token.created", made[0].id, expires_at=made[0].expires_at.isoformat())
        return made

    def revoke(self, caller: ApiKeyCaller | MemberCaller, organization: str, access_token_id: str) -> None:
        """Revoke a token of the caller's at once; a token may revoke itself. One that counts no more stays as it is.

        Raises:
            NotFound: the caller has no such token in the organization.
        """
        with self.changes.in_organization(caller, "revoke access tokens", organization) as change:
            wanted = access_token_id.lower()
            check_may_revoke(change.caller, wanted)
            found = change.transaction.holder_by_token_id(wanted) if is_id(wanted) else None
            if found is None or (found[0].organization_id, found[0].user_id) != (
                change.organization.id,
                change.caller.user.id,
            ):
                raise NotFound("access token")
            if found[0].counts_at(change.at):
                change.transaction.revoke_access_token(wanted, change.at)
                change.record("access-token.revoked", wanted)
