"""The helpers of the migrations. They stay as they are: landed migrations depend on them."""

from __future__ import annotations

import importlib.resources

from alembic import op


def execute(script: str) -> None:
    """Run one or several statements as they are: no bind parameters, so `:` and `%` mean themselves."""
    op.get_bind().exec_driver_sql(script, execution_options={"no_parameters": True})


def execute_procrastinate(*, after: str, last: str) -> None:
    """Run the migration files of the installed Procrastinate that follow `after` (empty: from the first) up to `last`.

    The package keeps every file it ever published, so a named range means the same with any later version.

    Errors: RuntimeError where the installed version has no file `last`.
    """
    folder = importlib.resources.files("procrastinate") / "sql" / "migrations"
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    if last not in names:
        raise RuntimeError(f"the installed procrastinate has no {last}. Install the version of requirements.txt")
    for name in names:
        if after < name <= last:
            execute((folder / name).read_text(encoding="utf-8"))
