"""Opens the database: which URLs are known, and its transactions as the ports promise them."""

import logging
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from stardag_registry.adapters.database import postgresql, sqlite
from stardag_registry.adapters.database.provider_queries import SqlProviderReading, SqlProviderTransaction
from stardag_registry.adapters.database.queries import SqlReading, SqlTransaction
from stardag_registry.adapters.database.writing import Writing
from stardag_registry.app.ports import Reading, Transaction
from stardag_registry.app.provider.ports import ProviderReading, ProviderTransaction
from stardag_registry.domain.errors import DatabaseUnavailable, UnsupportedDatabase

DATABASE_FILE = "registry.sqlite3"
"""The name of the database in a data directory."""

_log = logging.getLogger("stardag_registry.database")


class SqlDatabase:
    """Keeps the promise of the port `Database`, on an engine that is open and migrated."""

    def __init__(self, engine: Engine, writing: Writing) -> None:
        self.engine = engine
        self.writing = writing
        # SQLite's driver begins nothing by itself; asking for what is so anyway would cost a statement each time.
        self._reads = engine.execution_options(isolation_level="AUTOCOMMIT") if self.is_shared else engine
        self._alone = writing.exclusive_on(engine)
        self._beside = writing.shared_on(engine)
        self._turn: AbstractContextManager[None] = nullcontext() if self.is_shared else sqlite.Turn()

    @contextmanager
    def reading(self) -> Generator[Reading]:
        """Every statement by itself: nothing is begun, so nothing is held up."""
        with _failing_as_promised(), self._reads.connect() as connection:
            yield SqlReading(connection)

    @contextmanager
    def transaction(self) -> Generator[Transaction]:
        """One writer after the other. What is read inside cannot change until it is committed."""
        with _failing_as_promised(), self._turn, self._alone.begin() as connection:
            yield SqlTransaction(connection)

    @contextmanager
    def addition(self) -> Generator[Transaction]:
        """Beside its like, where the database can; SQLite has one writer after the other."""
        with _failing_as_promised(), self._turn, self._beside.begin() as connection:
            yield SqlTransaction(connection)

    @property
    def is_shared(self) -> bool:
        """Whether it is a server of its own, that does many things at once."""
        return self.engine.dialect.name == "postgresql"

    @property
    def provider(self) -> "SqlProviderDatabase":
        """The same database, as the OpenID provider sees it."""
        return SqlProviderDatabase(self._reads, self.writing.provider_on(self.engine), self._turn)

    def close(self) -> None:
        """Let go of every connection."""
        self.engine.dispose()


class SqlProviderDatabase:
    """Keeps the promise of the port `ProviderDatabase`."""

    def __init__(self, reads: Engine, writes: Engine, turn: AbstractContextManager[None]) -> None:
        self._reads = reads
        self._writes = writes
        self._turn = turn

    @contextmanager
    def reading(self) -> Generator[ProviderReading]:
        """Every statement by itself."""
        with _failing_as_promised(), self._reads.connect() as connection:
            yield SqlProviderReading(connection)

    @contextmanager
    def transaction(self) -> Generator[ProviderTransaction]:
        """One writer after the other."""
        with _failing_as_promised(), self._turn, self._writes.begin() as connection:
            yield SqlProviderTransaction(connection)


def open_database(place: str | Path, *, upgrade: bool = False) -> SqlDatabase:
    """The database at a URL or a path, made where there is none, in the form that this program knows.

    Any number of processes may open the same one at once. One on PostgreSQL that is older than the program is brought
    to that form only where `upgrade` says so; a file always is.

    Raises:
        UnsupportedDatabase: the URL is malformed or of a kind that this release does not know.
        UnusableDatabase: it cannot be made or opened, is no database of this program's, or is newer or older than the
            program.
    """
    if isinstance(place, Path):
        return SqlDatabase(sqlite.open_sqlite(place), sqlite.WRITING)
    url = _parsed(place)
    if url.get_backend_name() == "postgresql":
        return SqlDatabase(postgresql.open_postgresql(url, upgrade=upgrade), postgresql.WRITING)
    return SqlDatabase(sqlite.open_sqlite(sqlite.path_in(url)), sqlite.WRITING)


def _parsed(place: str) -> URL:
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):
        # The library's error may quote a password that stands where a port should.
        raise UnsupportedDatabase("what is given is no database URL") from None
    if url.drivername == "postgres":  # what others call it
        url = url.set(drivername="postgresql")
    if url.drivername not in {"sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg"}:
        kind = url.drivername[:40]
        raise UnsupportedDatabase(f"databases of the kind {kind!r} are not supported, only SQLite and PostgreSQL")
    return url


@contextmanager
def _failing_as_promised() -> Generator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeout) as error:
        _log.error("The database failed: %s", _first_line_of(error.orig if isinstance(error, DBAPIError) else error))
        raise DatabaseUnavailable from error


def _first_line_of(error: object) -> str:
    """What went wrong; the lines after it show what was stored, or how the statement reads."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
