"""Access tokens over HTTP: shown once, used as their user's least self, and given back."""

from datetime import timedelta
from typing import Any

import pytest

from stardag_registry.domain.access_tokens import make_access_token_secret
from stardag_registry.domain.api_keys import make_secret
from stardag_registry.domain.made_secrets import ENTROPY_BYTES
from tests.registry.http.team import NOBODYS, Person, Team


def made_by(team: Team, who: Person, lifetime_seconds: int = 600) -> Any:
    return team.done(who, "POST", f"{team.path}/access-tokens", {"lifetime_seconds": lifetime_seconds})


class TestMaking:
    def test_it_is_shown_once_and_says_how_long_it_counts(self, team: Team) -> None:
        path = f"/organizations/{team.organization.slug}/access-tokens"
        answer = team.ask(team.owner, "POST", path, {"lifetime_seconds": 43200})
        assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
        made = answer.json()
        token = made.pop("access_token")
        assert token.startswith("stardag_access_")
        assert made == {"id": made["id"], "expires_at": "2026-11-24T00:00:00Z", "lifetime_seconds": 43200}
        told = [team.ask(team.owner, "GET", f"{team.path}/audit"), team.ask(token, "GET", "/me")]
        assert all(token.removeprefix("stardag_access_") not in each.text for each in told)

    @pytest.mark.parametrize("seconds", [0, -1, 43201, 1.5, "600", True, None, 10**30])
    def test_a_lifetime_that_cannot_be_one_is_refused_by_name(self, team_on_sqlite: Team, seconds: object) -> None:
        team = team_on_sqlite
        answer = team.ask(team.member, "POST", f"{team.path}/access-tokens", {"lifetime_seconds": seconds})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.lifetime_seconds")

    @pytest.mark.parametrize("body", [{}, {"lifetime_seconds": 60, "role": "owner"}, [], "x"])
    def test_another_body_is_refused(self, team_on_sqlite: Team, body: object) -> None:
        team = team_on_sqlite
        assert team.refused(team.member, "POST", f"{team.path}/access-tokens", body) == (422, "invalid")


class TestBeingOne:
    def test_it_is_its_user_in_that_organization_alone(self, team: Team) -> None:
        elsewhere = team.registry.furnish.organization("elsewhere")
        with team.registry.furnish.database.transaction() as transaction:
            transaction.add_member(elsewhere.id, team.owner.user.id, "owner", team.registry.furnish.clock())
        token = made_by(team, team.owner)["access_token"]
        me = team.done(token, "GET", "/me")
        assert (me["kind"], me["user"]["id"]) == ("user", team.owner.user.id)
        assert me["organization"]["id"] == team.organization.id
        (organization,) = team.done(token, "GET", "/organizations")["items"]
        assert (organization["id"], organization["role"]) == (team.organization.id, "member")
        assert team.refused(token, "GET", f"/organizations/{elsewhere.id}/workspaces") == (404, "not-found")

    def test_it_sees_no_personal_workspace_of_others_even_where_its_user_does(self, team: Team) -> None:
        team.sign_in(team.member.user)
        path = f"{team.path}/workspaces"
        token = made_by(team, team.owner)["access_token"]
        assert len(team.done(team.owner, "GET", path)["items"]) == 2
        assert [each["slug"] for each in team.done(token, "GET", path)["items"]] == ["production"]

    def test_it_runs_a_build_to_its_end(self, team: Team) -> None:
        token = made_by(team, team.member)["access_token"]
        build = team.done(token, "POST", f"{team.at}/builds", {"target_roots": {}, "name": "nightly"})
        assert build["maker"] == "member"
        at = f"{team.at}/builds/{build['id']}"
        task: dict[str, Any] = {"name": "train", "parameters": {}, "status": "completed"}
        assert team.done(token, "POST", f"{at}/tasks", {"tasks": [task]})["ids"]
        assert team.done(token, "POST", f"{at}/heartbeat")["status"] == "running"
        assert team.done(token, "PATCH", at, {"status": "completed"})["status"] == "completed"

    def test_it_counts_until_it_expires(self, team: Team) -> None:
        token = made_by(team, team.member, 60)["access_token"]
        team.registry.furnish.clock.move(timedelta(minutes=1) - timedelta(microseconds=1))
        assert team.ask(token, "GET", "/me").status_code == 200
        team.registry.furnish.clock.move(timedelta(microseconds=1))
        assert team.refused(token, "GET", "/me") == (401, "unauthenticated")

    def test_removing_the_member_counts_at_once_and_for_good(self, team: Team) -> None:
        token = made_by(team, team.member)["access_token"]
        team.done(team.admin, "DELETE", f"{team.path}/members/{team.member.user.id}")
        assert team.refused(token, "GET", team.at) == (401, "unauthenticated")
        with team.registry.furnish.database.transaction() as transaction:
            transaction.add_member(team.organization.id, team.member.user.id, "member", team.registry.furnish.clock())
        assert team.refused(token, "GET", team.at) == (401, "unauthenticated")

    @pytest.mark.parametrize("path", ["/api/v1/me", "/api/v1/organizations", "/api/v1/auth/exchange"])
    def test_what_is_none_answers_like_any_other_text(self, team_on_sqlite: Team, path: str) -> None:
        team = team_on_sqlite
        token = made_by(team, team.member)
        team.done(team.member, "DELETE", f"{team.path}/access-tokens/{token['id']}")
        never = make_access_token_secret(b"x" * ENTROPY_BYTES).text
        kind, random = never.rsplit("_", 1)
        others = [
            token["access_token"],
            never,
            f"{kind}_{random[::-1]}",
            make_secret("build", b"x" * ENTROPY_BYTES).text,
        ]
        method = "POST" if path.endswith("exchange") else "GET"
        answers = [team.registry.ask(method, path, each, json={"organization": "acme"}) for each in ("hello", *others)]
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.content for answer in answers}) == 1


class TestRevoking:
    def test_it_counts_at_once_and_once_more_is_fine(self, team: Team) -> None:
        made = made_by(team, team.member)
        place = f"{team.path}/access-tokens/{made['id']}"
        assert team.ask(team.member, "DELETE", place).status_code == 204
        assert team.refused(made["access_token"], "GET", team.at) == (401, "unauthenticated")
        assert team.ask(team.member, "DELETE", place).status_code == 204

    def test_a_token_gives_itself_back(self, team: Team) -> None:
        made = made_by(team, team.member)
        place = f"{team.path}/access-tokens/{made['id']}"
        assert team.ask(made["access_token"], "DELETE", place).status_code == 204
        assert team.refused(made["access_token"], "DELETE", place) == (401, "unauthenticated")

    def test_somebody_elses_answers_like_one_that_is_not_there(self, team: Team) -> None:
        theirs = made_by(team, team.member)
        answers = [
            team.ask(team.owner, "DELETE", f"{team.path}/access-tokens/{each}")
            for each in (theirs["id"], NOBODYS, "no-id")
        ]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
        assert team.ask(theirs["access_token"], "GET", team.at).status_code == 200

    def test_another_token_of_the_same_user_may_not(self, team_on_sqlite: Team) -> None:
        team = team_on_sqlite
        one, another = made_by(team, team.member), made_by(team, team.member)
        place = f"{team.path}/access-tokens"
        for each in (another["id"], NOBODYS, "no-id"):
            assert team.refused(one["access_token"], "DELETE", f"{place}/{each}") == (403, "not-allowed")
