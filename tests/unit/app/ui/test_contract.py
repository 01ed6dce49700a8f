from __future__ import annotations

from datetime import UTC, date, datetime

from app.ui.contract import origin_facts
from db.stock_chains import ChainOrigin
from scanner.model import SkippedSource

NOW = datetime(2026, 11, 25, 15, 0, tzinfo=UTC)


def origin(**facts: object) -> ChainOrigin:
    defaults: dict[str, object] = {"unreadable": 0, "missing_expirations": (), "skipped": (), "notes": {}}
    return ChainOrigin("KO", "yahoo", NOW, NOW, 120, **(defaults | facts))  # type: ignore[arg-type]


def test_a_whole_chain_of_the_first_source_needs_no_words() -> None:
    assert origin_facts(origin()) == {}
    assert origin_facts(None) == {}


def test_what_was_tried_and_what_lacks_is_said() -> None:
    skipped = (SkippedSource("robinhood", "SourceTimeoutError", "no answer within 5 s"),)
    facts = origin_facts(
        origin(
            skipped=skipped,
            missing_expirations=(date(2026, 12, 18),),
            unreadable=3,
            notes={"strikes_each_side": 40, "placeholder_iv": 2},
        )
    )
    assert facts == {
        "Asked before in vain": "robinhood (SourceTimeoutError: no answer within 5 s)",
        "Not delivered": "18 Dec 2026",
        "Strikes delivered": "40 on each side of the money",
        "Unreadable contracts": "3",
    }
