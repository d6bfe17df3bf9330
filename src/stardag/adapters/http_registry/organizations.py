"""The calls about organizations, their members and invitations."""

from http import HTTPStatus

from stardag.adapters.http_registry.answers import OrganizationMessage, Page
from stardag.adapters.http_registry.asking import Asking, Sought
from stardag.adapters.http_registry.calling import Calls
from stardag.adapters.http_registry.team_answers import InvitationMessage, MadeInvitationMessage, MemberMessage
from stardag.domain.credentials import Secret
from stardag.domain.members import Invitation, MadeInvitation, Member
from stardag.domain.organizations import Organization, Role
from stardag.domain.refusals import InvitationGone
from stardag.domain.registry_errors import NotKnownToRegistry


class OrganizationsCalls(Calls):
    """Keeps the promises of `OrganizationsApi`."""

    def organizations(self) -> tuple[Organization, ...]:
        """The organizations that the credential may see."""
        listing = self._ask(lambda asking: asking.listing("/organizations", Page[OrganizationMessage], None))
        found = tuple(item.to_domain() for item in listing.items)
        self._check_unique("organization", (organization.slug for organization in found))
        return found

    def make_organization(self, slug: str, name: str | None) -> Organization:
        """Make an organization, which the user owns."""
        made = Sought("organization", slug)
        message = {"slug": slug} if name is None else {"slug": slug, "name": name}

        def send(asking: Asking) -> OrganizationMessage:
            answer = asking.send("POST", "/organizations", message, None, made, HTTPStatus.CREATED)
            return asking.parse(OrganizationMessage, answer)

        return self._change(send).to_domain()

    def accept_invitation(self, token: Secret) -> Organization:
        """Become a member, with the secret at the end of an invitation's link."""
        sought = Sought("organization", "of the invitation")

        def send(asking: Asking) -> OrganizationMessage:
            return asking.parse(OrganizationMessage, asking.send("POST", "/invitations/accept", {}, sought))

        try:
            return self._change(send, {"token": token}).to_domain()
        except NotKnownToRegistry:
            pass
        raise InvitationGone(self._url)

    def members(self, organization: str) -> tuple[Member, ...]:
        """The members, by username."""
        sought = Sought("organization", organization)
        path = f"/organizations/{self._segment(sought)}/members"
        listing = self._ask(lambda asking: asking.listing(path, Page[MemberMessage], sought))
        found = tuple(item.to_domain() for item in listing.items)
        self._check_unique("member", (member.username for member in found))
        return found

    def change_role(self, organization: str, user_id: str, role: Role) -> Member:
        """Change what a member is."""
        sought, path = self._member(organization, user_id)

        def send(asking: Asking) -> MemberMessage:
            return asking.parse(MemberMessage, asking.send("PATCH", path, {"role": role}, sought))

        return self._change(send).to_domain()

    def remove_member(self, organization: str, user_id: str) -> None:
        """Remove a member, or leave."""
        sought, path = self._member(organization, user_id)
        self._change(lambda asking: asking.send("DELETE", path, None, sought, status=HTTPStatus.NO_CONTENT))

    def invitations(self, organization: str) -> tuple[Invitation, ...]:
        """The invitations that nobody has accepted yet, by address."""
        sought = Sought("organization", organization)
        path = f"/organizations/{self._segment(sought)}/invitations"
        listing = self._ask(lambda asking: asking.listing(path, Page[InvitationMessage], sought))
        return tuple(item.to_domain() for item in listing.items)

    def invite(self, organization: str, email: str, role: Role) -> MadeInvitation:
        """Invite whoever signs in with this address."""
        sought, made = Sought("organization", organization), Sought("member", email)
        path = f"/organizations/{self._segment(sought)}/invitations"
        message = {"email": email, "role": role}

        def send(asking: Asking) -> MadeInvitationMessage:
            answer = asking.send("POST", path, message, sought, made, HTTPStatus.CREATED)
            return asking.parse(MadeInvitationMessage, answer)

        return self._change(send).to_made()

    def withdraw_invitation(self, organization: str, invitation_id: str) -> None:
        """Withdraw an invitation: its link opens nothing any more."""
        sought = Sought("invitation", invitation_id)
        within = self._segment(Sought("organization", organization))
        path = f"/organizations/{within}/invitations/{self._segment(sought)}"
        self._change(lambda asking: asking.send("DELETE", path, None, sought, status=HTTPStatus.NO_CONTENT))

    def _member(self, organization: str, user_id: str) -> tuple[Sought, str]:
        sought = Sought("member", user_id)
        within = self._segment(Sought("organization", organization))
        return sought, f"/organizations/{within}/members/{self._segment(sought)}"
