"""Every change leaves one entry of the audit, in the transaction that makes it; what changes nothing leaves none."""

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import pytest

from stardag_registry.adapters.database import SqlDatabase
from stardag_registry.app.builds import NewBuild
from stardag_registry.app.people import RecognizeUsers
from stardag_registry.app.workspaces import WorkspaceEdit
from stardag_registry.domain.builds import TaskRecord
from stardag_registry.domain.errors import DatabaseUnavailable, RegistryError
from stardag_registry.domain.users import Claims
from tests.registry.app.scene import ADDRESS, ROOTS, Team
from tests.registry.database.everything import rows_of
from tests.registry.databases import new_sql_database

Change = Callable[[], object]
SUE = "sue@acme.example"
TRAIN = TaskRecord("train", {"lr": 0.1}, "completed")


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Generator[SqlDatabase]:
    with new_sql_database("SQLite", request) as opened:
        yield opened


@pytest.fixture
def team(database: SqlDatabase) -> Team:
    """Everybody is there, so that none comes to be while something is counted."""
    made = Team(database)
    _ = made.owner, made.admin, made.plain, made.stranger
    return made


def rows(database: SqlDatabase) -> dict[str, list[dict[str, Any]]]:
    with database.engine.connect() as connection:
        return rows_of(connection)


def recognizing(team: Team) -> RecognizeUsers:
    """The issuer is never asked."""
    nobody: Any = None
    return RecognizeUsers(team.database, team.create, nobody, team.clock, "owner@acme.example")


def make_organization(team: Team) -> Change:
    return lambda: team.make_organization(team.stranger, "other", "Other")


def delete_organization(team: Team) -> Change:
    return lambda: team.edit_organization.delete(team.owner, "acme")


def set_role(team: Team) -> Change:
    return lambda: team.edit_organization.set_role(team.owner, "acme", team.plain.user.id, "admin")


def remove_member(team: Team) -> Change:
    team.make_personal_workspace(team.plain.user, team.acme, ADDRESS)
    return lambda: team.edit_organization.remove(team.admin, "acme", team.plain.user.id)


def leave(team: Team) -> Change:
    return lambda: team.edit_organization.remove(team.plain, "acme", team.plain.user.id)


def invite(team: Team) -> Change:
    return lambda: team.invite(team.admin, "acme", SUE, "member")


def invite_again(team: Team) -> Change:
    team.invite(team.admin, "acme", SUE, "member")
    return lambda: team.invite(team.admin, "acme", SUE, "member")


def withdraw(team: Team) -> Change:
    made = team.invite(team.admin, "acme", SUE, "member")
    return lambda: team.invite.withdraw(team.admin, "acme", made.invitation.id)


def accept(team: Team) -> Change:
    made = team.invite(team.admin, "acme", SUE, "member")
    return lambda: team.accept(team.stranger, made.token)


def make_workspace(team: Team) -> Change:
    return lambda: team.edit_workspaces.add(team.admin, "acme", "dev", "Dev", "")


def make_personal_workspace(team: Team) -> Change:
    return lambda: team.make_personal_workspace(team.plain.user, team.acme, ADDRESS)


def change_workspace(team: Team) -> Change:
    edit = WorkspaceEdit("prod", "Prod", "ours")
    return lambda: team.edit_workspaces.change(team.admin, team.production.id, edit)


def archive_workspace(team: Team) -> Change:
    return lambda: team.edit_workspaces.change(team.admin, team.production.id, WorkspaceEdit(archived=True))


def delete_workspace(team: Team) -> Change:
    return lambda: team.edit_workspaces.delete(team.admin, team.production.id)


def make_key(team: Team) -> Change:
    return lambda: team.api_keys.make(team.admin, team.production.id, "CI", "build", None)


def revoke_key(team: Team) -> Change:
    key = team.key().api_key
    return lambda: team.api_keys.revoke(team.admin, team.production.id, key.id)


def make_access_token(team: Team) -> Change:
    return lambda: team.access_tokens.make(team.plain, "acme", 600)


def revoke_access_token(team: Team) -> Change:
    made, _ = team.access_tokens.make(team.plain, "acme", 600)
    return lambda: team.access_tokens.revoke(team.plain, "acme", made.id)


def build_with_access_token(team: Team) -> Change:
    lent = team.lent_by(team.plain)
    return lambda: team.register_build(lent, team.production.id, NewBuild(ROOTS), "a key")


def add_root(team: Team) -> Change:
    key = team.key("administer")
    return lambda: team.edit_target_roots.add(key, team.production.id, "a", "/1/")


def change_root(team: Team) -> Change:
    add_root(team)()
    return lambda: team.edit_target_roots.change(team.admin, team.production.id, "a", "/2/")


def remove_root(team: Team) -> Change:
    add_root(team)()
    return lambda: team.edit_target_roots.remove(team.admin, team.production.id, "a")


def register_build(team: Team) -> Change:
    key = team.key()
    return lambda: team.register_build(key, team.production.id, NewBuild(ROOTS), "a key")


def end_build(team: Team) -> Change:
    key, build = team.key(), team.build()
    return lambda: team.run_build.end(key, team.production.id, build.id, "failed", "no")


def record_tasks(team: Team) -> Change:
    key, build = team.key(), team.build()
    records = [replace(TRAIN, name=name) for name in ("a", "b", "c")]
    return lambda: team.run_build.record_tasks(key, team.production.id, build.id, records)


def first_sign_in(team: Team) -> Change:
    claims = Claims("https://issuer.example", "new", "nina", "nina@acme.example", email_verified=True)
    return lambda: recognizing(team).by_claims(claims, ADDRESS)


def another_address(team: Team) -> Change:
    user = team.stranger.user
    claims = Claims(user.issuer, user.subject, "sue", "sue@other.example", email_verified=True)
    return lambda: recognizing(team).by_claims(claims, ADDRESS)


CHANGES: dict[str, tuple[str, Callable[[Team], Change]]] = {
    prepare.__name__: (action, prepare)
    for action, prepare in [
        ("organization.created", make_organization),
        ("organization.deleted", delete_organization),
        ("member.role-changed", set_role),
        ("member.removed", remove_member),
        ("member.left", leave),
        ("invitation.made", invite),
        ("invitation.made", invite_again),
        ("invitation.withdrawn", withdraw),
        ("member.joined", accept),
        ("workspace.created", make_workspace),
        ("workspace.created", make_personal_workspace),
        ("workspace.changed", change_workspace),
        ("workspace.changed", archive_workspace),
        ("workspace.deleted", delete_workspace),
        ("api-key.created", make_key),
        ("api-key.revoked", revoke_key),
        ("access-token.created", make_access_token),
        ("access-token.revoked", revoke_access_token),
        ("build.registered", build_with_access_token),
        ("target-root.added", add_root),
        ("target-root.changed", change_root),
        ("target-root.removed", remove_root),
        ("build.registered", register_build),
        ("build.failed", end_build),
        ("tasks.recorded", record_tasks),
        ("user.created", first_sign_in),
        ("user.changed", another_address),
    ]
}

WITHOUT_ADDRESS = {"register_build", "end_build", "record_tasks", "add_root"}
"""The keys of these tests ask from nowhere."""


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_leaves_one_entry_that_says_who_and_what(name: str, team: Team, database: SqlDatabase) -> None:
    action, prepare = CHANGES[name]
    change = prepare(team)
    before = rows(database)["audit"]
    change()
    entries = [entry for entry in rows(database)["audit"] if entry not in before]
    assert [entry["action"] for entry in entries] == [action]
    (entry,) = entries
    assert entry["at"] == team.clock()
    by_key = entry["credential"] == "api key"
    assert (entry["api_key_id"] is not None, entry["user_id"] is None) == (by_key, by_key)
    assert entry["actor"]
    assert (entry["address"] == "") == (name in WITHOUT_ADDRESS)
    assert (entry["organization_id"] is None) == action.startswith("user.")
    assert len(entry["subject"]) <= 100


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_cannot_be_audited_is_not_made(name: str, team: Team, database: SqlDatabase) -> None:
    change = CHANGES[name][1](team)
    with database.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER no_audit BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no audit today'); END"
        )
    before = rows(database)
    with pytest.raises(DatabaseUnavailable):
        change()
    assert rows(database) == before


TWICE = {
    "set_role",
    "make_personal_workspace",
    "change_workspace",
    "archive_workspace",
    "revoke_key",
    "revoke_access_token",
    "build_with_access_token",
    "change_root",
    "register_build",
    "end_build",
    "first_sign_in",
    "another_address",
}
"""What changes nothing the second time."""


@pytest.mark.parametrize("name", sorted(TWICE))
def test_the_same_once_more_changes_nothing_and_leaves_no_entry(name: str, team: Team, database: SqlDatabase) -> None:
    change = CHANGES[name][1](team)
    change()
    before = rows(database)
    change()
    assert rows(database) == before


@pytest.mark.parametrize(
    "name", sorted(set(CHANGES) - TWICE - {"invite", "invite_again", "make_key", "make_access_token", "record_tasks"})
)
def test_what_is_refused_the_second_time_changes_nothing_and_leaves_no_entry(
    name: str, team: Team, database: SqlDatabase
) -> None:
    change = CHANGES[name][1](team)
    change()
    before = rows(database)
    with pytest.raises(RegistryError):
        change()
    assert rows(database) == before


def test_a_heartbeat_leaves_no_entry(team: Team, database: SqlDatabase) -> None:
    build = team.build()
    before = rows(database)["audit"]
    team.run_build.heartbeat(team.key(), team.production.id, build.id)
    assert rows(database)["audit"] == before


def test_records_are_kept_all_or_none(team: Team, database: SqlDatabase) -> None:
    """The database refuses the last of them."""
    key, build = team.key(), team.build()
    records = [replace(TRAIN, name=f"t-{number}") for number in range(5)]
    last = max(record.id for record in records)
    with database.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER not_this BEFORE INSERT ON task_runs WHEN NEW.task_id = '"
            f"{last}' BEGIN SELECT RAISE(ABORT, 'not this one'); END"
        )
    before = rows(database)
    with pytest.raises(DatabaseUnavailable):
        team.run_build.record_tasks(key, team.production.id, build.id, records)
    assert rows(database) == before


def test_the_audit_holds_no_secret(team: Team, database: SqlDatabase) -> None:
    _, secret = team.api_keys.make(team.admin, team.production.id, "CI", "build", None)
    _, token = team.access_tokens.make(team.plain, "acme", 600)
    invitation = team.invite(team.admin, "acme", SUE, "member")
    shown = repr(rows(database)["audit"])
    for hidden in (secret.text, secret.fingerprint, token.text, token.fingerprint, invitation.token):
        assert hidden not in shown
