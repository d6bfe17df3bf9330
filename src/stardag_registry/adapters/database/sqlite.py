"""SQLite: the file and its mode, its settings, and one writer after the other."""

import logging
import os
import sqlite3
import threading
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from stardag_registry.adapters.database.migrating import migrate, revision_of
from stardag_registry.adapters.database.writing import Writing
from stardag_registry.domain.errors import DatabaseUnavailable, UnsupportedDatabase, UnusableDatabase

BUSY_TIMEOUT = 10.0
"""Seconds that a transaction waits for the one before it."""

OPENING_TIMEOUT = 60.0
"""Seconds that a server waits for another one to finish migrating the same database."""

_log = logging.getLogger("stardag_registry.database")

# The write lock at once: a transaction that reads first and asks for it later can only fail.
WRITING = Writing(*("BEGIN IMMEDIATE",) * 3)


class Turn:
    """One thread of this process after the other, each as soon as the one before is done.

    SQLite's own lock, which keeps other processes away, is looked at again only after a sleep: under load it is free
    half of the time, and some thread always sleeps longest. `timeout` is in seconds.
    """

    def __init__(self, timeout: float = BUSY_TIMEOUT) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        """Wait for the turn; raises DatabaseUnavailable where it does not come in time."""
        if not self._lock.acquire(timeout=self._timeout):
            _log.error("The database failed: it was busy for %.1f seconds", self._timeout)
            raise DatabaseUnavailable

    def __exit__(self, *_: object) -> None:
        """Let the next one have it."""
        self._lock.release()


def path_in(url: URL) -> Path:
    """The file that a URL names.

    Raises:
        UnsupportedDatabase: it names none.
    """
    if not url.database or url.database == ":memory:" or url.database.startswith("file:") or url.query:
        raise UnsupportedDatabase("the URL has to name a file, and nothing after it")
    return Path(url.database).absolute()


def open_sqlite(path: Path) -> Engine:
    """The database in a file, made where there is none, in the form that this program knows.

    Raises:
        UnusableDatabase: it cannot be made or opened, is no database of this program's, or is newer than the program.
    """
    try:
        _make_file(path)
        with FileLock(path.with_name(path.name + ".lock"), timeout=OPENING_TIMEOUT, mode=0o600):
            engine = _engine_on(path)
            try:
                _prepare(engine, path)
            except BaseException:
                engine.dispose()
                raise
    except Timeout as error:
        raise UnusableDatabase(
            str(path), "another server has been opening it for a minute", "Try again when that one runs."
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnusableDatabase(str(path), reason, "Choose a file that can be made and written to.") from error
    return engine


def _make_file(path: Path) -> None:
    """Make the file ourselves, since SQLite would let others read it. Those it puts beside it get the same mode."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        if not path.is_file():
            raise IsADirectoryError(0, "it is not a file") from None


def _engine_on(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_TIMEOUT},
        hide_parameters=True,  # what is stored has no place in logs
    )
    event.listen(engine, "connect", _set_up)
    return engine


def _set_up(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _prepare(engine: Engine, path: Path) -> None:
    try:
        with engine.connect() as connection:
            revision_of(connection, str(path))  # what is not ours is not touched
            mode = connection.exec_driver_sql("PRAGMA journal_mode=WAL").scalar_one()
        if mode != "wal":
            raise UnusableDatabase(str(path), f"its journal stays in mode {mode}", "Put it on a local disk.")
        with WRITING.exclusive_on(engine).begin() as connection:
            migrate(connection, str(path))
    except DBAPIError as error:
        raise UnusableDatabase(
            str(path),
            str(error.orig),
            "If it is damaged, put a backup in its place; else check that it may be read and written here.",
        ) from error
