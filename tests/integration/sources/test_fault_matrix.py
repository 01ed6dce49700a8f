"""Every source x every fault: a typed error, no hang, the fallback's answer; never an empty success.

What a fault inside a chain does (-999, "NaN", missing keys, duplicates, adjusted roots, an expiry list that disagrees)
depends on each vendor's words: see `test_<vendor>_faults`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import pytest

from scanner.errors import (
    MalformedAnswerError,
    NoOptionsError,
    RateLimitedError,
    SourceAuthError,
    SourceError,
    SourceTimeoutError,
    SourceUnavailableError,
    SymbolNotFoundError,
)
from scanner.model import ChainSnapshot
from scanner.sources.base import ChainSource
from scanner.sources.fallback import FallbackSource
from tests.integration.sources.every_vendor import VENDORS
from tests.vendors.faults import (
    Fault,
    cut_json,
    cut_transfer,
    dropped,
    html_page,
    json_answer,
    plain_text,
    rate_limited,
    server_error,
    slow,
    unreachable,
)
from tests.vendors.fixtures import EnterInternet

TIME_LIMIT = 1.5
HUNG = 60.0

NOTHING = (NoOptionsError, SymbolNotFoundError, MalformedAnswerError)
REFUSED = (SourceAuthError, SourceUnavailableError)

FAULTS: Mapping[str, tuple[tuple[type[SourceError], ...], object]] = {
    "429": ((RateLimitedError,), rate_limited),
    "429, Retry-After 30": ((RateLimitedError,), lambda pattern: rate_limited(pattern, "30")),
    "401": (REFUSED, lambda pattern: json_answer(pattern, {"error": "unauthorized"}, 401)),
    "403": (REFUSED, lambda pattern: json_answer(pattern, {"error": "forbidden"}, 403)),
    "404": (
        (SymbolNotFoundError, NoOptionsError, SourceUnavailableError, MalformedAnswerError),
        lambda pattern: server_error(pattern, 404),
    ),
    "500": ((SourceUnavailableError,), server_error),
    "502": ((SourceUnavailableError,), lambda pattern: server_error(pattern, 502)),
    "HTML": ((MalformedAnswerError, SourceUnavailableError), html_page),
    "cut JSON": ((MalformedAnswerError,), cut_json),
    "cut transfer": ((SourceUnavailableError, MalformedAnswerError), cut_transfer),
    "empty body": ((MalformedAnswerError,), lambda pattern: plain_text(pattern, "")),
    "empty result": (NOTHING, lambda pattern: json_answer(pattern, {})),
    "wrong types": (NOTHING, lambda pattern: json_answer(pattern, [1, "two", None])),
    "never answering": ((SourceTimeoutError,), lambda pattern: slow(pattern, HUNG)),
    "dropped": ((SourceUnavailableError,), dropped),
    "no network": ((SourceUnavailableError,), lambda pattern: unreachable()),
}

_met: dict[tuple[str, str], str] = {}


class Healthy:
    """The next source: the same chain in the name of another."""

    name = "healthy"

    def __init__(self, known: ChainSnapshot, source: ChainSource) -> None:
        self.mode, self.capabilities = source.mode, source.capabilities
        self._known = known

    def chain(self, symbol: str, choose: object) -> ChainSnapshot:
        return self._known


@pytest.fixture(scope="module", autouse=True)
def table(request: pytest.FixtureRequest) -> Iterator[None]:
    """Prints what every source made of every fault, when all were tried."""
    yield
    capture = request.config.pluginmanager.get_plugin("capturemanager")
    if _met and capture is not None:
        with capture.global_and_fixture_disabled():
            print("\n" + _table())


def _table() -> str:
    lines = ["| fault | " + " | ".join(VENDORS) + " |", "|---" * (len(VENDORS) + 1) + "|"]
    rows = [[fault, *(_met.get((name, fault), "-") for name in VENDORS)] for fault in FAULTS]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


@pytest.fixture(scope="module")
def good() -> dict[str, ChainSnapshot]:
    return {}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", VENDORS)
def test_a_fault_is_a_typed_error_and_the_next_source_answers(
    name: str, fault: str, enter_internet: EnterInternet, good: dict[str, ChainSnapshot]
) -> None:
    vendor, (expected, make) = VENDORS[name], FAULTS[fault]
    assert callable(make)
    internet = enter_internet(vendor.servers())
    if name not in good:
        good[name] = vendor.source(HUNG).chain("AAPL", lambda listed: listed)
    broken: Fault = make(vendor.data)
    internet.faults.add(broken)
    source = vendor.source(TIME_LIMIT)
    started = time.monotonic()
    with pytest.raises(SourceError) as caught:
        source.chain("AAPL", lambda listed: listed)
    assert time.monotonic() - started < HUNG / 2
    _met[name, fault] = type(caught.value).__name__
    assert isinstance(caught.value, expected), caught.value
    assert (caught.value.source, caught.value.symbol) == (name, "AAPL")
    answer = FallbackSource([vendor.source(TIME_LIMIT), Healthy(good[name], source)]).chain(
        "AAPL", lambda listed: listed
    )
    assert len(answer.contracts) == 18
    assert [skipped.source for skipped in answer.skipped] == [name]
