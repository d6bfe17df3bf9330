"""Brings a database to the form that this program knows, as part of the transaction that is open."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from stardag_registry.domain.errors import UnusableDatabase

HEAD = "0006"
"""The revision of the newest migration. Alembic, slow to import, is asked only where the database is not there yet."""

MIGRATIONS = Path(__file__).parent / "migrations"

_VERSION_TABLE = "alembic_version"  # which other programs have as well
_FIRST_TABLE = "organizations"


def migrate(connection: Connection, path: str) -> None:
    """Run what is missing.

    Raises:
        UnusableDatabase: `path`, for the message, holds tables that are not ours, or a form newer than we know.
    """
    current = revision_of(connection, path)
    if current == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    known = {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise UnusableDatabase(
            path,
            f"it was written by a newer version (its revision {current} is not known here)",
            "Install the newer version again, or name another database.",
        )
    command.upgrade(config, HEAD)


def revision_of(connection: Connection, path: str) -> str | None:
    """The revision of what is there, None for an empty database.

    Raises:
        UnusableDatabase: `path`, for the message, holds tables that are not ours.
    """
    tables = set(inspect(connection).get_table_names())
    if tables - {_VERSION_TABLE} and not tables >= {_VERSION_TABLE, _FIRST_TABLE}:
        raise UnusableDatabase(path, "it is the database of another program", "Name another one.")
    if not tables:
        return None
    return connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608
