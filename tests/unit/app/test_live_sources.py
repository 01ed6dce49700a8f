from __future__ import annotations

import pytest

from app import log
from app.live_sources import DiscreetGate
from scanner.errors import RateLimitedError, SourceError
from scanner.sources.resilience import OpenGate


class NotingGate(OpenGate):
    """Notes what a gate would keep of a failed call."""

    def __init__(self) -> None:
        self.kept: list[str] = []

    def call(self, send, *, symbol):  # type: ignore[no-untyped-def]
        try:
            return super().call(send, symbol=symbol)
        except SourceError as error:
            self.kept += [error.detail, str(error)]
            raise


def test_what_a_failed_call_says_has_no_secrets_before_anybody_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_hidden", ())
    log.hide("unlikely-value")
    inner = NotingGate()

    def refused() -> None:
        raise RateLimitedError("polygon", "KO", "no access with unlikely-value", retry_after_seconds=3.0)

    with pytest.raises(RateLimitedError) as caught:
        DiscreetGate(inner).call(refused, symbol="KO")
    assert inner.kept == ["no access with ***", "polygon for KO: no access with ***"]
    assert (str(caught.value), caught.value.detail) == (inner.kept[1], inner.kept[0])
    assert (caught.value.source, caught.value.symbol, caught.value.retry_after_seconds) == ("polygon", "KO", 3.0)


def test_an_answer_passes_unchanged() -> None:
    gate = DiscreetGate(OpenGate())
    assert gate.call(lambda: 7, symbol="KO") == 7
    assert gate.turn() == 0.0
