"""Opening a SQLite database: its file and settings, and what cannot be opened."""

import sqlite3
import stat
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stardag_registry.adapters.database import open_database
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
            "postgresql+asyncpg://host/db",
            "postgresql+psycopg2://host/db",
            "postgres+psycopg://host/db",
            "cockroachdb://host/db",
        ],
    )
    def test_what_is_no_database_of_a_known_kind_is_refused(self, url: str) -> None:
        with pytest.raises(UnsupportedDatabase):
            open_database(url)

    @pytest.mark.parametrize("url", ["postgresql://host:hunter2/db", "mysql://me:hunter2@host/db", "hunter2"])
    def test_a_url_that_is_refused_is_not_told(self, url: str) -> None:
        with pytest.raises(UnsupportedDatabase) as refusal:
            open_database(url)
        assert "hunter2" not in "".join(traceback.format_exception(refusal.value))

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

    def test_that_of_another_program_is_known_though_it_has_revisions_as_well(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE songs (title TEXT)")
            connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
            connection.execute("INSERT INTO alembic_version VALUES ('0001')")
            connection.commit()
        with pytest.raises(UnusableDatabase, match="another program"):
            open_database(path)

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
        with closing(open_database(path)) as database, database.engine.connect() as connection:
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
