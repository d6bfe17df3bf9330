"""PostgreSQL over psycopg 3: limits of time, and advisory locks in place of SQLite's one write lock.

Any number of servers on any number of machines share one database. Changes that depend on what they read run one after
the other; what only adds to builds and tasks runs beside its like.
"""

import time

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from stardag_registry.adapters.database.migrating import HEAD, migrate, revision_of
from stardag_registry.adapters.database.writing import Writing
from stardag_registry.domain.errors import UnusableDatabase

CONNECTIONS = 10
"""That one server keeps; it takes up to as many again for a while."""

IDLE = 0.5
"""Seconds after which a connection that nobody used is tried before it is used again: firewalls drop such ones, and the
database may have been restarted."""

OPENING_TIMEOUT = 60.0
"""Seconds that a server waits for another process to finish migrating the same database."""

_LOCK_NOT_AVAILABLE = "55P03"
_LOCK, _PROVIDER_LOCK = 7_382_001, 7_382_002  # any two numbers; advisory locks are a database's own

WRITING = Writing(
    f"SELECT pg_advisory_xact_lock({_LOCK})",
    f"SELECT pg_advisory_xact_lock_shared({_LOCK})",
    f"SELECT pg_advisory_xact_lock({_PROVIDER_LOCK})",
)

_OPTIONS = " ".join(
    f"-c {name}={value}"
    for name, value in {
        "timezone": "UTC",
        "lock_timeout": "10s",
        "statement_timeout": "30s",
        # Below the timeout of locks: a server that is gone without a word holds up the others, and none of them fails.
        "idle_in_transaction_session_timeout": "5s",
        "synchronous_commit": "on",
    }.items()
)

# A machine that is gone without a word is noticed within some fifteen seconds; else it would take a quarter of an hour.
_NETWORK = {"keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 2, "tcp_user_timeout": 15_000}


def shown(url: URL) -> str:
    """The address of a database, without what is secret in it, for messages."""
    return URL.create("postgresql", url.username, None, url.host, url.port, url.database).render_as_string()


def open_postgresql(url: URL, *, upgrade: bool) -> Engine:
    """The database at a URL. One with nothing in it is furnished with tables at once; one that an older version made
    is changed only where `upgrade` says so, since older servers may run on it.

    Raises:
        UnusableDatabase: it cannot be reached, is another program's, newer than the program, or has to be upgraded.
    """
    place = shown(url)
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        connect_args={
            "connect_timeout": 10,
            "application_name": "stardag-registry",
            "options": _OPTIONS,
            **_NETWORK,
        },
        hide_parameters=True,
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS,
        pool_timeout=10,
        pool_use_lifo=True,
    )
    _try_idle_connections(engine)
    try:
        with engine.begin() as connection:
            _wait_for_turn(connection, upgrade=upgrade)
            _prepare(connection, place, upgrade=upgrade)
    except DBAPIError as error:
        engine.dispose()
        if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise UnusableDatabase(
                place, "another process has been changing it for a minute", "Try again when that is done."
            ) from None
        reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "it does not answer"
        raise UnusableDatabase(
            place, reason, "Check that it runs, and the host, user, password and database that the URL names."
        ) from None  # the driver's error may hold the password
    except BaseException:
        engine.dispose()
        raise
    return engine


def _try_idle_connections(engine: Engine) -> None:
    def note(_connection: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
        entry.info["returned_at"] = time.monotonic()

    def check(connection: DBAPIConnection, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        if time.monotonic() - entry.info.get("returned_at", time.monotonic()) < IDLE:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error  # and a new one is made

    event.listen(engine, "checkin", note)
    event.listen(engine, "checkout", check)


def _wait_for_turn(connection: Connection, *, upgrade: bool) -> None:
    """Let nobody else prepare or change the database until the transaction ends."""
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # a migration takes as long as it takes
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{0 if upgrade else OPENING_TIMEOUT:.0f}s'")
    connection.exec_driver_sql(WRITING.exclusive)


def _prepare(connection: Connection, place: str, *, upgrade: bool) -> None:
    found = revision_of(connection, place)
    if found is not None and found < HEAD and not upgrade:
        raise UnusableDatabase(
            place,
            f"an older version made it (its revision is {found}, and this program needs {HEAD})",
            "Stop the older servers, make a backup with their version, then run: stardag registry upgrade --database …",
        )
    migrate(connection, place)
