from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import pytest

from scanner.errors import (
    AllSourcesFailedError,
    InputError,
    NoOptionsError,
    SourceAuthError,
    SourceError,
    SourceTimeoutError,
)
from scanner.model import ChainSnapshot, Mode, SkippedSource, UnderlyingQuote
from scanner.schema import CHAIN
from scanner.sources.base import Capabilities, ChooseExpirations
from scanner.sources.fallback import FallbackSource

LISTED = (date(2026, 12, 4), date(2026, 12, 18), date(2027, 1, 15))
NOW = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)


@dataclass
class Vendor:
    """Answers with the error, or with a chain that lacks the last `missing` expirations."""

    name: str
    error: type[SourceError] | None = None
    missing: int = 0
    mode: Mode = Mode.LIVE
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(True, True, True, 0.0))
    asked: list[str] = field(default_factory=list)

    def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        self.asked.append(symbol)
        if self.error is not None:
            raise self.error(self.name, symbol, "did not work")
        chosen: Sequence[date] = choose(LISTED)
        return ChainSnapshot(
            symbol=symbol,
            source=self.name,
            mode=self.mode,
            fetched_at=NOW,
            answer_time=NOW,
            underlying=UnderlyingQuote(),
            listed_expirations=LISTED,
            contracts=CHAIN.empty(),
            missing_expirations=tuple(chosen[len(chosen) - self.missing :]),
        )


def everything(listed: Sequence[date]) -> Sequence[date]:
    return listed


def test_the_first_complete_answer_is_used_and_nobody_else_is_asked() -> None:
    first, second = Vendor("robinhood"), Vendor("yahoo")
    answer = FallbackSource([first, second]).chain("KO", everything)
    assert (answer.source, answer.skipped) == ("robinhood", ())
    assert second.asked == []


def test_the_next_source_answers_and_says_why_the_earlier_ones_did_not() -> None:
    sources = [Vendor("schwab", SourceAuthError), Vendor("robinhood", SourceTimeoutError), Vendor("yahoo")]
    answer = FallbackSource(sources).chain("KO", everything)
    assert answer.source == "yahoo"
    assert answer.skipped == (
        SkippedSource("schwab", "SourceAuthError", "did not work"),
        SkippedSource("robinhood", "SourceTimeoutError", "did not work"),
    )


def test_a_partial_answer_gives_way_to_a_complete_one() -> None:
    answer = FallbackSource([Vendor("robinhood", missing=1), Vendor("yahoo")]).chain("KO", everything)
    assert answer.source == "yahoo"
    assert answer.skipped == (SkippedSource("robinhood", "Incomplete", "did not deliver 2027-01-15"),)


@pytest.mark.parametrize(("missing", "used"), [((1, 2), "robinhood"), ((2, 1), "yahoo"), ((1, 1), "robinhood")])
def test_of_partial_answers_the_one_that_lacks_least_is_used_whole(missing: tuple[int, int], used: str) -> None:
    robinhood, yahoo = Vendor("robinhood", missing=missing[0]), Vendor("yahoo", missing=missing[1])
    answer = FallbackSource([robinhood, yahoo, Vendor("polygon", SourceTimeoutError)]).chain("KO", everything)
    assert answer.source == used
    assert len(answer.missing_expirations) == 1
    other = "yahoo" if used == "robinhood" else "robinhood"
    assert [skipped.source for skipped in answer.skipped] == [other, "polygon"]


def test_all_failed_names_every_source() -> None:
    sources = [Vendor("robinhood", SourceAuthError), Vendor("yahoo", SourceTimeoutError)]
    with pytest.raises(AllSourcesFailedError) as caught:
        FallbackSource(sources).chain("KO", everything)
    assert str(caught.value) == "all sources for KO: robinhood: did not work; yahoo: did not work"
    assert [type(cause) for cause in caught.value.causes] == [SourceAuthError, SourceTimeoutError]


def test_what_all_agree_on_is_said_once() -> None:
    with pytest.raises(NoOptionsError):
        FallbackSource([Vendor("robinhood", NoOptionsError), Vendor("yahoo", NoOptionsError)]).chain("KO", everything)


def test_a_fault_of_the_program_is_not_passed_over() -> None:
    class Broken(Vendor):
        def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
            raise KeyError(symbol)

    with pytest.raises(KeyError):
        FallbackSource([Broken("robinhood"), Vendor("yahoo")]).chain("KO", everything)


def test_capabilities_are_what_one_of_them_can_give() -> None:
    rich = Vendor("a", capabilities=Capabilities(True, False, True, 0.0))
    poor = Vendor("b", capabilities=Capabilities(False, True, False, 900.0, bid_ask=False))
    assert FallbackSource([rich, poor]).capabilities == Capabilities(True, True, True, 900.0)
    unknown = Vendor("c", capabilities=Capabilities(False, False, False, None))
    assert FallbackSource([rich, unknown]).capabilities.delay_seconds is None


@pytest.mark.parametrize("sources", [[], [Vendor("a"), Vendor("b", mode=Mode.SIMULATED)]])
def test_sources_must_be_there_and_of_one_mode(sources: list[Vendor]) -> None:
    with pytest.raises(InputError):
        FallbackSource(sources)
