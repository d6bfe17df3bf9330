"""Invitations over HTTP: by address, with a link that is shown once, accepted by that person alone."""

from datetime import timedelta

import pytest

from stardag_registry.domain.users import INVITATION_LIFETIME
from tests.registry.http.team import NOBODYS, Team, link_secret


def invited(team: Team, email: str = "new@acme.example", role: str = "member") -> str:
    """The secret of the link of a new invitation."""
    made = team.done(team.owner, "POST", f"{team.path}/invitations", {"email": email, "role": role})
    return link_secret(made)


class TestInviting:
    def test_the_link_is_shown_once(self, team: Team) -> None:
        made = team.done(team.admin, "POST", f"{team.path}/invitations", {"email": "New@Acme.Example"})
        secret = link_secret(made)
        assert (made["email"], made["role"], made["maker"]) == ("new@acme.example", "member", "admin")
        listed = team.ask(team.admin, "GET", f"{team.path}/invitations")
        del made["link"]
        assert listed.json() == {"items": [made], "next_cursor": None}
        assert secret not in listed.text

    def test_only_an_owner_invites_admins_and_owners(self, team_on_sqlite: Team) -> None:
        team = team_on_sqlite
        for role in ("admin", "owner"):
            body = {"email": f"{role}@other.example", "role": role}
            assert team.refused(team.admin, "POST", f"{team.path}/invitations", body) == (403, "not-allowed")
            made = team.done(team.owner, "POST", f"{team.path}/invitations", body)
            path = f"{team.path}/invitations/{made['id']}"
            assert team.refused(team.admin, "DELETE", path) == (403, "not-allowed")
            assert team.done(team.owner, "DELETE", path) is None

    def test_a_second_invitation_of_an_address_takes_the_place_of_the_first(self, team: Team) -> None:
        first, second = invited(team), invited(team)
        assert len(team.done(team.owner, "GET", f"{team.path}/invitations")["items"]) == 1
        _, token = team.newcomer("new")
        assert team.refused(token, "POST", "/invitations/accept", {"token": first}) == (404, "not-found")
        assert team.done(token, "POST", "/invitations/accept", {"token": second})["slug"] == "acme"

    def test_a_member_is_not_invited_again(self, team: Team) -> None:
        body = {"email": "Member@acme.example"}
        assert team.refused(team.owner, "POST", f"{team.path}/invitations", body) == (409, "already-exists")

    @pytest.mark.parametrize("email", ["", "nobody", "a@b@c", "ä@acme.example", "a b@c", "a" * 300 + "@c", "a@c\x00"])
    def test_what_is_no_address_is_refused(self, team_on_sqlite: Team, email: str) -> None:
        answer = team_on_sqlite.ask(
            team_on_sqlite.owner, "POST", f"{team_on_sqlite.path}/invitations", {"email": email}
        )
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.email")

    def test_a_withdrawn_one_opens_nothing(self, team: Team) -> None:
        secret = invited(team)
        (waiting,) = team.done(team.owner, "GET", f"{team.path}/invitations")["items"]
        path = f"{team.path}/invitations/{waiting['id'].upper()}"
        assert team.done(team.admin, "DELETE", path) is None
        assert team.refused(team.admin, "DELETE", path) == (404, "not-found")
        _, token = team.newcomer("new")
        assert team.refused(token, "POST", "/invitations/accept", {"token": secret}) == (404, "not-found")


class TestAccepting:
    @pytest.mark.parametrize("role", ["member", "admin", "owner"])
    def test_the_invited_person_becomes_what_the_invitation_says(self, team: Team, role: str) -> None:
        secret = invited(team, role=role)
        user, token = team.newcomer("new")
        joined = team.done(token, "POST", "/invitations/accept", {"token": secret})
        assert (joined["id"], joined["role"]) == (team.organization.id, role)
        listed = team.done(team.owner, "GET", f"{team.path}/members")["items"]
        assert {each["username"]: each["role"] for each in listed}[user.username] == role
        assert team.done(team.owner, "GET", f"{team.path}/invitations")["items"] == []

    def test_it_is_accepted_once(self, team: Team) -> None:
        secret = invited(team)
        _, token = team.newcomer("new")
        team.done(token, "POST", "/invitations/accept", {"token": secret})
        assert team.refused(token, "POST", "/invitations/accept", {"token": secret}) == (404, "not-found")

    def test_a_member_of_another_organization_may_accept_with_that_ones_token(self, team_on_sqlite: Team) -> None:
        team = team_on_sqlite
        furnish = team.registry.furnish
        elsewhere = furnish.organization("elsewhere")
        user = furnish.member(elsewhere, "member", "new")
        token = team.registry.tokens.make(user.id, elsewhere.id)
        assert team.done(token, "POST", "/invitations/accept", {"token": invited(team)})["slug"] == "acme"

    def test_the_wrong_person_learns_only_that_it_is_not_theirs(self, team: Team) -> None:
        secret = invited(team)
        _, token = team.newcomer("somebody-else")
        answer = team.ask(token, "POST", "/invitations/accept", {"token": secret})
        assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")
        assert "new@acme.example" not in answer.text
        assert "somebody-else" in answer.json()["detail"]
        assert len(team.done(team.owner, "GET", f"{team.path}/invitations")["items"]) == 1

    def test_it_counts_for_two_weeks_and_can_be_seen_afterwards(self, team: Team) -> None:
        secret = invited(team)
        team.registry.furnish.clock.move(INVITATION_LIFETIME)
        user, _ = team.newcomer("new")
        token = team.registry.access_token(user)
        assert team.refused(token, "POST", "/invitations/accept", {"token": secret}) == (404, "not-found")
        owner = team.registry.tokens.make(team.owner.user.id, team.organization.id)
        assert len(team.done(owner, "GET", f"{team.path}/invitations")["items"]) == 1

    def test_it_counts_up_to_the_last_moment(self, team_on_sqlite: Team) -> None:
        team, secret = team_on_sqlite, invited(team_on_sqlite)
        team.registry.furnish.clock.move(INVITATION_LIFETIME - timedelta(microseconds=1))
        user, _ = team.newcomer("new")
        team.done(team.registry.access_token(user), "POST", "/invitations/accept", {"token": secret})

    @pytest.mark.parametrize("token", ["x", "A" * 43, "A" * 200, "\x00" * 43, "ä" * 43, NOBODYS])
    def test_a_secret_that_opens_nothing_is_not_found(self, team: Team, token: str) -> None:
        _, newcomer = team.newcomer("new")
        assert team.refused(newcomer, "POST", "/invitations/accept", {"token": token}) == (404, "not-found")
