"""Organizations and people of a fake registry: the port `OrganizationsApi`."""

import uuid
from datetime import timedelta

from stardag.domain.credentials import Secret
from stardag.domain.errors import NotAllowed
from stardag.domain.members import Invitation, MadeInvitation, Member
from stardag.domain.organizations import Organization, Role, Workspace
from stardag.domain.refusals import AlreadyExists, InvitationGone, LastOwner, RefusedValue
from stardag.domain.registry_errors import NotKnownToRegistry
from stardag.domain.sign_in import User
from tests.fakes.registry_content import FakeCalls, FakeInvitation, OrganizationToken


class FakeOrganizationsCalls(FakeCalls):
    def organizations(self) -> tuple[Organization, ...]:
        match self._ask("GET /organizations", self._caller_of):
            case Workspace() as workspace:
                return (self.registry.organizations[workspace.organization_id],)
            case OrganizationToken() as token:
                return (token.organization._replace(role=self._role_of(token)),)
            case User() as user:
                own = [
                    each for each in self.registry.organizations.values() if (each.id, user.id) in self.registry.members
                ]
                return tuple(self._with_role(each, user) for each in sorted(own, key=lambda each: each.slug))

    def make_organization(self, slug: str, name: str | None) -> Organization:
        user = self._user("POST /organizations")
        if any(each.slug == slug for each in self.registry.organizations.values()):
            raise AlreadyExists(self.registry.url, "organization", slug)
        made = self.registry.add_organization(slug)._replace(name=name or slug)
        self.registry.organizations[made.id] = made
        self.registry.members[made.id, user.id] = "owner"
        return self._with_role(made, user)

    def accept_invitation(self, token: Secret) -> Organization:
        user = self._user("POST /invitations/accept")
        found = self.registry.invitations.get(token.reveal())
        if found is None or found.invitation.expires_at <= self.registry.now:
            raise InvitationGone(self.registry.url)
        if found.invitation.email != user.email:
            raise NotAllowed(self.registry.url, "This needs the person who was invited")
        del self.registry.invitations[token.reveal()]
        self.registry.members.setdefault((found.organization_id, user.id), found.invitation.role)
        return self._with_role(self.registry.organizations[found.organization_id], user)

    def members(self, organization: str) -> tuple[Member, ...]:
        caller = self._member(f"GET /organizations/{organization}/members", organization)
        return tuple(sorted(self._members_of(caller.organization), key=lambda each: each.username))

    def change_role(self, organization: str, user_id: str, role: Role) -> Member:
        caller = self._member(f"PATCH /organizations/{organization}/members/{user_id}", organization, "owner")
        member = self._found(caller.organization, user_id)
        if role != "owner":
            self._check_owner_left(caller.organization, member)
        self.registry.members[caller.organization.id, user_id] = role
        return member._replace(role=role)

    def remove_member(self, organization: str, user_id: str) -> None:
        caller = self._member(f"DELETE /organizations/{organization}/members/{user_id}", organization)
        member = self._found(caller.organization, user_id)
        self._check_signed_in(caller)
        if caller.user.id != user_id and self._role_of(caller) == "member":
            raise NotAllowed(self.registry.url, "This needs an admin or owner of the organization")
        if caller.user.id != user_id and member.role != "member" and self._role_of(caller) != "owner":
            raise NotAllowed(self.registry.url, "This needs an owner of the organization")
        self._check_owner_left(caller.organization, member)
        del self.registry.members[caller.organization.id, user_id]
        self._forget_access_tokens(lambda each: (each.organization, each.user.id) == (caller.organization, user_id))

    def invitations(self, organization: str) -> tuple[Invitation, ...]:
        caller = self._member(f"GET /organizations/{organization}/invitations", organization, "admin", "owner")
        return tuple(invitation for _, invitation in self._invitations_of(caller.organization))

    def invite(self, organization: str, email: str, role: Role) -> MadeInvitation:
        caller = self._member(f"POST /organizations/{organization}/invitations", organization, "admin", "owner")
        if role != "member" and self._role_of(caller) != "owner":
            raise NotAllowed(self.registry.url, "This needs an owner of the organization")
        if "@" not in email:
            raise RefusedValue(self.registry.url, "the e-mail address: it is no e-mail address in plain ASCII")
        if any(member.email == email for member in self._members_of(caller.organization)):
            raise AlreadyExists(self.registry.url, "member", email)
        for token, earlier in self._invitations_of(caller.organization):
            if earlier.email == email:
                del self.registry.invitations[token]
        at, token = self.registry.tick(), uuid.uuid4().hex
        made = Invitation(str(uuid.uuid4()), email, role, at, at + timedelta(days=14), caller.user.username)
        self.registry.invitations[token] = FakeInvitation(caller.organization.id, made)
        return MadeInvitation(made, Secret(f"{self.registry.url}/invitation?token={token}"))

    def withdraw_invitation(self, organization: str, invitation_id: str) -> None:
        request = f"DELETE /organizations/{organization}/invitations/{invitation_id}"
        caller = self._member(request, organization, "admin", "owner")
        for token, invitation in self._invitations_of(caller.organization):
            if invitation.id == invitation_id:
                del self.registry.invitations[token]
                return
        raise NotKnownToRegistry("invitation", invitation_id, self.registry.url)

    def _user(self, request: str) -> User:
        """A person asks, before any organization or in one."""
        match self._ask(request, self._caller_of):
            case Workspace():
                raise NotAllowed(self.registry.url, "This needs a user who has signed in")
            case OrganizationToken() as token:
                self._check_signed_in(token)
                return token.user
            case User() as user:
                return user

    def _members_of(self, organization: Organization) -> list[Member]:
        roles = self.registry.members
        return [
            Member(user.id, user.username, user.email, roles[organization.id, user.id], self.registry.now)
            for user in self.registry.users.values()
            if (organization.id, user.id) in roles
        ]

    def _invitations_of(self, organization: Organization) -> list[tuple[str, Invitation]]:
        found = [
            (token, each.invitation)
            for token, each in self.registry.invitations.items()
            if each.organization_id == organization.id
        ]
        return sorted(found, key=lambda each: each[1].email)

    def _found(self, organization: Organization, user_id: str) -> Member:
        for member in self._members_of(organization):
            if member.id == user_id:
                return member
        raise NotKnownToRegistry("member", user_id, self.registry.url)

    def _check_owner_left(self, organization: Organization, leaving: Member) -> None:
        owners = [member for member in self._members_of(organization) if member.role == "owner"]
        if [owner.id for owner in owners] == [leaving.id]:
            raise LastOwner(self.registry.url)
