from __future__ import annotations

import pytest

from app.ui import reasons
from tests.unit.app.ui.flow_frames import opportunities


def said(**changes: object) -> tuple[str, list[str]]:
    row = opportunities(changes).iloc[0]
    return reasons.headline(row), reasons.reasons(row)


def test_every_part_says_why_it_got_its_points() -> None:
    headline, (whale, fresh, skew, signal) = said()
    assert headline == "Score 75 of 100, strong: 25 whale + 30 fresh + 20 skew"
    assert whale == (
        "**25 of 35 for whale flow.** The whale score is 148.4 (points: 15 from 50, 25 from 100, 35 from 200)."
    )
    assert "volume of 7,400 is 7.4 times the 1,000 contracts" in fresh
    assert "10 from 3, 20 from 4, 30 from 6, 35 from 8" in fresh
    assert "skew is +5.2 points and this is a call (points for a call: 10 from 3, 20 from 4, 30 from 6" in skew
    assert signal.startswith("**Contrarian bull**: a call while the skew is above 5 (skew +5.2, volume ratio -12.0;")


def test_a_put_has_its_own_steps() -> None:
    _, (_, _, skew, signal) = said(
        option_type="put", skew_points=5, composite_score=60, signal_type="MOMENTUM_BEAR", vol_ratio=45.0
    )
    assert skew.startswith("**5 of 30 for skew.**")
    assert "points for a put: 30 from -1 down, 20 below 0, otherwise 5" in skew
    assert "a put while put volume leads" in signal


def test_an_unknown_skew_is_said_and_gets_nothing() -> None:
    _, (_, _, skew, signal) = said(
        skew_25d=None, vol_ratio=None, skew_points=0, composite_score=55, signal_type="NEUTRAL"
    )
    assert skew.startswith("**0 of 30 for skew.** The skew of this expiration is unknown")
    assert "skew –, volume ratio –" in signal


@pytest.mark.parametrize(
    ("whale", "shown"), [(99.96, "99.96"), (49.999, "49.999"), (100.0, "100.0"), (2337.2, "2,337.2")]
)
def test_a_score_just_below_a_step_is_not_rounded_onto_it(whale: float, shown: str) -> None:
    _, (words, *_) = said(whale_exact=whale)
    assert f"The whale score is {shown} " in words


@pytest.mark.parametrize(("skew", "shown"), [(5.98, "+5.98"), (6.0, "+6.0"), (5.04, "+5.04"), (-0.97, "-0.97")])
def test_nor_is_a_skew(skew: float, shown: str) -> None:
    _, (_, _, words, _) = said(skew_25d=skew)
    assert f"skew is {shown} points" in words
