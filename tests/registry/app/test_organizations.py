"""Organizations and their members: who may change whom, and one owner who is always left."""

import pytest

from stardag.domain.errors import InvalidName
from stardag.domain.organizations import Role
from stardag_registry.app.organizations import MAX_MEMBERSHIPS, ReadAudit
from stardag_registry.app.paging import PageRequest
from stardag_registry.app.ports import AuditFilter
from stardag_registry.domain.audit import is_action
from stardag_registry.domain.errors import (
    AlreadyExists,
    InvalidField,
    LastOwner,
    NotAllowed,
    NotFound,
    TooMany,
    Unauthenticated,
)
from stardag_registry.domain.permissions import ApiKeyCaller, MemberCaller
from tests.registry.app.scene import Team

ALL = AuditFilter()
PAGE = PageRequest(10)


class TestMaking:
    def test_whoever_makes_one_owns_it(self, team: Team) -> None:
        membership = team.make_organization(team.stranger, "other", "Other")
        assert (membership.organization.slug, membership.role) == ("other", "owner")
        with team.database.reading() as reading:
            assert list(reading.memberships_of(team.stranger.user.id)) == [membership]
        (entry,) = team.audit(membership.organization)
        assert (entry.action, entry.actor, entry.credential) == ("organization.created", "sue", "access token")

    def test_a_member_of_another_may_make_one_and_a_key_may_not(self, team: Team) -> None:
        team.make_organization(team.plain, "other", "Other")
        with pytest.raises(NotAllowed):
            team.make_organization(team.key("administer"), "third", "Third")

    def test_a_slug_is_taken_once_and_has_a_form(self, team: Team) -> None:
        with pytest.raises(AlreadyExists):
            team.make_organization(team.stranger, "acme", "Another")
        with pytest.raises(InvalidName):
            team.make_organization(team.stranger, "Acme", "Acme")
        with pytest.raises(InvalidField):
            team.make_organization(team.stranger, "other", "a\0b")
        with team.database.reading() as reading:
            assert not reading.memberships_of(team.stranger.user.id)

    def test_nobody_belongs_to_more_than_so_many(self, team: Team) -> None:
        user_id = team.stranger.user.id
        with team.database.transaction() as transaction:
            for number in range(MAX_MEMBERSHIPS):
                organization = team.create.organization(transaction, f"o-{number}", "O")
                transaction.add_member(organization.id, user_id, "member", team.clock())
        with pytest.raises(TooMany):
            team.make_organization(team.stranger, "one-more", "O")


class TestRoles:
    @pytest.mark.parametrize("role", ["owner", "admin", "member"])
    def test_an_owner_makes_anybody_anything(self, team: Team, role: Role) -> None:
        for member in (team.plain, team.admin):
            changed = team.edit_organization.set_role(team.owner, "acme", member.user.id.upper(), role)
            assert (changed.user, changed.role) == (member.user, role)
            assert team.roles()[member.user.username] == role

    @pytest.mark.parametrize("asking", ["admin", "plain", "key"])
    def test_nobody_else_does(self, team: Team, asking: str) -> None:
        callers: dict[str, MemberCaller | ApiKeyCaller] = {
            "admin": team.admin,
            "plain": team.plain,
            "key": team.key("administer"),
        }
        before = team.roles()
        with pytest.raises(NotAllowed):
            team.edit_organization.set_role(callers[asking], "acme", team.plain.user.id, "admin")
        assert team.roles() == before

    def test_the_same_role_once_more_changes_nothing(self, team: Team) -> None:
        team.edit_organization.set_role(team.owner, "acme", team.owner.user.id, "owner")
        team.edit_organization.set_role(team.owner, "acme", team.plain.user.id, "member")
        assert team.actions() == []

    @pytest.mark.parametrize("role", ["admin", "member"])
    def test_the_last_owner_stays_one(self, team: Team, role: Role) -> None:
        with pytest.raises(LastOwner):
            team.edit_organization.set_role(team.owner, "acme", team.owner.user.id, role)
        team.member("owner", "second")
        team.edit_organization.set_role(team.owner, "acme", team.owner.user.id, role)
        assert team.roles() == {"olivia": role, "second": "owner"}

    def test_of_two_owners_each_may_demote_the_other_and_only_one_does(self, team: Team) -> None:
        second = team.member("owner", "second")
        team.edit_organization.set_role(team.owner, "acme", second.user.id, "member")
        with pytest.raises(NotAllowed):  # though the token was made when they were owner
            team.edit_organization.set_role(second, "acme", team.owner.user.id, "member")
        assert team.roles() == {"olivia": "owner", "second": "member"}

    @pytest.mark.parametrize("user", ["", "mia", "00000000-0000-4000-8000-000000000000", "\ud800"])
    def test_who_is_no_member_is_not_there(self, team: Team, user: str) -> None:
        with pytest.raises(NotFound):
            team.edit_organization.set_role(team.owner, "acme", user, "admin")
        with pytest.raises(NotFound):
            team.edit_organization.remove(team.owner, "acme", user)
        with pytest.raises(NotFound):
            team.edit_organization.remove(team.owner, "acme", team.stranger.user.id)


class TestRemoving:
    def test_anybody_may_leave(self, team: Team) -> None:
        team.member("owner", "second")
        for member in (team.plain, team.admin, team.owner):
            team.edit_organization.remove(member, "acme", member.user.id)
        assert team.roles() == {"second": "owner"}
        assert team.actions() == ["member.left"] * 3

    def test_the_last_owner_may_not(self, team: Team) -> None:
        assert team.admin.membership.role == "admin"
        with pytest.raises(LastOwner):
            team.edit_organization.remove(team.owner, "acme", team.owner.user.id)
        assert team.roles() == {"adam": "admin", "olivia": "owner"}

    def test_an_admin_removes_members_and_nobody_above(self, team: Team) -> None:
        second = team.member("admin", "second")
        team.edit_organization.remove(team.admin, "acme", team.plain.user.id)
        for above in (second, team.owner):
            with pytest.raises(NotAllowed):
                team.edit_organization.remove(team.admin, "acme", above.user.id)
        assert team.roles() == {"adam": "admin", "olivia": "owner", "second": "admin"}

    def test_an_owner_removes_anybody(self, team: Team) -> None:
        second = team.member("owner", "second")
        for member in (team.plain, team.admin, second):
            team.edit_organization.remove(team.owner, "acme", member.user.id)
        assert team.roles() == {"olivia": "owner"}

    def test_a_member_removes_nobody_and_a_key_neither(self, team: Team) -> None:
        for caller in (team.plain, team.key("administer")):
            with pytest.raises(NotAllowed):
                team.edit_organization.remove(caller, "acme", team.admin.user.id)

    def test_whoever_was_removed_changes_nothing_any_more(self, team: Team) -> None:
        team.edit_organization.remove(team.owner, "acme", team.admin.user.id)
        with pytest.raises(Unauthenticated):
            team.edit_organization.remove(team.admin, "acme", team.plain.user.id)
        with pytest.raises(Unauthenticated):
            team.edit_workspaces.add(team.admin, "acme", "dev", "Dev", "")

    def test_the_keys_of_their_personal_workspace_count_no_more(self, team: Team) -> None:
        team.make_personal_workspace(team.plain.user, team.acme, "192.0.2.1")
        with team.database.reading() as reading:
            personal = reading.personal_workspace(team.acme.id, team.plain.user.id)
        assert personal is not None
        _, secret = team.api_keys.make(team.plain, personal.id, "mine", "build", None)
        others = team.key("build")
        team.edit_organization.remove(team.owner, "acme", team.plain.user.id)
        with pytest.raises(Unauthenticated):
            team.authenticate(secret.text)
        with team.database.reading() as reading:
            assert reading.workspace(personal.id) == personal
            still = reading.caller_by_key_id(others.api_key.id)
        assert still is not None
        assert still.api_key.revoked_at is None


class TestDeleting:
    def test_an_owner_deletes_it_and_nobody_belongs_to_it_any_more(self, team: Team) -> None:
        secret = team.furnish.api_key(team.production)
        team.edit_organization.delete(team.owner, team.acme.id)
        assert team.roles() == {}
        with pytest.raises(Unauthenticated):
            team.authenticate(secret.text)
        with pytest.raises(Unauthenticated):
            team.edit_workspaces.add(team.owner, "acme", "dev", "Dev", "")
        assert team.actions() == ["organization.deleted"]
        assert team.make_organization(team.stranger, "acme", "Acme").organization.id != team.acme.id

    def test_nobody_else_does(self, team: Team) -> None:
        for caller in (team.admin, team.plain, team.key("administer")):
            with pytest.raises(NotAllowed):
                team.edit_organization.delete(caller, "acme")
        assert len(team.roles()) == 2


class TestAudit:
    def test_admins_and_owners_read_it_and_nobody_else(self, team: Team) -> None:
        team.edit_workspaces.add(team.admin, "acme", "dev", "Dev", "")
        read = ReadAudit(team.database)
        for caller in (team.admin, team.owner):
            assert [entry.action for entry in read(caller, "acme", ALL, PAGE).items] == ["workspace.created"]
        for other in (team.plain, team.key("administer")):
            with pytest.raises(NotAllowed):
                read(other, "acme", ALL, PAGE)
        with pytest.raises(NotFound):
            read(team.owner, "other", ALL, PAGE)

    def test_it_is_read_by_workspace_and_user_however_their_ids_are_written(self, team: Team) -> None:
        read = ReadAudit(team.database)
        team.edit_target_roots.add(team.key("administer"), team.production.id, "a", "/1/")
        team.edit_workspaces.add(team.admin, "acme", "dev", "Dev", "")

        def actions(wanted: AuditFilter) -> list[str]:
            return [each.action for each in read(team.owner, "acme", wanted, PAGE).items]

        for written in (team.production.id, team.production.id.upper()):
            assert actions(AuditFilter(workspace_id=written)) == ["target-root.added"]
        for written in (team.admin.user.id, team.admin.user.id.upper()):
            assert actions(AuditFilter(user_id=written)) == ["workspace.created"]
        assert not actions(AuditFilter(workspace_id=team.acme.id))
        assert not actions(AuditFilter(user_id=team.owner.user.id))
        for nothing in ("", "production", "a\0b"):
            for wanted in (AuditFilter(workspace_id=nothing), AuditFilter(user_id=nothing)):
                with pytest.raises(InvalidField):
                    read(team.owner, "acme", wanted, PAGE)

    def test_it_is_read_by_what_was_done(self, team: Team) -> None:
        read = ReadAudit(team.database)
        for slug in ("dev", "test"):
            team.edit_workspaces.add(team.admin, "acme", slug, slug, "")
        team.edit_workspaces.delete(team.admin, team.production.id)
        (entry,) = read(team.owner, "acme", AuditFilter(action="workspace.deleted"), PAGE).items
        assert entry.subject == team.production.id
        assert not read(team.owner, "acme", AuditFilter(action="workspace.changed"), PAGE).items
        for nothing in ("", "workspace", "workspace.", "Workspace.created", "workspace.created\n", "a\0.b", "a.a.a"):
            with pytest.raises(InvalidField):
                read(team.owner, "acme", AuditFilter(action=nothing), PAGE)

    def test_whatever_is_written_in_it_can_be_asked_for(self, team: Team) -> None:
        team.edit_target_roots.add(team.admin, team.production.id, "a", "/1/")
        team.make_organization(team.stranger, "other", "Other")
        team.edit_organization.set_role(team.owner, "acme", team.plain.user.id, "admin")
        team.api_keys.make(team.owner, team.production.id, "CI", "build", None)
        actions = {entry.action for entry in team.audit()}
        assert {"target-root.added", "member.role-changed", "api-key.created"} <= actions
        assert all(is_action(action) for action in actions)
