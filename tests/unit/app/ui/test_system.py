from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.services.alert_sender import Delivery
from app.services.machinery import AliveWorker, QueueLine
from app.services.source_report import QuoteShares, SourceLine, SourceReport
from app.ui import runtime
from app.ui.machinery import scan_row
from app.ui.system import latency, state_words
from db.alerts import StoredAlert
from db.source_breakers import BreakerState, BreakerView
from scanner.errors import InputError
from scanner.sources.registry import SourceState
from tests.unit.app.ui.flow_frames import opportunities
from tests.unit.app.ui.test_flow_pages import LATEST, NOTHING, SCANNED, Flow
from tests.unit.app.ui.test_pages import FULL, HOME, forget_everything, made_by_hand, words

NOW = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
OPEN = BreakerView("yahoo", BreakerState.OPEN, 5, NOW, "SourceTimeoutError", "no answer within 20 s", NOW)
QUOTES = QuoteShares(1_200, 3, 0.25, 0.001, 0.9, None, None)
REPORT = SourceReport("yahoo", 80, {"SourceTimeoutError": 5}, 0.085, 1.24, 12.0, QUOTES, {})


@pytest.fixture(autouse=True)
def _no_cache_between_tests(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SCANNER_SUPERVISOR_PID", "1")
    forget_everything()
    yield
    forget_everything()


class Reports:
    def __init__(self, reports: tuple[SourceReport, ...] = (), breakers: tuple[BreakerView, ...] = ()) -> None:
        self._reports = reports
        self._breakers = breakers
        self.called_again: list[str] = []

    def report(self, *, hours: int) -> tuple[SourceReport, ...]:
        return self._reports

    def breakers(self) -> tuple[BreakerView, ...]:
        return self._breakers

    def call_again(self, source: str) -> None:
        self.called_again.append(source)
        self._breakers = ()


class Alerts:
    def __init__(self, kinds: tuple[str, ...] = (), rows: tuple[StoredAlert, ...] = ()) -> None:
        self._kinds = kinds
        self._rows = rows

    def kinds(self) -> tuple[str, ...]:
        if "wrong" in self._kinds:
            raise InputError("address 1 in SCANNER_ALERT_URLS is none that apprise knows")
        return self._kinds

    def latest(self, *, limit: int) -> tuple[StoredAlert, ...]:
        return self._rows[:limit]

    def test(self) -> tuple[Delivery, ...]:
        return (Delivery("Discord", None), Delivery("Email", "550 no such mailbox"))


class Machinery:
    def workers(self) -> tuple[AliveWorker, ...]:
        return (AliveWorker(7, 12.4, 2),)

    def queue(self) -> tuple[QueueLine, ...]:
        return (QueueLine("sync_symbol", 1_200, 3, 2, 1), QueueLine("another", 1, 0, 0, 0))


def opened(
    monkeypatch: pytest.MonkeyPatch, reports: Reports, *states: SourceState, alerts: Alerts | None = None
) -> AppTest:
    services: SimpleNamespace = made_by_hand(FULL)
    services.alerts = alerts or Alerts()
    services.flow = Flow(NOTHING, opportunities())
    services.machinery = Machinery()
    services.settings = SimpleNamespace(flow_scans=True)
    services.source_reports = reports
    services.source_states = lambda: states
    monkeypatch.setattr(runtime, "build", lambda settings: services)
    app = AppTest.from_file(HOME, default_timeout=30).run()
    return app.switch_page("pages/system.py").run()


def table(app: AppTest, number: int) -> list[dict[Any, Any]]:
    return app.dataframe[number].value.to_dict("records")


def test_every_source_says_whether_it_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = SourceState("robinhood", "not configured: set SCANNER_ROBINHOOD_USERNAME")
    app = opened(monkeypatch, Reports((REPORT,)), lacking, SourceState("yahoo"))
    assert not app.exception
    first, second = table(app, 0)
    assert (first["Asked"], first["State"], first["Calls"]) == ("–", lacking.missing, "0")
    assert (second["Asked"], second["State"], second["Calls"]) == ("2", "ready", "80")
    assert (second["Failed"], second["p50"], second["p95"]) == ("SourceTimeoutError 5", "85 ms", "1.2 s")
    (quality,) = table(app, 1)
    assert quality["No bid"] == "25.0 %"
    assert quality["Made-up IV"] == "90.0 %"
    assert quality["IV disagrees"] == "–"
    assert quality["Age at fetch"] == "no times given"


def test_a_source_left_alone_can_be_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = Reports(breakers=(OPEN,))
    app = opened(monkeypatch, reports, SourceState("yahoo"))
    (row,) = table(app, 0)
    assert row["State"] == "left alone until 12:00:00 New York"
    assert "failed 5 times in a row" in words(app)
    assert "SourceTimeoutError: no answer within 20 s" in words(app)
    app.button(key="again_yahoo").click().run()
    assert reports.called_again == ["yahoo"]
    assert table(app, 0)[0]["State"] == "ready"


def test_before_anything_was_fetched_the_page_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(monkeypatch, Reports(), SourceState("yahoo"))
    assert "Nothing was fetched in the last 24 hours" in words(app)


@pytest.mark.parametrize(
    ("state", "until", "said"),
    [
        (BreakerState.CLOSED, None, "ready"),
        (BreakerState.HALF_OPEN, NOW, "the next call tries it again"),
    ],
)
def test_states_in_words(state: BreakerState, until: datetime | None, said: str) -> None:
    breaker = BreakerView("yahoo", state, 5, until, "SourceTimeoutError", "late", NOW)
    assert said in state_words(SourceLine(SourceState("yahoo"), breaker, None))


@pytest.mark.parametrize(("seconds", "text"), [(None, "–"), (0.0042, "4 ms"), (0.9996, "1000 ms"), (1.0, "1.0 s")])
def test_latency(seconds: float | None, text: str) -> None:
    assert latency(seconds) == text


def test_without_a_target_alerts_say_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(monkeypatch, Reports(), SourceState("yahoo"))
    assert "SCANNER_ALERT_URLS" in words(app)
    assert "nothing to tell" in words(app)
    assert "Send a test message" not in [button.label for button in app.button]


def test_alerts_are_listed_with_what_became_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    told = StoredAlert(2, "stale data", "The data are stale", "Look.", NOW, NOW, "told", 1, NOW, "Discord", None)
    failed = StoredAlert(1, "disk", "The disk is full", "Make room.", NOW, None, "failed", 3, None, "", "Email: 550")
    app = opened(monkeypatch, Reports(), SourceState("yahoo"), alerts=Alerts(("Discord", "Email"), (told, failed)))
    assert "Alerts go to **Discord, Email**." in words(app)
    rows = table(app, -1)
    assert [row["Alert"] for row in rows] == ["The data are stale. Look.", "The disk is full. Make room."]
    assert [row["Now"] for row in rows] == ["over", "lasts"]
    assert [row["Sent"] for row in rows] == ["sent Discord", "could not be sent (Email: 550)"]
    next(button for button in app.button if button.label == "Send a test message").click()
    assert [toast.value for toast in app.run().toast] == ["Discord: sent", "Email: 550 no such mailbox"]


def test_a_wrong_target_is_an_error_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(monkeypatch, Reports(), SourceState("yahoo"), alerts=Alerts(("wrong",)))
    assert ["none that apprise knows" in error.value for error in app.error] == [True]


def test_workers_and_queue_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(monkeypatch, Reports(), SourceState("yahoo"))
    rows = [row for number in range(len(app.dataframe)) for row in table(app, number)]
    assert {"Worker": "7", "Last sign of life": "12 s ago", "Jobs in work": "2"} in rows
    queue = {row["Job"]: row for row in rows if "Job" in row}
    assert queue["Sync of a symbol"]["Waiting"] == "1,200"
    assert queue["Sync of a symbol"]["Failed, 7 days"] == "1"
    assert "another" in queue


def test_scans_are_listed_with_coverage_and_time() -> None:
    row = scan_row(LATEST, LATEST.timestamp)
    assert row["Symbols"] == "43 of 44, 1 failed"
    assert (row["Took"], row["Fetch, ms"], row["Contracts"]) == ("40 s", "–", "12,000")
    assert SCANNED.latest is LATEST
