"""Alerts from the facts to a target that listens: the real apprise, a real HTTP server on this machine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app import log
from app.services import alert_sender
from app.services.alert_rules import Alert, Scan
from app.services.alert_sender import AlertSender, addresses_of, parts_of
from app.services.flow import FlowService, OpportunityFilters
from app.services.flow_scan import FlowScanService
from db import alerts as stored
from db.engine import Database
from scanner.errors import InputError
from scanner.model import Mode
from tests.integration.app.conftest import FLOW_SYMBOLS, NOW, MakeAlerts, SettableClock
from tests.patience import PATIENCE_SECONDS, wait_for

LATE = NOW.replace(hour=20, minute=45)
"""Volume has accumulated over the day."""

TOKEN = "planted-token-3141592653"


@dataclass
class Target:
    """An HTTP server that takes messages, refuses them, or never answers."""

    address: str
    messages: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    hang_seconds: float = 0.0


@pytest.fixture
def target() -> Iterator[Target]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            time.sleep(found.hang_seconds)
            found.messages.append(json.loads(body))
            self.send_response(found.status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Target(f"json://127.0.0.1:{server.server_port}/{TOKEN}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


def cause(key: str = "stale data", *, daily: bool = False) -> Alert:
    return Alert(key, "stale data", f"Title of {key}", f"Body of {key}", daily)


def note(database: Database, *causes: Alert, minutes: float = 0, muted: bool = False) -> None:
    with database.connection() as connection:
        stored.note(connection, causes, now=NOW + timedelta(minutes=minutes), muted=muted)


def states(database: Database) -> list[str]:
    with database.connection() as connection:
        return [one.state for one in reversed(stored.latest(connection, limit=100))]


def test_an_episode_is_told_once_and_again_when_it_comes_back(
    database: Database, alerts: MakeAlerts, target: Target, clock: SettableClock
) -> None:
    service = alerts(target.address)
    note(database, cause())
    assert service.tell() == 1
    note(database, cause(), minutes=1)
    assert service.tell() == 0
    note(database, minutes=2)
    note(database, cause(), minutes=3)
    clock.now = NOW + timedelta(minutes=3)
    assert service.tell() == 1
    assert [message["title"] for message in target.messages] == ["Options scanner: Title of stale data"] * 2
    assert [message["message"] for message in target.messages] == ["Body of stale data"] * 2
    assert states(database) == ["told", "told"]
    (last, first) = service.latest()
    assert (first.ended_at, last.ended_at) == (NOW + timedelta(minutes=2), None)
    assert last.targets == "JSON"


def test_an_opportunity_that_comes_and_goes_is_told_once_a_day(
    database: Database, alerts: MakeAlerts, target: Target
) -> None:
    service = alerts(target.address)
    for minutes in range(0, 60, 15):
        note(database, cause("opportunity:X:2026-11-20", daily=True), minutes=minutes)
        service.tell()
        note(database, minutes=minutes + 1)
    assert len(target.messages) == 1


def test_many_alerts_are_one_message_that_counts_the_rest(
    database: Database, alerts: MakeAlerts, target: Target
) -> None:
    note(database, *(cause(f"a{number:02}") for number in range(13)))
    assert alerts(target.address).tell() == 13
    (message,) = target.messages
    assert message["title"] == "Options scanner: 13 alerts"
    assert "Title of a09" in message["message"]
    assert "Title of a10" not in message["message"]
    assert "and 3 more, on the page System" in message["message"]


def test_what_is_over_the_limit_waits_for_the_next_hour(
    database: Database, alerts: MakeAlerts, target: Target, clock: SettableClock
) -> None:
    service = alerts(target.address, most_an_hour=2)
    causes: list[Alert] = []
    for number in range(5):
        causes.append(cause(f"a{number}"))
        clock.now = NOW + timedelta(minutes=number)
        note(database, *causes, minutes=number)
        service.tell()
    assert len(target.messages) == 2
    clock.now = NOW + timedelta(minutes=61)
    assert service.tell() == 3
    assert target.messages[-1]["title"] == "Options scanner: 3 alerts"


def test_of_many_workers_one_tells(database: Database, alerts: MakeAlerts, target: Target) -> None:
    note(database, cause("one"), cause("two"))
    services = [alerts(target.address) for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda service: service.tell(), services))
    assert sorted(told) == [0] * 7 + [2]
    assert len(target.messages) == 1


def test_a_worker_that_died_over_a_message_is_followed_by_another(
    database: Database, alerts: MakeAlerts, target: Target, clock: SettableClock
) -> None:
    note(database, cause())
    with database.connection() as connection:
        assert len(stored.claim(connection, now=NOW, most_an_hour=9)) == 1
    service = alerts(target.address)
    assert service.tell() == 0
    clock.now = NOW + stored.LEASE + timedelta(seconds=1)
    assert service.tell() == 1


def test_a_target_that_refuses_is_tried_three_times_and_told_of_without_its_address(
    database: Database, alerts: MakeAlerts, target: Target
) -> None:
    log.hide(target.address, *parts_of(target.address))
    target.status = 500
    service = alerts(target.address)
    note(database, cause())
    assert [service.tell() for _ in range(5)] == [0] * 5
    assert len(target.messages) == 3
    (one,) = service.latest()
    assert (one.state, one.attempts) == ("failed", 3)
    assert one.error is not None
    assert one.error.startswith("JSON: ")
    assert TOKEN not in one.error


def test_one_target_that_fails_keeps_no_other_from_the_message(
    database: Database, alerts: MakeAlerts, target: Target
) -> None:
    note(database, cause())
    service = alerts("json://127.0.0.1:9/nobody-listens-here", target.address)
    assert service.tell() == 1
    (one,) = service.latest()
    assert (one.state, one.targets) == ("told", "JSON")
    assert one.error is not None


def test_looking_does_not_wait_for_a_target_that_hangs(
    database: Database, alerts: MakeAlerts, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_sender, "TIMEOUT_SECONDS", 5.0)
    target.hang_seconds = 8.0
    begun = threading.Event()
    send = AlertSender.send

    def sending(self: AlertSender, title: str, body: str) -> Any:
        begun.set()
        return send(self, title, body)

    monkeypatch.setattr(AlertSender, "send", sending)
    service = alerts(target.address)
    service.look()
    assert begun.wait(PATIENCE_SECONDS)
    service.look()
    assert [one.state for one in service.latest()] == ["sending"]
    wait_for(lambda: service.latest()[0].state != "sending", "the end of the message")
    assert service.latest()[0].error is not None


@pytest.mark.parametrize(("mode", "start"), [(Mode.LIVE, ""), (Mode.SIMULATED, "SIMULATED DATA: ")])
def test_a_test_is_sent_in_every_mode_and_says_which(
    alerts: MakeAlerts, target: Target, mode: Mode, start: str
) -> None:
    (done,) = alerts(target.address, mode=mode, sends=False).test()
    assert (done.kind, done.error) == ("JSON", None)
    assert target.messages[0]["title"] == f"{start}Options scanner: Test"


def test_simulated_data_are_listed_and_told_to_nobody(database: Database, alerts: MakeAlerts, target: Target) -> None:
    service = alerts(target.address, mode=Mode.SIMULATED, sends=False)
    service.look()
    assert service.tell() == 0
    assert states(database) == ["muted"]
    assert target.messages == []


def test_what_a_scan_found_is_told_with_its_score_and_time(
    database: Database, alerts: MakeAlerts, flow_scans: FlowScanService, flow: FlowService, clock: SettableClock
) -> None:
    clock.now = LATE
    run_id = flow_scans.begin_due()
    assert run_id is not None
    for symbol in FLOW_SYMBOLS:
        flow_scans.run_symbol(run_id, symbol)
    found = alerts().facts()
    best = flow.opportunities(OpportunityFilters(min_composite_score=80))
    assert len(best) > 0
    assert [one.occ_symbol for one in found.opportunities] == best["occ_symbol"].tolist()
    assert [sum(one.parts) for one in found.opportunities] == best["composite_score"].tolist()
    assert {one.scanned_at for one in found.opportunities} == {LATE}
    assert (found.newest, found.scan) == (LATE, Scan(LATE, len(FLOW_SYMBOLS), len(FLOW_SYMBOLS)))
    alerts().look()
    assert {one.title for one in alerts().latest()} >= {
        f"{one.composite_score} of 100: {one.contract}" for one in found.opportunities
    }


def test_without_a_target_a_test_says_what_to_set(alerts: MakeAlerts) -> None:
    with pytest.raises(InputError, match="SCANNER_ALERT_URLS"):
        alerts().test()


@pytest.mark.parametrize("address", ["nonsense", f"gopher://{TOKEN}", f"discord://{TOKEN}"])
def test_an_address_that_is_none_is_named_by_its_place_and_never_shown(address: str) -> None:
    with pytest.raises(InputError, match="address 2 in SCANNER_ALERT_URLS") as caught:
        AlertSender(["json://127.0.0.1:9/x", address], redact=log.redact)
    assert TOKEN not in str(caught.value)


def test_addresses_are_separated_by_spaces_and_lines() -> None:
    assert addresses_of(" a://b\n c://d  e://f ") == ("a://b", "c://d", "e://f")
    assert addresses_of(None) == ()


def test_what_ended_is_forgotten_after_30_days(database: Database, alerts: MakeAlerts, clock: SettableClock) -> None:
    note(database, cause("over"), cause("lasts"))
    note(database, cause("lasts"), minutes=1)
    clock.now = NOW + timedelta(days=31)
    alerts().forget_old()
    assert [one.title for one in alerts().latest()] == ["Title of lasts"]
