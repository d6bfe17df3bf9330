"""Opening a SQLite database: its file and settings, its migrations, and what cannot be opened."""

import re
import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from stardag_registry.adapters.database import open_database
from stardag_registry.adapters.database.migrating import HEAD, MIGRATIONS
from stardag_registry.adapters.database.tables import metadata
from stardag_registry.domain.errors import DatabaseUnavailable, UnsupportedDatabase, UnusableDatabase
from stardag_registry.domain.organizations import Organization

ACME = Organization("aaaaaaaa-0000-4000-8000-000000000000", "acme", "Acme")
NOW = datetime(2026, 11, 23, tzinfo=UTC)


def furnish(path: Path) -> None:
    with closing(open_database(path)) as database, database.transaction() as transaction:
        transaction.add_organization(ACME, NOW)


def is_furnished(path: Path) -> bool:
    with closing(open_database(path)) as database, database.reading() as reading:
        return reading.has_organizations()


class TestPlaces:
    def test_a_url_names_a_file(self, tmp_path: Path) -> None:
        for url in (f"sqlite:///{tmp_path}/a.db", f"sqlite+pysqlite:///{tmp_path}/b.db"):
            open_database(url).close()
        assert (tmp_path / "a.db").is_file()
        assert (tmp_path / "b.db").is_file()

    @pytest.mark.parametrize("name", ["a b", "50%", "what?", "a#b", "ünï", "a:b@c"])
    def test_a_path_may_hold_what_means_something_in_a_url(self, tmp_path: Path, name: str) -> None:
        furnish(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 0

    @pytest.mark.parametrize(
        "url", ["postgresql://localhost/db", "postgresql+psycopg://u:secret@h/db", "postgres://h/d"]
    )
    def test_postgresql_is_refused_by_name(self, url: str) -> None:
        with pytest.raises(UnsupportedDatabase, match="PostgreSQL is not supported in this release") as refusal:
            open_database(url)
        assert "secret" not in refusal.value.message

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "nonsense",
            "/a/path.db",
            "mysql://localhost/db",
            "sqlite+aiosqlite:///a.db",
            "sqlite://",
            "sqlite:///:memory:",
            "sqlite:///file:a.db?uri=true",
            "sqlite:///a.db?mode=ro",
            "sqlite://host:port/a",
        ],
    )
    def test_what_is_no_file_of_sqlite_is_refused(self, url: str) -> None:
        with pytest.raises(UnsupportedDatabase):
            open_database(url)

    def test_a_directory_or_a_missing_one_is_refused(self, tmp_path: Path) -> None:
        for path in (tmp_path, tmp_path / "missing" / "a.db"):
            with pytest.raises(UnusableDatabase) as refusal:
                open_database(path)
            assert str(path) in refusal.value.message


class TestContents:
    def test_what_was_written_is_there_when_it_is_opened_again(self, tmp_path: Path) -> None:
        furnish(tmp_path / "a.db")
        assert is_furnished(tmp_path / "a.db")

    def test_what_is_no_database_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        path.write_bytes(b"hello, this is no database at all\n" * 100)
        before = path.read_bytes()
        with pytest.raises(UnusableDatabase, match="not a database"):
            open_database(path)
        assert path.read_bytes() == before

    def test_one_cut_short_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        furnish(path)
        path.write_bytes(path.read_bytes()[:5000])
        with pytest.raises(UnusableDatabase, match="malformed"):
            open_database(path)

    def test_that_of_another_program_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE songs (title TEXT)")
        before = path.read_bytes()
        with pytest.raises(UnusableDatabase, match="another program"):
            open_database(path)
        assert path.read_bytes() == before

    def test_one_that_is_newer_is_refused_and_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        furnish(path)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
            connection.commit()
        with pytest.raises(UnusableDatabase, match="newer version"):
            open_database(path)
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9999",)

    def test_it_writes_through_a_log_and_syncs_every_commit(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        with closing(open_database(path)) as database:
            engine = database._engine  # pyright: ignore[reportPrivateUsage]  # to look behind it
            with engine.connect() as connection:
                settings = {
                    name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                    for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
                }
        assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}

    def test_its_files_are_private_from_the_start(self, tmp_path: Path) -> None:
        with closing(open_database(tmp_path / "a.db")) as database, database.transaction() as transaction:
            transaction.add_organization(ACME, NOW)
            files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        assert set(files) == {"a.db", "a.db-wal", "a.db-shm", "a.db.lock"}
        assert set(files.values()) == {0o600}

    def test_sixteen_may_open_a_new_one_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        together = threading.Barrier(16)

        def open_it() -> None:
            together.wait()
            open_database(path).close()

        with ThreadPoolExecutor(16) as threads:
            for opened in [threads.submit(open_it) for _ in range(16)]:
                opened.result()
        assert not is_furnished(path)

    def test_a_damaged_table_is_an_error_of_the_port(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        with closing(open_database(path)) as database:
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("DROP TABLE target_root_revisions")
                connection.execute("DROP TABLE target_roots")
            with pytest.raises(DatabaseUnavailable), database.reading() as reading:
                reading.target_roots("x")


class TestMigrations:
    def test_the_newest_is_the_one_that_the_program_expects(self) -> None:
        assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [HEAD]

    def test_they_make_the_tables_that_the_program_uses(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        open_database(path).close()
        engine = create_engine(f"sqlite:///{path}")
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, metadata) == []
        engine.dispose()

    def test_they_give_constraints_the_names_that_the_tables_say(self, tmp_path: Path) -> None:
        migrated, declared = tmp_path / "migrated.db", tmp_path / "declared.db"
        open_database(migrated).close()
        engine = create_engine(f"sqlite:///{declared}")
        metadata.create_all(engine)
        engine.dispose()
        assert names_in(migrated) == names_in(declared)

    def test_they_can_be_taken_back(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        open_database(path).close()
        engine = create_engine(f"sqlite:///{path}")
        with engine.begin() as connection:
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(MIGRATIONS))
            command.downgrade(config, "base")
        engine.dispose()
        open_database(path).close()
        assert not is_furnished(path)


def names_in(path: Path) -> set[str]:
    """The names of all tables, indexes and constraints."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    mine = [(name, sql) for name, sql in rows if name != "alembic_version"]
    constraints = {found for _, sql in mine for found in re.findall(r"CONSTRAINT (\w+)", sql)}
    return {name for name, _ in mine} | constraints
