"""Migrations on both kinds of database: they make what the tables say, keep what older ones hold, and can go back."""

import re
import shutil
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url

from stardag.domain.target_roots import TargetRoot
from stardag_registry.adapters.database import open_database
from stardag_registry.adapters.database.migrating import HEAD, MIGRATIONS, revision_of
from stardag_registry.adapters.database.tables import metadata
from stardag_registry.app.ports import RevisionFilter
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.permissions import ApiKeyCaller
from stardag_registry.domain.users import Member, User
from tests.registry.databases import Kind
from tests.registry.postgresql import Postgresql

NOW = datetime(2026, 11, 20, 12, 30, 15, 123456, tzinfo=UTC)
BEFORE_TEAMS = "0003"


@contextmanager
def engine_on(place: Path | str) -> Generator[Engine]:
    """The database at a path or URL, as it is."""
    url = f"sqlite:///{place}" if isinstance(place, Path) else make_url(place).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()


def migrate(connection: Connection, revision: str) -> None:
    """Go to a revision, forwards or back."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS))
    current = revision_of(connection, "test") or ""
    if revision == "base" or revision < current:
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return cast("Kind", request.param)


@pytest.fixture
def nothing(kind: Kind, request: pytest.FixtureRequest, tmp_path: Path) -> Generator[Path | str]:
    """Where a new database is to be, without any tables."""
    if kind == "SQLite":
        yield tmp_path / "a.sqlite3"
        return
    server = cast("Postgresql", request.getfixturevalue("postgresql"))
    name = server.new_database()
    yield server.url(name)
    server.drop_database(name)


def test_the_newest_is_the_one_that_the_program_expects() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [HEAD]


def test_they_make_the_tables_that_the_program_uses(nothing: Path | str) -> None:
    open_database(nothing).close()
    with engine_on(nothing) as engine, engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_they_give_constraints_the_names_that_the_tables_say(nothing: Path | str) -> None:
    open_database(nothing).close()
    with engine_on(nothing) as engine, engine.begin() as connection:
        migrated = names_in(connection)
        migrate(connection, "base")
        metadata.create_all(connection)
        assert names_in(connection) == migrated


def test_they_can_be_taken_back_one_by_one_and_run_again(nothing: Path | str) -> None:
    open_database(nothing).close()
    with engine_on(nothing) as engine:
        for revision in ("0005", "0004", "0003", "0002", "0001", "base"):
            with engine.begin() as connection:
                migrate(connection, revision)
        with engine.connect() as connection:
            assert names_in(connection) == set()
    with closing(open_database(nothing)) as database, database.reading() as reading:
        assert not reading.has_organizations()


ROWS: dict[str, list[dict[str, Any]]] = {
    "organizations": [{"id": "o1", "slug": "acme", "name": "Acme", "created_at": NOW}],
    "workspaces": [
        {"id": "w1", "organization_id": "o1", "slug": "production", "name": "Production", "created_at": NOW}
    ],
    "api_keys": [
        {
            "id": "k1",
            "workspace_id": "w1",
            "name": "CI",
            "purpose": "build",
            "fingerprint": "f" * 64,
            "created_at": NOW,
            "expires_at": None,
            "revoked_at": None,
        }
    ],
    "users": [
        {
            "id": "u1",
            "issuer": "https://issuer.example",
            "subject": "1",
            "username": "alice",
            "email": "alice@acme.example",
            "email_verified": True,
            "created_at": NOW,
        }
    ],
    "memberships": [{"organization_id": "o1", "user_id": "u1", "role": "owner", "created_at": NOW}],
    "target_roots": [{"workspace_id": "w1", "name": "default", "uri_prefix": "s3://bücket/"}],
    "target_root_revisions": [
        {
            "workspace_id": "w1",
            "name": "default",
            "old_uri_prefix": None,
            "new_uri_prefix": "s3://bücket/",
            "at": NOW,
            "api_key_id": "k1",
            "user_id": None,
        },
        {
            "workspace_id": "w1",
            "name": "gone",
            "old_uri_prefix": "/gone",
            "new_uri_prefix": None,
            "at": NOW,
            "api_key_id": None,
            "user_id": "u1",
        },
    ],
    "signing_keys": [{"id": "s1", "private_key": "PEM", "created_at": NOW}],
    "accounts": [
        {
            "id": "a1",
            "email": "alice@acme.example",
            "username": "alice",
            "password_hash": "$argon2id$",
            "password_kept": True,
            "created_at": NOW,
        }
    ],
}
"""One of what the release before kept, in the order in which rows may refer to others."""


def insert_rows(connection: Connection) -> None:
    kept = connection.dialect.name
    for table, rows in ROWS.items():
        for row in rows:
            values = {
                name: value.replace(tzinfo=None) if isinstance(value, datetime) and kept == "sqlite" else value
                for name, value in row.items()
            }
            columns = ", ".join(values)
            slots = ", ".join(f":{name}" for name in values)
            connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({slots})"), values)


@pytest.fixture
def before_teams(nothing: Path | str) -> Path | str:
    """A database as the release before left it, with something in it."""
    with engine_on(nothing) as engine, engine.begin() as connection:
        migrate(connection, BEFORE_TEAMS)
        insert_rows(connection)
    return nothing


@pytest.mark.filterwarnings("ignore:The default datetime adapter is deprecated:DeprecationWarning")
def test_what_the_release_before_kept_is_all_there_afterwards(before_teams: Path | str) -> None:
    acme = Organization("o1", "acme", "Acme")
    production = Workspace("w1", "o1", "production", "Production")
    alice = User("u1", "https://issuer.example", "1", "alice", "alice@acme.example", email_verified=True)
    with closing(open_database(before_teams, upgrade=True)) as database:
        with database.reading() as reading:
            caller = reading.caller_by_fingerprint("f" * 64)
            assert isinstance(caller, ApiKeyCaller)
            assert (caller.workspace, caller.organization) == (production, acme)
            assert (caller.api_key.maker, caller.api_key.created_at) == ("the server", NOW)
            assert caller.api_key.last_used_at is None
            assert list(reading.members_of("o1")) == [Member(alice, "owner", NOW)]
            assert list(reading.workspaces_of("o1")) == [production]
            assert list(reading.target_roots("w1")) == [TargetRoot("default", "s3://bücket/")]
            newest, oldest = reading.target_root_revisions("w1", RevisionFilter(), None, 10)
            assert (oldest.api_key_id, oldest.at, oldest.by, oldest.builds) == ("k1", NOW, "the server", 0)
            assert (newest.user_id, newest.old, newest.number > oldest.number) == ("u1", "/gone", True)
            assert [key.id for key in reading.signing_keys()] == ["s1"]
        with database.provider.reading() as accounts:
            account = accounts.account("a1")
            assert account is not None
            assert account.email_verified  # whoever had one then had it from whoever runs the server
        with database.transaction() as transaction:
            transaction.add_target_root_revision(newest)
            assert transaction.target_root_revisions("w1", RevisionFilter(), None, 1)[0].number == newest.number + 1


@pytest.mark.filterwarnings("ignore:The default datetime adapter is deprecated:DeprecationWarning")
def test_going_back_keeps_what_the_release_before_knows(before_teams: Path | str) -> None:
    with engine_on(before_teams) as engine:
        with engine.connect() as connection:
            before = {table: rows_in(connection, table) for table in ROWS}
        with engine.begin() as connection:
            migrate(connection, HEAD)
        with engine.begin() as connection:
            migrate(connection, BEFORE_TEAMS)
        with engine.connect() as connection:
            assert {table: rows_in(connection, table) for table in ROWS} == before
    open_database(before_teams, upgrade=True).close()


@pytest.mark.filterwarnings("ignore:The default datetime adapter is deprecated:DeprecationWarning")
def test_a_file_is_upgraded_when_it_is_opened(migrated: Path, tmp_path: Path) -> None:
    path = shutil.copy(migrated, tmp_path / "a.sqlite3")
    with engine_on(path) as engine, engine.begin() as connection:
        migrate(connection, BEFORE_TEAMS)
        insert_rows(connection)
    with closing(open_database(path)) as database, database.reading() as reading:
        assert reading.has_organizations()


def rows_in(connection: Connection, table: str) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in connection.execute(text(f"SELECT * FROM {table}"))), key=repr)


def names_in(connection: Connection) -> set[str]:
    """The names of all tables, indexes and constraints."""
    if connection.dialect.name == "postgresql":
        found = connection.execute(
            text(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') "
                "UNION SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
            )
        )
        # From version 18 on, PostgreSQL has a constraint for every column that is not null, named by itself.
        names = {name for (name,) in found if not name.endswith("_not_null")}
    else:
        rows = connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type != 'trigger'")
        )
        mine = [(name, sql) for name, sql in rows if name != "alembic_version"]
        names = {name for name, _ in mine} | {
            found for _, sql in mine for found in re.findall(r"CONSTRAINT (\w+)", sql)
        }
    return names - {"alembic_version", "alembic_version_pkc"}
