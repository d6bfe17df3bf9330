"""The registry's database: SQLAlchemy Core on SQLite, with migrations that run when it is opened.

Nothing of SQLAlchemy or Alembic leaves this package; failures come out as the errors that the port promises.
"""

from stardag_registry.adapters.database.opening import DATABASE_FILE, open_database

__all__ = ["DATABASE_FILE", "open_database"]
