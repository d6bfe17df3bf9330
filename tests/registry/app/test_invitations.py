"""Invitations: made by those who may, for one address, for a while, and accepted once by whoever has that address."""

from dataclasses import replace
from datetime import timedelta

import pytest

from stardag.domain.organizations import Role
from stardag_registry.app.invitations import NewInvitation
from stardag_registry.app.organizations import MAX_MEMBERSHIPS
from stardag_registry.app.paging import PageRequest
from stardag_registry.domain.errors import (
    AlreadyExists,
    InvalidField,
    NotAllowed,
    NotFound,
    NotTheInvited,
    TooMany,
    Unauthenticated,
)
from stardag_registry.domain.permissions import MemberCaller, UserCaller
from stardag_registry.domain.users import INVITATION_LIFETIME, MAX_INVITATIONS
from tests.registry.app.scene import Team

SUE = "sue@acme.example"
"""The address of the team's stranger."""


def invited(team: Team, role: Role = "member", email: str = SUE) -> NewInvitation:
    return team.invite(team.owner, "acme", email, role)


def pending(team: Team) -> list[str]:
    return [each.email for each in team.invite.pending(team.owner, "acme", None, PageRequest(100)).items]


class TestInviting:
    @pytest.mark.parametrize("role", ["owner", "admin", "member"])
    def test_an_owner_invites_to_anything(self, team: Team, role: Role) -> None:
        made = invited(team, role, "Sue@ACME.example")
        assert (made.invitation.email, made.invitation.role, made.invitation.maker) == (SUE, role, "olivia")
        assert made.invitation.expires_at == team.clock() + INVITATION_LIFETIME
        assert team.accept(team.stranger, made.token).role == role

    def test_an_admin_invites_members_and_nobody_above(self, team: Team) -> None:
        assert team.invite(team.admin, "acme", SUE, "member").invitation.role == "member"
        for role in ("admin", "owner"):
            with pytest.raises(NotAllowed):
                team.invite(team.admin, "acme", "other@acme.example", role)
        assert pending(team) == [SUE]

    def test_an_admin_does_not_replace_what_only_an_owner_may_withdraw(self, team: Team) -> None:
        made = invited(team, "admin")
        with pytest.raises(NotAllowed):
            team.invite(team.admin, "acme", SUE, "member")
        assert team.accept(team.stranger, made.token).role == "admin"

    def test_members_and_keys_invite_nobody(self, team: Team) -> None:
        for caller in (team.plain, team.key("administer")):
            with pytest.raises(NotAllowed):
                team.invite(caller, "acme", SUE, "member")
            with pytest.raises(NotAllowed):
                team.invite.pending(caller, "acme", None, PageRequest(10))

    def test_nobody_invites_to_what_is_not_theirs(self, team: Team) -> None:
        other = team.make_organization(team.stranger, "other", "Other").organization
        for reference in (other.id, "other", "missing"):
            with pytest.raises(NotFound):
                team.invite(team.owner, reference, SUE, "member")

    @pytest.mark.parametrize(
        "email", ["", "sue", "sue@", "a@b@c", "sü@acme.example", "a\0@b", "x" * 250 + "@b.c", "\ud800@b"]
    )
    def test_what_is_no_address_is_refused(self, team: Team, email: str) -> None:
        with pytest.raises(InvalidField, match="e-mail address"):
            invited(team, email=email)

    def test_a_member_is_not_invited_again(self, team: Team) -> None:
        assert team.plain.user.email is not None
        with pytest.raises(AlreadyExists):
            invited(team, email=team.plain.user.email.upper())

    def test_so_many_wait_and_no_more_of_those_that_count(self, team: Team) -> None:
        first = invited(team, email="0@acme.example").invitation
        with team.database.transaction() as transaction:
            for number in range(1, MAX_INVITATIONS):
                another = replace(first, id=f"{number:036}", email=f"{number}@acme.example")
                transaction.replace_invitation(another, f"{number:064}")
        with pytest.raises(TooMany):
            invited(team)
        invited(team, email="0@acme.example")  # in place of another
        team.clock.move(INVITATION_LIFETIME)
        invited(team)

    def test_they_are_listed_by_address_page_by_page(self, team: Team) -> None:
        emails = sorted(f"{name}@acme.example" for name in ("a", "b+c", "zed", "a.b", "1"))
        for email in emails:
            invited(team, email=email)
        seen: list[str] = []
        cursor: str | None = None
        while True:
            page = team.invite.pending(team.admin, "acme", None, PageRequest(2, cursor))
            seen += [each.email for each in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert seen == emails

    def test_the_secret_shows_itself_nowhere(self, team: Team) -> None:
        made = invited(team)
        assert made.token not in repr(made)
        assert made.token not in repr(made.invitation) + repr(team.audit())


class TestAccepting:
    def test_the_invited_become_members(self, team: Team) -> None:
        made = invited(team, "admin")
        assert team.accept.look_up(made.token) == (made.invitation, team.acme)
        membership = team.accept(team.stranger, made.token)
        assert (membership.organization, membership.role) == (team.acme, "admin")
        assert team.roles() == {"olivia": "owner", "sue": "admin"}
        entry = team.audit()[-1]
        assert (entry.action, entry.actor, entry.credential) == ("member.joined", "sue", "access token")

    def test_a_link_opens_once(self, team: Team) -> None:
        made = invited(team)
        team.accept(team.stranger, made.token)
        for _ in range(2):
            with pytest.raises(NotFound):
                team.accept(team.stranger, made.token)
            with pytest.raises(NotFound):
                team.accept.look_up(made.token)
        team.edit_organization.remove(team.owner, "acme", team.stranger.user.id)
        with pytest.raises(NotFound):
            team.accept(team.stranger, made.token)

    def test_another_address_opens_nothing(self, team: Team) -> None:
        made = invited(team)
        for email in ("other@acme.example", None):
            other = UserCaller(replace(team.stranger.user, email=email), ())
            with pytest.raises(NotTheInvited):
                team.accept(other, made.token)
        assert team.roles() == {"olivia": "owner"}
        team.accept(team.stranger, made.token)

    def test_a_key_is_nobody(self, team: Team) -> None:
        with pytest.raises(NotAllowed):
            team.accept(team.key("administer"), invited(team).token)

    def test_one_made_anew_takes_the_place_of_the_one_before(self, team: Team) -> None:
        first, second = invited(team, "admin"), invited(team, "member")
        with pytest.raises(NotFound):
            team.accept(team.stranger, first.token)
        assert pending(team) == [SUE]
        assert team.accept(team.stranger, second.token).role == "member"

    def test_it_counts_until_it_expires(self, team: Team) -> None:
        made = invited(team)
        team.clock.move(INVITATION_LIFETIME - timedelta(microseconds=1))
        assert team.accept.look_up(made.token)[0] == made.invitation
        team.clock.move(timedelta(microseconds=1))
        with pytest.raises(NotFound):
            team.accept.look_up(made.token)
        with pytest.raises(NotFound):
            team.accept(team.stranger, made.token)
        assert pending(team) == [SUE]

    def test_one_that_was_withdrawn_opens_nothing(self, team: Team) -> None:
        made = invited(team)
        team.invite.withdraw(team.admin, "acme", made.invitation.id.upper())
        with pytest.raises(NotFound):
            team.accept(team.stranger, made.token)
        assert pending(team) == []

    def test_one_of_a_deleted_organization_opens_nothing(self, team: Team) -> None:
        made = invited(team)
        team.edit_organization.delete(team.owner, "acme")
        with pytest.raises(NotFound):
            team.accept(team.stranger, made.token)

    def test_whoever_became_a_member_meanwhile_stays_what_they_are(self, team: Team) -> None:
        made = invited(team, "owner")
        user_id = team.stranger.user.id
        with team.database.transaction() as transaction:
            transaction.add_member(team.acme.id, user_id, "member", team.clock())
        assert team.accept(team.stranger, made.token).role == "member"
        assert team.roles()["sue"] == "member"
        with pytest.raises(NotFound):
            team.accept.look_up(made.token)

    def test_a_member_of_another_organization_may_accept(self, team: Team) -> None:
        other = team.make_organization(team.stranger, "other", "Other")
        caller = MemberCaller(team.stranger.user, other)
        assert team.accept(caller, invited(team).token).organization == team.acme

    def test_nobody_belongs_to_more_than_so_many(self, team: Team) -> None:
        made = invited(team)
        user_id = team.stranger.user.id
        with team.database.transaction() as transaction:
            for number in range(MAX_MEMBERSHIPS):
                organization = team.create.organization(transaction, f"o-{number}", "O")
                transaction.add_member(organization.id, user_id, "member", team.clock())
        with pytest.raises(TooMany):
            team.accept(team.stranger, made.token)
        assert team.accept.look_up(made.token)[0] == made.invitation

    @pytest.mark.parametrize("token", ["", "x", "x" * 43, "x" * 44, "ä" * 43, "x" * 42 + "\n", "\ud800" * 43])
    def test_what_is_no_secret_opens_nothing(self, team: Team, token: str) -> None:
        invited(team)
        with pytest.raises(NotFound):
            team.accept.look_up(token)
        with pytest.raises(NotFound):
            team.accept(team.stranger, token)


class TestWithdrawing:
    def test_only_an_owner_withdraws_those_of_admins_and_owners(self, team: Team) -> None:
        made = invited(team, "admin")
        with pytest.raises(NotAllowed):
            team.invite.withdraw(team.admin, "acme", made.invitation.id)
        team.invite.withdraw(team.owner, "acme", made.invitation.id)
        assert pending(team) == []

    def test_members_and_those_who_were_removed_withdraw_none(self, team: Team) -> None:
        made = invited(team)
        with pytest.raises(NotAllowed):
            team.invite.withdraw(team.plain, "acme", made.invitation.id)
        team.edit_organization.remove(team.owner, "acme", team.admin.user.id)
        with pytest.raises(Unauthenticated):
            team.invite.withdraw(team.admin, "acme", made.invitation.id)

    def test_what_is_not_there_is_not_found(self, team: Team) -> None:
        other = team.make_organization(team.stranger, "other", "Other")
        theirs = team.invite(MemberCaller(team.stranger.user, other), "other", "x@acme.example", "member")
        for invitation_id in ("", "x", team.acme.id, theirs.invitation.id):
            with pytest.raises(NotFound):
                team.invite.withdraw(team.owner, "acme", invitation_id)
