"""Lets a person who was invited make an account, with the link that proves it."""

import uuid
from dataclasses import dataclass

from stardag_registry.app.invitations import AcceptInvitation
from stardag_registry.app.people import RecognizeUsers
from stardag_registry.app.ports import Clock, Randomness
from stardag_registry.app.provider.accounts import Sessions, SignedIn
from stardag_registry.app.provider.ports import Passwords, ProviderDatabase
from stardag_registry.domain.accounts import Account, Password, check_new_password
from stardag_registry.domain.organizations import Organization
from stardag_registry.domain.permissions import UserCaller
from stardag_registry.domain.users import Claims, Invitation, usernames_for


@dataclass(frozen=True, slots=True)
class InvitedAccounts:
    """What a person with a link may do at a browser. `issuer` is this registry, which signs its users in itself."""

    issuer: str
    database: ProviderDatabase
    passwords: Passwords
    sessions: Sessions
    recognize: RecognizeUsers
    accept: AcceptInvitation
    clock: Clock
    randomness: Randomness

    def has_account(self, invitation: Invitation) -> bool:
        """Whether somebody signs in with the address that was invited. Raises DatabaseUnavailable."""
        with self.database.reading() as reading:
            return reading.account_by_name(invitation.email) is not None

    def join(self, account: Account, token: str, address: str) -> Organization:
        """Accept the invitation for whoever is signed in.

        Args:
            account: who is signed in.
            token: the secret at the end of the link.
            address: the browser's network address.

        Raises:
            whatever AcceptInvitation raises.
        """
        claims = Claims(self.issuer, account.id, account.username, account.email, account.email_verified)
        caller = UserCaller(self.recognize.by_claims(claims, address), (), address)
        return self.accept(caller, token).organization

    def make(self, token: str, password: Password, instead_of: str | None) -> SignedIn:
        """Make the account, and sign its owner in at their browser.

        Its address does not count as verified: somebody was handed a link, which proves no address.

        Args:
            token: the secret at the end of the link.
            password: what was chosen.
            instead_of: the secret that the browser showed before.

        Raises:
            NotFound: the link opens nothing.
            AlreadyExists: there is an account with that address.
            InvalidField: the password cannot be chosen.
            DatabaseUnavailable: nothing was made.
        """
        invitation, _ = self.accept.look_up(token)
        new_id = str(uuid.UUID(bytes=self.randomness(16), version=4))
        names = usernames_for(Claims(self.issuer, new_id, email=invitation.email))
        with self.database.reading() as reading:
            username = next(name for name in names if reading.account_by_name(name) is None)
        account = Account(new_id, invitation.email, username, self.clock(), email_verified=False)
        check_new_password(account, password)
        hashed = self.passwords.hashed(password)
        with self.database.transaction() as transaction:
            transaction.add_account(account, hashed)
        return self.sessions.begin(account, instead_of)
