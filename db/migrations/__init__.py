"""Alembic migrations, run by `db.migrate`. Raw SQL; they never import code of the application that may change."""
