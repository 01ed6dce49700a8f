"""Finding the next job costs the same however many wait, and whatever the planner's statistics say.

Jobs come and go by the thousand, so statistics were often those of an almost empty queue; every fetch then sorted all
of the jobs and compared each with all others. Whoever brings a later version of Procrastinate that replaces the
function sets this again: `tests/integration/db/test_jobs.py` counts the rows that are read.
"""

from __future__ import annotations

from db.migrations.sql import execute

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    execute("""
        create index queue_locked_jobs on procrastinate_jobs (lock)
            where lock is not null and status in ('todo', 'doing');
        alter function procrastinate_fetch_job_v2(character varying[], bigint) set enable_sort = off;
    """)
