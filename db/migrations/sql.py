"""The one helper of the migrations: SQL as it is written."""

from __future__ import annotations

from alembic import op


def execute(script: str) -> None:
    """Run one or several statements as they are: no bind parameters, so `:` and `%` mean themselves."""
    op.get_bind().exec_driver_sql(script, execution_options={"no_parameters": True})
