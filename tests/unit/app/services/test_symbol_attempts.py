from __future__ import annotations

import pytest

from app.services.symbol_attempts import being_probed, passes_by_itself, unanswered, wait_seconds
from scanner.errors import (
    AllSourcesFailedError,
    MalformedAnswerError,
    NoOptionsError,
    RateLimitedError,
    SourceAuthError,
    SourceError,
    SourceSuspendedError,
    SourceTimeoutError,
    SourceUnavailableError,
)


def all_failed(*causes: SourceError) -> AllSourcesFailedError:
    return AllSourcesFailedError("KO", causes)


DOWN = SourceUnavailableError("yahoo", "KO", "no connection")
LATE = SourceTimeoutError("robinhood", "KO", "no answer within 5 s")
LIMITED = RateLimitedError("polygon", "KO", "too many calls", 40.0)
REFUSED = SourceAuthError("schwab", "KO", "log in again")
GARBLED = MalformedAnswerError("yahoo", "KO", "answered with a page")
NOTHING = NoOptionsError("yahoo", "KO", "no options are listed")


@pytest.mark.parametrize(
    ("error", "passes", "nobody"),
    [
        (DOWN, True, True),
        (LATE, True, True),
        (LIMITED, True, False),
        (REFUSED, False, False),
        (GARBLED, False, False),
        (all_failed(REFUSED, DOWN), True, True),
        (all_failed(DOWN, LIMITED), True, False),
        (all_failed(REFUSED, GARBLED), False, False),
        (all_failed(NOTHING, LATE), True, False),
    ],
)
def test_what_passes_by_itself_and_when_nobody_was_reached(error: SourceError, passes: bool, nobody: bool) -> None:
    assert passes_by_itself(error) is passes
    assert unanswered(error) is nobody


@pytest.mark.parametrize(
    ("error", "probed"),
    [
        (SourceSuspendedError("yahoo", "KO", 2.0), True),
        (SourceSuspendedError("yahoo", "KO", 26.0), False),
        (all_failed(REFUSED, SourceSuspendedError("yahoo", "KO", 1.0)), True),
        (all_failed(REFUSED, DOWN), False),
        (DOWN, False),
    ],
)
def test_a_source_that_is_being_probed_is_not_known_to_be_down(error: SourceError, probed: bool) -> None:
    assert being_probed(error) is probed


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (DOWN, 2.0),
        (LIMITED, 45.0),
        (RateLimitedError("yahoo", "KO", "too many calls"), 33.75),
        (SourceSuspendedError("yahoo", "KO", 24.0), 27.0),
        (RateLimitedError("yahoo", "KO", "too many calls", 9_999.0), 337.5),
        (all_failed(LIMITED, DOWN), 2.0),
        (all_failed(REFUSED, LIMITED), 45.0),
    ],
)
def test_the_first_source_that_may_be_asked_again_decides_the_wait(error: SourceError, seconds: float) -> None:
    assert wait_seconds(1, error, chance=0.5) == pytest.approx(seconds)
