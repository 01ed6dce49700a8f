"""The API key is nobody's to read: not in errors, logs, addresses or what objects print."""

from __future__ import annotations

import logging
import traceback

import pytest

from scanner.calendar import MarketCalendar
from scanner.errors import SourceError
from scanner.sources.base import SourceOptions
from scanner.sources.gate import MemoryVault
from scanner.sources.polygon import KEY_SETTING, PolygonSource, open_source
from scanner.sources.resilience import OpenGate
from tests.integration.sources.polygon_chains import NOW, answers, source, wide
from tests.integration.sources.test_polygon_faults import CASES, TIME_LIMIT
from tests.vendors.faults import unreachable
from tests.vendors.fixtures import EnterInternet
from tests.vendors.internet import FakeInternet
from tests.vendors.polygon import API_KEY, HOST, PolygonServer

BAD_KEYS = (f"{API_KEY}\nX-Other: 1", f"{API_KEY}é", f"{API_KEY} ")


@pytest.fixture
def internet(enter_internet: EnterInternet) -> FakeInternet:
    return enter_internet(PolygonServer(answers("AAPL", strikes=wide(300))).servers)


def story(polygon: PolygonSource) -> str:
    """Everything that is printed of a failure, or of what came."""
    try:
        answer = polygon.chain("AAPL", lambda listed: listed)
    except SourceError as error:
        return "".join([*traceback.format_exception(error), repr(error), repr(error.__cause__)])
    return repr(answer)


def test_the_key_is_in_no_error_log_or_output(
    internet: FakeInternet, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    told = [story(source())]
    for case in CASES:
        internet.faults.clear()
        internet.faults.add(case.fault(HOST))
        told.append(story(source(timeout_seconds=TIME_LIMIT / 4)))
    internet.faults.clear()
    internet.faults.add(unreachable())
    told.append(story(source()))
    internet.faults.clear()
    told += [story(source(api_key=wrong)) for wrong in (*BAD_KEYS, API_KEY[:-1])]
    assert len(told) == len(CASES) + 6
    assert "HTTP Request: GET" in caplog.text
    everything = "\n".join([*told, caplog.text, *capfd.readouterr()])
    assert API_KEY not in everything
    assert API_KEY[:-1] not in everything


def test_the_key_is_in_no_address(internet: FakeInternet) -> None:
    story(source())
    assert internet.count() > 1
    assert not [request for request in internet.requests if API_KEY in str(request)]


def test_the_key_is_in_nothing_that_objects_print(internet: FakeInternet) -> None:
    polygon = source()
    story(polygon)
    client = vars(polygon)["_client"]
    http = vars(client)["_http"]
    for thing in (polygon, client, http, http.headers, vars(polygon), vars(client), vars(http)):
        assert API_KEY not in repr(thing)
        assert API_KEY not in str(thing)


def test_the_key_is_asked_for_by_its_name(internet: FakeInternet) -> None:
    asked: list[str] = []

    def credential(name: str) -> str | None:
        asked.append(name)
        return API_KEY

    options = SourceOptions(lambda: NOW, OpenGate(), 10.0, credential, MemoryVault(), MarketCalendar.around(NOW))
    assert len(open_source(options).chain("AAPL", lambda listed: listed).contracts) == 900
    assert asked == [KEY_SETTING] == ["SCANNER_POLYGON_API_KEY"]


def test_without_a_key_it_opens_and_says_so_when_asked(internet: FakeInternet) -> None:
    polygon = open_source(
        SourceOptions(lambda: NOW, OpenGate(), 10.0, lambda name: None, MemoryVault(), MarketCalendar.around(NOW))
    )
    assert "set SCANNER_POLYGON_API_KEY" in story(polygon)
    assert internet.count() == 0
