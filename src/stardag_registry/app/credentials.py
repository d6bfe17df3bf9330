"""Who asks: from the text of a credential to a caller, again inside every transaction that writes."""

from dataclasses import dataclass, replace

from stardag_registry.app.key_uses import KeyUses
from stardag_registry.app.organization_tokens import OrganizationTokens
from stardag_registry.app.ports import Clock, Database, IssuerTokens, Transaction
from stardag_registry.domain.access_tokens import AccessToken, parse_access_token_secret
from stardag_registry.domain.api_keys import parse_secret
from stardag_registry.domain.errors import Unauthenticated
from stardag_registry.domain.permissions import ApiKeyCaller, MemberCaller, UserCaller, caller_by
from stardag_registry.domain.users import Membership, User


@dataclass(frozen=True, slots=True)
class IssuerBearer:
    """An access token of the issuer that counts. `subject` is None where only the ID token, or the issuer, can tell;
    `address` is where it was shown from."""

    access_token: str
    subject: str | None
    address: str = ""

    def __repr__(self) -> str:
        return "IssuerBearer(****)"


@dataclass(frozen=True, slots=True)
class AuthenticateApiKey:
    """Finds out which API key it is."""

    database: Database
    clock: Clock
    key_uses: KeyUses

    def __call__(self, credential: str | None) -> ApiKeyCaller:
        """The key, with its workspace and that one's organization.

        Raises:
            Unauthenticated: it is missing, malformed, unknown, expired or revoked.
            DatabaseUnavailable: nobody can tell at the moment.
        """
        secret = parse_secret(credential) if credential else None
        if secret is None:
            raise Unauthenticated
        with self.database.reading() as reading:
            caller = reading.caller_by_fingerprint(secret.fingerprint)
        now = self.clock()
        if caller is None or not caller.api_key.counts_at(now):
            raise Unauthenticated
        self.key_uses.note(caller.api_key, now)
        return caller


@dataclass(frozen=True, slots=True)
class AuthenticateAccessToken:
    """Finds out whose access token it is."""

    database: Database
    clock: Clock

    def __call__(self, credential: str) -> MemberCaller:
        """The user, as a member of the organization that the token is for.

        Raises:
            Unauthenticated: it is malformed, unknown, expired or revoked, or its user is no member any more.
            DatabaseUnavailable: nobody can tell at the moment.
        """
        secret = parse_access_token_secret(credential)
        if secret is None:
            raise Unauthenticated
        with self.database.reading() as reading:
            found = reading.holder_by_fingerprint(secret.fingerprint)
        return _counting(found, self.clock)


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Finds out whose credential it is. Whatever is wrong with it, the answer is the same.

    Every call raises:
        Unauthenticated: it is missing, malformed, unknown, forged, expired, revoked, or for something else.
        DatabaseUnavailable: nobody can tell at the moment.
    """

    database: Database
    api_key: AuthenticateApiKey
    access_token: AuthenticateAccessToken
    organization_tokens: OrganizationTokens
    issuer_tokens: IssuerTokens

    def __call__(self, credential: str | None) -> ApiKeyCaller | MemberCaller:
        """The caller that shows an API key, or a token of an organization's, for what belongs to one."""
        if not credential:
            raise Unauthenticated
        if parse_secret(credential):
            return self.api_key(credential)
        return self.access_token(credential) if parse_access_token_secret(credential) else self._member(credential)

    def anyone(self, credential: str | None) -> ApiKeyCaller | MemberCaller | UserCaller:
        """The same, or a user who shows the issuer's access token, for what comes before any organization.

        Raises:
            IssuerUnavailable: only the issuer can tell, and does not answer.
        """
        try:
            return self(credential)
        except Unauthenticated:
            bearer = self.issuer(credential)
        subject = bearer.subject or self.issuer_tokens.look_up_subject(bearer.access_token)
        with self.database.reading() as reading:
            user = reading.user(self.issuer_tokens.issuer, subject)
            if user is None:
                raise Unauthenticated
            return UserCaller(user, tuple(reading.memberships_of(user.id)))

    def issuer(self, credential: str | None) -> IssuerBearer:
        """What an access token of the issuer says, known to the registry or not.

        Raises:
            IssuerUnavailable: only the issuer can tell, and does not answer.
        """
        if not credential or parse_secret(credential) or parse_access_token_secret(credential):
            raise Unauthenticated  # the issuer, which may have to be asked, is not to see it
        return IssuerBearer(credential, self.issuer_tokens.subject_of(credential))

    def _member(self, token: str) -> MemberCaller:
        user_id, organization_id = self.organization_tokens.read(token)
        with self.database.reading() as reading:
            found = reading.member(organization_id, user_id)
        if found is None:
            raise Unauthenticated
        return MemberCaller(*found)


def as_it_counts_now(
    transaction: Transaction, caller: ApiKeyCaller | MemberCaller, clock: Clock
) -> ApiKeyCaller | MemberCaller:
    """Look again, inside the transaction that writes: what was committed first (a revocation, another role) wins.

    Raises:
        Unauthenticated: the key or token was revoked or has expired, or the member was removed, since it was shown.
    """
    if isinstance(caller, MemberCaller) and caller.access_token is not None:
        held = _counting(transaction.holder_by_token_id(caller.access_token.id), clock)
        return replace(held, address=caller.address, expected=caller.expected)
    if isinstance(caller, MemberCaller):
        found = transaction.member(caller.membership.organization.id, caller.user.id)
        if found is None:
            raise Unauthenticated
        return MemberCaller(*found, caller.address, expected=caller.expected)
    now = transaction.caller_by_key_id(caller.api_key.id)
    if now is None or not now.api_key.counts_at(clock()):
        raise Unauthenticated
    return replace(now, address=caller.address, expected=caller.expected)


def _counting(found: tuple[AccessToken, User, Membership] | None, clock: Clock) -> MemberCaller:
    if found is None or not found[0].counts_at(clock()):
        raise Unauthenticated
    return caller_by(*found)
