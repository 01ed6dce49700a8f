"""One contract: facts, grade with its reasons, pay-off at expiration, smile of its expiration."""

from __future__ import annotations

from datetime import date

import pandas as pd
import streamlit as st

from app.services.premiums import ContractDetail
from app.ui import charts, formats, loaders, plots, preferences, tables
from app.ui.runtime import services
from db.stock_chains import ChainOrigin
from scanner.model import STRIKES_EACH_SIDE, EarningsState, PriceBasis, ReferenceData, Strategy


def show(prefix: str, symbol: str, occ_symbol: str, basis: PriceBasis) -> None:
    """The chosen contract below its table, priced on `basis`."""
    detail = loaders.contract(symbol, occ_symbol, basis)
    if detail is None:
        st.info(f"{occ_symbol} is not stored any more: it expired or its symbol was synced without it.")
        return
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.subheader(headline(detail.row), width="content")
            if st.button(f"Refresh {symbol}", key=f"{prefix}_refresh", help="Fetch this symbol's chain again."):
                services().sync.start((symbol,))
                st.rerun()
        _metrics(detail.row)
        _judgement(detail)
        left, right = st.columns(2)
        with left:
            _payoff(detail.row)
        with right:
            _smile(detail)
        with st.expander("All facts"):
            _facts(detail)


def headline(row: pd.Series) -> str:
    """ "AAPL 250 put, 18 Dec 2026 (27 days)"."""
    strike = f"{row['strike']:,.2f}".rstrip("0").rstrip(".")
    days = "today" if row["dte"] == 0 else f"{row['dte']} days"
    return f"{row['symbol']} {strike} {row['option_type']}, {formats.day(row['expiration'].date())} ({days})"


def _metrics(row: pd.Series) -> None:
    with st.grid(6, min_column_width=140):
        st.metric("Premium per contract", formats.money(row["premium_usd"]))
        st.metric("Collateral", formats.money(row["collateral_usd"]))
        st.metric("Break-even", formats.money(row["break_even"]))
        st.metric("Annual return", formats.percent(row["annual_return"]))
        st.metric("Prob. profit", formats.percent(100 * row["prob_profit"]))
        st.metric("Grade", row["grade"])


def _judgement(detail: ContractDetail) -> None:
    reasons = [reason.strip() for reason in detail.row["grade_reasons"].split(";") if reason.strip()]
    flags = [flag.strip().replace("_", " ") for flag in detail.row["flags"].split(",") if flag.strip()]
    lines = [f"**Why grade {detail.row['grade']}:** {'; '.join(reasons) or 'nothing counts against it'}."]
    if flags:
        lines.append(f"**Flags:** {', '.join(flags)}.")
    warning = _event_warning(detail)
    if warning:
        lines.append(f"**Before expiration:** {warning}.")
    if after_fees := preferences.premium_after_fees(detail.row["premium_usd"]):
        lines.append(f"**After fees:** {after_fees}.")
    st.markdown("  \n".join(lines))


def _event_warning(detail: ContractDetail) -> str:
    facts, expiration = detail.reference, detail.row["expiration"].date()
    if facts is None:
        return ""
    today = date.fromisoformat(loaders.today())
    parts = []
    if facts.next_earnings is not None and today <= facts.next_earnings <= expiration:
        parts.append(f"earnings {formats.day(facts.next_earnings)} ({facts.earnings_state.value})")
    if facts.ex_dividend_date is not None and today <= facts.ex_dividend_date <= expiration:
        parts.append(f"ex-dividend {formats.day(facts.ex_dividend_date)}")
    return ", ".join(parts)


def _payoff(row: pd.Series) -> None:
    st.markdown("**Profit at expiration**")
    if formats.is_unknown(row["premium"]) or formats.is_unknown(row["spot"]):
        st.info("The premium or the stock price is unknown, so there is no pay-off to draw.")
        return
    plots.show(charts.payoff(row), alt="Profit at expiration over the stock price")


def _smile(detail: ContractDetail) -> None:
    st.markdown("**Implied volatility of this expiration**")
    if detail.chain["iv"].notna().any():
        figure = charts.smile(detail.chain, detail.row["occ_symbol"])
        plots.show(figure, alt="Implied volatility over the strike, puts and calls")
    else:
        st.info("No contract of this expiration has an implied volatility.")


def _facts(detail: ContractDetail) -> None:
    grid = st.grid(3, min_column_width=300)
    for title, facts in fact_groups(detail).items():
        with grid.cell():
            st.markdown(f"**{title}**")
            frame = pd.DataFrame(list(facts.items()), columns=["fact", "value"])
            st.table(frame, hide_index=True, hide_header=True, border="horizontal", alt=f"{title} of the contract")


def fact_groups(detail: ContractDetail) -> dict[str, dict[str, str]]:
    """Everything known about the contract as text, in three groups; unknown is a dash."""
    row = detail.row
    return {
        "Quote": _quote_facts(row) | origin_facts(detail.origin) | _event_facts(detail.reference),
        "Seller": _seller_facts(row),
        "Volatility and risk": _risk_facts(row),
    }


def _quote_facts(row: pd.Series) -> dict[str, str]:
    return {
        "Contract": row["occ_symbol"],
        "Stock price": formats.money(row["spot"]),
        "Bid x ask": f"{formats.number(row['bid'])} x {formats.number(row['ask'])}",
        "Mid, last": f"{formats.number(row['mid'])}, {formats.number(row['last'])}",
        "Spread": formats.percent(row["spread_pct"]),
        "Volume, open interest": f"{formats.count(row['volume'])}, {formats.count(row['open_interest'])}",
        "Quote time": _instant(row["quote_time"]),
        "Answer time": _instant(row["answer_time"]),
        "Fetched": _instant(row["fetched_at"]),
        "Age": tables.age_of(row),
        "Source": row["source"],
    }


def origin_facts(origin: ChainOrigin | None) -> dict[str, str]:
    """Who was asked before the source of the stock's rows, and what its answer lacks. Nothing where all is well."""
    if origin is None:
        return {}
    facts = {}
    if origin.skipped:
        asked = "; ".join(f"{one.source} ({one.error_class}: {one.detail})" for one in origin.skipped)
        facts["Asked before in vain"] = asked
    if origin.missing_expirations:
        facts["Not delivered"] = ", ".join(formats.day(day) for day in origin.missing_expirations)
    if STRIKES_EACH_SIDE in origin.notes:
        facts["Strikes delivered"] = f"{origin.notes[STRIKES_EACH_SIDE]:,} on each side of the money"
    if origin.unreadable:
        facts["Unreadable contracts"] = formats.count(origin.unreadable)
    return facts


def _event_facts(facts: ReferenceData | None) -> dict[str, str]:
    if facts is None:
        return {"Next earnings": formats.UNKNOWN, "Ex-dividend": formats.UNKNOWN}
    earnings = formats.NO_EARNINGS if facts.earnings_state is EarningsState.NONE else formats.UNKNOWN
    if facts.next_earnings is not None:
        earnings = f"{formats.day(facts.next_earnings)} ({facts.earnings_state.value})"
    dividend = formats.UNKNOWN if facts.ex_dividend_date is None else formats.day(facts.ex_dividend_date)
    return {"Next earnings": earnings, "Ex-dividend": dividend, "Dividend": formats.money(facts.dividend_amount)}


def _seller_facts(row: pd.Series) -> dict[str, str]:
    facts = {
        "Price basis": row["price_basis"],
        "Premium per share": formats.money(row["premium"]),
        "Premium per contract": formats.money(row["premium_usd"]),
        "Collateral": formats.money(row["collateral_usd"]),
        "Return": formats.percent(row["premium_pct"], 2),
        "Daily return": formats.percent(row["daily_return"], 3),
        "Monthly return": formats.percent(row["monthly_return"], 2),
        "Annual return": formats.percent(row["annual_return"]),
        "Break-even": formats.money(row["break_even"]),
        "Downside protection": formats.percent(row["downside_protection"]),
        "Out of the money": formats.percent(row["otm_pct"]),
    }
    if row["strategy"] == Strategy.COVERED_CALL.value:
        facts["If called"] = formats.percent(row["if_called_return"], 2)
    return facts


def _risk_facts(row: pd.Series) -> dict[str, str]:
    iv = formats.percent(100 * row["iv"])
    if formats.is_unknown(row["iv"]) and not formats.is_unknown(row["iv_reason"]):
        iv += f" ({str(row['iv_reason']).replace('_', ' ')})"
    return {
        "Implied volatility": iv,
        "Vendor's volatility": formats.percent(100 * row["vendor_iv"]),
        "Delta, gamma": f"{formats.number(row['delta'], '{:+.3f}')}, {formats.number(row['gamma'], '{:.4f}')}",
        "Theta, $/share a day": formats.number(row["theta"], "{:+.4f}"),
        "Vega, $/share a point": formats.number(row["vega"], "{:.4f}"),
        "Rho, $/share per 1 %": formats.number(row["rho"], "{:+.4f}"),
        "Prob. OTM": formats.percent(100 * row["prob_otm"]),
        "Prob. profit": formats.percent(100 * row["prob_profit"]),
        "Prob. touch": formats.percent(100 * row["prob_touch"]),
        "Expected move": f"{formats.money(row['expected_move_usd'])} ({formats.percent(row['expected_move_pct'])})",
        "One standard deviation": f"{formats.number(row['lower_1sd'])} to {formats.number(row['upper_1sd'])}",
        "Forward": f"{formats.number(row['forward'])} ({_words(row['forward_method'])})",
        "Model, rate": f"{_words(row['model'])}, {formats.percent(100 * row['rate'], 2)}",
    }


def _words(value: object) -> str:
    return formats.UNKNOWN if formats.is_unknown(value) else str(value).replace("_", " ")


def _instant(value: pd.Timestamp) -> str:
    if formats.is_unknown(value):
        return formats.UNKNOWN
    instant = value.to_pydatetime()
    return formats.new_york_time(instant, now=loaders.now(), seconds=True) + " New York"
