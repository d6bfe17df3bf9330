"""Workspaces: made and changed by those who may, personal ones by themselves, archived ones read and no more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from stardag.domain.errors import InvalidName
from stardag.domain.names import NAME_MAX_LENGTH, is_name
from stardag_registry.adapters.database.tables import workspaces
from stardag_registry.app.builds import NewBuild
from stardag_registry.app.listings import ListWorkspaces
from stardag_registry.app.paging import PageRequest
from stardag_registry.app.ports import RevisionFilter
from stardag_registry.app.workspaces import MAX_WORKSPACES, WorkspaceEdit
from stardag_registry.domain.errors import (
    AlreadyExists,
    Archived,
    InvalidField,
    NotAllowed,
    NotFound,
    TooMany,
    Unauthenticated,
)
from stardag_registry.domain.organizations import Workspace
from stardag_registry.domain.users import Claims, User, usernames_for
from tests.registry.app.scene import ROOTS, Team
from tests.registry.databases import new_sql_database
from tests.registry.in_memory import InMemoryDatabase

ALL = PageRequest(100)


def personal(team: Team, user: User) -> Workspace:
    """The user's personal workspace, which is made if need be."""
    team.make_personal_workspace(user, team.acme, "192.0.2.1")
    with team.database.reading() as reading:
        found = reading.personal_workspace(team.acme.id, user.id)
    assert found is not None
    return found


class TestMaking:
    def test_admins_and_owners_make_them(self, team: Team) -> None:
        made = team.edit_workspaces.add(team.admin, "acme", "dev", "Dev", "two\nlines")
        assert (made.slug, made.name, made.description, made.owner_id) == ("dev", "Dev", "two\nlines", None)
        team.edit_workspaces.add(team.owner, team.acme.id, "test", "Test", "")
        for caller in (team.plain, team.key("administer")):
            with pytest.raises(NotAllowed):
                team.edit_workspaces.add(caller, "acme", "other", "Other", "")

    def test_a_slug_is_taken_once_in_an_organization_and_has_a_form(self, team: Team) -> None:
        with pytest.raises(AlreadyExists):
            team.edit_workspaces.add(team.owner, "acme", "production", "Another", "")
        for slug in ("Dev", "", "a__b", team.acme.id):
            with pytest.raises(InvalidName):
                team.edit_workspaces.add(team.owner, "acme", slug, "Dev", "")
        for slug, name, description in (("personal-mia", "Mia", ""), ("dev", "a\0", ""), ("dev", "Dev", "\ud800")):
            with pytest.raises(InvalidField):
                team.edit_workspaces.add(team.owner, "acme", slug, name, description)


class TestChanging:
    def test_what_is_not_given_stays(self, team: Team) -> None:
        changed = team.edit_workspaces.change(team.admin, team.production.id, WorkspaceEdit(description="ours"))
        assert (changed.slug, changed.name, changed.description) == ("production", "Production", "ours")
        changed = team.edit_workspaces.change(team.admin, team.production.id, WorkspaceEdit(slug="prod", name="Prod"))
        assert (changed.slug, changed.name, changed.description) == ("prod", "Prod", "ours")
        changed = team.edit_workspaces.change(team.admin, team.production.id, WorkspaceEdit(description=""))
        assert changed.description == ""

    @pytest.mark.parametrize("edit", [WorkspaceEdit(slug=""), WorkspaceEdit(slug="Prod"), WorkspaceEdit(slug="x" * 64)])
    def test_what_cannot_be_a_slug_is_refused(self, team: Team, edit: WorkspaceEdit) -> None:
        with pytest.raises(InvalidName):
            team.edit_workspaces.change(team.admin, team.production.id, edit)

    @pytest.mark.parametrize(
        "edit", [WorkspaceEdit(name=""), WorkspaceEdit(name="a\0"), WorkspaceEdit(slug="personal-x")]
    )
    def test_what_cannot_be_a_name_is_refused(self, team: Team, edit: WorkspaceEdit) -> None:
        with pytest.raises(InvalidField):
            team.edit_workspaces.change(team.admin, team.production.id, edit)

    def test_a_slug_that_another_has_is_refused(self, team: Team) -> None:
        team.edit_workspaces.add(team.owner, "acme", "dev", "Dev", "")
        with pytest.raises(AlreadyExists):
            team.edit_workspaces.change(team.admin, team.production.id, WorkspaceEdit(slug="dev"))

    def test_what_it_is_already_changes_nothing(self, team: Team) -> None:
        for edit in (WorkspaceEdit(), WorkspaceEdit("production", "Production", "", archived=False)):
            assert team.edit_workspaces.change(team.admin, team.production.id, edit) == team.production
        assert team.actions() == []

    def test_members_and_building_keys_change_none(self, team: Team) -> None:
        for caller in (team.plain, team.key("build")):
            with pytest.raises(NotAllowed):
                team.edit_workspaces.change(caller, team.production.id, WorkspaceEdit(name="Mine"))

    def test_an_administering_key_changes_its_own_and_archives_it_not(self, team: Team) -> None:
        key = team.key("administer")
        team.edit_workspaces.change(key, team.production.id, WorkspaceEdit(name="Ours"))
        for change in (
            lambda: team.edit_workspaces.change(key, team.production.id, WorkspaceEdit(archived=True)),
            lambda: team.edit_workspaces.delete(key, team.production.id),
        ):
            with pytest.raises(NotAllowed):
                change()


class TestArchiving:
    @pytest.fixture
    def archived(self, team: Team) -> Team:
        team.key("administer")
        team.edit_target_roots.add(team.admin, team.production.id, "default", ROOTS["default"])
        team.edit_workspaces.change(team.admin, team.production.id, WorkspaceEdit(archived=True))
        return team

    def test_it_is_read_as_before_and_listed_apart(self, archived: Team) -> None:
        lists = ListWorkspaces(archived.database)
        assert [each.slug for each in lists(archived.plain, "acme", ALL).items] == []
        (shown,) = lists(archived.plain, "acme", ALL, archived=True).items
        assert shown.archived_at == archived.clock()
        assert archived.target_root_history(archived.plain, archived.production.id, RevisionFilter(), ALL).items
        assert archived.target_root_history(archived.key("build"), archived.production.id, RevisionFilter(), ALL).items

    def test_nothing_is_built_or_changed_in_it(self, archived: Team) -> None:
        workspace_id = archived.production.id
        key = archived.key("administer")
        before = archived.actions()
        for change in (
            lambda: archived.register_build(key, workspace_id, NewBuild(ROOTS), None),
            lambda: archived.edit_target_roots.add(archived.owner, workspace_id, "a", "/1/"),
            lambda: archived.edit_target_roots.remove(archived.owner, workspace_id, "default"),
            lambda: archived.api_keys.make(archived.owner, workspace_id, "CI", "build", None),
            lambda: archived.edit_workspaces.change(archived.owner, workspace_id, WorkspaceEdit(name="New")),
            lambda: archived.edit_workspaces.change(
                archived.owner, workspace_id, WorkspaceEdit(name="N", archived=True)
            ),
        ):
            with pytest.raises(Archived):
                change()
        assert archived.actions() == before

    def test_a_build_in_it_goes_on_no_more(self, team: Team) -> None:
        build = team.build()
        team.edit_workspaces.change(team.admin, team.production.id, WorkspaceEdit(archived=True))
        with pytest.raises(Archived):
            team.run_build.heartbeat(team.admin, team.production.id, build.id)
        with pytest.raises(Archived):
            team.run_build.end(team.admin, team.production.id, build.id, "completed", None)

    def test_keys_in_it_are_revoked_at_once(self, archived: Team) -> None:
        key = archived.key("build")
        archived.api_keys.revoke(archived.admin, archived.production.id, key.api_key.id)
        with pytest.raises(Unauthenticated):
            archived.register_build(key, archived.production.id, NewBuild(ROOTS), None)

    def test_it_is_archived_once_and_brought_back(self, archived: Team) -> None:
        before = archived.actions()
        archived.edit_workspaces.change(archived.owner, archived.production.id, WorkspaceEdit(archived=True))
        assert archived.actions() == before
        back = archived.edit_workspaces.change(archived.owner, archived.production.id, WorkspaceEdit(archived=False))
        assert back == archived.production
        archived.register_build(archived.key("build"), back.id, NewBuild(ROOTS), None)


class TestDeleting:
    def test_it_is_nowhere_any_more(self, team: Team) -> None:
        secret = team.furnish.api_key(team.production)
        team.edit_workspaces.delete(team.admin, team.production.id)
        with pytest.raises(NotFound):
            team.edit_workspaces.change(team.owner, team.production.id, WorkspaceEdit(name="New"))
        with pytest.raises(Unauthenticated):
            team.authenticate(secret.text)
        assert team.actions() == ["workspace.deleted"]
        team.edit_workspaces.add(team.owner, "acme", "production", "Production", "")

    def test_an_archived_one_may_be_deleted(self, team: Team) -> None:
        team.edit_workspaces.change(team.admin, team.production.id, WorkspaceEdit(archived=True))
        team.edit_workspaces.delete(team.admin, team.production.id)

    def test_members_and_keys_delete_none(self, team: Team) -> None:
        for caller in (team.plain, team.key("administer")):
            with pytest.raises(NotAllowed):
                team.edit_workspaces.delete(caller, team.production.id)


class TestPersonal:
    def test_it_is_made_once_and_called_after_its_owner(self, team: Team) -> None:
        first = personal(team, team.plain.user)
        assert (first.slug, first.owner_id) == ("personal-mia", team.plain.user.id)
        assert personal(team, team.plain.user) == first
        assert team.actions() == ["workspace.created"]

    def test_it_is_made_for_members_alone(self, team: Team) -> None:
        team.make_personal_workspace(team.stranger.user, team.acme, "192.0.2.1")
        with team.database.reading() as reading:
            assert reading.personal_workspace(team.acme.id, team.stranger.user.id) is None

    def test_a_slug_that_is_taken_gets_a_number(self, team: Team) -> None:
        for slug in ("personal-mia", "personal-mia-2"):
            team.furnish.workspace(team.acme, slug)
        assert personal(team, team.plain.user).slug == "personal-mia-3"

    def test_it_keeps_its_slug_and_may_get_another_name(self, team: Team) -> None:
        own = personal(team, team.plain.user)
        with pytest.raises(InvalidField):
            team.edit_workspaces.change(team.plain, own.id, WorkspaceEdit(slug="mine"))
        assert team.edit_workspaces.change(team.plain, own.id, WorkspaceEdit(name="Mine")).name == "Mine"

    def test_its_owner_and_the_admins_see_it_and_nobody_else(self, team: Team) -> None:
        own = personal(team, team.plain.user)
        lists = ListWorkspaces(team.database)
        for caller in (team.plain, team.admin, team.owner):
            assert own in lists(caller, "acme", ALL).items
            assert lists.one(caller, own.id) == own
        for other in (team.member("member", "ben"), team.key("administer")):
            assert own not in lists(other, "acme", ALL).items
            with pytest.raises(NotFound):
                lists.one(other, own.id)

    def test_its_owner_administers_it_and_archives_it_not(self, team: Team) -> None:
        own = personal(team, team.plain.user)
        team.edit_target_roots.add(team.plain, own.id, "default", "/mine/")
        team.api_keys.make(team.plain, own.id, "laptop", "administer", None)
        with pytest.raises(NotAllowed):
            team.edit_workspaces.change(team.plain, own.id, WorkspaceEdit(archived=True))
        with pytest.raises(NotAllowed):
            team.edit_workspaces.delete(team.plain, own.id)

    def test_one_that_is_archived_is_not_made_again_and_one_that_is_deleted_is(self, team: Team) -> None:
        own = personal(team, team.plain.user)
        team.edit_workspaces.change(team.admin, own.id, WorkspaceEdit(archived=True))
        assert personal(team, team.plain.user).id == own.id
        team.edit_workspaces.delete(team.admin, own.id)
        again = personal(team, team.plain.user)
        assert (again.slug, again.id == own.id) == ("personal-mia", False)

    def test_whoever_comes_back_finds_it_again(self, team: Team) -> None:
        own = personal(team, team.plain.user)
        team.edit_organization.remove(team.owner, "acme", team.plain.user.id)
        made = team.invite(team.owner, "acme", team.plain.user.email or "", "member")
        team.accept(team.plain, made.token)
        assert personal(team, team.plain.user) == own

    @given(st.text(st.characters(codec="utf-8"), max_size=80) | st.from_regex(r"[a-z0-9-]{40,70}", fullmatch=True))
    def test_every_username_that_is_given_makes_a_slug(self, wanted: str) -> None:
        names = usernames_for(Claims("https://issuer.example", "1", preferred_username=wanted))
        for _, name in zip(range(101), names, strict=False):
            assert is_name(f"personal-{name}")

    @pytest.mark.parametrize("username", ["a" * 53 + "-10", "a" * 54 + "_b" * 4, "a" * NAME_MAX_LENGTH])
    def test_a_username_from_before_that_is_too_long_makes_one_as_well(self, username: str) -> None:
        team = Team(InMemoryDatabase())
        first = personal(team, team.member("member", username).user)
        second = personal(team, team.member("member", username[:-1] + "x").user)
        assert first.slug.startswith("personal-a")
        assert first.slug != second.slug


@pytest.mark.slow
def test_an_organization_has_so_many_and_no_more(request: pytest.FixtureRequest) -> None:
    with new_sql_database("SQLite", request) as database:
        team = Team(database)
        with database.engine.begin() as connection:
            rows = [
                {
                    "id": f"{number:036}",
                    "organization_id": team.acme.id,
                    "slug": f"w-{number}",
                    "name": "W",
                    "created_at": team.clock(),
                }
                for number in range(MAX_WORKSPACES - 1)
            ]
            connection.execute(insert(workspaces), rows)
        with pytest.raises(TooMany):
            team.edit_workspaces.add(team.owner, "acme", "one-more", "W", "")
        team.edit_workspaces.delete(team.owner, team.production.id)
        team.edit_workspaces.add(team.owner, "acme", "one-more", "W", "")
