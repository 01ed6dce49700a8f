"""A source that is left alone: which symbols wait for it."""

from __future__ import annotations

import pytest

from app.services.symbol_attempts import passes_by_itself, wait_seconds
from scanner.errors import AllSourcesFailedError, SourceAuthError, SourceError, SourceSuspendedError
from scanner.sources.resilience import BreakerPolicy

FIRST_PAUSE = SourceSuspendedError("yahoo", "KO", BreakerPolicy().open_seconds)
FAILED_AGAIN = SourceSuspendedError("yahoo", "KO", 2 * BreakerPolicy().open_seconds)
REFUSED = SourceSuspendedError("schwab", "KO", BreakerPolicy().auth_seconds)
LOGIN = SourceAuthError("schwab", "KO", "log in again")


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (FIRST_PAUSE, True),
        (FAILED_AGAIN, False),
        (REFUSED, False),
        (AllSourcesFailedError("KO", [LOGIN, FIRST_PAUSE]), True),
        (AllSourcesFailedError("KO", [LOGIN, REFUSED]), False),
        (AllSourcesFailedError("KO", [FAILED_AGAIN, LOGIN, FIRST_PAUSE]), True),
    ],
)
def test_symbols_wait_for_the_first_pause_alone(error: SourceError, waits: bool) -> None:
    assert passes_by_itself(error) is waits


def test_they_come_back_when_the_pause_is_over() -> None:
    assert wait_seconds(1, FIRST_PAUSE, chance=0.0) == 30.0
    assert wait_seconds(1, AllSourcesFailedError("KO", [REFUSED, LOGIN, FIRST_PAUSE]), chance=0.5) == 33.75
