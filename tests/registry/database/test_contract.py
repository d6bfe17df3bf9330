"""What every database of the registry promises of transactions, keys, target roots, their history, and the audit."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from stardag.domain.target_roots import TargetRoot
from stardag_registry.app.ports import AuditFilter, Database, RevisionFilter, Transaction
from stardag_registry.domain.api_keys import ApiKey, ApiKeySecret
from stardag_registry.domain.audit import AuditEntry
from stardag_registry.domain.errors import AlreadyExists, NotFound
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import ApiKeyCaller
from stardag_registry.domain.target_roots import TargetRootRevision

NOW = datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC)
ACME = Organization("aaaaaaaa-0000-4000-8000-000000000000", "acme", "Acme")
OTHER = Organization("bbbbbbbb-0000-4000-8000-000000000000", "other", "Other")
PRODUCTION = Workspace("aaaaaaaa-0000-4000-8000-000000000001", ACME.id, "production", "Production")
STAGING = Workspace("aaaaaaaa-0000-4000-8000-000000000002", ACME.id, "staging", "Staging")
KEY = ApiKey("aaaaaaaa-0000-4000-8000-000000000003", PRODUCTION.id, "CI", "build", NOW, NOW + timedelta(days=1))
FINGERPRINT = ApiKeySecret("secret").fingerprint
ROOT = TargetRoot("default", "s3://bucket/prefix/")


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
    with furnished.reading() as reading:
        assert reading.caller_by_key_id(KEY.id) == ApiKeyCaller(KEY, PRODUCTION, ACME)
        assert reading.caller_by_key_id(STAGING.id) is None


def test_moments_keep_their_microseconds_and_are_in_utc(furnished: Database) -> None:
    in_kathmandu = NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))
    another = replace(KEY, id=OTHER.id, created_at=in_kathmandu, expires_at=None)
    with furnished.transaction() as transaction:
        transaction.add_api_key(another, "f" * 64)
    with furnished.reading() as reading:
        moments = [api_key.created_at for api_key in reading.api_keys_of(PRODUCTION.id)]
    assert moments == [NOW, NOW]
    assert all(moment.utcoffset() == timedelta(0) for moment in moments[:1])


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
        assert list(transaction.api_keys_of(PRODUCTION.id)) == [KEY]


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


def test_the_version_of_a_workspaces_roots_is_another_after_every_change_to_them(furnished: Database) -> None:
    def version() -> str:
        with furnished.reading() as reading:
            found, caller = reading.workspace(PRODUCTION.id), reading.caller_by_key_id(KEY.id)
        assert found is not None
        assert caller is not None
        assert caller.workspace.target_roots_version == found.target_roots_version
        return found.target_roots_version

    changes: list[Callable[[Transaction], None]] = [
        lambda transaction: transaction.add_target_root(PRODUCTION.id, TargetRoot("a", "/1/")),
        lambda transaction: transaction.change_target_root(PRODUCTION.id, TargetRoot("a", "/2/")),
        lambda transaction: transaction.remove_target_root(PRODUCTION.id, "a"),
        lambda transaction: transaction.add_target_root(PRODUCTION.id, TargetRoot("a", "/1/")),
    ]
    versions = [version()]
    for change in changes:
        with furnished.transaction() as transaction:
            change(transaction)
        versions.append(version())
    assert len(set(versions)) == 5
    with furnished.transaction() as transaction:
        transaction.change_workspace(replace(PRODUCTION, name="Another"))
        transaction.add_target_root(STAGING.id, ROOT)
    assert version() == versions[-1]


def test_a_root_survives_as_it_was_written(furnished: Database) -> None:
    root = TargetRoot("names", 's3://büro/über/ ’quoted’ "double" \\ %41/')
    with furnished.transaction() as transaction:
        transaction.add_target_root(PRODUCTION.id, root)
    with furnished.reading() as reading:
        assert list(reading.target_roots(PRODUCTION.id)) == [root]


def test_the_keys_of_a_workspace_are_listed_the_oldest_first_revoked_ones_too(furnished: Database) -> None:
    same_moment = [replace(KEY, id=f"aaaaaaaa-0000-4000-8000-00000000000{n}", name=f"key {n}") for n in (5, 4)]
    older = replace(KEY, id="ffffffff-0000-4000-8000-000000000000", created_at=NOW - timedelta(seconds=1))
    elsewhere = replace(KEY, id="eeeeeeee-0000-4000-8000-000000000000", workspace_id=STAGING.id)
    with furnished.transaction() as transaction:
        for number, api_key in enumerate([*same_moment, older, elsewhere]):
            transaction.add_api_key(api_key, f"{number}" * 64)
        transaction.revoke_api_key(older.id, NOW)
    with furnished.reading() as reading:
        assert list(reading.api_keys_of(PRODUCTION.id)) == [replace(older, revoked_at=NOW), KEY, *same_moment[::-1]]
        assert list(reading.api_keys_of(STAGING.id)) == [elsewhere]
        assert list(reading.api_keys_of(OTHER.id)) == []


def test_a_key_remembers_who_made_it(furnished: Database) -> None:
    made = replace(KEY, id=OTHER.id, maker="API key " + "x" * 100)
    with furnished.transaction() as transaction:
        transaction.add_api_key(made, "f" * 64)
    with furnished.reading() as reading:
        caller = reading.caller_by_key_id(made.id)
    assert caller is not None
    assert caller.api_key == made


def test_the_last_use_of_a_key_is_the_latest_that_was_noted(furnished: Database) -> None:
    unused = replace(KEY, id=OTHER.id)
    with furnished.transaction() as transaction:
        transaction.add_api_key(unused, "f" * 64)
    for moment in (NOW + timedelta(minutes=2), NOW + timedelta(minutes=1)):
        with furnished.addition() as addition:
            addition.note_uses({KEY.id: moment, ACME.id: moment})
    with furnished.reading() as reading:
        keys = {api_key.id: api_key.last_used_at for api_key in reading.api_keys_of(PRODUCTION.id)}
    assert keys == {KEY.id: NOW + timedelta(minutes=2), unused.id: None}


def test_no_uses_are_no_change(furnished: Database) -> None:
    with furnished.addition() as addition:
        addition.note_uses({})
    with furnished.reading() as reading:
        assert list(reading.api_keys_of(PRODUCTION.id)) == [KEY]


REVISIONS = [
    TargetRootRevision(PRODUCTION.id, "a", None, "/1/", NOW),
    TargetRootRevision(PRODUCTION.id, "a", "/1/", "/2/", NOW, KEY.id, by="API key CI", builds=12),
    TargetRootRevision(PRODUCTION.id, "a", "/2/", None, NOW, KEY.id, by="API key CI"),
]


def without_numbers(revisions: list[TargetRootRevision]) -> list[TargetRootRevision]:
    return [replace(revision, number=0) for revision in revisions]


def test_the_history_is_told_the_newest_first_and_outlives_the_root(furnished: Database) -> None:
    with furnished.transaction() as transaction:
        for revision in REVISIONS:
            transaction.add_target_root_revision(revision)
    with furnished.reading() as reading:
        assert (
            without_numbers(list(reading.target_root_revisions(PRODUCTION.id, RevisionFilter(), None, 10)))
            == REVISIONS[::-1]
        )
        assert not reading.target_root_revisions(STAGING.id, RevisionFilter(), None, 10)


def test_the_history_goes_on_before_any_of_its_numbers(furnished: Database) -> None:
    with furnished.transaction() as transaction:
        for revision in REVISIONS:
            transaction.add_target_root_revision(replace(revision, workspace_id=STAGING.id))
            transaction.add_target_root_revision(revision)
    with furnished.reading() as reading:
        first = list(reading.target_root_revisions(PRODUCTION.id, RevisionFilter(), None, 2))
        rest = list(reading.target_root_revisions(PRODUCTION.id, RevisionFilter(), first[-1].number, 2))
        assert list(reading.target_root_revisions(PRODUCTION.id, RevisionFilter(), rest[-1].number, 2)) == []
    assert without_numbers([*first, *rest]) == REVISIONS[::-1]


def test_the_history_is_told_the_oldest_first_and_of_one_root(furnished: Database) -> None:
    other = replace(REVISIONS[0], name="b")
    with furnished.transaction() as transaction:
        for revision in (*REVISIONS, other, replace(other, workspace_id=STAGING.id)):
            transaction.add_target_root_revision(revision)
    oldest = RevisionFilter(newest_first=False)
    with furnished.reading() as reading:
        whole = list(reading.target_root_revisions(PRODUCTION.id, oldest, None, 10))
        assert without_numbers(whole) == [*REVISIONS, other]
        assert list(reading.target_root_revisions(PRODUCTION.id, oldest, whole[1].number, 1)) == whole[2:3]
        assert list(reading.target_root_revisions(PRODUCTION.id, oldest, whole[-1].number, 10)) == []
        assert list(reading.target_root_revisions(PRODUCTION.id, RevisionFilter("b"), None, 10)) == whole[3:]
        assert list(reading.target_root_revisions(PRODUCTION.id, RevisionFilter("A"), None, 10)) == []
        of_a = replace(oldest, name="a")
        assert list(reading.target_root_revisions(PRODUCTION.id, of_a, whole[0].number, 10)) == whole[1:3]


ENTRY = AuditEntry(
    NOW, "build.registered", "a subject", '{"ü": "\\u0000"}', "api key", "API key CI", ACME.id, PRODUCTION.id
)
BY_A_USER = replace(ENTRY, credential="organization token", user_id=OTHER.id, address="2001:db8::1", workspace_id=None)
OF_NOTHING = replace(ENTRY, credential="access token", organization_id=None, workspace_id=None)


def test_the_audit_of_an_organization_is_told_the_newest_first(furnished: Database) -> None:
    entries = [ENTRY, BY_A_USER, replace(ENTRY, api_key_id=KEY.id, workspace_id=STAGING.id)]
    elsewhere = replace(ENTRY, organization_id=OTHER.id)
    with furnished.transaction() as transaction:
        for entry in (elsewhere, entries[0], OF_NOTHING, entries[1], elsewhere, entries[2]):
            transaction.add_audit_entry(entry)
    with furnished.reading() as reading:
        told = list(reading.audit_of(ACME.id, AuditFilter(), None, 10))
        assert [replace(entry, number=0) for entry in told] == entries[::-1]
        assert list(reading.audit_of(ACME.id, AuditFilter(), None, 2)) == told[:2]
        assert list(reading.audit_of(ACME.id, AuditFilter(), told[0].number, 1)) == told[1:2]
        assert list(reading.audit_of(ACME.id, AuditFilter(), told[-1].number, 10)) == []
        assert list(reading.audit_of(ACME.id, AuditFilter(workspace_id=STAGING.id), None, 10)) == told[:1]
        assert list(reading.audit_of(OTHER.id, AuditFilter(workspace_id=STAGING.id), None, 10)) == []


def test_the_audit_is_told_the_oldest_first_and_of_an_action_and_a_user(furnished: Database) -> None:
    ended, by_another = replace(ENTRY, action="build.completed"), replace(BY_A_USER, user_id=KEY.id)
    entries = [ENTRY, BY_A_USER, ended, by_another, replace(ended, user_id=OTHER.id)]
    with furnished.transaction() as transaction:
        for entry in entries:
            transaction.add_audit_entry(replace(entry, organization_id=OTHER.id))
            transaction.add_audit_entry(entry)
    with furnished.reading() as reading:
        whole = list(reading.audit_of(ACME.id, AuditFilter(newest_first=False), None, 10))

        def told(wanted: AuditFilter, after: int | None = None, limit: int = 10) -> list[int]:
            return [whole.index(each) for each in reading.audit_of(ACME.id, wanted, after, limit)]

        assert [replace(entry, number=0) for entry in whole] == entries
        assert told(AuditFilter(newest_first=False), whole[1].number, 2) == [2, 3]
        assert told(AuditFilter(newest_first=False), whole[-1].number) == []
        assert told(AuditFilter(action="build.completed")) == [4, 2]
        assert told(AuditFilter(action="build.completed"), whole[4].number) == [2]
        assert told(AuditFilter(action="Build.completed")) == []
        assert told(AuditFilter(user_id=OTHER.id)) == [4, 1]
        assert told(AuditFilter(user_id=OTHER.id, newest_first=False), limit=1) == [1]
        assert told(AuditFilter(PRODUCTION.id, "build.completed", OTHER.id)) == [4]
        assert told(AuditFilter(STAGING.id, "build.completed", OTHER.id)) == []


@pytest.mark.parametrize("number", [0, 2**31 - 1, 2**31, 10**18 - 1])
def test_any_number_may_be_asked_for(furnished: Database, number: int) -> None:
    with furnished.transaction() as transaction:
        transaction.add_audit_entry(ENTRY)
        transaction.add_target_root_revision(REVISIONS[0])
    with furnished.reading() as reading:
        assert len(reading.audit_of(ACME.id, AuditFilter(), number, 10)) == (number > 0)
        assert len(reading.target_root_revisions(PRODUCTION.id, RevisionFilter(), number, 10)) == (number > 0)


def test_an_addition_is_a_transaction_as_well(furnished: Database) -> None:
    with suppress(ZeroDivisionError), furnished.addition() as addition:
        addition.add_audit_entry(ENTRY)
        raise ZeroDivisionError
    with furnished.addition() as addition, furnished.reading() as reading:
        addition.add_audit_entry(ENTRY)
        assert len(addition.audit_of(ACME.id, AuditFilter(), None, 10)) == 1
        assert not reading.audit_of(ACME.id, AuditFilter(), None, 10)
