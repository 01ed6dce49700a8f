"""The job queue's own schema, out of the installed package, up to the version named here.

A later version of the package brings further files: a new migration runs those between LAST and its own last one.
"""

from __future__ import annotations

import importlib.resources

from db.migrations.sql import execute

revision = "0002"
down_revision = "0001"

LAST = "03.04.00_50_post_add_retry_failed_job_procedure.sql"


def upgrade() -> None:
    folder = importlib.resources.files("procrastinate") / "sql" / "migrations"
    names = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    if LAST not in names:
        raise RuntimeError(f"the installed procrastinate has no {LAST}. Install the version of requirements.txt")
    for name in names[: names.index(LAST) + 1]:
        execute((folder / name).read_text(encoding="utf-8"))
    # Jobs come and go by the thousand: without frequent analyze the planner stops using the queue's indexes.
    execute("""
        alter table procrastinate_jobs set (
            autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500,
            autovacuum_analyze_scale_factor = 0.02, autovacuum_analyze_threshold = 200
        );
        alter table procrastinate_events set (
            autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05
        );
    """)
