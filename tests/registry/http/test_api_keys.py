"""API keys over HTTP: shown once, used, expired, revoked at once, and never told again."""

from datetime import timedelta

import pytest

from stardag_registry.app.workspaces import LONGEST_LIFETIME, MAX_API_KEYS
from stardag_registry.domain.api_keys import make_secret
from tests.registry.http.team import NOBODYS, Team


class TestMaking:
    def test_the_key_is_shown_once_and_never_again(self, team: Team) -> None:
        made = team.done(team.admin, "POST", f"{team.at}/api-keys", {"name": "CI"})
        key = made.pop("key")
        assert key.startswith("stardag_build_")
        assert (made["name"], made["purpose"], made["maker"]) == ("CI", "build", "admin")
        assert made["created_at"] == "2026-11-23T12:00:00Z"
        assert [made[field] for field in ("last_used_at", "expires_at", "revoked_at")] == [None] * 3
        listed = team.ask(team.admin, "GET", f"{team.at}/api-keys")
        assert listed.json()["items"] == [made]
        audit = team.ask(team.owner, "GET", f"{team.path}/audit")
        for told in (listed, audit, team.ask(key, "GET", "/me")):
            assert key not in told.text
            assert key.removeprefix("stardag_build_") not in told.text

    @pytest.mark.parametrize(("purpose", "status"), [("build", 403), ("administer", 201)])
    def test_what_it_is_made_for_is_what_it_may(self, team_on_sqlite: Team, purpose: str, status: int) -> None:
        team = team_on_sqlite
        body = {"name": "a key", "purpose": purpose}
        key = team.done(team.admin, "POST", f"{team.at}/api-keys", body)["key"]
        assert team.ask(key, "POST", f"{team.at}/api-keys", {"name": "another"}).status_code == status

    def test_a_key_that_makes_another_is_its_maker(self, team_on_sqlite: Team) -> None:
        team = team_on_sqlite
        body = {"name": "deploy", "purpose": "administer"}
        key = team.done(team.admin, "POST", f"{team.at}/api-keys", body)["key"]
        assert team.done(key, "POST", f"{team.at}/api-keys", {"name": "another"})["maker"] == "API key deploy"

    def test_it_counts_until_it_expires(self, team: Team) -> None:
        clock = team.registry.furnish.clock
        soon = clock() + timedelta(minutes=5)
        body = {"name": "a key", "expires_at": soon.isoformat()}
        made = team.done(team.admin, "POST", f"{team.at}/api-keys", body)
        assert made["expires_at"] == "2026-11-23T12:05:00Z"
        clock.move(timedelta(minutes=5) - timedelta(microseconds=1))
        assert team.ask(made["key"], "GET", team.at).status_code == 200
        clock.move(timedelta(microseconds=1))
        assert team.refused(made["key"], "GET", team.at) == (401, "unauthenticated")
        assert [each["id"] for each in team.done(team.admin, "GET", f"{team.at}/api-keys")["items"]] == [made["id"]]

    def test_it_expires_at_the_moment_meant_whatever_the_zone(self, team_on_sqlite: Team) -> None:
        body = {"name": "a key", "expires_at": "2026-11-23T14:05:00+02:00"}
        made = team_on_sqlite.done(team_on_sqlite.admin, "POST", f"{team_on_sqlite.at}/api-keys", body)
        listed = team_on_sqlite.done(team_on_sqlite.admin, "GET", f"{team_on_sqlite.at}/api-keys")["items"]
        assert listed[0]["expires_at"] == made["expires_at"] == "2026-11-23T12:05:00Z"

    @pytest.mark.parametrize("after", [timedelta(), timedelta(days=-1), LONGEST_LIFETIME + timedelta(seconds=1)])
    def test_an_end_in_the_past_or_too_far_away_is_refused(self, team_on_sqlite: Team, after: timedelta) -> None:
        ends = (team_on_sqlite.registry.furnish.clock() + after).isoformat()
        body = {"name": "a key", "expires_at": ends}
        answer = team_on_sqlite.ask(team_on_sqlite.admin, "POST", f"{team_on_sqlite.at}/api-keys", body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.expires_at")

    @pytest.mark.slow
    def test_a_full_workspace_says_so_until_one_is_revoked(self, team_on_sqlite: Team) -> None:
        team = team_on_sqlite
        made = team.done(team.admin, "POST", f"{team.at}/api-keys", {"name": "a key"})
        for _ in range(MAX_API_KEYS - 1):
            team.done(team.admin, "POST", f"{team.at}/api-keys", {"name": "a key"})
        assert team.refused(team.admin, "POST", f"{team.at}/api-keys", {"name": "one more"}) == (409, "too-many")
        team.done(team.admin, "DELETE", f"{team.at}/api-keys/{made['id']}")
        team.done(team.admin, "POST", f"{team.at}/api-keys", {"name": "one more"})


class TestUsing:
    def test_the_last_use_is_noted_to_the_minute(self, team: Team) -> None:
        clock = team.registry.furnish.clock
        key = team.done(team.admin, "POST", f"{team.at}/api-keys", {"name": "a key"})["key"]
        uses: list[str | None] = [last_use(team)]
        for moved in (timedelta(minutes=1), timedelta(seconds=59), timedelta(seconds=1)):
            clock.move(moved)
            team.done(key, "GET", team.at)
            uses.append(last_use(team))
        assert uses == [None, "2026-11-23T12:01:00Z", "2026-11-23T12:01:00Z", "2026-11-23T12:02:00Z"]

    def test_a_refused_use_is_a_use(self, team_on_sqlite: Team) -> None:
        key = team_on_sqlite.done(team_on_sqlite.admin, "POST", f"{team_on_sqlite.at}/api-keys", {"name": "a"})["key"]
        assert team_on_sqlite.refused(key, "DELETE", team_on_sqlite.at) == (403, "not-allowed")
        assert last_use(team_on_sqlite) == "2026-11-23T12:00:00Z"


def last_use(team: Team) -> str | None:
    """That of the only key, once what has been noted is written down, as the server does every few seconds."""
    team.registry.app.state.use_cases.key_uses.keep()
    (listed,) = team.done(team.admin, "GET", f"{team.at}/api-keys")["items"]
    told: str | None = listed["last_used_at"]
    return told


class TestRevoking:
    def test_it_is_revoked_at_once_and_listed_apart(self, team: Team) -> None:
        made = team.done(team.admin, "POST", f"{team.at}/api-keys", {"name": "a key"})
        path = f"{team.at}/api-keys/{made['id'].upper()}"
        assert team.ask(made["key"], "GET", team.at).status_code == 200
        assert team.done(team.admin, "DELETE", path) is None
        assert team.refused(made["key"], "GET", team.at) == (401, "unauthenticated")
        assert team.done(team.admin, "GET", f"{team.at}/api-keys")["items"] == []
        (revoked,) = team.done(team.admin, "GET", f"{team.at}/api-keys", params={"revoked": "true"})["items"]
        assert (revoked["id"], revoked["revoked_at"]) == (made["id"], "2026-11-23T12:00:00Z")
        team.registry.furnish.clock.move(timedelta(minutes=1))
        assert team.done(team.admin, "DELETE", path) is None
        again = team.done(team.admin, "GET", f"{team.at}/api-keys", params={"revoked": "true"})["items"]
        assert [each["revoked_at"] for each in again] == ["2026-11-23T12:00:00Z"]

    def test_a_key_may_revoke_itself(self, team_on_sqlite: Team) -> None:
        team = team_on_sqlite
        body = {"name": "a key", "purpose": "administer"}
        made = team.done(team.admin, "POST", f"{team.at}/api-keys", body)
        team.done(made["key"], "DELETE", f"{team.at}/api-keys/{made['id']}")
        assert team.refused(made["key"], "GET", team.at) == (401, "unauthenticated")

    @pytest.mark.parametrize("api_key_id", [NOBODYS, "no-such", "%00", make_secret("build", bytes(32)).text])
    def test_one_that_is_not_there_is_not_found(self, team_on_sqlite: Team, api_key_id: str) -> None:
        path = f"{team_on_sqlite.at}/api-keys/{api_key_id}"
        assert team_on_sqlite.refused(team_on_sqlite.admin, "DELETE", path) == (404, "not-found")
