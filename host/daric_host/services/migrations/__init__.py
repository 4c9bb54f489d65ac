"""Schema migrations of the services' database (alembic)."""
