"""Backups, and copies between both kinds of database: the same row for row, in one state, whole or not at all."""

import shutil
import sqlite3
import stat
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from alembic import command
from alembic.config import Config

from stardag_registry.adapters.database import SqlDatabase, back_up, copy_database, open_database, restore
from stardag_registry.adapters.database.migrating import HEAD, MIGRATIONS
from stardag_registry.app.ports import AuditFilter, RevisionFilter
from stardag_registry.domain.audit import AuditEntry
from stardag_registry.domain.errors import UnusableDatabase
from stardag_registry.domain.organizations import Organization, Workspace
from stardag_registry.domain.target_roots import TargetRootRevision
from tests.registry.database.everything import ROWS, fill, rows_of
from tests.registry.databases import Kind
from tests.registry.postgresql import Postgresql

NOW = datetime(2026, 11, 23, 12, 30, 15, 123456, tzinfo=UTC)
ACME = Organization("aaaaaaaa-0000-4000-8000-000000000000", "acme", "Acme")
PRODUCTION = Workspace("aaaaaaaa-0000-4000-8000-000000000001", ACME.id, "production", "Production")
ENTRY = AuditEntry(NOW, "action", "subject", "{}", "server", "the server", ACME.id)
KINDS: tuple[Kind, ...] = ("SQLite", "PostgreSQL")


class Making:
    """Makes any number of databases of either kind."""

    def __init__(self, request: pytest.FixtureRequest, directory: Path) -> None:
        self._request = request
        self._directory = directory
        self._made = 0

    @contextmanager
    def __call__(self, kind: str, *, filled: bool = False) -> Generator[SqlDatabase]:
        self._made += 1
        if kind == "SQLite":
            place = self._directory / f"made-{self._made}.sqlite3"
            shutil.copy(self._request.getfixturevalue("migrated"), place)
            with closing(open_database(place)) as database:
                yield self._filled(database) if filled else database
            return
        server: Postgresql = self._request.getfixturevalue("postgresql")
        name = server.new_database(self._request.getfixturevalue("migrated_postgresql"))
        with closing(open_database(server.url(name))) as database:
            yield self._filled(database) if filled else database
        server.drop_database(name)

    @staticmethod
    def _filled(database: SqlDatabase) -> SqlDatabase:
        with database.engine.begin() as connection:
            fill(connection)
        return database


@pytest.fixture
def making(request: pytest.FixtureRequest, tmp_path: Path) -> Making:
    return Making(request, tmp_path)


def everything_in(database: SqlDatabase) -> dict[str, list[dict[str, Any]]]:
    with database.engine.connect() as connection:
        return rows_of(connection)


def check_that_it_goes_on(database: SqlDatabase) -> None:
    """New rows get numbers after those that were copied."""
    with database.transaction() as transaction:
        transaction.add_organization(ACME, NOW)
        transaction.add_workspace(PRODUCTION, NOW)
        transaction.add_audit_entry(ENTRY)
        transaction.add_audit_entry(ENTRY)
        transaction.add_target_root_revision(TargetRootRevision(PRODUCTION.id, "new", None, "/new", NOW))
        assert [entry.number for entry in transaction.audit_of(ACME.id, AuditFilter(), None, 9)] == [ROWS + 2, ROWS + 1]
        assert [
            each.number for each in transaction.target_root_revisions(PRODUCTION.id, RevisionFilter(), None, 9)
        ] == [ROWS + 1]


class TestCopies:
    @pytest.mark.parametrize("source_kind", KINDS)
    @pytest.mark.parametrize("target_kind", KINDS)
    def test_one_is_the_same_row_for_row_and_goes_on_from_there(
        self, making: Making, source_kind: Kind, target_kind: Kind
    ) -> None:
        with making(source_kind, filled=True) as source, making(target_kind) as target:
            before = everything_in(source)
            copied = copy_database(source, target, "the target")
            assert everything_in(target) == before == everything_in(source)
            assert set(copied.values()) == {ROWS}
            assert set(copied) == set(before)
            check_that_it_goes_on(target)

    @pytest.mark.parametrize("kind", KINDS)
    def test_one_of_nothing_goes_on_as_well(self, making: Making, kind: Kind) -> None:
        with making("SQLite") as source, making(kind) as target:
            assert set(copy_database(source, target, "the target").values()) == {0}
            with target.transaction() as transaction:
                transaction.add_audit_entry(ENTRY)
                assert [entry.number for entry in transaction.audit_of(ACME.id, AuditFilter(), None, 9)] == [1]

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_target_with_anything_in_it_is_refused_and_left_alone(self, making: Making, kind: Kind) -> None:
        with making("SQLite", filled=True) as source, making(kind) as target:
            with target.transaction() as transaction:
                transaction.add_audit_entry(ENTRY)
            before = everything_in(target)
            with pytest.raises(UnusableDatabase, match=r"The database of my choice .* holds a registry already"):
                copy_database(source, target, "of my choice")
            assert everything_in(target) == before

    @pytest.mark.parametrize("kind", KINDS)
    def test_one_that_fails_half_way_leaves_nothing(self, making: Making, kind: Kind) -> None:
        with making("SQLite", filled=True) as source, making(kind) as target:
            with target.engine.begin() as connection:
                connection.exec_driver_sql("DROP TABLE sign_in_attempts")
            with pytest.raises(UnusableDatabase, match="sign_in_attempts") as failure:
                copy_database(source, target, "the target")
            assert "\n" not in failure.value.message
            with target.engine.connect() as connection:
                for table in ("organizations", "users", "accounts", "audit"):
                    assert connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() == 0

    def test_a_source_that_cannot_be_read_to_its_end_leaves_nothing(self, making: Making) -> None:
        with making("SQLite", filled=True) as source, making("PostgreSQL") as target:
            with source.engine.begin() as connection:
                connection.exec_driver_sql("UPDATE audit SET subject = 'a' || char(0) || 'b'")  # PostgreSQL keeps none
            with pytest.raises(UnusableDatabase, match="NUL"):
                copy_database(source, target, "the target")
            assert not any(everything_in(target).values())

    @pytest.mark.parametrize("kind", KINDS)
    def test_one_shows_the_source_as_it_was_at_one_moment(self, making: Making, kind: Kind) -> None:
        """Somebody writes two rows in one transaction, again and again, while copies are made: none has half of it."""
        over = Event()

        def write(database: SqlDatabase) -> None:
            number = 0
            while not over.is_set():
                number += 1
                with database.transaction() as transaction:
                    transaction.add_organization(replace(ACME, id=f"{number:036}", slug=f"acme-{number}"), NOW)
                    transaction.add_audit_entry(replace(ENTRY, organization_id=f"{number:036}"))

        with making(kind) as source:
            writing = Thread(target=write, args=(source,))
            writing.start()
            try:
                counts: list[tuple[int, int]] = []
                for _ in range(3):
                    with making("SQLite") as target:
                        copied = copy_database(source, target, "the target")
                    counts.append((copied["organizations"], copied["audit"]))
            finally:
                over.set()
                writing.join()
        assert all(organizations == entries for organizations, entries in counts)


class TestBackups:
    @pytest.mark.parametrize("kind", KINDS)
    def test_one_is_restored_to_either_kind(self, making: Making, kind: Kind, tmp_path: Path) -> None:
        file = tmp_path / "backup"
        with making(kind, filled=True) as source:
            before = everything_in(source)
            assert set(back_up(source, file, replace=False).values()) == {ROWS}
        for other in KINDS:
            with making(other) as target:
                restore(file, lambda: target, "the target")
                assert everything_in(target) == before
                check_that_it_goes_on(target)

    def test_one_is_a_single_file_that_nobody_else_can_read(self, making: Making, tmp_path: Path) -> None:
        folder = tmp_path / "backups"
        folder.mkdir()
        with making("SQLite", filled=True) as source:
            back_up(source, folder / "backup", replace=False)
        assert [path.name for path in folder.iterdir()] == ["backup"]
        assert stat.S_IMODE((folder / "backup").stat().st_mode) == 0o600
        folder.chmod(0o500)
        with closing(sqlite3.connect(f"file:{folder}/backup?mode=ro&immutable=1", uri=True)) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
            assert connection.execute("SELECT count(*) FROM organizations").fetchone() == (ROWS,)
        folder.chmod(0o700)

    def test_a_file_that_is_there_is_kept_unless_it_is_to_be_replaced(self, making: Making, tmp_path: Path) -> None:
        file = tmp_path / "backup"
        file.write_text("precious")
        with making("SQLite", filled=True) as source:
            with pytest.raises(UnusableDatabase, match="there already") as refusal:
                back_up(source, file, replace=False)
            assert "--replace" in refusal.value.fix
            assert file.read_text() == "precious"
            back_up(source, file, replace=True)
        assert file.read_bytes().startswith(b"SQLite format 3")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    @pytest.mark.parametrize("name", ["missing/backup", "a-file/backup", "a-directory"])
    def test_a_place_where_none_can_be_made_is_named_and_nothing_is_left(
        self, making: Making, tmp_path: Path, name: str
    ) -> None:
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "a-file").touch()
        (folder / "a-directory").mkdir()
        with making("SQLite", filled=True) as source, pytest.raises(UnusableDatabase) as refusal:
            back_up(source, folder / name, replace=True)
        assert str(folder / name) in refusal.value.message
        assert {path.name for path in folder.rglob("*")} == {"a-file", "a-directory"}

    def test_one_that_fails_leaves_the_file_that_was_there(self, making: Making, tmp_path: Path) -> None:
        folder = tmp_path / "folder"
        folder.mkdir()
        (folder / "backup").write_text("precious")
        with making("SQLite", filled=True) as source:
            with source.engine.begin() as connection:
                connection.exec_driver_sql("DROP TABLE sign_in_attempts")
            with pytest.raises(UnusableDatabase, match="sign_in_attempts"):
                back_up(source, folder / "backup", replace=True)
        assert [path.name for path in folder.iterdir()] == ["backup"]
        assert (folder / "backup").read_text() == "precious"

    def test_one_of_an_older_version_is_restored_and_stays_as_it_is(self, making: Making, tmp_path: Path) -> None:
        file = tmp_path / "backup"
        with making("SQLite", filled=True) as source:
            back_up(source, file, replace=False)
        with closing(open_database(file)) as older, older.engine.begin() as connection:
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(MIGRATIONS))
            command.downgrade(config, "0003")
        before = file.read_bytes()
        with making("SQLite") as target:
            restore(file, lambda: target, "the target")
            after = everything_in(target)
        assert file.read_bytes() == before
        assert [len(rows) for rows in (after["organizations"], after["users"], after["builds"])] == [ROWS, ROWS, 0]

    def test_one_of_a_newer_version_is_refused(self, making: Making, tmp_path: Path) -> None:
        file = tmp_path / "backup"
        with making("SQLite") as source:
            back_up(source, file, replace=False)
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
            connection.commit()
        with making("SQLite") as target, pytest.raises(UnusableDatabase, match="newer version") as refusal:
            restore(file, lambda: target, "the target")
        assert refusal.value.path == str(file)

    def test_what_is_no_backup_is_refused_by_name(self, making: Making, tmp_path: Path) -> None:
        texts, empty, songs = tmp_path / "texts", tmp_path / "empty", tmp_path / "songs"
        texts.write_text("hello, this is no database at all\n" * 100)
        empty.touch()
        with closing(sqlite3.connect(songs)) as connection:
            connection.execute("CREATE TABLE songs (title TEXT)")
        with making("SQLite") as target:
            for file, reason in {
                texts: "no backup",
                empty: "nothing in it",
                songs: "another program",
                tmp_path / "missing": "no such file",
                tmp_path: "no such file",
            }.items():
                with pytest.raises(UnusableDatabase, match=reason) as refusal:
                    restore(file, lambda: target, "the target")
                assert refusal.value.path == str(file)
                assert "stardag-restore" not in refusal.value.message + refusal.value.fix
            assert not any(everything_in(target).values())

    @pytest.mark.parametrize("part", [0.99, 0.5, 0.1, 0.001])
    def test_one_cut_short_is_refused_by_name(self, making: Making, tmp_path: Path, part: float) -> None:
        file = tmp_path / "backup"
        with making("SQLite", filled=True) as source:
            back_up(source, file, replace=False)
        whole = file.read_bytes()
        file.write_bytes(whole[: int(len(whole) * part)])
        with making("SQLite") as target:
            with pytest.raises(UnusableDatabase, match="damaged") as refusal:
                restore(file, lambda: target, "the target")
            assert refusal.value.path == str(file)
            assert not any(everything_in(target).values())

    def test_one_is_not_restored_over_anything(self, making: Making, tmp_path: Path) -> None:
        file = tmp_path / "backup"
        with making("SQLite", filled=True) as source:
            back_up(source, file, replace=False)
            before = everything_in(source)
            with pytest.raises(UnusableDatabase, match="holds a registry already"):
                restore(file, lambda: source, "the source")
            assert everything_in(source) == before

    def test_one_has_the_form_of_the_version_that_made_it(self, making: Making, tmp_path: Path) -> None:
        with making("SQLite") as source:
            back_up(source, tmp_path / "backup", replace=False)
        with closing(sqlite3.connect(tmp_path / "backup")) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
