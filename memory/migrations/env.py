"""What Alembic runs: migrations on the connection that the caller hands over, inside its transaction."""

from alembic import context

from memory.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
