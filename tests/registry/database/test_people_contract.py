"""What every database of the registry promises of users, members and signing keys."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stardag.domain.target_roots import TargetRoot
from stardag_registry.adapters.database import open_database
from stardag_registry.app.ports import Database
from stardag_registry.domain.errors import AlreadyExists, NotFound
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.signing_keys import SigningKey
from stardag_registry.domain.target_roots import TargetRootRevision
from stardag_registry.domain.users import Membership, User
from tests.registry.in_memory import InMemoryDatabase

NOW = datetime(2026, 11, 24, 12, 30, 15, 123456, tzinfo=UTC)
ACME = Organization("aaaaaaaa-0000-4000-8000-000000000000", "acme", "Acme")
OTHER = Organization("bbbbbbbb-0000-4000-8000-000000000000", "other", "Other")
PRODUCTION = Workspace("aaaaaaaa-0000-4000-8000-000000000001", ACME.id, "production", "Production")
ISSUER = "https://issuer.example"
ALICE = User("cccccccc-0000-4000-8000-000000000001", ISSUER, "1", "alice", "alice@acme.example", email_verified=True)
BOB = User("cccccccc-0000-4000-8000-000000000002", ISSUER, "2", "bob", None, email_verified=False)


@pytest.fixture(params=["in memory", "SQLite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "in memory":
        yield furnished(InMemoryDatabase())
    else:
        with closing(open_database(tmp_path / "registry.sqlite3")) as opened:
            yield furnished(opened)


def furnished(database: Database) -> Database:
    with database.transaction() as transaction:
        transaction.add_organization(OTHER, NOW)
        transaction.add_organization(ACME, NOW)
        transaction.add_workspace(PRODUCTION, NOW)
        transaction.add_user(ALICE, NOW)
        transaction.add_user(BOB, NOW)
    return database


def test_a_user_is_found_by_issuer_and_subject_together(database: Database) -> None:
    with database.reading() as reading:
        assert reading.user(ISSUER, "1") == ALICE
        assert reading.user(ISSUER, "2") == BOB
        assert reading.user("https://other.example", "1") is None
        assert reading.user(ISSUER, "3") is None


CAROL = "cccccccc-0000-4000-8000-000000000003"


@pytest.mark.parametrize("another", [replace(ALICE, id=CAROL, username="carol"), replace(ALICE, id=CAROL, subject="3")])
def test_a_subject_and_a_username_are_taken_once(database: Database, another: User) -> None:
    with database.transaction() as transaction, pytest.raises(AlreadyExists):
        transaction.add_user(another, NOW)
    with database.transaction() as transaction:
        assert transaction.is_username_taken("alice")
        assert not transaction.is_username_taken("carol")


def test_a_subject_of_another_issuer_is_somebody_else(database: Database) -> None:
    namesake = replace(ALICE, id="cccccccc-0000-4000-8000-000000000003", issuer="https://b.example", username="alice-2")
    with database.transaction() as transaction:
        transaction.add_user(namesake, NOW)
    with database.reading() as reading:
        assert reading.user("https://b.example", "1") == namesake
        assert reading.user(ISSUER, "1") == ALICE


def test_a_user_gets_another_address_and_keeps_the_name(database: Database) -> None:
    moved = replace(BOB, email="bob@acme.example", email_verified=True)
    with database.transaction() as transaction:
        transaction.change_user(moved)
    with database.reading() as reading:
        assert reading.user(ISSUER, "2") == moved


def test_members_are_found_by_organization_and_by_user(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.add_member(OTHER.id, ALICE.id, "member", NOW)
        transaction.add_member(ACME.id, ALICE.id, "owner", NOW)
    with database.reading() as reading:
        assert list(reading.memberships_of(ALICE.id)) == [Membership(ACME, "owner"), Membership(OTHER, "member")]
        assert list(reading.memberships_of(BOB.id)) == []
        assert reading.member(OTHER.id, ALICE.id) == (ALICE, Membership(OTHER, "member"))
        assert reading.member(ACME.id, BOB.id) is None


def test_an_organization_knows_whether_it_has_an_owner(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.add_member(ACME.id, BOB.id, "admin", NOW)
        assert not transaction.has_owner(ACME.id)
        transaction.add_member(ACME.id, ALICE.id, "owner", NOW)
        assert transaction.has_owner(ACME.id)
        assert not transaction.has_owner(OTHER.id)
        assert transaction.organization_by_slug("acme") == ACME
        assert transaction.organization_by_slug("nothing") is None


def test_a_member_is_one_once_and_only_of_what_is_there(database: Database) -> None:
    nobody = "dddddddd-0000-4000-8000-000000000000"
    with database.transaction() as transaction:
        transaction.add_member(ACME.id, ALICE.id, "member", NOW)
    with database.transaction() as transaction, pytest.raises(AlreadyExists):
        transaction.add_member(ACME.id, ALICE.id, "owner", NOW)
    with database.transaction() as transaction, pytest.raises(NotFound):
        transaction.add_member(nobody, ALICE.id, "owner", NOW)
    with database.transaction() as transaction, pytest.raises(NotFound):
        transaction.add_member(ACME.id, nobody, "owner", NOW)


def test_whoever_is_removed_is_no_member_any_more(database: Database) -> None:
    with database.transaction() as transaction:
        transaction.add_member(ACME.id, ALICE.id, "owner", NOW)
        transaction.add_member(OTHER.id, ALICE.id, "owner", NOW)
    with database.transaction() as transaction:
        transaction.remove_member(ACME.id, ALICE.id)
    with database.reading() as reading:
        assert reading.member(ACME.id, ALICE.id) is None
        assert list(reading.memberships_of(ALICE.id)) == [Membership(OTHER, "owner")]
    with database.transaction() as transaction, pytest.raises(NotFound):
        transaction.remove_member(ACME.id, ALICE.id)


def test_the_history_names_the_user_who_changed_a_root(database: Database) -> None:
    revision = TargetRootRevision(PRODUCTION.id, "default", None, "/a/", NOW, api_key_id=None, user_id=ALICE.id)
    with database.transaction() as transaction:
        transaction.add_target_root(PRODUCTION.id, TargetRoot("default", "/a/"))
        transaction.add_target_root_revision(revision)
    with database.transaction() as transaction:
        assert list(transaction.target_root_revisions(PRODUCTION.id)) == [revision]


def test_signing_keys_are_listed_the_newest_first_and_forgotten(database: Database) -> None:
    keys = [SigningKey(name, f"PEM of {name}", NOW + timedelta(seconds=n)) for n, name in enumerate("bca")]
    with database.transaction() as transaction:
        for key in keys:
            transaction.add_signing_key(key)
    with database.reading() as reading:
        assert list(reading.signing_keys()) == keys[::-1]
    with database.transaction() as transaction:
        transaction.remove_signing_key("c")
        transaction.remove_signing_key("nothing")
    with database.reading() as reading:
        assert [key.id for key in reading.signing_keys()] == ["a", "b"]
