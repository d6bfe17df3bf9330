"""People at the registry: who is made a user at the first sign-in, who owns the first organization, and the exchange of
an issuer's tokens for one of an organization.

The issuer's access token authorizes; its ID token says who that is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from stardag_registry.app.changes import entry_of
from stardag_registry.app.creation import Create
from stardag_registry.app.credentials import IssuerBearer
from stardag_registry.app.first_start import NAME
from stardag_registry.app.organization_tokens import OrganizationTokens
from stardag_registry.app.organizations import MakePersonalWorkspace
from stardag_registry.app.ports import Clock, Database, IssuerTokens, Transaction
from stardag_registry.domain.errors import NotFound, Unauthenticated
from stardag_registry.domain.organizations import Organization
from stardag_registry.domain.permissions import UserCaller
from stardag_registry.domain.users import Claims, User


@dataclass(frozen=True, slots=True)
class RecognizeUsers:
    """Finds the user behind an issuer's tokens, making one at the first sign-in.

    `owner` is the address of whoever becomes owner of the first organization, as long as that has none.
    """

    database: Database
    create: Create
    issuer_tokens: IssuerTokens
    clock: Clock
    owner: str

    def __call__(self, bearer: IssuerBearer, id_token: str | None) -> User:
        """The user. Without an ID token it has to be one who is known.

        Raises:
            Unauthenticated: the ID token is no good, or not about whom the access token is.
            IssuerUnavailable: the issuer would have to be asked, and does not answer.
            DatabaseUnavailable: the database cannot be used.
        """
        issuer = self.issuer_tokens
        if id_token is not None:
            return self.by_claims(issuer.claims_in(id_token, bearer.access_token, bearer.subject), bearer.address)
        subject = bearer.subject or issuer.look_up_subject(bearer.access_token)
        with self.database.reading() as reading:
            user = reading.user(issuer.issuer, subject)
        if user is None:
            raise Unauthenticated
        return user

    def by_claims(self, claims: Claims, address: str) -> User:
        """The user whom the issuer says these things of, to somebody at that network address.

        Raises:
            DatabaseUnavailable: the database cannot be used.
        """
        with self.database.reading() as reading:
            known = reading.user(claims.issuer, claims.subject)
        if known is not None and known == _updated(known, claims) and not self._may_own(claims):
            return known  # which is nearly always so, and then nothing is written
        with self.database.transaction() as transaction:
            known = transaction.user(claims.issuer, claims.subject)
            user = self.create.user(transaction, claims) if known is None else _updated(known, claims)
            if known is None:
                details = {"username": user.username, "email": user.email}
                self._record(transaction, UserCaller(user, (), address), "user.created", details)
            elif user != known:
                transaction.change_user(user)
                details = {"old": known.email, "new": user.email}
                self._record(transaction, UserCaller(user, (), address), "user.changed", details)
            if self._may_own(claims):
                self._make_owner(transaction, UserCaller(user, (), address))
        return user

    def _record(
        self,
        transaction: Transaction,
        caller: UserCaller,
        action: str,
        details: Mapping[str, object],
        organization_id: str | None = None,
    ) -> None:
        entry = entry_of(caller, self.clock(), action, caller.user.id, details, organization_id)
        transaction.add_audit_entry(entry)

    def _may_own(self, claims: Claims) -> bool:
        return claims.email_verified and claims.email == self.owner.lower()

    def _make_owner(self, transaction: Transaction, caller: UserCaller) -> None:
        user = caller.user
        organization = transaction.organization_by_slug(NAME)
        if organization is None or transaction.has_owner(organization.id):
            return
        if transaction.member(organization.id, user.id) is not None:
            transaction.remove_member(organization.id, user.id)
        transaction.add_member(organization.id, user.id, "owner", self.clock())
        self._record(transaction, caller, "member.joined", {"role": "owner"}, organization.id)


def _updated(user: User, claims: Claims) -> User:
    """The user with the address that the issuer gives now; the name stays, since others know it."""
    if claims.email is None:
        return user
    return replace(user, email=claims.email, email_verified=claims.email_verified)


@dataclass(frozen=True, slots=True)
class Introduce:
    """Lets a person say who they are, after signing in."""

    database: Database
    recognize: RecognizeUsers

    def __call__(self, bearer: IssuerBearer, id_token: str | None) -> UserCaller:
        """Who that is to the registry. Raises what RecognizeUsers raises."""
        user = self.recognize(bearer, id_token)
        with self.database.reading() as reading:
            return UserCaller(user, tuple(reading.memberships_of(user.id)))


@dataclass(frozen=True, slots=True)
class ExchangeTokens:
    """Gives an issuer's tokens for one of an organization (guide, "Authentication")."""

    database: Database
    recognize: RecognizeUsers
    organization_tokens: OrganizationTokens
    make_personal_workspace: MakePersonalWorkspace

    def __call__(self, bearer: IssuerBearer, id_token: str | None, organization: str) -> tuple[str, Organization]:
        """The token, and the organization (asked for by slug or id) that it is for. The first makes the user's
        personal workspace there.

        Raises:
            NotFound: there is no such organization, or the user is no member; which of the two is never told.
            and what RecognizeUsers raises.
        """
        user = self.recognize(bearer, id_token)
        with self.database.reading() as reading:
            memberships = reading.memberships_of(user.id)
        for membership in memberships:
            if membership.organization.is_meant_by(organization):
                self.make_personal_workspace(user, membership.organization, bearer.address)
                return self.organization_tokens.make(user.id, membership.organization.id), membership.organization
        raise NotFound("organization")
