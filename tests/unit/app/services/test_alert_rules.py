from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.services.alert_rules import Facts, Found, Scan, Suspended, alerts
from scanner.sources.registry import SourceState

NOW = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
OPENED = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
QUIET = Facts(now=NOW, market_open_since=OPENED, newest=NOW - timedelta(minutes=10))
FOUND = Found(
    symbol="NVDA",
    occ_symbol="NVDA  261127C00150000",
    contract="NVDA 2026-11-27 150 call",
    composite_score=85,
    parts=(35, 30, 20),
    signal_type="MOMENTUM_BULL",
    skew_25d=4.24,
    scanned_at=NOW,
    source="schwab",
)


def test_nothing_is_told_while_all_is_well() -> None:
    assert alerts(QUIET) == ()
    assert alerts(Facts(now=NOW, market_open_since=None, newest=None)) == ()


def test_an_opportunity_is_told_with_its_parts_its_time_and_its_source() -> None:
    (alert,) = alerts(replace(QUIET, opportunities=[FOUND]))
    assert alert.title == "85 of 100: NVDA 2026-11-27 150 call"
    assert "whale 35, fresh open interest 30, skew 20" in alert.body
    assert "25-delta skew +4.2 vol points" in alert.body
    assert "Scan of Fri 2026-11-20 11:00 New York, source schwab" in alert.body
    assert alert.daily


def test_an_unknown_skew_is_said_to_be_unknown() -> None:
    (alert,) = alerts(replace(QUIET, opportunities=[replace(FOUND, skew_25d=None)]))
    assert "25-delta skew unknown" in alert.body


def test_the_same_contract_is_another_alert_on_another_day_only() -> None:
    def key(at: datetime) -> str:
        return alerts(replace(QUIET, opportunities=[replace(FOUND, scanned_at=at)]))[0].key

    assert key(NOW) == key(NOW + timedelta(hours=4)) != key(NOW + timedelta(days=3))


@pytest.mark.parametrize(
    ("minutes_open", "age_minutes", "told"),
    [(90, 44, False), (90, 45, False), (90, 46, True), (44, 900, False), (45, 900, True), (90, None, True)],
)
def test_data_are_stale_after_45_minutes_of_an_open_market(
    minutes_open: int, age_minutes: int | None, told: bool
) -> None:
    facts = Facts(
        now=NOW,
        market_open_since=NOW - timedelta(minutes=minutes_open),
        newest=None if age_minutes is None else NOW - timedelta(minutes=age_minutes),
    )
    assert [alert.kind for alert in alerts(facts)] == (["stale data"] if told else [])


@pytest.mark.parametrize(("hours", "words"), [(25, None), (23, "ends"), (-1, "has ended")])
def test_a_log_in_that_ends_within_a_day_is_told_with_the_command(hours: int, words: str | None) -> None:
    facts = replace(QUIET, sources=[SourceState("schwab", session_ends_at=NOW + timedelta(hours=hours))])
    found = alerts(facts)
    if words is None:
        assert found == ()
    else:
        assert found[0].title == f"The log-in at schwab {words}"
        assert "python -m app.cli login schwab" in found[0].body


def test_a_source_that_is_left_alone_is_told_with_its_last_word() -> None:
    one = Suspended("yahoo", NOW + timedelta(minutes=5), "SourceTimeoutError: no answer in 20 s.")
    (alert,) = alerts(replace(QUIET, suspended=[one]))
    assert "left alone until Fri 2026-11-20 11:05 New York" in alert.body
    assert "no answer in 20 s" in alert.body


@pytest.mark.parametrize(("succeeded", "told"), [(22, False), (21, True), (0, True)])
def test_a_scan_without_half_of_its_symbols_failed(succeeded: int, told: bool) -> None:
    found = alerts(replace(QUIET, scan=Scan(NOW, 44, succeeded)))
    assert bool(found) is told
    if told:
        assert f"has {succeeded} of 44 symbols" in found[0].body


@pytest.mark.parametrize(
    ("free", "total", "told"),
    [(3_000_000_000, 50_000_000_000, False), (1_900_000_000, 20_000_000_000, True), (40_000_000_000, 10**12, True)],
)
def test_the_disk(free: int, total: int, told: bool) -> None:
    assert bool(alerts(replace(QUIET, disk_free=free, disk_total=total))) is told
