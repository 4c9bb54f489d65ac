"""Entry point of alembic: the store hands over its open connection (services/store.py)."""

from alembic import context

from daric_host.services.records import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
