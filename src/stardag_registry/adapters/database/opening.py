"""Opens the database: which URLs are known, the file and its mode, SQLite's settings, migrations, and transactions."""

import logging
import os
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from stardag_registry.adapters.database.migrating import migrate, revision_of
from stardag_registry.adapters.database.provider_queries import SqlProviderReading, SqlProviderTransaction
from stardag_registry.adapters.database.queries import SqlReading, SqlTransaction
from stardag_registry.app.ports import Reading, Transaction
from stardag_registry.app.provider.ports import ProviderReading, ProviderTransaction
from stardag_registry.domain.errors import DatabaseUnavailable, UnsupportedDatabase, UnusableDatabase

DATABASE_FILE = "registry.sqlite3"
"""The name of the database in a data directory."""

BUSY_TIMEOUT = 10.0
"""Seconds that a transaction waits for the one before it."""

OPENING_TIMEOUT = 60.0
"""Seconds that a server waits for another one to finish migrating the same database."""

_log = logging.getLogger("stardag_registry.database")


class SqlDatabase:
    """Keeps the promise of the port `Database`, on an engine that is open and migrated."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._reads = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._writes = engine.execution_options()
        event.listen(self._writes, "begin", _begin_immediately)

    @contextmanager
    def reading(self) -> Generator[Reading]:
        """Every statement by itself: nothing is begun, so nothing is held up."""
        with _failing_as_promised(), self._reads.connect() as connection:
            yield SqlReading(connection)

    @contextmanager
    def transaction(self) -> Generator[Transaction]:
        """One writer after the other. What is read inside cannot change until it is committed."""
        with _failing_as_promised(), self._writes.begin() as connection:
            yield SqlTransaction(connection)

    @property
    def provider(self) -> "SqlProviderDatabase":
        """The same database, as the OpenID provider sees it."""
        return SqlProviderDatabase(self._reads, self._writes)

    def close(self) -> None:
        """Let go of every connection."""
        self._engine.dispose()


class SqlProviderDatabase:
    """Keeps the promise of the port `ProviderDatabase`."""

    def __init__(self, reads: Engine, writes: Engine) -> None:
        self._reads = reads
        self._writes = writes

    @contextmanager
    def reading(self) -> Generator[ProviderReading]:
        """Every statement by itself."""
        with _failing_as_promised(), self._reads.connect() as connection:
            yield SqlProviderReading(connection)

    @contextmanager
    def transaction(self) -> Generator[ProviderTransaction]:
        """One writer after the other."""
        with _failing_as_promised(), self._writes.begin() as connection:
            yield SqlProviderTransaction(connection)


def open_database(place: str | Path) -> SqlDatabase:
    """The database at an SQLAlchemy URL or a path, made where there is none, in the form that this program knows.

    Any number of processes may open the same one at once.

    Raises:
        UnsupportedDatabase: the URL is malformed or of a kind that this release does not know.
        UnusableDatabase: it cannot be made or opened, is no database of this program's, or is newer than the program.
    """
    path = place if isinstance(place, Path) else _path_in(place)
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
    return SqlDatabase(engine)


def _path_in(url: str) -> Path:
    try:
        parts = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise UnsupportedDatabase("what is given is no database URL") from error
    if parts.get_backend_name() in {"postgresql", "postgres"}:
        raise UnsupportedDatabase("PostgreSQL is not supported in this release, only SQLite")
    if parts.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise UnsupportedDatabase(f"databases of the kind {parts.drivername[:40]!r} are not supported, only SQLite")
    if not parts.database or parts.database == ":memory:" or parts.database.startswith("file:") or parts.query:
        raise UnsupportedDatabase("the URL has to name a file, and nothing after it")
    return Path(parts.database).absolute()


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


def _begin_immediately(connection: Connection) -> None:
    """Take the write lock at once: a transaction that reads first and asks for it later can only fail."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _prepare(engine: Engine, path: Path) -> None:
    try:
        with engine.connect() as connection:
            revision_of(connection, str(path))  # what is not ours is not touched
            mode = connection.exec_driver_sql("PRAGMA journal_mode=WAL").scalar_one()
        if mode != "wal":
            raise UnusableDatabase(str(path), f"its journal stays in mode {mode}", "Put it on a local disk.")
        writing = engine.execution_options()
        event.listen(writing, "begin", _begin_immediately)
        with writing.begin() as connection:
            migrate(connection, str(path))
    except DBAPIError as error:
        raise UnusableDatabase(
            str(path),
            str(error.orig),
            "If it is damaged, put a backup in its place; else check that it may be read and written here.",
        ) from error


@contextmanager
def _failing_as_promised() -> Generator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        _log.error("The database failed: %s", error.orig if isinstance(error, DBAPIError) else error)
        raise DatabaseUnavailable from error
