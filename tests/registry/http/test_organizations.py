"""Organizations and the people in them over HTTP: making, deleting, roles, leaving, and always one owner."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.registry.http.team import NOBODYS, Team


class TestMakingAndDeleting:
    def test_whoever_makes_one_owns_it(self, team: Team) -> None:
        _, token = team.newcomer("newcomer")
        made = team.done(token, "POST", "/organizations", {"slug": "startup", "name": "Start-up"})
        assert (made["slug"], made["name"], made["role"]) == ("startup", "Start-up", "owner")
        assert team.done(token, "GET", "/organizations")["items"] == [made]

    def test_the_name_is_the_slug_where_it_is_left_out(self, team_on_sqlite: Team) -> None:
        made = team_on_sqlite.done(team_on_sqlite.member, "POST", "/organizations", {"slug": "startup"})
        assert made["name"] == "startup"

    def test_a_slug_is_taken_once(self, team: Team) -> None:
        _, token = team.newcomer("newcomer")
        assert team.refused(token, "POST", "/organizations", {"slug": "acme"}) == (409, "already-exists")
        assert team.done(token, "GET", "/organizations")["items"] == []

    @pytest.mark.parametrize("slug", ["", "A", "a__b", "a b", "-a", "a" * 64, NOBODYS, "a\x00", "ä"])
    def test_what_is_no_slug_is_refused(self, team_on_sqlite: Team, slug: str) -> None:
        answer = team_on_sqlite.ask(team_on_sqlite.member, "POST", "/organizations", {"slug": slug})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.slug")

    def test_a_deleted_one_is_there_for_nobody(self, team: Team) -> None:
        key = team.done(team.owner, "POST", f"{team.at}/api-keys", {"name": "a key"})["key"]
        link = team.done(team.owner, "POST", f"{team.path}/invitations", {"email": "new@acme.example"})["link"]
        user, access_token = team.newcomer("new")
        assert user.email == "new@acme.example"
        assert team.done(team.owner, "DELETE", team.path) is None
        for credential in (team.owner, team.member, key):
            assert team.refused(credential, "GET", team.at) == (401, "unauthenticated")
        body = {"token": link.partition("token=")[2]}
        assert team.refused(access_token, "POST", "/invitations/accept", body) == (404, "not-found")
        body = {"organization": "acme"}
        token = team.registry.access_token(team.owner.user)
        assert team.refused(token, "POST", "/auth/exchange", body) == (404, "not-found")
        assert team.done(token, "GET", "/organizations")["items"] == []

    def test_the_slug_of_a_deleted_one_is_free_again(self, team: Team) -> None:
        team.done(team.owner, "DELETE", team.path)
        _, token = team.newcomer("newcomer")
        made = team.done(token, "POST", "/organizations", {"slug": "acme"})
        assert made["id"] != team.organization.id


class TestMembers:
    def test_they_are_listed_by_username_with_what_they_are(self, team: Team) -> None:
        listed = team.done(team.member, "GET", f"{team.path}/members")["items"]
        assert [(each["username"], each["role"]) for each in listed] == [
            ("admin", "admin"),
            ("member", "member"),
            ("owner", "owner"),
        ]
        assert listed[0].keys() == {"id", "username", "email", "role", "since"}
        assert listed[0]["email"] == "admin@acme.example"

    @pytest.mark.parametrize("role", ["owner", "admin", "member"])
    def test_those_of_one_role_are_listed_alone(self, team_on_sqlite: Team, role: str) -> None:
        listed = team_on_sqlite.done(
            team_on_sqlite.member, "GET", f"{team_on_sqlite.path}/members", params={"role": role}
        )
        assert [each["username"] for each in listed["items"]] == [role]

    def test_a_role_counts_from_the_next_request_on(self, team: Team) -> None:
        body = {"slug": "new"}
        assert team.refused(team.member, "POST", f"{team.path}/workspaces", body) == (403, "not-allowed")
        path = f"{team.path}/members/{team.member.user.id}"
        changed = team.done(team.owner, "PATCH", path, {"role": "admin"})
        assert (changed["id"], changed["role"]) == (team.member.user.id, "admin")
        team.done(team.member, "POST", f"{team.path}/workspaces", body)
        team.done(team.owner, "PATCH", path, {"role": "member"})
        assert team.refused(team.member, "POST", f"{team.path}/workspaces", {"slug": "more"})[0] == 403

    def test_the_last_owner_stays_owner_and_stays(self, team: Team) -> None:
        path = f"{team.path}/members/{team.owner.user.id}"
        assert team.refused(team.owner, "PATCH", path, {"role": "admin"}) == (409, "last-owner")
        assert team.refused(team.owner, "DELETE", path) == (409, "last-owner")
        assert team.done(team.owner, "PATCH", path, {"role": "owner"})["role"] == "owner"
        team.done(team.owner, "PATCH", f"{team.path}/members/{team.admin.user.id}", {"role": "owner"})
        assert team.done(team.owner, "PATCH", path, {"role": "member"})["role"] == "member"

    def test_of_two_owners_who_leave_at_the_same_moment_one_stays(self, team: Team) -> None:
        owners = [team.owner, *(team.person("owner", f"owner-{number}") for number in range(3))]

        def leave(number: int) -> httpx.Response:
            return team.ask(owners[number], "DELETE", f"{team.path}/members/{owners[number].user.id}")

        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(leave, range(4)))
        assert sorted(answer.status_code for answer in answers) == [204, 204, 204, 409]
        left = team.done(team.admin, "GET", f"{team.path}/members", params={"role": "owner"})["items"]
        assert len(left) == 1

    def test_whoever_was_removed_is_out_at_once_and_may_be_invited_again(self, team: Team) -> None:
        team.done(team.admin, "DELETE", f"{team.path}/members/{team.member.user.id}")
        assert team.refused(team.member, "GET", team.at) == (401, "unauthenticated")
        body = {"email": str(team.member.user.email)}
        link = team.done(team.admin, "POST", f"{team.path}/invitations", body)["link"]
        token = team.registry.access_token(team.member.user)
        team.done(token, "POST", "/invitations/accept", {"token": link.partition("token=")[2]})
        assert team.ask(team.member, "GET", team.at).status_code == 200

    def test_anybody_may_leave(self, team_on_sqlite: Team) -> None:
        team = team_on_sqlite
        for person in (team.member, team.admin):
            assert team.done(person, "DELETE", f"{team.path}/members/{person.user.id.upper()}") is None
        assert len(team.done(team.owner, "GET", f"{team.path}/members")["items"]) == 1

    def test_an_admin_removes_members_and_nobody_above(self, team_on_sqlite: Team) -> None:
        team = team_on_sqlite
        another = team.person("admin", "another")
        for person in (team.owner, another):
            path = f"{team.path}/members/{person.user.id}"
            assert team.refused(team.admin, "DELETE", path) == (403, "not-allowed")
        assert team.done(team.owner, "DELETE", f"{team.path}/members/{another.user.id}") is None

    @pytest.mark.parametrize("user_id", [NOBODYS, "no-such", "%00", "member"])
    def test_who_is_no_member_is_not_found(self, team_on_sqlite: Team, user_id: str) -> None:
        team, path = team_on_sqlite, f"{team_on_sqlite.path}/members/{user_id}"
        assert team.refused(team.owner, "PATCH", path, {"role": "admin"}) == (404, "not-found")
        assert team.refused(team.owner, "DELETE", path) == (404, "not-found")
