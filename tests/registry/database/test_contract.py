"""What every database of the registry promises: the one in memory and the real one."""

import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stardag.domain.target_roots import TargetRoot
from stardag_registry.adapters.database import open_database
from stardag_registry.app.ports import Database, Transaction
from stardag_registry.domain.api_keys import ApiKey, ApiKeySecret
from stardag_registry.domain.errors import AlreadyExists, NotFound
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import ApiKeyCaller
from stardag_registry.domain.target_roots import TargetRootRevision
from tests.registry.in_memory import InMemoryDatabase

NOW = datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC)
ACME = Organization("aaaaaaaa-0000-4000-8000-000000000000", "acme", "Acme")
OTHER = Organization("bbbbbbbb-0000-4000-8000-000000000000", "other", "Other")
PRODUCTION = Workspace("aaaaaaaa-0000-4000-8000-000000000001", ACME.id, "production", "Production")
STAGING = Workspace("aaaaaaaa-0000-4000-8000-000000000002", ACME.id, "staging", "Staging")
KEY = ApiKey("aaaaaaaa-0000-4000-8000-000000000003", PRODUCTION.id, "CI", "build", NOW, NOW + timedelta(days=1))
FINGERPRINT = ApiKeySecret("secret").fingerprint
ROOT = TargetRoot("default", "s3://bucket/prefix/")


@pytest.fixture(params=["in memory", "SQLite"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "in memory":
        yield InMemoryDatabase()
    else:
        with closing(open_database(tmp_path / "registry.sqlite3")) as opened:
            yield opened


@pytest.fixture
def furnished(database: Database) -> Database:
    with database.transaction() as transaction:
        transaction.add_organization(ACME, NOW)
        transaction.add_workspace(PRODUCTION, NOW)
        transaction.add_workspace(STAGING, NOW)
        transaction.add_api_key(KEY, FINGERPRINT)
    return database


def test_a_new_one_is_empty(database: Database) -> None:
    with database.reading() as reading:
        assert not reading.has_organizations()
        assert reading.caller_by_fingerprint(FINGERPRINT) is None
        assert list(reading.target_roots(PRODUCTION.id)) == []


def test_what_is_committed_is_read(furnished: Database) -> None:
    with furnished.reading() as reading:
        assert reading.has_organizations()
        assert reading.caller_by_fingerprint(FINGERPRINT) == ApiKeyCaller(KEY, PRODUCTION, ACME)


def test_a_key_is_found_by_its_id(furnished: Database) -> None:
    with furnished.transaction() as transaction:
        assert transaction.api_key(KEY.id) == KEY
        assert transaction.api_key(STAGING.id) is None


def test_moments_keep_their_microseconds_and_their_zone(furnished: Database) -> None:
    with furnished.transaction() as transaction:
        api_key = transaction.api_key(KEY.id)
    assert api_key is not None
    assert api_key.created_at == NOW
    assert api_key.created_at.utcoffset() == timedelta(0)


def test_an_exception_takes_everything_back(furnished: Database) -> None:
    with suppress(ZeroDivisionError), furnished.transaction() as transaction:
        transaction.add_organization(OTHER, NOW)
        transaction.add_target_root(PRODUCTION.id, ROOT)
        raise ZeroDivisionError
    with furnished.transaction() as transaction:
        assert not transaction.target_roots(PRODUCTION.id)
        transaction.add_organization(OTHER, NOW)


def test_a_transaction_sees_its_own_writes_and_nobody_else_does(furnished: Database) -> None:
    with furnished.transaction() as transaction, furnished.reading() as reading:
        transaction.add_target_root(PRODUCTION.id, ROOT)
        assert list(transaction.target_roots(PRODUCTION.id)) == [ROOT]
        assert not reading.target_roots(PRODUCTION.id)


def test_a_slug_is_taken_once(furnished: Database) -> None:
    with pytest.raises(AlreadyExists), furnished.transaction() as transaction:
        transaction.add_organization(Organization(OTHER.id, ACME.slug, "Another"), NOW)
    with pytest.raises(AlreadyExists), furnished.transaction() as transaction:
        transaction.add_workspace(Workspace(OTHER.id, ACME.id, PRODUCTION.slug, "Another"), NOW)


def test_two_organizations_may_have_workspaces_of_one_slug(furnished: Database) -> None:
    with furnished.transaction() as transaction:
        transaction.add_organization(OTHER, NOW)
        transaction.add_workspace(Workspace(KEY.id, OTHER.id, PRODUCTION.slug, "Theirs"), NOW)


def test_nothing_hangs_on_what_is_not_there(furnished: Database) -> None:
    with pytest.raises(NotFound), furnished.transaction() as transaction:
        transaction.add_workspace(Workspace(KEY.id, OTHER.id, "dev", "Dev"), NOW)
    with pytest.raises(NotFound), furnished.transaction() as transaction:
        transaction.add_api_key(ApiKey(OTHER.id, OTHER.id, "CI", "build", NOW), "f" * 64)
    with pytest.raises(NotFound), furnished.transaction() as transaction:
        transaction.add_target_root(OTHER.id, ROOT)


def test_a_refusal_inside_a_transaction_takes_back_what_came_before(furnished: Database) -> None:
    with suppress(AlreadyExists), furnished.transaction() as transaction:
        transaction.add_target_root(PRODUCTION.id, ROOT)
        transaction.add_target_root(PRODUCTION.id, ROOT)
    with furnished.reading() as reading:
        assert not reading.target_roots(PRODUCTION.id)


def test_a_key_is_revoked_once(furnished: Database) -> None:
    for moment in (NOW + timedelta(hours=1), NOW + timedelta(hours=2)):
        with furnished.transaction() as transaction:
            transaction.revoke_api_key(KEY.id, moment)
    with furnished.reading() as reading:
        caller = reading.caller_by_fingerprint(FINGERPRINT)
    assert caller is not None
    assert caller.api_key.revoked_at == NOW + timedelta(hours=1)


def test_revoking_a_key_that_is_missing_changes_nothing(furnished: Database) -> None:
    with furnished.transaction() as transaction:
        transaction.revoke_api_key(OTHER.id, NOW)
        assert transaction.api_key(KEY.id) == KEY


def test_roots_are_sorted_by_name_and_kept_apart_by_workspace(furnished: Database) -> None:
    names = ["b", "a-1", "a1", "a_1", "a", "a-b", "10", "9"]
    with furnished.transaction() as transaction:
        for name in names:
            transaction.add_target_root(PRODUCTION.id, TargetRoot(name, "/data/"))
        transaction.add_target_root(STAGING.id, ROOT)
    with furnished.reading() as reading:
        assert [root.name for root in reading.target_roots(PRODUCTION.id)] == sorted(names)
        assert list(reading.target_roots(STAGING.id)) == [ROOT]


def test_a_root_is_changed_and_removed_in_its_workspace_alone(furnished: Database) -> None:
    changed = TargetRoot(ROOT.name, "/elsewhere/")
    with furnished.transaction() as transaction:
        transaction.add_target_root(PRODUCTION.id, ROOT)
        transaction.add_target_root(STAGING.id, ROOT)
        transaction.change_target_root(PRODUCTION.id, changed)
        assert list(transaction.target_roots(PRODUCTION.id)) == [changed]
        assert list(transaction.target_roots(STAGING.id)) == [ROOT]
        transaction.remove_target_root(PRODUCTION.id, ROOT.name)
        assert not transaction.target_roots(PRODUCTION.id)
        assert list(transaction.target_roots(STAGING.id)) == [ROOT]


def test_a_root_that_is_missing_is_neither_changed_nor_removed(furnished: Database) -> None:
    with furnished.transaction() as transaction:
        transaction.add_target_root(STAGING.id, ROOT)
        with pytest.raises(NotFound):
            transaction.change_target_root(PRODUCTION.id, ROOT)
        with pytest.raises(NotFound):
            transaction.remove_target_root(PRODUCTION.id, ROOT.name)


def test_a_root_survives_as_it_was_written(furnished: Database) -> None:
    root = TargetRoot("names", 's3://büro/über/ ’quoted’ "double" \\ %41/')
    with furnished.transaction() as transaction:
        transaction.add_target_root(PRODUCTION.id, root)
    with furnished.reading() as reading:
        assert list(reading.target_roots(PRODUCTION.id)) == [root]


def test_the_history_is_in_order_and_outlives_the_root(furnished: Database) -> None:
    revisions = [
        TargetRootRevision(PRODUCTION.id, "a", None, "/1/", NOW, None),
        TargetRootRevision(PRODUCTION.id, "a", "/1/", "/2/", NOW, KEY.id),
        TargetRootRevision(PRODUCTION.id, "a", "/2/", None, NOW, KEY.id),
    ]
    with furnished.transaction() as transaction:
        for revision in revisions:
            transaction.add_target_root_revision(revision)
    with furnished.transaction() as transaction:
        assert list(transaction.target_root_revisions(PRODUCTION.id)) == revisions
        assert not transaction.target_root_revisions(STAGING.id)


def test_transactions_run_one_after_the_other(furnished: Database) -> None:
    """Sixteen of them each add the root after those that they see: none is lost, and no name is chosen twice."""

    def add_next(transaction: Transaction) -> None:
        count = len(transaction.target_roots(PRODUCTION.id))
        transaction.add_target_root(PRODUCTION.id, TargetRoot(f"root-{count:03}", "/data/"))

    def add_four() -> None:
        for _ in range(4):
            with furnished.transaction() as transaction:
                add_next(transaction)

    threads = [threading.Thread(target=add_four) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with furnished.reading() as reading:
        assert [root.name for root in reading.target_roots(PRODUCTION.id)] == [f"root-{n:03}" for n in range(16)]
