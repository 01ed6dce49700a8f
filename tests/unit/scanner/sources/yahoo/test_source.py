from __future__ import annotations

from datetime import UTC, datetime

import pytest

from scanner.errors import InputError, SymbolError, SymbolNotFoundError
from scanner.sources.base import nearest_only
from scanner.sources.resilience import OpenGate
from scanner.sources.yahoo import YahooSource
from scanner.sources.yahoo.source import yahoo_symbol

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("symbol", "vendor"),
    [("AAPL", "AAPL"), ("BRK.B", "BRK-B"), ("brk-b", "BRK-B"), ("SPX", "^SPX"), ("^VIX", "^VIX"), ("SPY", "SPY")],
)
def test_spelling_at_yahoo(symbol: str, vendor: str) -> None:
    assert yahoo_symbol(symbol) == vendor


@pytest.mark.parametrize("symbol", ["", "GC=F", "not a symbol", "../AAPL", "AAPL?x=1", "^VXAPL"])
def test_what_is_no_symbol_is_refused_without_a_call(symbol: str) -> None:
    with pytest.raises(SymbolError):
        yahoo_symbol(symbol)
    source = YahooSource(clock=lambda: NOW, gate=OpenGate())
    for ask in (lambda: source.chain(symbol, nearest_only), lambda: source.reference(symbol)):
        with pytest.raises(SymbolNotFoundError) as caught:
            ask()
        assert caught.value.symbol == symbol


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_the_time_limit_must_be_positive(seconds: float) -> None:
    with pytest.raises(InputError, match="time limit"):
        YahooSource(clock=lambda: NOW, gate=OpenGate(), timeout_seconds=seconds)
