"""What every database of the registry promises of organizations, workspaces, users, members, invitations and signing
keys."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stardag_registry.app.ports import Database, RevisionFilter
from stardag_registry.domain.access_tokens import AccessToken
from stardag_registry.domain.api_keys import ApiKey
from stardag_registry.domain.errors import AlreadyExists, NotFound
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.signing_keys import SigningKey
from stardag_registry.domain.target_roots import TargetRootRevision
from stardag_registry.domain.users import Invitation, Member, Membership, User

NOW = datetime(2026, 11, 24, 12, 30, 15, 123456, tzinfo=UTC)
ACME = Organization("aaaaaaaa-0000-4000-8000-000000000000", "acme", "Acme")
OTHER = Organization("bbbbbbbb-0000-4000-8000-000000000000", "other", "Other")
PRODUCTION = Workspace("aaaaaaaa-0000-4000-8000-000000000001", ACME.id, "production", "Production")
ISSUER = "https://issuer.example"
ALICE = User("cccccccc-0000-4000-8000-000000000001", ISSUER, "1", "alice", "alice@acme.example", email_verified=True)
BOB = User("cccccccc-0000-4000-8000-000000000002", ISSUER, "2", "bob", None, email_verified=False)


@pytest.fixture
def furnished(database: Database) -> Database:
    with database.transaction() as transaction:
        transaction.add_organization(OTHER, NOW)
        transaction.add_organization(ACME, NOW)
        transaction.add_workspace(PRODUCTION, NOW)
        transaction.add_user(ALICE, NOW)
        transaction.add_user(BOB, NOW)
    return database


def test_a_user_is_found_by_issuer_and_subject_together(furnished: Database) -> None:
    with furnished.reading() as reading:
        assert reading.user(ISSUER, "1") == ALICE
        assert reading.user(ISSUER, "2") == BOB
        assert reading.user("https://other.example", "1") is None
        assert reading.user(ISSUER, "3") is None


CAROL = "cccccccc-0000-4000-8000-000000000003"


@pytest.mark.parametrize("another", [replace(ALICE, id=CAROL, username="carol"), replace(ALICE, id=CAROL, subject="3")])
def test_a_subject_and_a_username_are_taken_once(furnished: Database, another: User) -> None:
    with furnished.transaction() as transaction, pytest.raises(AlreadyExists):
        transaction.add_user(another, NOW)
    with furnished.transaction() as transaction:
        assert transaction.is_username_taken("alice")
        assert not transaction.is_username_taken("carol")


def test_a_subject_of_another_issuer_is_somebody_else(furnished: Database) -> None:
    namesake = replace(ALICE, id="cccccccc-0000-4000-8000-000000000003", issuer="https://b.example", username="alice-2")
    with furnished.transaction() as transaction:
        transaction.add_user(namesake, NOW)
    with furnished.reading() as reading:
        assert reading.user("https://b.example", "1") == namesake
        assert reading.user(ISSUER, "1") == ALICE


def test_a_user_gets_another_address_and_keeps_the_name(furnished: Database) -> None:
    moved = replace(BOB, email="bob@acme.example", email_verified=True)
    with furnished.transaction() as transaction:
        transaction.change_user(moved)
    with furnished.reading() as reading:
        assert reading.user(ISSUER, "2") == moved


def test_members_are_found_by_organization_and_by_user(furnished: Database) -> None:
    with furnished.transaction() as transaction:
        transaction.add_member(OTHER.id, ALICE.id, "member", NOW)
        transaction.add_member(ACME.id, ALICE.id, "owner", NOW)
    with furnished.reading() as reading:
        assert list(reading.memberships_of(ALICE.id)) == [Membership(ACME, "owner"), Membership(OTHER, "member")]
        assert list(reading.memberships_of(BOB.id)) == []
        assert reading.member(OTHER.id, ALICE.id) == (ALICE, Membership(OTHER, "member"))
        assert reading.member(ACME.id, BOB.id) is None


def test_an_organization_knows_whether_it_has_an_owner(furnished: Database) -> None:
    with furnished.transaction() as transaction:
        transaction.add_member(ACME.id, BOB.id, "admin", NOW)
        assert not transaction.has_owner(ACME.id)
        transaction.add_member(ACME.id, ALICE.id, "owner", NOW)
        assert transaction.has_owner(ACME.id)
        assert not transaction.has_owner(OTHER.id)
        assert transaction.organization_by_slug("acme") == ACME
        assert transaction.organization_by_slug("nothing") is None


def test_a_member_is_one_once_and_only_of_what_is_there(furnished: Database) -> None:
    nobody = "dddddddd-0000-4000-8000-000000000000"
    with furnished.transaction() as transaction:
        transaction.add_member(ACME.id, ALICE.id, "member", NOW)
    with furnished.transaction() as transaction, pytest.raises(AlreadyExists):
        transaction.add_member(ACME.id, ALICE.id, "owner", NOW)
    with furnished.transaction() as transaction, pytest.raises(NotFound):
        transaction.add_member(nobody, ALICE.id, "owner", NOW)
    with furnished.transaction() as transaction, pytest.raises(NotFound):
        transaction.add_member(ACME.id, nobody, "owner", NOW)


def test_whoever_is_removed_is_no_member_any_more(furnished: Database) -> None:
    with furnished.transaction() as transaction:
        transaction.add_member(ACME.id, ALICE.id, "owner", NOW)
        transaction.add_member(OTHER.id, ALICE.id, "owner", NOW)
    with furnished.transaction() as transaction:
        transaction.remove_member(ACME.id, ALICE.id)
    with furnished.reading() as reading:
        assert reading.member(ACME.id, ALICE.id) is None
        assert list(reading.memberships_of(ALICE.id)) == [Membership(OTHER, "owner")]
    with furnished.transaction() as transaction, pytest.raises(NotFound):
        transaction.remove_member(ACME.id, ALICE.id)


def test_the_history_names_the_user_who_changed_a_root(furnished: Database) -> None:
    revision = TargetRootRevision(PRODUCTION.id, "default", None, "/a/", NOW, user_id=ALICE.id, by="alice")
    with furnished.transaction() as transaction:
        transaction.add_target_root_revision(revision)
    with furnished.reading() as reading:
        (told,) = reading.target_root_revisions(PRODUCTION.id, RevisionFilter(), None, 10)
    assert replace(told, number=0) == revision


def test_signing_keys_are_listed_the_newest_first_and_forgotten(furnished: Database) -> None:
    keys = [SigningKey(name, f"PEM of {name}", NOW + timedelta(seconds=n)) for n, name in enumerate("bca")]
    with furnished.transaction() as transaction:
        for key in keys:
            transaction.add_signing_key(key)
    with furnished.reading() as reading:
        assert list(reading.signing_keys()) == keys[::-1]
    with furnished.transaction() as transaction:
        transaction.remove_signing_key("c")
        transaction.remove_signing_key("nothing")
    with furnished.reading() as reading:
        assert [key.id for key in reading.signing_keys()] == ["a", "b"]


KEY = ApiKey("aaaaaaaa-0000-4000-8000-000000000003", PRODUCTION.id, "CI", "build", NOW)
FINGERPRINT = "1" * 64
INVITATION = Invitation(
    "dddddddd-0000-4000-8000-000000000001", ACME.id, "carol@acme.example", "admin", NOW, NOW + timedelta(1), "alice"
)


def test_members_are_listed_by_username_with_what_they_are_and_since_when(furnished: Database) -> None:
    with furnished.transaction() as transaction:
        transaction.add_member(ACME.id, BOB.id, "member", NOW + timedelta(days=1))
        transaction.add_member(ACME.id, ALICE.id, "owner", NOW)
        transaction.add_member(OTHER.id, ALICE.id, "admin", NOW)
        transaction.change_role(ACME.id, BOB.id, "admin")
    with furnished.reading() as reading:
        assert list(reading.members_of(ACME.id)) == [
            Member(ALICE, "owner", NOW),
            Member(BOB, "admin", NOW + timedelta(days=1)),
        ]
        assert list(reading.members_of(OTHER.id)) == [Member(ALICE, "admin", NOW)]


def test_whoever_is_no_member_has_no_role_to_change(furnished: Database) -> None:
    with furnished.transaction() as transaction, pytest.raises(NotFound):
        transaction.change_role(ACME.id, ALICE.id, "owner")


def test_a_workspace_is_kept_with_all_that_it_is(furnished: Database) -> None:
    whole = Workspace(BOB.id, ACME.id, "personal-bob", "Bob's", "two\nlines", owner_id=BOB.id, archived_at=NOW)
    with furnished.transaction() as transaction:
        transaction.add_workspace(whole, NOW)
        transaction.add_api_key(replace(KEY, workspace_id=whole.id), FINGERPRINT)
    with furnished.reading() as reading:
        assert reading.workspace(whole.id) == whole
        assert list(reading.workspaces_of(ACME.id)) == [whole, PRODUCTION]
        caller = reading.caller_by_fingerprint(FINGERPRINT)
    assert caller is not None
    assert caller.workspace == whole


def test_a_workspace_is_changed_in_everything_but_its_id(furnished: Database) -> None:
    changed = replace(PRODUCTION, slug="prod", name="Prod", description="ours", archived_at=NOW)
    with furnished.transaction() as transaction:
        transaction.change_workspace(changed)
        transaction.add_workspace(replace(PRODUCTION, id=CAROL), NOW)
    with furnished.reading() as reading:
        assert reading.workspace(PRODUCTION.id) == changed
        assert reading.workspace(CAROL) == replace(PRODUCTION, id=CAROL)


def test_a_personal_workspace_is_found_by_organization_and_user_together(furnished: Database) -> None:
    own = Workspace(CAROL, ACME.id, "personal-bob", "Bob's", owner_id=BOB.id)
    with furnished.transaction() as transaction:
        transaction.add_workspace(own, NOW)
        assert transaction.personal_workspace(ACME.id, BOB.id) == own
        assert transaction.personal_workspace(OTHER.id, BOB.id) is None
        assert transaction.personal_workspace(ACME.id, ALICE.id) is None
        transaction.delete_workspace(own.id, NOW)
        assert transaction.personal_workspace(ACME.id, BOB.id) is None


def test_a_deleted_workspace_is_found_no_more_and_its_keys_count_no_more(furnished: Database) -> None:
    sibling = replace(PRODUCTION, id=CAROL, slug="staging")
    siblings_key = replace(KEY, id=CAROL, workspace_id=sibling.id)
    with furnished.transaction() as transaction:
        transaction.add_workspace(sibling, NOW)
        transaction.add_api_key(KEY, FINGERPRINT)
        transaction.add_api_key(siblings_key, "2" * 64)
    with furnished.transaction() as transaction:
        transaction.delete_workspace(PRODUCTION.id, NOW + timedelta(hours=1))
    with furnished.reading() as reading:
        assert reading.workspace(PRODUCTION.id) is None
        assert list(reading.workspaces_of(ACME.id)) == [sibling]
        caller = reading.caller_by_fingerprint(FINGERPRINT)
        assert caller is not None
        assert caller.api_key.revoked_at == NOW + timedelta(hours=1)
        assert list(reading.api_keys_of(sibling.id)) == [siblings_key]


def test_the_slug_of_a_deleted_workspace_is_free(furnished: Database) -> None:
    with furnished.transaction() as transaction:
        transaction.delete_workspace(PRODUCTION.id, NOW)
        transaction.add_workspace(replace(PRODUCTION, id=CAROL), NOW)
        transaction.delete_workspace(CAROL, NOW)
        transaction.add_workspace(replace(PRODUCTION, id=BOB.id), NOW)
    with furnished.reading() as reading:
        assert [each.id for each in reading.workspaces_of(ACME.id)] == [BOB.id]


def test_nobody_belongs_to_a_deleted_organization(furnished: Database) -> None:
    with furnished.transaction() as transaction:
        transaction.add_api_key(KEY, FINGERPRINT)
        for organization in (ACME, OTHER):
            transaction.add_member(organization.id, ALICE.id, "owner", NOW)
        transaction.replace_invitation(INVITATION, "2" * 64)
        transaction.replace_invitation(replace(INVITATION, id=CAROL, organization_id=OTHER.id), "3" * 64)
    with furnished.transaction() as transaction:
        transaction.delete_organization(ACME.id, NOW)
    with furnished.reading() as reading:
        assert list(reading.members_of(ACME.id)) == []
        assert list(reading.memberships_of(ALICE.id)) == [Membership(OTHER, "owner")]
        assert list(reading.invitations_of(ACME.id)) == []
        assert reading.invitation("2" * 64) is None
        assert reading.invitation("3" * 64) is not None
        caller = reading.caller_by_fingerprint(FINGERPRINT)
        assert caller is not None
        assert not caller.api_key.counts_at(NOW)


def test_the_slug_of_a_deleted_organization_is_free(furnished: Database) -> None:
    again = replace(ACME, id=CAROL)
    with furnished.transaction() as transaction:
        transaction.delete_organization(ACME.id, NOW)
        assert transaction.organization_by_slug(ACME.slug) is None
        transaction.add_organization(again, NOW)
        assert transaction.organization_by_slug(ACME.slug) == again


def test_nobody_can_keep_a_thing_from_being_deleted_by_taking_a_slug(furnished: Database) -> None:
    """Whatever name a deleted one goes by, it must not be one that somebody could have foreseen."""
    for an_id in (ACME.id, PRODUCTION.id):
        squatted = f"deleted-{an_id.replace('-', '')}"
        with furnished.transaction() as transaction:
            transaction.add_organization(Organization(an_id.replace("a", "e"), squatted, "Squatter"), NOW)
            transaction.add_workspace(Workspace(an_id.replace("a", "e"), ACME.id, squatted, "Squatter"), NOW)
    with furnished.transaction() as transaction:
        transaction.delete_workspace(PRODUCTION.id, NOW)
        transaction.delete_organization(ACME.id, NOW)
    with furnished.reading() as reading:
        assert reading.workspace(PRODUCTION.id) is None


def test_an_invitation_is_found_by_the_fingerprint_of_its_secret(furnished: Database) -> None:
    with furnished.transaction() as transaction:
        transaction.replace_invitation(INVITATION, FINGERPRINT)
    with furnished.reading() as reading:
        assert reading.invitation(FINGERPRINT) == (INVITATION, ACME)
        assert reading.invitation("2" * 64) is None


def test_an_invitation_takes_the_place_of_one_of_the_same_address_to_the_same_organization(furnished: Database) -> None:
    first_address = replace(INVITATION, id=BOB.id, email="a@acme.example")
    elsewhere = replace(INVITATION, id=ALICE.id, organization_id=OTHER.id)
    again = replace(INVITATION, id=CAROL, role="member", made_at=NOW + timedelta(hours=1))
    with furnished.transaction() as transaction:
        for number, invitation in enumerate((INVITATION, first_address, elsewhere, again)):
            transaction.replace_invitation(invitation, f"{number}" * 64)
    with furnished.reading() as reading:
        assert list(reading.invitations_of(ACME.id)) == [first_address, again]
        assert list(reading.invitations_of(OTHER.id)) == [elsewhere]
        assert reading.invitation("0" * 64) is None
        assert reading.invitation("3" * 64) == (again, ACME)


def test_an_invitation_is_forgotten(furnished: Database) -> None:
    with furnished.transaction() as transaction:
        transaction.replace_invitation(INVITATION, FINGERPRINT)
        transaction.remove_invitation(INVITATION.id)
        transaction.remove_invitation(INVITATION.id)
        assert transaction.invitation(FINGERPRINT) is None


TOKEN = AccessToken("eeeeeeee-0000-4000-8000-000000000001", ACME.id, ALICE.id, NOW, NOW + timedelta(hours=1))


class TestAccessTokens:
    @pytest.fixture
    def held(self, furnished: Database) -> Database:
        """Alice and Bob belong to both organizations, and Alice has a token in one."""
        with furnished.transaction() as transaction:
            for organization in (ACME, OTHER):
                for user in (ALICE, BOB):
                    transaction.add_member(organization.id, user.id, "admin", NOW)
            transaction.add_access_token(TOKEN, FINGERPRINT)
        return furnished

    def test_one_is_found_with_whoever_holds_it(self, held: Database) -> None:
        holder = (TOKEN, ALICE, Membership(ACME, "admin"))
        with held.reading() as reading:
            assert reading.holder_by_fingerprint(FINGERPRINT) == holder
            assert reading.holder_by_token_id(TOKEN.id) == holder
            assert reading.holder_by_fingerprint("2" * 64) is None
            assert reading.holder_by_token_id(ALICE.id) is None

    def test_a_role_is_what_it_is_now(self, held: Database) -> None:
        with held.transaction() as transaction:
            transaction.change_role(ACME.id, ALICE.id, "owner")
            assert transaction.holder_by_token_id(TOKEN.id) == (TOKEN, ALICE, Membership(ACME, "owner"))

    def test_one_that_is_revoked_is_found_and_not_counted(self, held: Database) -> None:
        with held.transaction() as transaction:
            assert transaction.count_access_tokens(ACME.id, ALICE.id) == 1
            transaction.revoke_access_token(TOKEN.id, NOW)
            assert transaction.count_access_tokens(ACME.id, ALICE.id) == 0
        with held.reading() as reading:
            found = reading.holder_by_fingerprint(FINGERPRINT)
        assert found is not None
        assert found[0] == replace(TOKEN, revoked_at=NOW)

    def test_they_count_by_user_and_organization(self, held: Database) -> None:
        with held.transaction() as transaction:
            for number, (organization, user) in enumerate([(ACME, BOB), (OTHER, ALICE), (ACME, ALICE)], 2):
                an_id = f"eeeeeeee-0000-4000-8000-00000000001{number}"
                another = replace(TOKEN, id=an_id, organization_id=organization.id, user_id=user.id)
                transaction.add_access_token(another, f"{number}" * 64)
            assert transaction.count_access_tokens(ACME.id, ALICE.id) == 2
            assert transaction.count_access_tokens(ACME.id, BOB.id) == 1
            assert transaction.count_access_tokens(OTHER.id, BOB.id) == 0

    def test_those_that_have_expired_are_forgotten(self, held: Database) -> None:
        later = replace(TOKEN, id=CAROL, expires_at=TOKEN.expires_at + timedelta(microseconds=1), revoked_at=NOW)
        with held.transaction() as transaction:
            transaction.add_access_token(later, "2" * 64)
            transaction.remove_expired_access_tokens(TOKEN.expires_at - timedelta(microseconds=1))
            assert transaction.holder_by_token_id(TOKEN.id) is not None
            transaction.remove_expired_access_tokens(TOKEN.expires_at)
            assert transaction.holder_by_token_id(TOKEN.id) is None
            assert transaction.holder_by_token_id(later.id) is not None

    @pytest.mark.parametrize("how", ["removed", "deleted"])
    def test_they_go_with_the_membership(self, held: Database, how: str) -> None:
        elsewhere = replace(TOKEN, id=CAROL, organization_id=OTHER.id)
        bobs = replace(TOKEN, id=BOB.id, user_id=BOB.id)
        with held.transaction() as transaction:
            transaction.add_access_token(elsewhere, "2" * 64)
            transaction.add_access_token(bobs, "3" * 64)
            if how == "removed":
                transaction.remove_member(ACME.id, ALICE.id)
                transaction.add_member(ACME.id, ALICE.id, "admin", NOW)
            else:
                transaction.delete_organization(ACME.id, NOW)
        with held.reading() as reading:
            assert reading.holder_by_fingerprint(FINGERPRINT) is None
            assert reading.holder_by_fingerprint("2" * 64) is not None
            assert (reading.holder_by_fingerprint("3" * 64) is None) == (how == "deleted")
