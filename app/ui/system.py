"""The state of sources and the quality of what they delivered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import pandas as pd
import streamlit as st

from app.services.source_report import SourceLine, SourceReport
from app.ui import charts, formats, loaders, plots
from app.ui.runtime import services
from db.source_breakers import BreakerState, BreakerView
from scanner.sources.registry import SourceState

WARN_BEFORE: Final = timedelta(days=1)
"""Before the end of a log-in that needs a person: from day 6 of Schwab's seven."""

SOURCE_HELP: Final = {
    "Asked": "Sources are asked in this order; the first whole answer is used, never two in one chain.",
    "State": "Ready, or what it lacks, or why it is left alone for now.",
    "Calls": "Calls in the last 24 hours, those that failed included.",
    "Failed": "Calls without an answer, by class of error.",
    "p50": "Half of the calls took less; waiting for a turn is not counted.",
    "p95": "95 % of the calls took less.",
    "Waited": "Time spent waiting for a turn, so that the vendor's limit is kept.",
}

QUALITY_HELP: Final = {
    "Contracts": "Delivered in the last 24 hours.",
    "Unreadable": "Rows of the vendor that do not say which contract they are. Counted, never guessed.",
    "No bid": "Share without a bid above zero.",
    "Crossed": "Share with a bid above its ask.",
    "Made-up IV": "Share whose volatility from the vendor was a placeholder; it is taken out.",
    "IV disagrees": "Share of volatilities from the vendor more than 5 points away from ours.",
    "Age at fetch": "Mean age of quotes that carry a time of their own, when they were fetched.",
}


def source_table(lines: Sequence[SourceLine]) -> None:
    """A row for each source, in the order they are asked."""
    rows = [_source_row(number, line) for number, line in enumerate(lines, start=1)]
    frame = pd.DataFrame(rows, columns=["Asked", "Source", "State", *list(SOURCE_HELP)[2:]])
    config = {name: st.column_config.TextColumn(help=words) for name, words in SOURCE_HELP.items()}
    config["State"] = st.column_config.TextColumn(help=SOURCE_HELP["State"], width="large")
    st.dataframe(frame, hide_index=True, column_config=config, alt="Sources in the order they are asked")


def _source_row(number: int, line: SourceLine) -> tuple[str, ...]:
    report = line.report
    asked = str(number) if line.state.ready else formats.UNKNOWN
    if report is None or not report.calls:
        return (asked, line.state.name, state_words(line), "0", *[formats.UNKNOWN] * 4)
    failed = ", ".join(f"{name} {count:,}" for name, count in report.errors.items()) or "none"
    return (
        asked,
        line.state.name,
        state_words(line),
        f"{report.calls:,}",
        failed,
        latency(report.latency_p50),
        latency(report.latency_p95),
        formats.duration(report.waited_seconds),
    )


def state_words(line: SourceLine) -> str:
    """Ready, what it lacks, or why and until when it is left alone."""
    if not line.state.ready:
        return line.state.missing
    breaker = line.breaker
    if breaker is None or breaker.state is BreakerState.CLOSED:
        return f"ready{_session_words(line.state)}"
    if breaker.state is BreakerState.HALF_OPEN or breaker.open_until is None:
        return "left alone; the next call tries it again"
    return f"left alone until {formats.new_york_time(breaker.open_until, seconds=True)} New York"


def suspended_words(breaker: BreakerView) -> str:
    """Why a source is left alone, with what it said last."""
    said = f" It said last: {breaker.error_class}: {breaker.error_message}." if breaker.error_class else ""
    return f"**{breaker.key}** failed {breaker.failures:,} times in a row and is left alone for a while.{said}"


def _session_words(state: SourceState) -> str:
    if state.session_ends_at is None:
        return ""
    left = (state.session_ends_at - loaders.now()).total_seconds()
    return f", logged in for {formats.duration(left)} more" if left > 0 else ", its log-in has ended"


def session_warnings(lines: Sequence[SourceLine]) -> None:
    """From the last day of a log-in on, how to renew it."""
    for line in lines:
        ends_at = line.state.session_ends_at
        if ends_at is not None and ends_at - loaders.now() < WARN_BEFORE:
            st.warning(
                f"The log-in at {line.state.name} ends {formats.new_york_time(ends_at, now=loaders.now())} New York. "
                f"Renew it: `python -m app.cli login {line.state.name}`"
            )


def latency(seconds: float | None) -> str:
    """ "85 ms", "1.2 s"."""
    if seconds is None:
        return formats.UNKNOWN
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def suspended_sources() -> None:
    """For each source that is left alone why, and a button for somebody who has mended what was wrong."""
    for one in loaders.breakers():
        if one.state is not BreakerState.CLOSED:
            st.warning(suspended_words(one))
            if st.button(f"Ask {one.key} again now", key=f"again_{one.key}"):
                services().source_reports.call_again(one.key)
                loaders.forget()
                st.rerun()


def quality_table(reports: Sequence[SourceReport]) -> None:
    """A row for each source that delivered contracts in the last day."""
    rows = [_quality_row(report) for report in reports if report.quotes.contracts]
    if not rows:
        st.info("Nothing was fetched in the last 24 hours. Press Sync All on Home to fetch the stocks of the universe.")
        return
    frame = pd.DataFrame(rows, columns=["Source", *QUALITY_HELP])
    config = {name: st.column_config.TextColumn(help=words) for name, words in QUALITY_HELP.items()}
    st.dataframe(frame, hide_index=True, column_config=config, alt="Quality of the quotes by source")


def _quality_row(report: SourceReport) -> tuple[str, ...]:
    quotes = report.quotes
    age = quotes.mean_age_seconds
    return (
        report.source,
        f"{quotes.contracts:,}",
        f"{quotes.unreadable:,}",
        _share(quotes.zero_quotes),
        _share(quotes.crossed_quotes),
        _share(quotes.placeholder_iv),
        _share(quotes.disagreeing_iv),
        "no times given" if age is None else formats.duration(age),
    )


def _share(part: float | None) -> str:
    return formats.UNKNOWN if part is None else formats.percent(100 * part)


def age_chart(reports: Sequence[SourceReport]) -> None:
    """Mean age at the fetch by hour, a line for each source whose quotes carry times."""
    if any(report.age_by_hour for report in reports):
        st.markdown("**Age of the quotes when they were fetched, by hour**")
        figure = charts.quote_ages({report.source: report.age_by_hour for report in reports if report.age_by_hour})
        plots.show(figure, alt="Mean age of quotes at the fetch by hour and source")
