"""Copies a whole registry from one database to another, in one state, while servers go on using the first.

A backup is such a copy in a SQLite file, whatever kind of database it is of; restoring one is a copy back.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Integer, Table, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from stardag_registry.adapters.database.opening import SqlDatabase, open_database
from stardag_registry.adapters.database.tables import metadata
from stardag_registry.domain.errors import UnusableDatabase

BATCH = 2000
"""Rows that are held in memory at once."""

_NAME_A_BACKUP = "Name what 'stardag registry backup' wrote."

_SNAPSHOT = {"postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", "sqlite": "BEGIN"}


def copy_database(source: SqlDatabase, target: SqlDatabase, place: str) -> Mapping[str, int]:
    """Copy every row, in one state of the source, as one transaction of the target; how many there are, by table.

    Raises:
        UnusableDatabase: `place`, the target for the message, is not empty; or one of the two failed. Nothing is in
            the target then.
    """
    try:
        with _snapshot(source) as reading, target.writing.exclusive_on(target.engine).begin() as writing:
            _check_empty(writing, place)
            copied = {table.name: _copy(reading, writing, table) for table in metadata.sorted_tables}
            _check_copied(writing, copied, place)
        return copied
    except DBAPIError as error:
        reason = str(error.orig).partition("\n")[0]  # what follows shows what is stored
        raise UnusableDatabase(place, f"copying to it failed: {reason}", "Mend that, and copy again.") from None


def back_up(source: SqlDatabase, file: Path, *, replace: bool) -> Mapping[str, int]:
    """Copy a registry to a file that nobody else can read; it is there whole, or not at all.

    Raises:
        UnusableDatabase: the file is there and `replace` does not say so, or it cannot be made.
    """
    if file.exists() and not replace:
        raise UnusableDatabase(str(file), "it is there already", "Name another file, or say --replace.")
    try:
        with tempfile.TemporaryDirectory(prefix=".backup-", dir=file.parent) as folder:
            made = Path(folder) / file.name
            with closing(open_database(made)) as target:
                copied = copy_database(source, target, str(file))
                with target.engine.connect() as connection:
                    connection.exec_driver_sql("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
            _sync(made)
            made.replace(file)
            _sync(file.parent)
        return copied
    except OSError as error:
        raise UnusableDatabase(
            str(file), error.strerror or str(error), "Name a file in a directory that you may write to."
        ) from None


def restore(file: Path, open_target: Callable[[], SqlDatabase], place: str) -> Mapping[str, int]:
    """Copy a backup, of this version or an older one, to an empty database, which is opened, and so made, only once
    there is something to put into it. The file itself stays as it is.

    Raises:
        UnusableDatabase: it is no backup, or `place`, the target for the message, is not empty.
    """
    if not file.is_file():
        raise UnusableDatabase(str(file), "there is no such file", _NAME_A_BACKUP)
    with tempfile.TemporaryDirectory(prefix="stardag-restore-") as folder:
        copy = Path(folder) / "backup.sqlite3"
        try:
            shutil.copyfile(file, copy)
        except OSError as error:
            reason = f"it cannot be copied to {folder}: {error.strerror or error}"
            raise UnusableDatabase(str(file), reason, "Check that it may be read, and that there is room.") from None
        with closing(_open_backup(copy, file)) as source:
            return copy_database(source, open_target(), place)


def _open_backup(copy: Path, file: Path) -> SqlDatabase:
    """The copy of a backup, in this version's form. Messages tell of the file that somebody named."""
    try:
        with closing(sqlite3.connect(copy)) as connection:
            (state,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        raise UnusableDatabase(str(file), f"it is no backup, or a damaged one: {error}", _NAME_A_BACKUP) from None
    if state != "ok":
        raise UnusableDatabase(str(file), f"it is damaged: {state}", _NAME_A_BACKUP)
    if tables == (0,):
        raise UnusableDatabase(str(file), "there is nothing in it", _NAME_A_BACKUP)
    try:
        return open_database(copy)
    except UnusableDatabase as error:
        raise UnusableDatabase(str(file), error.reason, error.fix) from None


@contextmanager
def _snapshot(database: SqlDatabase) -> Generator[Connection]:
    """A connection that sees one state of the database until the end, without holding anybody up."""
    with database.engine.connect() as connection:
        connection.exec_driver_sql(_SNAPSHOT[database.engine.dialect.name])
        if database.is_shared:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield connection
        connection.rollback()


def _check_empty(connection: Connection, place: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    for table in metadata.sorted_tables:
        if connection.execute(select(table).limit(1)).first() is not None:
            raise UnusableDatabase(
                place, "it holds a registry already", "Name a database with nothing in it; nothing was changed."
            )


def _copy(reading: Connection, writing: Connection, table: Table) -> int:
    count = 0
    with reading.execution_options(yield_per=BATCH).execute(select(table)) as result:
        for rows in result.mappings().partitions(BATCH):
            values: Sequence[dict[str, Any]] = [dict(row) for row in rows]
            writing.execute(insert(table), values)
            count += len(values)
    (first, *more) = table.primary_key.columns
    if writing.dialect.name == "postgresql" and not more and isinstance(first.type, Integer) and count:
        # The next number that the database gives, since these were given by another.
        largest = select(func.max(first)).scalar_subquery()
        writing.execute(select(func.setval(func.pg_get_serial_sequence(table.name, first.name), largest)))
    return count


def _check_copied(connection: Connection, copied: Mapping[str, int], place: str) -> None:
    for table in metadata.sorted_tables:
        if connection.scalar(select(func.count()).select_from(table)) != copied[table.name]:
            raise UnusableDatabase(place, f"its table {table.name} is not what was copied", "Copy again.")
    if connection.dialect.name == "sqlite":
        broken = connection.execute(text("PRAGMA foreign_key_check")).first()
        if broken is not None:
            raise UnusableDatabase(place, f"its table {broken[0]} refers to what is not there", "Copy again.")


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
