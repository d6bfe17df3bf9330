"""What Alembic runs to migrate: on the connection it is handed, as part of the transaction that is open there."""

from alembic import context

from stardag_registry.adapters.database.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
