"""Who belongs to an organization, who is invited to it, and what they are in it."""

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from stardag.app.connect import OpenRegistry, organization_asked
from stardag.app.registry_ports import RegistryApi
from stardag.app.resolve_profile import ResolveProfile
from stardag.app.team.reply import Reply
from stardag.domain.errors import ConfirmationNeeded
from stardag.domain.members import Invitation, MadeInvitation, Member
from stardag.domain.organizations import Role
from stardag.domain.profile import ActiveProfile, Selection
from stardag.domain.refusals import AmbiguousName
from stardag.domain.registry_errors import NotKnownToRegistry

_Value = TypeVar("_Value")


class ChangedRole(NamedTuple):
    """A member, and what they were before."""

    member: Member
    old: Role


@dataclass(frozen=True, slots=True)
class EditMembers:
    """Lists, invites and removes members, and changes their roles. A member is named by username, e-mail address or id.

    Raises:
        MissingSetting: somebody is signed in, and no organization is named.
        NotKnownToRegistry: there is no such organization or member.
        AmbiguousName: several members have that address.
        and whatever ResolveProfile, OpenRegistry and the calls of OrganizationsApi raise.
    """

    resolve: ResolveProfile
    open_registry: OpenRegistry

    def members(self, selection: Selection, role: Role | None = None) -> Reply[tuple[Member, ...]]:
        """The members, by username; of one role where that is given."""
        place = self._place(selection)
        members = place.api.members(place.organization)
        return place.reply(tuple(member for member in members if role in (None, member.role)))

    def invitations(self, selection: Selection, role: Role | None = None) -> Reply[tuple[Invitation, ...]]:
        """The invitations that nobody has accepted yet, by address; to one role where that is given."""
        place = self._place(selection)
        invitations = place.api.invitations(place.organization)
        return place.reply(tuple(each for each in invitations if role in (None, each.role)))

    def invite(self, selection: Selection, email: str, role: Role) -> Reply[MadeInvitation]:
        """Invite whoever signs in with an e-mail address."""
        place = self._place(selection)
        return place.reply(place.api.invite(place.organization, email, role))

    def remove(self, selection: Selection, reference: str, *, confirmed: bool) -> Reply[Member | Invitation]:
        """Remove a member, or withdraw the invitation of somebody who is only invited.

        Raises:
            ConfirmationNeeded: nobody has confirmed it.
        """
        place = self._place(selection)
        members = place.api.members(place.organization)
        member = _named(members, reference)
        if member is not None:
            if not confirmed:
                who = f"{member.username!r}{f' ({member.email})' if member.email else ''}"
                lost = f"{who} is {member.role} of {place.organization!r} and loses all access to it."
                raise ConfirmationNeeded(lost, "--yes")
            place.api.remove_member(place.organization, member.id)
            return place.reply(member)
        for invitation in place.api.invitations(place.organization):
            if invitation.is_meant_by(reference):
                if not confirmed:
                    lost = f"The invitation of {invitation.email} to {place.organization!r} and its link end."
                    raise ConfirmationNeeded(lost, "--yes")
                place.api.withdraw_invitation(place.organization, invitation.id)
                return place.reply(invitation)
        raise place.not_known(reference, members)

    def set_role(self, selection: Selection, reference: str, role: Role) -> Reply[ChangedRole]:
        """Make a member owner, admin or member."""
        place = self._place(selection)
        members = place.api.members(place.organization)
        member = _named(members, reference)
        if member is None:
            raise place.not_known(reference, members)
        return place.reply(ChangedRole(place.api.change_role(place.organization, member.id, role), member.role))

    def _place(self, selection: Selection) -> "_Place":
        profile = self.resolve(selection)
        api = self.open_registry(profile)
        return _Place(profile, api, organization_asked(profile, api))


class _Place(NamedTuple):
    """The organization that is asked about."""

    profile: ActiveProfile
    api: RegistryApi
    organization: str

    def reply(self, value: _Value) -> Reply[_Value]:
        return Reply(value, self.profile.registry_url.value, self.organization, self.profile.notices)

    def not_known(self, reference: str, members: tuple[Member, ...]) -> NotKnownToRegistry:
        names = [member.username for member in members]
        return NotKnownToRegistry("member", reference[:80], self.profile.registry_url.value, names)


def _named(members: tuple[Member, ...], reference: str) -> Member | None:
    found = [member for member in members if member.is_meant_by(reference)]
    if len(found) > 1:
        raise AmbiguousName("member", reference, [member.id for member in found])
    return found[0] if found else None
