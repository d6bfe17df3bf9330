"""What every keeper of the port `RegistryApi` promises a team: people, workspaces, API keys, target roots that builds
have used, builds and tasks."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from stardag.app.registry_ports import RegistryApi
from stardag.domain.builds import BuildEnd, BuildFilter, Output, Registration, TaskFilter, TaskRecord
from stardag.domain.credentials import Secret
from stardag.domain.errors import InvalidValue, NotAllowed
from stardag.domain.members import parse_invitation_link
from stardag.domain.organizations import Organization, Workspace
from stardag.domain.refusals import (
    AlreadyExists,
    BuildEnded,
    InvitationGone,
    LastOwner,
    RefusedValue,
    TooMany,
    WorkspaceArchived,
)
from stardag.domain.registry_errors import NotKnownToRegistry, RefusedCredential
from stardag.domain.sign_in import User
from stardag.domain.target_roots import TargetRoot
from stardag.domain.tasks import Json, task_id
from tests.contracts.registry_world import Issued, World

NOBODY = str(uuid.UUID(int=7))
REGISTRATION = Registration("nightly", {"default": "/default"}, "A night\nof training", "abc123")
BEGAN = datetime(2026, 11, 1, 12, 30, 15, 123456, tzinfo=UTC)
RECORD = TaskRecord(
    "train",
    {"rate": 0.1, "layers": [1, 2], "name": None},
    "failed",
    Output("default", "train/1"),
    BEGAN,
    BEGAN + timedelta(seconds=7),
    "ValueError",
)


def word() -> str:
    return uuid.uuid4().hex[:12]


def organization_of_the_owner(world: World) -> tuple[Organization, RegistryApi]:
    """A new organization, and its owner in it."""
    made = world.user(world.people.owner()).make_organization(f"org-{word()}", None)
    return made, world.member(world.people.owner(), made.slug)


def alice(world: World) -> Issued:
    """Somebody who has an account, and belongs to an organization of no other test's."""

    def link(email: str) -> Secret:
        made, owner = organization_of_the_owner(world)
        return owner.invite(made.slug, email, "member").link

    return world.people.alice(link)


def alice_in(world: World, owner: RegistryApi, organization: str) -> Issued:
    """Somebody who becomes a member of an organization."""
    issued = alice(world)
    token = parse_invitation_link(owner.invite(organization, issued.email, "member").link.reveal()).token
    world.user(issued).accept_invitation(token)
    return issued


class TestOrganizations:
    def test_whoever_makes_one_owns_it(self, world: World) -> None:
        user, slug = world.user(world.people.owner()), f"org-{word()}"
        made = user.make_organization(slug, "A Name")
        assert (made.slug, made.name, made.role) == (slug, "A Name", "owner")
        assert made in user.organizations()
        (owner,) = world.member(world.people.owner(), slug).members(slug)
        assert (owner.username, owner.email, owner.role) == ("owner", "owner@localhost", "owner")
        assert owner.since.tzinfo is not None

    def test_a_slug_is_there_once(self, world: World) -> None:
        with pytest.raises(AlreadyExists, match="organization 'default' already"):
            world.user(world.people.owner()).make_organization("default", None)

    def test_a_key_makes_none_and_sees_no_members(self, world: World) -> None:
        with pytest.raises(NotAllowed):
            world.connect().make_organization(f"org-{word()}", None)
        with pytest.raises(NotAllowed):
            world.connect().members("default")
        with pytest.raises(NotAllowed):
            world.connect().accept_invitation(Secret("x" * 43))


class TestMembers:
    def test_an_invited_person_becomes_a_member_and_the_invitation_is_gone(self, world: World) -> None:
        organization, owner = organization_of_the_owner(world)
        email = f"{word()}@acme.example"
        made = owner.invite(organization.slug, email, "admin")
        assert (made.invitation.email, made.invitation.role, made.invitation.maker) == (email, "admin", "owner")
        assert made.invitation.expires_at > made.invitation.made_at
        assert owner.invitations(organization.id) == (made.invitation,)
        issued = world.people.newcomer(made.link, email)
        assert owner.invitations(organization.slug) == ()
        members = {member.email: member.role for member in owner.members(organization.slug)}
        assert members == {"owner@localhost": "owner", email: "admin"}
        assert world.member(issued, organization.slug).members(organization.slug)

    def test_an_invitation_is_accepted_once_and_by_the_person_it_is_for(self, world: World) -> None:
        issued = alice(world)
        second, owner = organization_of_the_owner(world)
        token = parse_invitation_link(owner.invite(second.slug, issued.email, "member").link.reveal()).token
        with pytest.raises(NotAllowed, match="the person who was invited"):
            world.user(world.people.owner()).accept_invitation(token)
        joined = world.user(issued).accept_invitation(token)
        assert (joined.id, joined.role) == (second.id, "member")
        with pytest.raises(InvitationGone):
            world.user(issued).accept_invitation(token)

    def test_a_later_invitation_or_a_withdrawal_makes_the_link_worthless(self, world: World) -> None:
        issued = alice(world)
        second, owner = organization_of_the_owner(world)
        links = [owner.invite(second.slug, issued.email, "member").link for _ in range(2)]
        (invitation,) = owner.invitations(second.slug)
        owner.withdraw_invitation(second.slug, invitation.id)
        assert owner.invitations(second.slug) == ()
        for link in links:
            with pytest.raises(InvitationGone):
                world.user(issued).accept_invitation(parse_invitation_link(link.reveal()).token)
        with pytest.raises(NotKnownToRegistry, match="no invitation"):
            owner.withdraw_invitation(second.slug, invitation.id)

    def test_a_member_is_not_invited_again_and_what_is_no_address_never(self, world: World) -> None:
        organization, owner = organization_of_the_owner(world)
        with pytest.raises(AlreadyExists, match="member 'owner@localhost' already"):
            owner.invite(organization.slug, "owner@localhost", "member")
        with pytest.raises(RefusedValue, match="the e-mail address: "):
            owner.invite(organization.slug, "nobody", "member")

    def test_roles_change_and_one_owner_is_left(self, world: World) -> None:
        organization, owner = organization_of_the_owner(world)
        alice_in(world, owner, organization.slug)
        members = {member.role: member for member in owner.members(organization.slug)}
        for call in (
            lambda: owner.change_role(organization.slug, members["owner"].id, "admin"),
            lambda: owner.remove_member(organization.slug, members["owner"].id),
        ):
            with pytest.raises(LastOwner):
                call()
        changed = owner.change_role(organization.slug, members["member"].id, "owner")
        assert changed == members["member"]._replace(role="owner", since=changed.since)
        assert owner.change_role(organization.slug, members["owner"].id, "admin").role == "admin"

    def test_a_member_may_leave_and_administers_nothing(self, world: World) -> None:
        organization, owner = organization_of_the_owner(world)
        issued = alice_in(world, owner, organization.slug)
        member = world.member(issued, organization.slug)
        ids = {each.role: each.id for each in owner.members(organization.slug)}
        for call in (
            lambda: member.invite(organization.slug, "other@acme.example", "member"),
            lambda: member.invitations(organization.slug),
            lambda: member.change_role(organization.slug, ids["member"], "owner"),
            lambda: member.remove_member(organization.slug, ids["owner"]),
            lambda: member.make_workspace(organization.slug, "mine", None, ""),
        ):
            with pytest.raises(NotAllowed):
                call()
        member.remove_member(organization.slug, ids["member"])
        assert [each.role for each in owner.members(organization.slug)] == ["owner"]

    def test_a_removed_member_is_out_at_once(self, world: World) -> None:
        organization, owner = organization_of_the_owner(world)
        issued = alice_in(world, owner, organization.slug)
        member = world.member(issued, organization.slug)
        (gone,) = [each for each in owner.members(organization.slug) if each.role == "member"]
        owner.remove_member(organization.slug, gone.id)
        with pytest.raises(RefusedCredential):
            member.members(organization.slug)
        with pytest.raises(NotKnownToRegistry):
            world.member(issued, organization.slug)

    def test_who_is_not_there_is_named(self, world: World) -> None:
        organization, owner = organization_of_the_owner(world)
        with pytest.raises(NotKnownToRegistry, match="no member"):
            owner.remove_member(organization.slug, NOBODY)
        with pytest.raises(NotKnownToRegistry, match="no member"):
            owner.change_role(organization.slug, NOBODY, "owner")
        with pytest.raises(NotKnownToRegistry, match="no organization 'default'"):
            owner.members("default")
        with pytest.raises(InvitationGone):
            world.user(world.people.owner()).accept_invitation(Secret("x" * 43))


class TestWorkspaces:
    def test_one_is_made_archived_and_brought_back(self, world: World) -> None:
        organization, owner = organization_of_the_owner(world)
        made = owner.make_workspace(organization.slug, "staging", "Staging", "What comes\nbefore production.")
        assert (made.slug, made.name, made.organization_id) == ("staging", "Staging", organization.id)
        assert (made.description, made.is_archived) == ("What comes\nbefore production.", False)
        assert made in owner.workspaces(organization.slug)
        archived = owner.archive_workspace(made.id, archived=True)
        assert archived == made._replace(is_archived=True)
        assert made.id not in [each.id for each in owner.workspaces(organization.slug)]
        assert owner.workspaces(organization.slug, archived=True) == (archived,)
        assert owner.archive_workspace(made.id, archived=True) == archived
        assert owner.archive_workspace(made.id, archived=False) == made

    def test_slugs_that_are_taken_or_kept_are_refused(self, world: World) -> None:
        organization, owner = organization_of_the_owner(world)
        assert owner.make_workspace(organization.slug, "staging", None, "").name == "staging"
        with pytest.raises(AlreadyExists, match="workspace 'staging' already"):
            owner.make_workspace(organization.slug, "staging", None, "")
        with pytest.raises(RefusedValue, match=r"the slug: .*personal-"):
            owner.make_workspace(organization.slug, "personal-somebody", None, "")

    def test_nothing_is_changed_in_an_archived_one(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        build_id, root = owner_build(world, owner, workspace), TargetRoot("more", "/more")
        owner.archive_workspace(workspace.id, archived=True)
        for call in (
            lambda: owner.add_target_root(workspace.id, root),
            lambda: owner.change_target_root(workspace.id, TargetRoot("default", "/elsewhere")),
            lambda: owner.remove_target_root(workspace.id, "default"),
            lambda: owner.make_api_key(workspace.id, "a key", "build", None),
            lambda: owner.target_roots(workspace.id, to_build=True),
            lambda: owner.register_build(workspace.id, REGISTRATION, "a key"),
            lambda: owner.heartbeat(workspace.id, build_id),
            lambda: owner.record_tasks(workspace.id, build_id, [RECORD]),
            lambda: owner.end_build(workspace.id, build_id, "cancelled"),
        ):
            with pytest.raises(WorkspaceArchived):
                call()
        served = owner.target_roots(workspace.id)
        assert served is not None
        with pytest.raises(WorkspaceArchived):
            owner.target_roots(workspace.id, served.etag, to_build=True)
        assert [build.id for build in owner.builds(workspace.id, BuildFilter(), 10).items] == [build_id]
        (key,) = owner.api_keys(workspace.id)
        owner.revoke_api_key(workspace.id, key.id)  # which it always can be
        assert owner.api_keys(workspace.id) == ()

    def test_what_is_not_there_is_named(self, world: World) -> None:
        organization, owner = organization_of_the_owner(world)
        with pytest.raises(NotKnownToRegistry, match="no workspace"):
            owner.archive_workspace(NOBODY, archived=True)
        with pytest.raises(NotKnownToRegistry, match="no organization 'default'"):
            owner.make_workspace("default", "staging", None, "")
        assert organization.slug != "default"


def workspace_of_the_owner(world: World) -> tuple[Organization, RegistryApi, Workspace]:
    """A workspace with a target root in a new organization, and the owner in it."""
    organization, owner = organization_of_the_owner(world)
    workspace = owner.make_workspace(organization.slug, "staging", None, "")
    owner.add_target_root(workspace.id, TargetRoot("default", "/default"))
    return organization, owner, workspace


def owner_build(world: World, owner: RegistryApi, workspace: Workspace) -> str:
    """A build in a workspace, made with a key of its own."""
    key = owner.make_api_key(workspace.id, "for builds", "build", None).key
    return world.somebody_with(key).register_build(workspace.id)


class TestApiKeys:
    def test_a_key_opens_its_workspace_until_it_is_revoked(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        end = datetime.now(UTC).replace(microsecond=0) + timedelta(days=90)
        made = owner.make_api_key(workspace.id, "ci", "build", end)
        assert (made.api_key.name, made.api_key.purpose, made.api_key.expires_at) == ("ci", "build", end)
        assert made.api_key.revoked_at is None
        assert [each.id for each in owner.api_keys(workspace.id)] == [made.api_key.id]
        key = world.with_credential(made.key)
        assert key.target_roots(workspace.id) is not None
        owner.revoke_api_key(workspace.id, made.api_key.id)
        with pytest.raises(RefusedCredential):
            key.target_roots(workspace.id)
        assert owner.api_keys(workspace.id) == ()
        (revoked,) = owner.api_keys(workspace.id, revoked=True)
        assert (revoked.id, revoked.revoked_at is None) == (made.api_key.id, False)
        owner.revoke_api_key(workspace.id, made.api_key.id)

    def test_a_key_for_building_administers_nothing_and_one_for_administering_does(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        build = world.with_credential(owner.make_api_key(workspace.id, "ci", "build", None).key)
        for call in (
            lambda: build.api_keys(workspace.id),
            lambda: build.make_api_key(workspace.id, "more", "build", None),
            lambda: build.add_target_root(workspace.id, TargetRoot("more", "/more")),
        ):
            with pytest.raises(NotAllowed):
                call()
        administer = world.with_credential(owner.make_api_key(workspace.id, "ops", "administer", None).key)
        administer.add_target_root(workspace.id, TargetRoot("more", "/more"))
        assert len(administer.api_keys(workspace.id)) == 2
        with pytest.raises(NotAllowed):
            administer.archive_workspace(workspace.id, archived=True)

    def test_what_cannot_be_is_refused_and_what_is_not_there_is_named(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        with pytest.raises(RefusedValue, match="the name: "):
            owner.make_api_key(workspace.id, " ", "build", None)
        with pytest.raises(RefusedValue, match="--expires-in"):
            owner.make_api_key(workspace.id, "ci", "build", datetime(2020, 1, 1, tzinfo=UTC))
        with pytest.raises(NotKnownToRegistry, match="no API key"):
            owner.revoke_api_key(workspace.id, NOBODY)
        with pytest.raises(NotKnownToRegistry, match="no workspace"):
            owner.api_keys(NOBODY)


class TestAccessTokens:
    def test_one_reads_and_builds_as_its_user_and_changes_nothing_else(self, world: World) -> None:
        organization, owner, workspace = workspace_of_the_owner(world)
        made = owner.make_access_token(organization.id, 600)
        assert made.lifetime == 600
        lent = world.with_credential(made.token)
        assert lent.identity() == owner.identity()
        assert lent.organizations() == (organization._replace(role="member"),)
        assert workspace in lent.workspaces(organization.id)
        assert lent.target_roots(workspace.id) is not None
        build = lent.register_build(workspace.id, REGISTRATION, "a key").build
        assert lent.heartbeat(workspace.id, build.id) == "running"
        lent.record_tasks(workspace.id, build.id, [RECORD])
        assert lent.end_build(workspace.id, build.id, "completed").status == "completed"
        (member,) = lent.members(organization.id)
        for call in (
            lambda: lent.make_access_token(organization.id, 600),
            lambda: lent.make_api_key(workspace.id, "ci", "build", None),
            lambda: lent.add_target_root(workspace.id, TargetRoot("more", "/more")),
            lambda: lent.make_workspace(organization.id, "dev", None, ""),
            lambda: lent.invite(organization.id, "somebody@acme.example", "member"),
            lambda: lent.remove_member(organization.id, member.id),
            lambda: lent.make_organization(f"org-{word()}", None),
            lambda: lent.accept_invitation(Secret("x" * 43)),
        ):
            with pytest.raises(NotAllowed):
                call()

    def test_one_counts_until_it_is_revoked_which_may_be_repeated(self, world: World) -> None:
        organization, owner, workspace = workspace_of_the_owner(world)
        first, second = (owner.make_access_token(organization.id, 43200) for _ in range(2))
        for _ in range(2):
            owner.revoke_access_token(organization.id, first.id)
        with pytest.raises(RefusedCredential):
            world.with_credential(first.token).target_roots(workspace.id)
        assert world.with_credential(second.token).target_roots(workspace.id) is not None
        owner.revoke_access_token(organization.id, NOBODY)

    def test_one_gives_itself_back_and_no_other(self, world: World) -> None:
        organization, owner, workspace = workspace_of_the_owner(world)
        first, second = (owner.make_access_token(organization.id, 600) for _ in range(2))
        lent = world.with_credential(first.token)
        with pytest.raises(NotAllowed):
            lent.revoke_access_token(organization.id, second.id)
        lent.revoke_access_token(organization.id, first.id)
        with pytest.raises(RefusedCredential):
            lent.target_roots(workspace.id)

    def test_one_ends_with_the_membership(self, world: World) -> None:
        organization, owner, workspace = workspace_of_the_owner(world)
        issued = alice_in(world, owner, organization.slug)
        member = world.member(issued, organization.slug)
        lent = world.with_credential(member.make_access_token(organization.id, 600).token)
        assert lent.target_roots(workspace.id) is not None
        identity = member.identity()
        assert isinstance(identity, User)
        owner.remove_member(organization.id, identity.id)
        with pytest.raises(RefusedCredential):
            lent.target_roots(workspace.id)

    def test_nobody_else_revokes_it(self, world: World) -> None:
        organization, owner, workspace = workspace_of_the_owner(world)
        made = world.member(alice_in(world, owner, organization.slug), organization.slug).make_access_token(
            organization.id, 600
        )
        owner.revoke_access_token(organization.id, made.id)
        assert world.with_credential(made.token).target_roots(workspace.id) is not None

    @pytest.mark.parametrize("lifetime", [0, 0.5, -1, 43201])
    def test_none_is_good_for_longer_than_may_be(self, world: World, lifetime: float) -> None:
        organization, owner = organization_of_the_owner(world)
        with pytest.raises(RefusedValue, match="the lifetime"):
            owner.make_access_token(organization.id, lifetime)

    def test_only_members_who_have_signed_in_get_one(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        key = world.with_credential(owner.make_api_key(workspace.id, "ops", "administer", None).key)
        with pytest.raises(NotAllowed):
            key.make_access_token(workspace.organization_id, 600)
        with pytest.raises(NotAllowed):
            key.revoke_access_token(workspace.organization_id, NOBODY)
        for unknown in ("default", NOBODY, "../me"):
            with pytest.raises(NotKnownToRegistry, match="no organization"):
                owner.make_access_token(unknown, 600)
        with pytest.raises(RefusedCredential):
            world.user(world.people.owner()).make_access_token(workspace.organization_id, 600)

    def test_so_many_are_good_at_once(self, world: World) -> None:
        organization, owner = organization_of_the_owner(world)
        made = [owner.make_access_token(organization.id, 600) for _ in range(100)]
        with pytest.raises(TooMany, match="at most 100 access tokens") as caught:
            owner.make_access_token(organization.id, 600)
        assert "Wait until commands" in caught.value.fix
        owner.revoke_access_token(organization.id, made[0].id)
        owner.make_access_token(organization.id, 600)


class TestTargetRoots:
    def test_a_root_is_added_changed_and_removed(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        owner.add_target_root(workspace.id, TargetRoot("archive", "s3://archive/"))
        owner.change_target_root(workspace.id, TargetRoot("archive", "s3://elsewhere/"))
        assert owner.target_root_use(workspace.id, "archive") == (TargetRoot("archive", "s3://elsewhere/"), 0)
        owner.remove_target_root(workspace.id, "archive")
        served = owner.target_roots(workspace.id)
        assert served is not None
        assert served.roots == (TargetRoot("default", "/default"),)

    def test_the_builds_that_used_a_root_as_it_is_are_counted(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        for _ in range(2):
            owner_build(world, owner, workspace)
        assert owner.target_root_use(workspace.id, "default").builds == 2
        owner.change_target_root(workspace.id, TargetRoot("default", "/elsewhere"))
        assert owner.target_root_use(workspace.id, "default").builds == 0

    def test_a_name_that_is_taken_is_refused_and_one_that_is_not_there_is_named(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        with pytest.raises(AlreadyExists, match="target root 'default' already"):
            owner.add_target_root(workspace.id, TargetRoot("default", "/more"))
        for call in (
            lambda: owner.target_root_use(workspace.id, "nothing"),
            lambda: owner.change_target_root(workspace.id, TargetRoot("nothing", "/more")),
            lambda: owner.remove_target_root(workspace.id, "nothing"),
        ):
            with pytest.raises(NotKnownToRegistry, match="no target root 'nothing'"):
                call()


class TestBuilds:
    def test_the_newest_come_first_as_many_as_are_asked_for(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        ids = [owner_build(world, owner, workspace) for _ in range(3)]
        found = owner.builds(workspace.id, BuildFilter(), 2)
        assert [build.id for build in found.items] == [ids[2], ids[1]]
        assert not found.is_whole
        assert owner.builds(workspace.id, BuildFilter(), 3).is_whole
        assert {build.status for build in found.items} == {"running"}

    def test_they_are_filtered_by_status_and_time(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        first, second = (owner_build(world, owner, workspace) for _ in range(2))
        owner.end_build(workspace.id, first, "cancelled")
        for wanted, expected in (
            (BuildFilter("running"), [second]),
            (BuildFilter("cancelled"), [first]),
            (BuildFilter("failed"), []),
        ):
            assert [build.id for build in owner.builds(workspace.id, wanted, 10).items] == expected
        began = owner.build(workspace.id, second).build.started_at
        wanted = BuildFilter(started_after=began)
        assert [build.id for build in owner.builds(workspace.id, wanted, 10).items] == [second]
        assert owner.builds(workspace.id, BuildFilter(started_after=began + timedelta(days=1)), 10).items == ()

    def test_one_is_shown_with_the_roots_that_it_was_validated_with(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        key = owner.make_api_key(workspace.id, "ci", "build", None).key
        build_id = world.somebody_with(key).register_build(workspace.id, "A night\nof training")
        owner.change_target_root(workspace.id, TargetRoot("default", "/elsewhere"))
        shown = owner.build(workspace.id, build_id)
        assert shown.target_roots == {"default": "/default"}
        assert (shown.build.id, shown.build.description) == (build_id, "A night\nof training")
        assert (shown.build.ended_at, shown.build.error) == (None, None)

    def test_one_is_cancelled_unless_it_has_another_end(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        key = owner.make_api_key(workspace.id, "ci", "build", None).key
        somebody = world.somebody_with(key)
        first, second = (somebody.register_build(workspace.id) for _ in range(2))
        cancelled = owner.end_build(workspace.id, first, "cancelled")
        assert (cancelled.status, cancelled.ended_at is None) == ("cancelled", False)
        assert owner.end_build(workspace.id, first, "cancelled").status == "cancelled"
        somebody.end_build(workspace.id, second, "completed")
        with pytest.raises(BuildEnded):
            owner.end_build(workspace.id, second, "cancelled")

    def test_what_is_not_there_is_named(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        for unknown in (NOBODY, "no-id", "../me"):
            with pytest.raises(NotKnownToRegistry, match="no build"):
                owner.build(workspace.id, unknown)
            with pytest.raises(NotKnownToRegistry, match="no build"):
                owner.heartbeat(workspace.id, unknown)
            with pytest.raises(NotKnownToRegistry, match="no build"):
                owner.end_build(workspace.id, unknown, "cancelled")
            with pytest.raises(NotKnownToRegistry, match="no build"):
                owner.record_tasks(workspace.id, unknown, [RECORD])
        with pytest.raises(NotKnownToRegistry, match="no workspace"):
            owner.builds(NOBODY, BuildFilter(), 10)
        with pytest.raises(NotKnownToRegistry, match="no workspace"):
            owner.register_build(NOBODY, REGISTRATION, "a key")


class TestRunningBuilds:
    def test_one_is_registered_with_all_that_is_said_of_it(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        made = owner.register_build(workspace.id, REGISTRATION, "a key")
        assert made.heartbeat_seconds == 30
        shown = owner.build(workspace.id, made.build.id)
        assert shown.build == made.build
        assert shown.target_roots == REGISTRATION.target_roots
        build = made.build
        assert (build.name, build.description, build.commit) == ("nightly", "A night\nof training", "abc123")
        assert (build.status, build.ended_at, build.error) == ("running", None, None)

    def test_only_a_name_is_needed(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        build = owner.register_build(workspace.id, Registration("nightly", {}), "a key").build
        assert (build.name, build.description, build.commit) == ("nightly", None, None)

    def test_one_is_registered_once_whatever_is_repeated(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        first = owner.register_build(workspace.id, REGISTRATION, "a key")
        assert owner.register_build(workspace.id, REGISTRATION, "a key") == first
        owner.end_build(workspace.id, first.build.id, "completed")
        assert owner.register_build(workspace.id, REGISTRATION, "a key").build.status == "completed"
        another = owner.register_build(workspace.id, REGISTRATION, "another key").build
        found = owner.builds(workspace.id, BuildFilter(), 10).items
        assert [build.id for build in found] == [another.id, first.build.id]

    @pytest.mark.parametrize("name", ["", " nightly", "night\nly", "x" * 101])
    def test_a_name_is_one_line_of_a_hundred_characters_at_most(self, world: World, name: str) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        with pytest.raises(RefusedValue, match="the name: "):
            owner.register_build(workspace.id, Registration(name, {}), "a key")

    def test_its_heart_beats_until_it_has_ended(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        build = owner.register_build(workspace.id, REGISTRATION, "a key").build
        assert owner.heartbeat(workspace.id, build.id) == "running"
        beat = owner.build(workspace.id, build.id).build
        assert beat.heartbeat_at > build.heartbeat_at
        owner.end_build(workspace.id, build.id, "cancelled")
        assert owner.heartbeat(workspace.id, build.id) == "cancelled"

    def test_it_ends_once(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        ends: list[tuple[BuildEnd, str | None]] = [("completed", None), ("failed", "ValueError"), ("cancelled", None)]
        for end, error in ends:
            build = owner.register_build(workspace.id, REGISTRATION, end).build
            ended = owner.end_build(workspace.id, build.id, end, error)
            assert (ended.id, ended.status, ended.error, ended.ended_at is None) == (build.id, end, error, False)
            assert owner.end_build(workspace.id, build.id, end, error) == ended
            assert owner.build(workspace.id, build.id).build == ended
            with pytest.raises(BuildEnded):
                owner.end_build(workspace.id, build.id, "failed" if end == "completed" else "completed")

    def test_only_one_that_failed_has_an_error(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        build = owner.register_build(workspace.id, REGISTRATION, "a key").build
        with pytest.raises(RefusedValue, match="the error: "):
            owner.end_build(workspace.id, build.id, "completed", "ValueError")
        assert owner.heartbeat(workspace.id, build.id) == "running"

    def test_its_tasks_are_recorded_with_all_that_is_said_of_them(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        build = owner.register_build(workspace.id, REGISTRATION, "a key").build
        owner.record_tasks(workspace.id, build.id, [RECORD, RECORD._replace(name="load", status="running")])
        shown = owner.task(workspace.id, task_id("train", RECORD.parameters))
        assert (shown.task.name, shown.task.parameters) == ("train", RECORD.parameters)
        assert (shown.task.status, shown.task.output) == ("failed", RECORD.output)
        assert (shown.task.started_at, shown.task.ended_at) == (RECORD.started_at, RECORD.ended_at)
        assert shown.task.error == "ValueError"
        assert [(run.build_id, run.status) for run in shown.runs] == [(build.id, "failed")]
        assert len(owner.tasks(workspace.id, TaskFilter(build=build.id), 10).items) == 2

    def test_what_is_said_later_takes_the_place_of_what_was_said_before_and_hears_of_the_end(
        self, world: World
    ) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        build = owner.register_build(workspace.id, REGISTRATION, "a key").build
        assert owner.record_tasks(workspace.id, build.id, [RECORD]) == "running"
        owner.end_build(workspace.id, build.id, "cancelled")
        for _ in range(2):
            again = RECORD._replace(status="completed", error=None)
            assert owner.record_tasks(workspace.id, build.id, [again]) == "cancelled"
            (task,) = owner.tasks(workspace.id, TaskFilter(build=build.id), 10).items
            assert (task.status, task.error) == ("completed", None)

    def test_a_task_that_is_reused_keeps_what_is_known_of_it(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        first, second = (owner.register_build(workspace.id, REGISTRATION, key).build for key in ("one", "two"))
        owner.record_tasks(workspace.id, first.id, [RECORD])
        owner.record_tasks(workspace.id, second.id, [RECORD._replace(status="reused", output=None, error=None)])
        shown = owner.task(workspace.id, task_id("train", RECORD.parameters))
        assert (shown.task.status, shown.task.output, shown.task.error) == ("completed", RECORD.output, None)
        assert [(run.build_id, run.status) for run in shown.runs] == [(second.id, "reused"), (first.id, "failed")]

    def test_as_many_tasks_as_there_are_get_recorded(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        build = owner.register_build(workspace.id, REGISTRATION, "a key").build
        large = [RECORD._replace(parameters={"number": number, "much": "é" * 4000}) for number in range(150)]
        many = [RECORD._replace(parameters={"number": number}) for number in range(501)]
        owner.record_tasks(workspace.id, build.id, [*large, *many])
        assert len(owner.tasks(workspace.id, TaskFilter(build=build.id), 1000).items) == 651

    def test_what_can_be_no_task_is_refused_and_nothing_is_recorded(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        build = owner.register_build(workspace.id, REGISTRATION, "a key").build
        for wrong in (RECORD._replace(name="../x"), RECORD._replace(parameters={"not a number": float("nan")})):
            with pytest.raises(InvalidValue):
                owner.record_tasks(workspace.id, build.id, [RECORD, wrong])
        assert owner.tasks(workspace.id, TaskFilter(build=build.id), 10).items == ()


class TestTasks:
    def test_they_are_found_by_name_parameter_status_and_build(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        somebody = world.somebody_with(owner.make_api_key(workspace.id, "ci", "build", None).key)
        one, two = (somebody.register_build(workspace.id) for _ in range(2))
        load = somebody.record_task(workspace.id, one, "load", {"day": "2026-11-01"}, "completed")
        slow = somebody.record_task(workspace.id, one, "train", {"rate": 0.1, "deep": True}, "failed")
        fast = somebody.record_task(workspace.id, two, "train", {"rate": 0.5, "deep": True}, "running")
        for wanted, expected in (
            (TaskFilter(), [fast, slow, load]),
            (TaskFilter(name="train"), [fast, slow]),
            (TaskFilter(status="completed"), [load]),
            (TaskFilter(parameters=("rate=0.1",)), [slow]),
            (TaskFilter(parameters=("deep=true", "rate=0.5")), [fast]),
            (TaskFilter(parameters=("day=2026-11-01",)), [load]),
            (TaskFilter(build=one), [slow, load]),
            (TaskFilter(name="nothing"), []),
        ):
            assert [task.id for task in owner.tasks(workspace.id, wanted, 10).items] == expected
        found = owner.tasks(workspace.id, TaskFilter(), 2)
        assert ([task.id for task in found.items], found.is_whole) == ([fast, slow], False)

    def test_one_is_shown_with_the_builds_that_ran_or_reused_it(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        somebody = world.somebody_with(owner.make_api_key(workspace.id, "ci", "build", None).key)
        one, two = (somebody.register_build(workspace.id) for _ in range(2))
        parameters: dict[str, Json] = {"rate": 0.1, "layers": [1, 2], "name": None}
        recorded = somebody.record_task(workspace.id, one, "train", parameters, "completed")
        somebody.record_task(workspace.id, two, "train", parameters, "reused")
        shown = owner.task(workspace.id, recorded.upper())
        assert (shown.task.id, shown.task.name, shown.task.status) == (
            task_id("train", parameters),
            "train",
            "completed",
        )
        assert shown.task.parameters == parameters
        assert [(run.build_id, run.status) for run in shown.runs] == [(two, "reused"), (one, "completed")]

    def test_what_is_not_there_is_named_and_what_is_no_parameter_refused(self, world: World) -> None:
        _, owner, workspace = workspace_of_the_owner(world)
        for unknown in (task_id("nothing", {}), "no-id", "../me"):
            with pytest.raises(NotKnownToRegistry, match="no task"):
                owner.task(workspace.id, unknown)
        with pytest.raises(RefusedValue):
            owner.tasks(workspace.id, TaskFilter(parameters=("=1",)), 10)
