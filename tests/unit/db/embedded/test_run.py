from __future__ import annotations

import pytest

from db.embedded.run import essence

FULL_DISK = """The files belonging to this database system will be owned by user "postgres".
selecting default time zone ... Etc/UTC
running bootstrap script ... ok
2026-11-21 11:27:14.714 UTC [13357] FATAL:  could not extend file "base/1/2691": wrote only 4096 bytes
2026-11-21 11:27:14.714 UTC [13357] HINT:  Check free disk space.
child process exited with exit code 134
"""


RECOVERING = """2026-11-21 11:31:10.1 UTC [1] LOG:  database system was interrupted while in recovery
2026-11-21 11:31:10.1 UTC [1] HINT:  This probably means that some data is corrupted.
2026-11-21 11:31:10.2 UTC [2] FATAL:  the database system is starting up
2026-11-21 11:31:10.3 UTC [1] FATAL:  could not write to file "pg_wal/xlogtemp.1": No space left on device
2026-11-21 11:31:10.3 UTC [1] LOG:  database system is shut down
"""


@pytest.mark.parametrize(
    ("output", "line"),
    [
        (
            FULL_DISK,
            'FATAL:  could not extend file "base/1/2691": wrote only 4096 bytes / HINT:  Check free disk space.',
        ),
        ("waiting ... \nstopped waiting\n", "waiting ... / stopped waiting"),
        (RECOVERING, 'FATAL:  could not write to file "pg_wal/xlogtemp.1": No space left on device'),
        ("", "it wrote nothing"),
        (
            "initdb: error: directory is not empty\ninitdb: hint: Remove it\n" * 2,
            "initdb: error: directory is not empty / initdb: hint: Remove it",
        ),
    ],
)
def test_the_essence_of_an_output_is_its_complaints(output: str, line: str) -> None:
    assert essence(output) == line
