from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scanner.sources.retry_after import retry_after_seconds

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("30", 30.0),
        (" 0 ", 0.0),
        ("Fri, 20 Nov 2026 15:01:30 GMT", 90.0),
        ("Fri, 20 Nov 2026 14:00:00 GMT", 0.0),
        ("Fri, 20 Nov 2026 10:01:00 -0500", 60.0),
        ("Fri, 20 Nov 2026 15:01:00 -0000", 60.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        ("²", None),
    ],
)
def test_retry_after_is_a_number_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds
