"""Invitations: whoever holds the link and signs in with the address it was made for becomes a member."""

import hashlib
import re
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass

from stardag.domain.names import is_id
from stardag.domain.organizations import Role
from stardag_registry.app.changes import Changes, entry_of, name_of
from stardag_registry.app.organizations import MAX_MEMBERSHIPS
from stardag_registry.app.paging import Page, PageRequest, page_of
from stardag_registry.app.ports import Clock, Database, Randomness, Transaction
from stardag_registry.domain.errors import (
    AlreadyExists,
    InvalidField,
    NotFound,
    NotTheInvited,
    TooMany,
)
from stardag_registry.domain.organizations import Organization
from stardag_registry.domain.permissions import (
    ApiKeyCaller,
    Caller,
    MemberCaller,
    check_allowed_in_organization,
    check_may_give,
    check_signed_in,
)
from stardag_registry.domain.users import (
    INVITATION_LIFETIME,
    MAX_INVITATIONS,
    Invitation,
    Membership,
    User,
    checked_email,
)

_TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True, repr=False)
class NewInvitation:
    """An invitation, and the secret of its link, which is nowhere else and cannot be had again."""

    invitation: Invitation
    token: str


@dataclass(frozen=True, slots=True)
class Invite:
    """Makes, lists and withdraws invitations. Every operation raises what Changes raises, and what stands there."""

    database: Database
    changes: Changes
    randomness: Randomness

    def __call__(self, caller: ApiKeyCaller | MemberCaller, organization: str, email: str, role: Role) -> NewInvitation:
        """Invite somebody. An earlier invitation of the same address is withdrawn: its link opens nothing any more; who
        may not withdraw it may not make another.

        Raises:
            InvalidField: that is no e-mail address.
            NotAllowed: only an owner invites admins and owners, and invites anew whom an owner invited as such.
            AlreadyExists: a member has that address.
            TooMany: too many invitations wait to be accepted.
        """
        with self.changes.in_organization(caller, "invite members", organization) as change:
            check_may_give(change.caller, role)
            address = checked_email(email)
            if address is None:
                raise InvalidField("body.email", "it is no e-mail address in plain ASCII")
            own, transaction = change.organization, change.transaction
            if any(member.user.email == address for member in transaction.members_of(own.id)):
                raise AlreadyExists("member", address)
            others: list[Invitation] = []
            for each in transaction.invitations_of(own.id):
                if each.email == address:
                    check_may_give(change.caller, each.role)
                else:
                    others.append(each)
            if sum(each.expires_at > change.at for each in others) >= MAX_INVITATIONS:
                raise TooMany("invitation", MAX_INVITATIONS, "An organization")
            token = urlsafe_b64encode(self.randomness(_TOKEN_BYTES)).decode().rstrip("=")
            invitation = Invitation(
                str(uuid.UUID(bytes=self.randomness(16), version=4)),
                own.id,
                address,
                role,
                change.at,
                change.at + INVITATION_LIFETIME,
                name_of(change.caller),
            )
            transaction.replace_invitation(invitation, _fingerprint_of(token))
            change.record("invitation.made", invitation.id, email=address, role=role)
        return NewInvitation(invitation, token)

    def pending(
        self, caller: ApiKeyCaller | MemberCaller, organization: str, role: Role | None, request: PageRequest
    ) -> Page[Invitation]:
        """One page of those that nobody has accepted yet, by address; expired ones too. To one role, where that is
        given.

        Raises:
            InvalidField: the cursor is no good.
        """
        member = check_allowed_in_organization(caller, "invite members", organization)
        with self.database.reading() as reading:
            invitations = reading.invitations_of(member.organization.id)
        wanted = [each for each in invitations if role in {None, each.role}]
        return page_of(wanted, lambda each: each.email, request, lambda key: checked_email(key) == key)

    def withdraw(self, caller: ApiKeyCaller | MemberCaller, organization: str, invitation_id: str) -> None:
        """Withdraw an invitation: its link opens nothing any more.

        Raises:
            NotFound: there is no such invitation.
            NotAllowed: only an owner withdraws those of admins and owners.
        """
        with self.changes.in_organization(caller, "invite members", organization) as change:
            for invitation in change.transaction.invitations_of(change.organization.id):
                if is_id(invitation_id) and invitation.id == invitation_id.lower():
                    check_may_give(change.caller, invitation.role)
                    change.transaction.remove_invitation(invitation.id)
                    change.record("invitation.withdrawn", invitation.id, email=invitation.email)
                    return
            raise NotFound("invitation")


@dataclass(frozen=True, slots=True)
class AcceptInvitation:
    """Makes the person who was invited a member."""

    database: Database
    clock: Clock

    def look_up(self, token: str) -> tuple[Invitation, Organization]:
        """What a link invites to.

        Raises:
            NotFound: there is no such invitation, or it has expired, was withdrawn or accepted.
            DatabaseUnavailable: nobody can tell at the moment.
        """
        with self.database.reading() as reading:
            found = reading.invitation(_fingerprint_of(token)) if _TOKEN.fullmatch(token) else None
        return self._counting(found)

    def __call__(self, caller: Caller, token: str) -> Membership:
        """What the caller is from now on. Accepting once more what a member had accepted needs another invitation.

        Raises:
            NotFound: as above.
            NotAllowed: an API key or an access token asks.
            NotTheInvited: the caller signed in with another address.
            TooMany: the caller belongs to as many organizations as anybody may.
            DatabaseUnavailable: nothing was changed.
        """
        user = check_signed_in(caller, "the person who was invited").user
        with self.database.transaction() as transaction:
            found = transaction.invitation(_fingerprint_of(token)) if _TOKEN.fullmatch(token) else None
            invitation, organization = self._counting(found)
            if user.email != invitation.email:
                raise NotTheInvited(user.username)
            role = self._join(transaction, user, invitation)
            details = {"invitation": invitation.id, "role": role}
            transaction.add_audit_entry(
                entry_of(caller, self.clock(), "member.joined", user.id, details, organization.id)
            )
        return Membership(organization, role)

    def _join(self, transaction: Transaction, user: User, invitation: Invitation) -> Role:
        transaction.remove_invitation(invitation.id)
        known = transaction.member(invitation.organization_id, user.id)
        if known is not None:  # the address became a member's in the meantime
            return known[1].role
        if len(transaction.memberships_of(user.id)) >= MAX_MEMBERSHIPS:
            raise TooMany("organization", MAX_MEMBERSHIPS, "A user")
        transaction.add_member(invitation.organization_id, user.id, invitation.role, self.clock())
        return invitation.role

    def _counting(self, found: tuple[Invitation, Organization] | None) -> tuple[Invitation, Organization]:
        if found is None or found[0].expires_at <= self.clock():
            raise NotFound("invitation")
        return found


def _fingerprint_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
