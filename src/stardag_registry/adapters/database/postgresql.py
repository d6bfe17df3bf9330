"""PostgreSQL over psycopg 3: limits of time, and advisory locks in place of SQLite's one write lock.

Any number of servers on any number of machines share one database. Changes that depend on what they read run one after
the other; what only adds to builds and tasks runs beside its like.
"""

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from stardag_registry.adapters.database.migrating import HEAD, migrate, revision_of
from stardag_registry.adapters.database.writing import Writing
from stardag_registry.domain.errors import UnusableDatabase

CONNECTIONS = 10
"""That one server keeps; it takes up to as many again for a while."""

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
        "idle_in_transaction_session_timeout": "60s",
        "synchronous_commit": "on",
    }.items()
)


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
        connect_args={"connect_timeout": 10, "application_name": "stardag-registry", "options": _OPTIONS},
        hide_parameters=True,
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS,
        pool_timeout=10,
        pool_use_lifo=True,
    )
    try:
        with WRITING.exclusive_on(engine).begin() as connection:
            _prepare(connection, place, upgrade=upgrade)
    except DBAPIError as error:
        engine.dispose()
        reason = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "it does not answer"
        raise UnusableDatabase(
            place, reason, "Check that it runs, and the host, user, password and database that the URL names."
        ) from None  # the driver's error may hold the password
    except BaseException:
        engine.dispose()
        raise
    return engine


def _prepare(connection: Connection, place: str, *, upgrade: bool) -> None:
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # a migration takes as long as it takes
    found = revision_of(connection, place)
    if found is not None and found < HEAD and not upgrade:
        raise UnusableDatabase(
            place,
            f"an older version made it (its revision is {found}, and this program needs {HEAD})",
            "Stop the older servers, make a backup, then run: stardag registry upgrade --database …",
        )
    migrate(connection, place)
