"""Workspaces over HTTP: making, renaming, archiving, deleting; personal ones, and who sees which."""

from typing import Any

import pytest

from tests.registry.http.team import NOBODYS, Team


def slugs(team: Team, credential: str, **parameters: Any) -> list[str]:
    return [item["slug"] for item in team.whole_list(credential, f"{team.path}/workspaces", **parameters)]


class TestMaking:
    def test_one_is_made_and_is_where_the_answer_says(self, team: Team) -> None:
        body = {"slug": "staging", "name": "Staging", "description": "Before\nproduction."}
        answer = team.ask(team.admin, "POST", f"{team.path}/workspaces", body)
        made = answer.json()
        assert answer.status_code == 201
        assert made == {
            **body,
            "id": made["id"],
            "organization_id": team.organization.id,
            "personal": False,
            "archived": False,
        }
        shown = team.registry.ask("GET", answer.headers["location"], team.member.token)
        assert shown.json() == made

    def test_a_slug_is_taken_once_in_an_organization(self, team: Team) -> None:
        body = {"slug": "production"}
        assert team.refused(team.admin, "POST", f"{team.path}/workspaces", body) == (409, "already-exists")
        other = team.done(team.admin, "POST", "/organizations", {"slug": "other"})
        token = team.registry.tokens.make(team.admin.user.id, other["id"])
        assert team.done(token, "POST", "/organizations/other/workspaces", body)["name"] == "production"

    @pytest.mark.parametrize("slug", ["", "A", "a__b", "a/b", "a" * 64, NOBODYS, "personal-x", "personal-", "\u0130"])
    def test_what_is_no_slug_or_kept_for_persons_is_refused(self, team_on_sqlite: Team, slug: str) -> None:
        team = team_on_sqlite
        for method, path in (("POST", f"{team.path}/workspaces"), ("PATCH", team.at)):
            answer = team.ask(team.admin, method, path, {"slug": slug})
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.slug")
        assert slugs(team, team.admin.token) == ["production"]

    @pytest.mark.parametrize("name", ["", " a", "a ", "a\nb", "a" * 101, "\x00", "\u202e"])
    def test_what_is_no_name_is_refused(self, team_on_sqlite: Team, name: str) -> None:
        team = team_on_sqlite
        for method, path in (("POST", f"{team.path}/workspaces"), ("PATCH", team.at)):
            answer = team.ask(team.admin, method, path, {"slug": "new", "name": name})
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.name")

    @pytest.mark.parametrize("description", ["a" * 2001, "\x00", "\x1b[31m"])
    def test_what_is_no_description_is_refused(self, team_on_sqlite: Team, description: str) -> None:
        team = team_on_sqlite
        for method, path in (("POST", f"{team.path}/workspaces"), ("PATCH", team.at)):
            answer = team.ask(team.admin, method, path, {"slug": "new", "description": description})
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.description")


class TestChanging:
    def test_what_is_left_out_stays(self, team: Team) -> None:
        before = team.done(team.member, "GET", team.at)
        renamed = team.done(team.admin, "PATCH", team.at, {"slug": "live"})
        assert renamed == {**before, "slug": "live"}
        described = team.done(team.admin, "PATCH", team.at, {"name": "Live", "description": "For customers."})
        assert described == {**renamed, "name": "Live", "description": "For customers."}
        assert team.done(team.admin, "PATCH", team.at, {"description": ""}) == {**described, "description": ""}
        assert team.done(team.member, "GET", team.at)["slug"] == "live"

    def test_a_slug_that_another_one_has_is_refused(self, team: Team) -> None:
        team.registry.furnish.workspace(team.organization, "staging")
        assert team.refused(team.admin, "PATCH", team.at, {"slug": "staging"}) == (409, "already-exists")
        assert team.done(team.admin, "PATCH", team.at, {"slug": "production"})["slug"] == "production"

    def test_an_administering_key_renames_its_own(self, team_on_sqlite: Team) -> None:
        key = team_on_sqlite.registry.furnish.api_key(team_on_sqlite.workspace).text
        assert team_on_sqlite.done(key, "PATCH", team_on_sqlite.at, {"name": "Live"})["name"] == "Live"
        assert team_on_sqlite.done(key, "GET", "/me")["workspace"]["name"] == "Live"


class TestArchiving:
    def test_an_archived_one_is_read_and_not_changed_until_it_is_brought_back(self, team: Team) -> None:
        roots = f"{team.at}/target-roots"
        team.done(team.admin, "POST", roots, {"name": "there", "uri_prefix": "/there/"})
        build = team.done(team.member, "POST", f"{team.at}/builds", {"target_roots": {}})["id"]
        assert team.done(team.admin, "PATCH", team.at, {"archived": True})["archived"] is True
        assert slugs(team, team.member.token) == []
        assert slugs(team, team.member.token, archived="true") == ["production"]
        assert len(team.done(team.member, "GET", roots)["items"]) == 1
        assert team.done(team.member, "GET", f"{team.at}/builds/{build}")["status"] == "running"
        refused = (409, "archived")
        assert team.refused(team.admin, "POST", roots, {"name": "new", "uri_prefix": "/new/"}) == refused
        assert team.refused(team.admin, "PATCH", team.at, {"name": "Other"}) == refused
        assert team.refused(team.member, "GET", roots, headers={"Stardag-Purpose": "build"}) == refused
        assert team.refused(team.admin, "POST", f"{team.at}/api-keys", {"name": "new"}) == refused
        assert team.refused(team.member, "POST", f"{team.at}/builds", {"target_roots": {}}) == refused
        assert team.refused(team.member, "PATCH", f"{team.at}/builds/{build}", {"status": "completed"}) == refused
        assert team.done(team.admin, "PATCH", team.at, {"archived": True})["archived"] is True
        assert team.done(team.admin, "PATCH", team.at, {"archived": False})["archived"] is False
        assert team.done(team.admin, "POST", roots, {"name": "new", "uri_prefix": "/new/"})

    @pytest.mark.parametrize("archived", [True, False])
    def test_nothing_else_is_changed_with_it(self, team_on_sqlite: Team, archived: bool) -> None:
        team = team_on_sqlite
        changed = team.done(team.admin, "PATCH", team.at, {"archived": True, "name": "Old"})
        assert (changed["archived"], changed["name"]) == (True, "Old")
        body = {"archived": archived, "name": "Other"}
        assert team.refused(team.admin, "PATCH", team.at, body) == (409, "archived")
        assert team.done(team.admin, "GET", team.at) == changed

    def test_the_keys_of_an_archived_one_are_seen_and_revoked(self, team: Team) -> None:
        key = team.done(team.admin, "POST", f"{team.at}/api-keys", {"name": "leaked"})
        team.done(team.admin, "PATCH", team.at, {"archived": True})
        assert team.ask(key["key"], "GET", f"{team.at}/builds").status_code == 200
        assert [each["name"] for each in team.done(team.admin, "GET", f"{team.at}/api-keys")["items"]] == ["leaked"]
        team.done(team.admin, "DELETE", f"{team.at}/api-keys/{key['id']}")
        assert team.refused(key["key"], "GET", f"{team.at}/builds") == (401, "unauthenticated")


class TestDeleting:
    def test_a_deleted_one_is_nowhere_and_its_slug_is_free(self, team: Team) -> None:
        key = team.registry.furnish.api_key(team.workspace).text
        assert team.done(team.admin, "DELETE", team.at) is None
        assert team.refused(team.owner, "GET", team.at) == (404, "not-found")
        assert team.refused(team.owner, "DELETE", team.at) == (404, "not-found")
        assert team.refused(key, "GET", "/me") == (401, "unauthenticated")
        assert slugs(team, team.owner.token) == slugs(team, team.owner.token, archived="true") == []
        made = team.done(team.admin, "POST", f"{team.path}/workspaces", {"slug": "production"})
        assert made["id"] != team.workspace.id

    def test_an_archived_one_may_be_deleted(self, team_on_sqlite: Team) -> None:
        team_on_sqlite.done(team_on_sqlite.admin, "PATCH", team_on_sqlite.at, {"archived": True})
        assert team_on_sqlite.done(team_on_sqlite.admin, "DELETE", team_on_sqlite.at) is None


class TestPersonal:
    def test_the_first_sign_in_makes_one_and_the_second_none(self, team: Team) -> None:
        token = team.sign_in(team.member.user)
        assert slugs(team, token) == ["personal-member", "production"]
        assert slugs(team, team.sign_in(team.member.user)) == ["personal-member", "production"]
        personal = team.done(token, "GET", f"{team.path}/workspaces")["items"][0]
        assert (personal["personal"], personal["name"]) == (True, "personal-member")

    def test_only_its_owner_and_the_admins_see_it(self, team: Team) -> None:
        team.sign_in(team.member.user)
        another = team.person("member", "another")
        key = team.registry.furnish.api_key(team.workspace).text
        assert "personal-member" in slugs(team, team.owner.token)
        assert "personal-member" in slugs(team, team.admin.token)
        assert "personal-member" not in slugs(team, another.token)
        assert slugs(team, key) == ["production"]

    def test_its_owner_administers_it_and_cannot_rename_its_slug(self, team: Team) -> None:
        token = team.sign_in(team.member.user)
        personal = team.done(token, "GET", f"{team.path}/workspaces")["items"][0]
        path = f"/workspaces/{personal['id']}"
        team.done(token, "POST", f"{path}/target-roots", {"name": "mine", "uri_prefix": "/mine/"})
        team.done(token, "POST", f"{path}/api-keys", {"name": "mine"})
        assert team.done(token, "PATCH", path, {"name": "Mine"})["name"] == "Mine"
        for credential in (token, team.owner):
            answer = team.ask(credential, "PATCH", path, {"slug": "mine"})
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body.slug")

    def test_one_whose_slug_an_older_workspace_has_is_numbered(self, team_on_sqlite: Team) -> None:
        team_on_sqlite.registry.furnish.workspace(team_on_sqlite.organization, "personal-member")
        assert "personal-member-2" in slugs(team_on_sqlite, team_on_sqlite.sign_in(team_on_sqlite.member.user))

    def test_whoever_leaves_or_is_removed_has_no_key_of_it_any_more(self, team: Team) -> None:
        for person, remover in ((team.member, team.member), (team.person("member", "another"), team.admin)):
            token = team.sign_in(person.user)
            listed = team.done(token, "GET", f"{team.path}/workspaces")["items"]
            personal = next(item["id"] for item in listed if item["personal"])
            body = {"name": "mine", "purpose": "administer"}
            key = team.done(token, "POST", f"/workspaces/{personal}/api-keys", body)["key"]
            assert team.ask(key, "GET", "/me").status_code == 200
            team.done(remover, "DELETE", f"{team.path}/members/{person.user.id}")
            assert team.refused(key, "GET", "/me") == (401, "unauthenticated")
            assert team.done(team.admin, "GET", f"/workspaces/{personal}")["personal"] is True


class TestExpectedSlugs:
    """A client that remembers an id says what it expects the workspace to be called."""

    PATHS = (
        "target-roots",
        "target-root-history",
        "api-keys",
        "builds",
        "tasks",
        "target-roots/default",
        f"builds/{NOBODYS}",
    )

    def asked(self, team: Team, workspace_id: str, path: str, expected: str) -> tuple[int, str | None]:
        url = f"/api/v1/workspaces/{workspace_id}/{path}"
        answer = team.registry.ask("GET", url, team.admin.token, {"Stardag-Workspace": expected})
        return answer.status_code, answer.json().get("code")

    @pytest.mark.parametrize("path", PATHS)
    def test_one_that_is_called_otherwise_or_is_not_there_is_never_asked(self, team: Team, path: str) -> None:
        own = f"{team.organization.slug}/{team.workspace.slug}"
        refused = (412, "workspace-moved")
        assert self.asked(team, team.workspace.id, path, own) != refused
        for expected in ("other/slugs", f"{team.organization.slug}/other", f"{own},{own}", "", "/"):
            assert self.asked(team, team.workspace.id, path, expected) == refused
        assert self.asked(team, NOBODYS, path, own) == refused

    def test_a_rename_is_told_to_whoever_remembers_the_old_slug_and_nothing_is_changed(self, team: Team) -> None:
        old = f"{team.organization.slug}/{team.workspace.slug}"
        team.done(team.admin, "PATCH", f"/workspaces/{team.workspace.id}", {"slug": "renamed"})
        url = f"/api/v1/workspaces/{team.workspace.id}/target-roots"
        body = {"name": "late", "uri_prefix": "s3://bucket/late/"}
        for expected, status in ((old, 412), (f"{team.organization.slug}/renamed", 201)):
            headers = {"Stardag-Workspace": expected}
            assert team.registry.ask("POST", url, team.admin.token, headers, json=body).status_code == status

    def test_it_precedes_the_entity_tag(self, team: Team) -> None:
        url = f"/api/v1/workspaces/{team.workspace.id}/target-roots"
        etag = team.registry.ask("GET", url, team.admin.token).headers["etag"]
        headers = {"If-None-Match": etag, "Stardag-Workspace": "other/slugs"}
        assert team.registry.ask("GET", url, team.admin.token, headers).status_code == 412
