"""The registry's database: SQLAlchemy Core on SQLite or PostgreSQL, with migrations that run when it is opened.

Nothing of SQLAlchemy or Alembic leaves this package; failures come out as the errors that the port promises.
"""

from stardag_registry.adapters.database.copying import back_up, copy_database, restore
from stardag_registry.adapters.database.migrating import HEAD
from stardag_registry.adapters.database.opening import DATABASE_FILE, SqlDatabase, open_database

__all__ = ["DATABASE_FILE", "HEAD", "SqlDatabase", "back_up", "copy_database", "open_database", "restore"]
