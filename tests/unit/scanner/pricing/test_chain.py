from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scanner.calendar import MarketCalendar
from scanner.errors import UnknownIndexRootError
from scanner.model import ChainSnapshot, Dividend, UnderlyingQuote
from scanner.pricing.chain import price_chain
from scanner.pricing.implied_volatility import IvReason
from scanner.pricing.rates import RateCurve
from scanner.schema import PRICED
from tests.reference import european
from tests.reference.european import Option
from tests.unit.scanner.pricing.chains import (
    IN_SESSION,
    JULY,
    NEW_YORK,
    RATE,
    SECONDS_PER_YEAR,
    close_of,
    quotes,
    snapshot,
)

STRIKES = (80.0, 90.0, 95.0, 100.0, 105.0, 110.0, 120.0)
FORWARD = 100.9
YEARS = ((JULY - date(2025, 6, 2)).days * 86_400 + 5 * 3600) / SECONDS_PER_YEAR
RATES = RateCurve.flat(RATE)
UNKNOWN_WITHOUT_IV = ("delta", "gamma", "theta", "vega", "rho", "prob_otm", "prob_touch")


def smile(strike: float) -> float:
    return 0.30 - 0.002 * (strike - 100.0)


def priced(chain: ChainSnapshot, calendar: MarketCalendar, dividends: Sequence[Dividend] = ()) -> pd.DataFrame:
    """The priced columns beside the contract's identity; flags as columns."""
    result = price_chain(chain, calendar=calendar, rates=RATES, dividends=dividends)
    frame = pd.DataFrame(dict(result.columns))
    identity = chain.contracts[["root", "expiration", "option_type", "strike"]]
    frame["spot_skew"], frame["quote_time_unknown"] = result.spot_skew, result.quote_time_unknown
    return pd.concat([identity, frame], axis=1)


def one(frame: pd.DataFrame, strike: float, option_type: str, root: str = "AAPL") -> pd.Series:
    rows = frame[(frame["strike"] == strike) & (frame["option_type"] == option_type) & (frame["root"] == root)]
    assert len(rows) == 1
    return rows.iloc[0]


def changed(frame: pd.DataFrame, strike: float, option_type: str, **values: Any) -> pd.DataFrame:
    result = frame.copy()
    for name, value in values.items():
        result.loc[(result["strike"] == strike) & (result["option_type"] == option_type), name] = value
    return result


def assert_unpriced(row: pd.Series, reason: IvReason) -> None:
    assert row["iv_reason"] == reason.value
    assert np.isnan(row["iv"])
    assert row["model"] is None or pd.isna(row["model"])
    assert row[list(UNKNOWN_WITHOUT_IV)].isna().all()


class TestWholeChain:
    def test_columns_are_those_of_the_declared_frame(self, calendar: MarketCalendar) -> None:
        columns = price_chain(snapshot(quotes(STRIKES, forward=FORWARD)), calendar=calendar, rates=RATES).columns
        names = PRICED.names
        expected = [*names[names.index("spot") : names.index("lower_1sd") + 1], "expiry_instant"]
        assert sorted(columns) == sorted(expected)
        kinds = {column.name: column.kind for column in PRICED.columns}
        letters = {"number": "f", "instant": "M", "text": "O"}
        assert {name: values.dtype.kind for name, values in columns.items()} == {
            name: letters[kinds[name]] for name in columns
        }
        assert {len(values) for values in columns.values()} == {2 * len(STRIKES)}

    def test_every_number_of_a_known_chain(self, calendar: MarketCalendar) -> None:
        frame = priced(snapshot(quotes(STRIKES, forward=FORWARD, volatility=smile)), calendar)
        assert frame["iv_reason"].isna().all()
        assert set(frame["model"]) == {"black_scholes_merton"}
        assert set(frame["forward_method"]) == {"parity_american"}
        np.testing.assert_allclose(frame["years_to_expiry"], YEARS, rtol=1e-12)
        np.testing.assert_allclose(frame["forward"], FORWARD, rtol=1e-12)
        np.testing.assert_allclose(frame["spot"], 100.0, rtol=1e-15)
        np.testing.assert_allclose(frame["rate"], RATE)
        np.testing.assert_allclose(frame["iv"], [smile(strike) for strike in frame["strike"]], atol=1e-10)
        dividend_yield = RATE - np.log(FORWARD / 100) / YEARS
        for _, row in frame.iterrows():
            option = Option(
                100.0, row["strike"], YEARS, RATE, dividend_yield, smile(row["strike"]), row["option_type"] == "call"
            )
            assert row["delta"] == pytest.approx(european.delta(option), abs=1e-9)
            assert row["gamma"] == pytest.approx(european.gamma(option), abs=1e-9)
            assert row["vega"] * 100 == pytest.approx(european.vega(option), abs=1e-7)
            assert row["rho"] * 100 == pytest.approx(european.rho(option), abs=1e-7)
            assert row["theta"] * 365 == pytest.approx(european.theta_at_fixed_forward(option), abs=1e-6)

    def test_probabilities_are_of_the_strikes_own_volatility(self, calendar: MarketCalendar) -> None:
        frame = priced(snapshot(quotes(STRIKES, forward=FORWARD, volatility=smile)), calendar)
        put, call = one(frame, 90.0, "put"), one(frame, 90.0, "call")
        assert put["prob_otm"] + call["prob_otm"] == pytest.approx(1.0, rel=1e-14)
        touched = european.prob_touch(
            spot=100.0, strike=90.0, years=YEARS, drift=float(np.log(FORWARD / 100) / YEARS), volatility=smile(90.0)
        )
        assert put["prob_touch"] == pytest.approx(touched, rel=1e-7)
        assert call["prob_touch"] == 1.0

    def test_expected_move_and_range(self, calendar: MarketCalendar) -> None:
        chain = quotes(STRIKES, forward=FORWARD, volatility=smile)
        frame = priced(snapshot(chain), calendar)
        straddle = (chain.loc[chain["strike"] == 100.0, ["bid", "ask"]].sum(axis=1) / 2).sum()
        assert frame["expected_move_usd"].tolist() == pytest.approx([straddle] * len(frame))
        assert frame["expected_move_pct"].tolist() == pytest.approx([straddle] * len(frame))
        at_the_money = smile(FORWARD)
        assert frame["upper_1sd"].tolist() == pytest.approx([100 * np.exp(at_the_money * np.sqrt(YEARS))] * len(frame))
        assert frame["lower_1sd"].tolist() == pytest.approx([100 / np.exp(at_the_money * np.sqrt(YEARS))] * len(frame))

    def test_moneyness_and_spread(self, calendar: MarketCalendar) -> None:
        frame = priced(snapshot(quotes(STRIKES, forward=FORWARD)), calendar)
        put, call = one(frame, 90.0, "put"), one(frame, 90.0, "call")
        assert (put["moneyness_pct"], put["otm_pct"]) == pytest.approx((-10.0, 10.0))
        assert (call["moneyness_pct"], call["otm_pct"]) == pytest.approx((-10.0, -10.0))
        assert put["spread_pct"] == pytest.approx(4.0 / put["mid"])

    def test_order_of_rows_does_not_matter(self, calendar: MarketCalendar) -> None:
        later = date(2025, 8, 15)
        frame = pd.concat(
            [quotes(STRIKES, forward=FORWARD), quotes(STRIKES, forward=101.4, expiration=later, volatility=smile)],
            ignore_index=True,
        )
        mixed = frame.sample(frac=1.0, random_state=5).reset_index(drop=True)
        keys = ["expiration", "strike", "option_type"]
        straight = priced(snapshot(frame), calendar).sort_values(keys).reset_index(drop=True)
        shuffled = priced(snapshot(mixed), calendar).sort_values(keys).reset_index(drop=True)
        pd.testing.assert_frame_equal(straight, shuffled)
        assert sorted(set(straight["forward"].round(9))) == [FORWARD, 101.4]

    def test_an_empty_chain(self, calendar: MarketCalendar) -> None:
        assert priced(snapshot(), calendar).empty

    def test_index_of_the_frame_does_not_matter(self, calendar: MarketCalendar) -> None:
        frame = quotes(STRIKES, forward=FORWARD)
        odd = frame.set_index(pd.Index(range(100, 100 + len(frame))))
        result = price_chain(snapshot(contracts=odd), calendar=calendar, rates=RATES)
        assert (result.columns["iv_reason"] == None).all()  # noqa: E711  element-wise


class TestHostileQuotes:
    """Quotes of every broken kind, at random: nothing raises, nothing is infinite, nothing is lost without a reason."""

    @pytest.mark.parametrize("seed", range(40))
    def test_every_contract_is_priced_or_reasoned(self, calendar: MarketCalendar, seed: int) -> None:
        random = np.random.default_rng(seed)
        root = str(random.choice(["AAPL", "SPXW", "VIX"]))
        chain = quotes(STRIKES, forward=FORWARD, root=root)
        count = len(chain)
        for side in ("bid", "ask"):
            wild = random.choice([np.nan, 0.0, 1e-300, 0.01, 1.0, 99.0, 1e6, 1e300], count)
            chain[side] = np.where(random.random(count) < 0.4, wild, chain[side])
        chain["adjusted"] = random.random(count) < 0.05
        shifts = pd.to_timedelta(random.choice([0, 0, 0, 30, 90, 86_400 * 60], count), unit="s")
        chain["quote_time"] = (
            (chain["quote_time"] + shifts).where(random.random(count) > 0.1).astype(chain.quote_time.dtype)
        )
        underlying = UnderlyingQuote(last=float(random.choice([100.0, 1e-3, 1e6])), last_time=IN_SESSION)
        answer_time = IN_SESSION if random.random() < 0.5 else None
        chosen = snapshot(chain, underlying=underlying, answer_time=answer_time)
        result = price_chain(chosen, calendar=calendar, rates=RATES)
        columns = result.columns
        assert [reason is None for reason in columns["iv_reason"]] == np.isfinite(columns["iv"]).tolist()
        assert [model is None for model in columns["model"]] == np.isnan(columns["iv"]).tolist()
        for column in PRICED.columns:
            if column.name not in columns or column.kind != "number":
                continue
            values = columns[column.name]
            assert not np.isinf(values).any(), column.name
            assert column.least is None or not (values < column.least).any(), column.name
            assert column.most is None or not (values > column.most).any(), column.name


class TestSides:
    def test_in_the_money_american_contracts_take_the_volatility_of_the_other_side(
        self, calendar: MarketCalendar
    ) -> None:
        chain = changed(quotes(STRIKES, forward=FORWARD), 90.0, "call", bid=13.9, ask=14.1)
        frame = priced(snapshot(chain), calendar)
        assert one(frame, 90.0, "call")["iv"] == one(frame, 90.0, "put")["iv"] == pytest.approx(0.3, abs=1e-9)

    @pytest.mark.parametrize("values", [{"bid": np.nan}, {"bid": 9.0, "ask": 9.1}])
    def test_whatever_their_own_quote(self, calendar: MarketCalendar, values: dict[str, float]) -> None:
        frame = priced(snapshot(changed(quotes(STRIKES, forward=FORWARD), 90.0, "call", **values)), calendar)
        assert one(frame, 90.0, "call")["iv"] == pytest.approx(0.3, abs=1e-9)

    def test_without_a_priced_twin_they_have_none(self, calendar: MarketCalendar) -> None:
        chain = changed(quotes(STRIKES, forward=FORWARD), 90.0, "put", bid=0.0)
        frame = priced(snapshot(chain), calendar)
        assert_unpriced(one(frame, 90.0, "put"), IvReason.NOT_TWO_SIDED)
        assert_unpriced(one(frame, 90.0, "call"), IvReason.NO_OTM_TWIN)
        unlisted = chain[~((chain["strike"] == 90.0) & (chain["option_type"] == "put"))].reset_index(drop=True)
        assert_unpriced(one(priced(snapshot(unlisted), calendar), 90.0, "call"), IvReason.NO_OTM_TWIN)

    def test_european_index_options_are_computed_directly(self, calendar: MarketCalendar) -> None:
        chain = quotes(STRIKES, forward=FORWARD, root="SPXW")
        chain = changed(chain, 90.0, "put", bid=0.0)
        chain = changed(chain, 95.0, "call", bid=7.9, ask=8.1)
        frame = priced(snapshot(chain, symbol="SPX"), calendar)
        assert one(frame, 90.0, "call", "SPXW")["iv"] == pytest.approx(0.3, abs=1e-9)
        assert one(frame, 95.0, "call", "SPXW")["iv"] != pytest.approx(0.3, abs=1e-3)
        assert set(frame["forward_method"]) == {"parity"}

    def test_am_and_pm_roots_of_a_date_are_apart(self, calendar: MarketCalendar) -> None:
        opening = datetime(2025, 7, 18, 9, 30, tzinfo=NEW_YORK)
        frame = priced(
            snapshot(
                quotes(STRIKES, forward=100.4, root="SPX", expires=opening, volatility=0.2),
                quotes(STRIKES, forward=100.9, root="SPXW", volatility=0.4),
                symbol="SPX",
            ),
            calendar,
        )
        morning, evening = frame[frame["root"] == "SPX"], frame[frame["root"] == "SPXW"]
        np.testing.assert_allclose(morning["forward"], 100.4)
        np.testing.assert_allclose(evening["forward"], 100.9)
        np.testing.assert_allclose(morning["iv"], 0.2, atol=1e-9)
        np.testing.assert_allclose(evening["iv"], 0.4, atol=1e-9)
        apart = (evening["years_to_expiry"].iloc[0] - morning["years_to_expiry"].iloc[0]) * SECONDS_PER_YEAR
        assert apart == pytest.approx(6.5 * 3600)
        assert set(morning["expiry_instant"]) == {pd.Timestamp(opening.astimezone(UTC).replace(tzinfo=None))}

    def test_delta_stays_within_one_where_the_forward_exceeds_the_cost_of_carry(self, calendar: MarketCalendar) -> None:
        frame = priced(snapshot(quotes((1.0, *STRIKES), forward=104.0, half_spread=1e-6)), calendar)
        assert frame["delta"].abs().max() == 1.0


class TestReasons:
    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            ({"bid": np.nan}, IvReason.NOT_TWO_SIDED),
            ({"ask": np.nan}, IvReason.NOT_TWO_SIDED),
            ({"bid": 0.0}, IvReason.NOT_TWO_SIDED),
            ({"bid": 0.0, "ask": 0.0}, IvReason.NOT_TWO_SIDED),
            ({"bid": 5.1, "ask": 5.0}, IvReason.NOT_TWO_SIDED),
            ({"bid": 100.0, "ask": 101.0}, IvReason.ABOVE_MAXIMUM),
            ({"adjusted": True}, IvReason.ADJUSTED),
            ({"quote_time": pd.Timestamp(close_of(JULY))}, IvReason.AFTER_EXPIRY_INSTANT),
            ({"quote_time": pd.Timestamp(close_of(JULY) + timedelta(minutes=10))}, IvReason.AFTER_EXPIRY_INSTANT),
            ({"quote_time": pd.Timestamp(IN_SESSION + timedelta(seconds=61))}, IvReason.SPOT_SKEW),
            ({"quote_time": pd.Timestamp(IN_SESSION - timedelta(seconds=61))}, IvReason.SPOT_SKEW),
        ],
    )
    def test_one_bad_contract_among_good_ones(
        self, calendar: MarketCalendar, values: dict[str, Any], reason: IvReason
    ) -> None:
        frame = priced(snapshot(changed(quotes(STRIKES, forward=FORWARD), 90.0, "put", **values)), calendar)
        assert_unpriced(one(frame, 90.0, "put"), reason)
        others = frame[frame["strike"] != 90.0]
        np.testing.assert_allclose(others["iv"], 0.3, atol=1e-9)
        assert others["iv_reason"].isna().all()

    def test_a_mid_only_for_a_two_sided_uncrossed_quote(self, calendar: MarketCalendar) -> None:
        chain = changed(quotes(STRIKES, forward=FORWARD), 90.0, "put", bid=5.1, ask=5.0, last=5.05)
        chain = changed(chain, 95.0, "put", bid=0.0, ask=0.05, last=0.03)
        frame = priced(snapshot(changed(chain, 110.0, "call", bid=5.0, ask=5.0)), calendar)
        assert np.isnan(one(frame, 90.0, "put")["mid"])
        assert np.isnan(one(frame, 95.0, "put")["mid"])
        assert np.isnan(one(frame, 95.0, "put")["spread_pct"])
        assert one(frame, 110.0, "call")["mid"] == 5.0

    def test_below_intrinsic_on_the_book_of_an_index(self, calendar: MarketCalendar) -> None:
        chain = changed(quotes(STRIKES, forward=FORWARD, root="SPXW"), 80.0, "call", bid=20.0, ask=20.2)
        frame = priced(snapshot(chain, symbol="SPX"), calendar)
        assert_unpriced(one(frame, 80.0, "call", "SPXW"), IvReason.BELOW_INTRINSIC)

    def test_after_expiry_the_time_left_is_unknown_and_zero_at_the_instant(self, calendar: MarketCalendar) -> None:
        close = close_of(JULY)
        underlying = UnderlyingQuote(last=100.0, last_time=close)
        for quote_time, years in ((close, 0.0), (close + timedelta(minutes=5), np.nan)):
            chain = quotes(STRIKES, forward=FORWARD, quote_time=quote_time)
            frame = priced(snapshot(chain, underlying=underlying), calendar)
            assert set(frame["iv_reason"]) == {"after_expiry_instant"}
            np.testing.assert_array_equal(frame["years_to_expiry"], years)
            assert frame[["upper_1sd", "expected_move_usd", "forward"]].isna().all(axis=None)

    def test_a_chain_without_any_time(self, calendar: MarketCalendar) -> None:
        frame = priced(snapshot(quotes(STRIKES, forward=FORWARD, quote_time=None), answer_time=None), calendar)
        assert set(frame["iv_reason"]) == {"no_quote_time"}
        assert frame["quote_time_unknown"].all()
        assert frame[["years_to_expiry", "rate", "forward"]].isna().all(axis=None)

    def test_the_answers_time_stands_in_for_unknown_quote_times(self, calendar: MarketCalendar) -> None:
        """Their distance to the spot's time is not judged: it is not known."""
        chain = quotes(STRIKES, forward=FORWARD, quote_time=None)
        frame = priced(snapshot(chain, answer_time=IN_SESSION + timedelta(minutes=15)), calendar)
        assert frame["quote_time_unknown"].all()
        assert not frame["spot_skew"].any()
        np.testing.assert_allclose(frame["years_to_expiry"], YEARS - 900 / SECONDS_PER_YEAR, rtol=1e-12)

    def test_an_index_root_of_unknown_settlement_is_refused(self, calendar: MarketCalendar) -> None:
        with pytest.raises(UnknownIndexRootError):
            price_chain(snapshot(quotes(STRIKES, forward=FORWARD, root="OEX")), calendar=calendar, rates=RATES)


class TestForwardOfAChain:
    ONE_SIDED = (95.0, 100.0, 105.0)

    def chain_of_puts(self, **changes: Any) -> pd.DataFrame:
        chain = quotes(self.ONE_SIDED, forward=FORWARD, **changes)
        return chain[chain["option_type"] == "put"].reset_index(drop=True)

    def test_wide_quotes_do_not_make_a_forward(self, calendar: MarketCalendar) -> None:
        chain = quotes(STRIKES, forward=FORWARD)
        for strike in (100.0, 105.0):
            chain = changed(chain, strike, "call", bid=1.0, ask=30.0)
        frame = priced(snapshot(chain), calendar)
        np.testing.assert_allclose(frame["forward"], FORWARD)

    def test_fallback_is_spot_less_dividends_at_the_rate(self, calendar: MarketCalendar) -> None:
        dividends = [Dividend(date(2025, 6, 20), 0.5), Dividend(date(2025, 8, 1), 9.0)]
        frame = priced(snapshot(self.chain_of_puts()), calendar, dividends)
        left = 100.0 - 0.5 * np.exp(-RATE * 18 / 365)
        np.testing.assert_allclose(frame["forward"], left * np.exp(RATE * YEARS), rtol=1e-12)
        assert set(frame["forward_method"]) == {"spot_carry"}
        assert np.isfinite(one(frame, 95.0, "put")["iv"])

    @pytest.mark.parametrize("root", ["VIX", "VIXW"])
    def test_never_for_vix(self, calendar: MarketCalendar, root: str) -> None:
        wednesday = date(2025, 7, 16)
        opening = datetime(2025, 7, 16, 9, 30, tzinfo=NEW_YORK)
        frame = priced(
            snapshot(self.chain_of_puts(root=root, expiration=wednesday, expires=opening), symbol="VIX"), calendar
        )
        assert frame["forward"].isna().all()
        assert frame["forward_method"].isna().all()
        assert set(frame["iv_reason"]) == {"no_forward"}

    def test_vix_options_have_a_parity_forward_far_from_spot(self, calendar: MarketCalendar) -> None:
        wednesday = date(2025, 7, 16)
        opening = datetime(2025, 7, 16, 9, 30, tzinfo=NEW_YORK)
        strikes = (15.0, 18.0, 20.0, 22.0, 25.0)
        chain = quotes(strikes, forward=20.3, root="VIX", expiration=wednesday, expires=opening, volatility=0.9)
        underlying = UnderlyingQuote(last=16.1, last_time=IN_SESSION)
        frame = priced(snapshot(chain, symbol="VIX", underlying=underlying), calendar)
        np.testing.assert_allclose(frame["forward"], 20.3)
        np.testing.assert_allclose(frame["iv"], 0.9, atol=1e-8)

    def test_without_a_spot_parity_still_gives_volatilities_but_no_greeks(self, calendar: MarketCalendar) -> None:
        frame = priced(snapshot(quotes(STRIKES, forward=FORWARD), underlying=UnderlyingQuote()), calendar)
        np.testing.assert_allclose(frame["iv"], 0.3, atol=1e-9)
        unknown = [*UNKNOWN_WITHOUT_IV, "spot", "spot_time", "moneyness_pct", "upper_1sd", "expected_move_pct"]
        assert frame[unknown].isna().all(axis=None)

    def test_without_spot_or_pairs_there_is_none(self, calendar: MarketCalendar) -> None:
        frame = priced(snapshot(self.chain_of_puts(), underlying=UnderlyingQuote()), calendar)
        assert set(frame["iv_reason"]) == {"no_forward"}

    def test_adjusted_contracts_never_pair_with_standard_ones(self, calendar: MarketCalendar) -> None:
        odd = quotes(STRIKES, forward=150.0).assign(adjusted=True)
        frame = priced(snapshot(quotes(STRIKES, forward=FORWARD), odd), calendar)
        half = len(frame) // 2
        np.testing.assert_allclose(frame["forward"][:half], FORWARD)
        assert frame["forward"][half:].isna().all()
        assert set(frame["iv_reason"][half:]) == {"adjusted"}


class TestSpot:
    @pytest.mark.parametrize(
        ("underlying", "spot", "at"),
        [
            (UnderlyingQuote(99.0, 101.0, 98.0, IN_SESSION, IN_SESSION - timedelta(1)), 100.0, IN_SESSION),
            (UnderlyingQuote(99.0, 101.0, 98.0), 100.0, None),
            (UnderlyingQuote(101.0, 99.0, 98.0, None, IN_SESSION), 98.0, IN_SESSION),
            (UnderlyingQuote(0.0, 101.0, 98.0, None, IN_SESSION), 98.0, IN_SESSION),
            (UnderlyingQuote(None, 101.0, 98.0), 98.0, None),
            (UnderlyingQuote(None, None, None, IN_SESSION, IN_SESSION), np.nan, None),
            (UnderlyingQuote(last=0.0, last_time=IN_SESSION), np.nan, None),
            (UnderlyingQuote(last=float("nan"), last_time=IN_SESSION), np.nan, None),
        ],
    )
    def test_mid_of_a_two_sided_quote_else_last_each_with_its_own_time(
        self, calendar: MarketCalendar, underlying: UnderlyingQuote, spot: float, at: datetime | None
    ) -> None:
        frame = priced(snapshot(quotes(STRIKES, forward=FORWARD), underlying=underlying), calendar)
        np.testing.assert_array_equal(frame["spot"], spot)
        expected = pd.NaT if at is None else pd.Timestamp(at.astimezone(UTC).replace(tzinfo=None))
        assert frame["spot_time"].isna().all() if at is None else (frame["spot_time"] == expected).all()

    CLOSE = close_of(date(2025, 6, 2))
    MINUTE = timedelta(minutes=1)

    @pytest.mark.parametrize(
        ("spot_time", "quote_time", "skewed"),
        [
            (IN_SESSION, IN_SESSION, False),
            (IN_SESSION, IN_SESSION + MINUTE, False),
            (IN_SESSION, IN_SESSION + 2 * MINUTE, True),
            (IN_SESSION + 2 * MINUTE, IN_SESSION, True),
            (None, IN_SESSION, False),
            (CLOSE, CLOSE + 15 * MINUTE, False),
            (CLOSE, CLOSE + 300 * MINUTE, False),
            (CLOSE, CLOSE - 10 * MINUTE, True),
            (CLOSE, close_of(date(2025, 6, 3)) - 380 * MINUTE, True),
            (CLOSE + 90 * MINUTE, CLOSE, True),
            (CLOSE + 90 * MINUTE, CLOSE + 89 * MINUTE, False),
            (CLOSE - 10 * MINUTE, CLOSE + 10 * MINUTE, True),
        ],
    )
    def test_spot_and_quotes_must_belong_together(
        self, calendar: MarketCalendar, spot_time: datetime | None, quote_time: datetime, skewed: bool
    ) -> None:
        chain = quotes(STRIKES, forward=FORWARD, quote_time=quote_time, priced_at=quote_time)
        underlying = UnderlyingQuote(bid=99.99, ask=100.01, quote_time=spot_time)
        frame = priced(snapshot(chain, underlying=underlying), calendar)
        assert set(frame["spot_skew"]) == {skewed}
        assert frame["iv"].isna().all() == skewed
        assert set(frame["iv_reason"].dropna()) == ({"spot_skew"} if skewed else set())
