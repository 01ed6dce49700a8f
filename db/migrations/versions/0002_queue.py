"""The second part of the job queue's schema, up to the file named here.

A later version of Procrastinate brings further files: a new migration runs those between LAST and its own last one.
"""

from __future__ import annotations

from db.migrations.sql import execute, execute_procrastinate

revision = "0002"
down_revision = "0001"

AFTER = "02.06.00_01_add_cancel_states.sql"
LAST = "03.04.00_50_post_add_retry_failed_job_procedure.sql"


def upgrade() -> None:
    execute_procrastinate(after=AFTER, last=LAST)
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
