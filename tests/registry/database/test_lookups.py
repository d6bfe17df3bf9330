"""What is asked of the database goes by an index, and what may be given at most fits."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event

from stardag.domain.names import NAME_MAX_LENGTH
from stardag.domain.target_roots import URI_PREFIX_MAX_LENGTH, TargetRoot
from stardag.domain.tasks import PARAMETERS_MAX_BYTES, TASK_NAME_MAX_LENGTH
from stardag_registry.adapters.database import SqlDatabase
from stardag_registry.app.builds import IDEMPOTENCY_KEY_MAX_LENGTH
from stardag_registry.app.paging import Position
from stardag_registry.app.ports import AuditFilter, BuildFilter, Reading, RevisionFilter, TaskFilter, Transaction
from stardag_registry.domain.api_keys import ApiKey
from stardag_registry.domain.audit import AuditEntry
from stardag_registry.domain.builds import (
    BUILD_NAME_MAX_LENGTH,
    BUILD_STATUSES,
    COMMIT_MAX_LENGTH,
    DESCRIPTION_MAX_LENGTH,
    ERROR_MAX_LENGTH,
    PATH_MAX_LENGTH,
    Build,
    BuildStatus,
    TaskRecord,
)
from stardag_registry.domain.organizations import DISPLAY_NAME_MAX_LENGTH, Organization, Workspace
from stardag_registry.domain.target_roots import TargetRootRevision
from stardag_registry.domain.users import EMAIL_MAX_LENGTH, SUBJECT_MAX_LENGTH, Invitation, User
from tests.registry.databases import new_sql_database

NOW = datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC)
ID = "aaaaaaaa-0000-4000-8000-000000000000"
PLACE = Position(NOW, ID)
TASK_PLACE = Position(NOW, "f" * 64)


def builds_of(status: BuildStatus, reading: Reading) -> object:
    return reading.builds(ID, BuildFilter(status), NOW, PLACE, 10)


READINGS: dict[str, Callable[[Reading], object]] = {
    "caller by fingerprint": lambda reading: reading.caller_by_fingerprint("f" * 64),
    "caller by id": lambda reading: reading.caller_by_key_id(ID),
    "holder by fingerprint": lambda reading: reading.holder_by_fingerprint("f" * 64),
    "holder by id": lambda reading: reading.holder_by_token_id(ID),
    "keys": lambda reading: reading.api_keys_of(ID),
    "target roots": lambda reading: reading.target_roots(ID),
    "history": lambda reading: reading.target_root_revisions(ID, RevisionFilter(), None, 10),
    "older history": lambda reading: reading.target_root_revisions(ID, RevisionFilter(), 5, 10),
    "newer history": lambda reading: reading.target_root_revisions(ID, RevisionFilter(newest_first=False), 5, 10),
    "history of a root": lambda reading: reading.target_root_revisions(ID, RevisionFilter("a"), 5, 10),
    "builds using a root": lambda reading: reading.builds_using(ID, TargetRoot("a", "/")),
    "workspace": lambda reading: reading.workspace(ID),
    "workspaces": lambda reading: reading.workspaces_of(ID),
    "personal workspace": lambda reading: reading.personal_workspace(ID, ID),
    "members": lambda reading: reading.members_of(ID),
    "member": lambda reading: reading.member(ID, ID),
    "memberships": lambda reading: reading.memberships_of(ID),
    "invitations": lambda reading: reading.invitations_of(ID),
    "invitation": lambda reading: reading.invitation("f" * 64),
    "audit": lambda reading: reading.audit_of(ID, AuditFilter(), None, 10),
    "older audit": lambda reading: reading.audit_of(ID, AuditFilter(), 5, 10),
    "audit of a workspace": lambda reading: reading.audit_of(ID, AuditFilter(workspace_id=ID), 5, 10),
    "newer audit": lambda reading: reading.audit_of(ID, AuditFilter(newest_first=False), 5, 10),
    "audit of an action": lambda reading: reading.audit_of(ID, AuditFilter(action="build.registered"), 5, 10),
    "audit of a user": lambda reading: reading.audit_of(ID, AuditFilter(user_id=ID), 5, 10),
    "audit of all of that": lambda reading: reading.audit_of(ID, AuditFilter(ID, "a.b", ID), 5, 10),
    "user": lambda reading: reading.user("https://issuer.example", "1"),
    "build": lambda reading: reading.build(ID, ID),
    "builds": lambda reading: reading.builds(ID, BuildFilter(), NOW, None, 10),
    "older builds": lambda reading: reading.builds(ID, BuildFilter(), NOW, PLACE, 10),
    "newer builds": lambda reading: reading.builds(ID, BuildFilter(newest_first=False), NOW, PLACE, 10),
    "builds of a time": lambda reading: reading.builds(
        ID, BuildFilter(started_after=NOW, started_before=NOW), NOW, PLACE, 10
    ),
    **{f"{status} builds": partial(builds_of, status) for status in BUILD_STATUSES},
    "roots of a build": lambda reading: reading.target_roots_of_build(ID),
    "task": lambda reading: reading.task(ID, "f" * 64),
    "tasks": lambda reading: reading.tasks(ID, TaskFilter(), None, 10),
    "older tasks": lambda reading: reading.tasks(ID, TaskFilter(), TASK_PLACE, 10),
    "tasks of a name": lambda reading: reading.tasks(ID, TaskFilter(name="train"), TASK_PLACE, 10),
}
"""What is asked for often, or of much."""

SORTED_AFTERWARDS: dict[str, Callable[[Reading], object]] = {
    "builds of a task": lambda reading: reading.builds(ID, BuildFilter(task_id="f" * 64), NOW, PLACE, 10),
    "tasks of a build": lambda reading: reading.tasks(ID, TaskFilter(build_id=ID), TASK_PLACE, 10),
    "tasks with a parameter": lambda reading: reading.tasks(
        ID, TaskFilter(parameters=(("a", "1"), ("b", "2"))), TASK_PLACE, 10
    ),
    "runs": lambda reading: reading.runs_of(ID, "f" * 64, 10),
}
"""What is few by then."""

CHANGES: dict[str, Callable[[Transaction], object]] = {
    "note uses": lambda transaction: transaction.note_uses({ID: NOW}),
    "revoke": lambda transaction: transaction.revoke_api_key(ID, NOW),
    "revoke an access token": lambda transaction: transaction.revoke_access_token(ID, NOW),
    "expired access tokens": lambda transaction: transaction.remove_expired_access_tokens(NOW),
    "number of access tokens": lambda transaction: transaction.count_access_tokens(ID, ID),
    "username": lambda transaction: transaction.is_username_taken("alice"),
    "slug": lambda transaction: transaction.organization_by_slug("acme"),
    "owner": lambda transaction: transaction.has_owner(ID),
    "idempotency key": lambda transaction: transaction.build_by_idempotency_key(ID, "a key"),
    "build to change": lambda transaction: transaction.build_to_change(ID, ID),
    "delete workspace": lambda transaction: transaction.delete_workspace(ID, NOW),
    "delete organization": lambda transaction: transaction.delete_organization(ID, NOW),
    "remove invitation": lambda transaction: transaction.remove_invitation(ID),
    "change workspace": lambda transaction: transaction.change_workspace(Workspace(ID, ID, "a", "A")),
}


def plans_of(database: SqlDatabase, do: Callable[[], object]) -> list[str]:
    """How SQLite goes about every statement that `do` leads to, step by step."""
    said: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_rest: object) -> None:
        if not statement.startswith("BEGIN"):
            said.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    do()
    event.remove(database.engine, "before_cursor_execute", note)
    assert said
    with database.engine.connect() as connection:
        return [
            str(row[3])
            for statement, parameters in said
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]


def is_scan(step: str) -> bool:
    return step.startswith("SCAN") and step != "SCAN CONSTANT ROW"


@pytest.mark.parametrize("name", READINGS)
def test_a_reading_goes_by_an_index_and_sorts_nothing(name: str, request: pytest.FixtureRequest) -> None:
    with new_sql_database("SQLite", request) as database, database.reading() as reading:
        plan = plans_of(database, lambda: READINGS[name](reading))
    assert not [step for step in plan if is_scan(step) or "TEMP B-TREE" in step], plan


@pytest.mark.parametrize("name", SORTED_AFTERWARDS)
def test_a_search_goes_by_an_index(name: str, request: pytest.FixtureRequest) -> None:
    with new_sql_database("SQLite", request) as database, database.reading() as reading:
        plan = plans_of(database, lambda: SORTED_AFTERWARDS[name](reading))
    assert not [step for step in plan if is_scan(step)], plan


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_goes_by_an_index(name: str, request: pytest.FixtureRequest) -> None:
    with new_sql_database("SQLite", request) as database, database.transaction() as transaction:
        plan = plans_of(database, lambda: CHANGES[name](transaction))
    assert not [step for step in plan if is_scan(step)], plan


def wide(length: int) -> str:
    """As long as may be, of characters that take four bytes each."""
    return "\U0001f600" * length


def test_the_longest_that_may_be_given_fits(sql_database: SqlDatabase) -> None:
    """SQLite takes any length; PostgreSQL refuses what is longer than its column, or too long for an index."""
    maker = f"API key {wide(DISPLAY_NAME_MAX_LENGTH)}"
    slug, prefix = "x" * NAME_MAX_LENGTH, "/" + wide(URI_PREFIX_MAX_LENGTH - 1)
    organization = Organization(ID, slug, wide(DISPLAY_NAME_MAX_LENGTH))
    workspace = Workspace(ID, ID, slug, wide(DISPLAY_NAME_MAX_LENGTH), wide(DESCRIPTION_MAX_LENGTH), ID, NOW)
    email = f"{'x' * 64}@{'x' * (EMAIL_MAX_LENGTH - 65)}"
    user = User(ID, "https://" + "x" * 500, wide(SUBJECT_MAX_LENGTH), slug, email, email_verified=True)
    api_key = ApiKey(ID, ID, wide(DISPLAY_NAME_MAX_LENGTH), "administer", NOW, NOW, NOW, maker, NOW)
    build = Build(
        ID,
        ID,
        "failed",
        NOW,
        NOW,
        maker,
        wide(DESCRIPTION_MAX_LENGTH),
        wide(COMMIT_MAX_LENGTH),
        NOW,
        wide(ERROR_MAX_LENGTH),
        wide(BUILD_NAME_MAX_LENGTH),
    )
    parameters = {"a": wide((PARAMETERS_MAX_BYTES - len('{"a":""}')) // 4)}
    record = TaskRecord(
        "x" * TASK_NAME_MAX_LENGTH,
        parameters,
        "cancelled",
        slug,
        wide(PATH_MAX_LENGTH),
        NOW,
        NOW,
        wide(ERROR_MAX_LENGTH),
    )
    invitation = Invitation(ID, ID, email, "member", NOW, NOW, slug)
    revision = TargetRootRevision(ID, slug, prefix, prefix, NOW, ID, ID, maker, 2**31 - 1)
    details = wide(10_000)
    entry = AuditEntry(NOW, "x" * 50, "x" * 100, details, "stardag access token", maker, ID, ID, ID, ID, "x" * 64)
    with sql_database.transaction() as transaction:
        transaction.add_organization(organization, NOW)
        transaction.add_workspace(workspace, NOW)
        transaction.add_user(user, NOW)
        transaction.add_member(ID, ID, "member", NOW)
        transaction.add_api_key(api_key, "f" * 64)
        transaction.replace_invitation(invitation, "f" * 64)
        transaction.add_target_root(ID, TargetRoot(slug, prefix))
        transaction.add_target_root_revision(revision)
        transaction.add_build(build, (TargetRoot(slug, prefix),), wide(IDEMPOTENCY_KEY_MAX_LENGTH), "f" * 64)
        transaction.record_tasks(build, [record], NOW)
        transaction.add_audit_entry(entry)
    with sql_database.reading() as reading:
        assert reading.workspace(ID) == workspace
        assert reading.member(ID, ID) is not None
        assert list(reading.api_keys_of(ID)) == [api_key]
        assert reading.build(ID, ID) == build
        assert [task.output_path for task in reading.tasks(ID, TaskFilter(), None, 9)] == [record.output_path]
        assert [each.details for each in reading.audit_of(ID, AuditFilter(), None, 9)] == [details]


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_every_moment_can_be_asked_for(sql_database: SqlDatabase, moment: datetime) -> None:
    with sql_database.reading() as reading:
        wanted = BuildFilter(started_after=moment, started_before=moment)
        assert not reading.builds(ID, wanted, NOW, Position(moment, ID), 10)
        assert not reading.tasks(ID, TaskFilter(), Position(moment, "f" * 64), 10)
