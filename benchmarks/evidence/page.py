"""The text of docs/evidence.md."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmarks.evidence.published import LEAN_EQUAL, LEAN_NEAR, Finding, LeanAgreement

VOLATILITY_LIMIT, SKEW_LIMIT = 0.0005, 0.003

_HEAD = """# Evidence: our figures against published and recorded ones

Written by `make evidence` (`python -m benchmarks.evidence`) from the data in `../shared/data`; see its README for
sources and licences. The data stay there: this page shows differences only. Volatilities are decimals, 0.01 is one
volatility point.

"""


def write_page(
    findings: Sequence[Finding],
    lean: LeanAgreement,
    volatilities: pd.DataFrame,
    american: pd.DataFrame,
    skews: pd.DataFrame,
    curves: pd.DataFrame,
    executable: tuple[int, int],
    calendar: tuple[int, int, int],
) -> str:
    return _HEAD + "\n".join(
        [
            *_published(findings, lean),
            *_volatilities(volatilities, american),
            *_skews(skews),
            *_curves(curves, executable, calendar),
        ]
    )


def _published(findings: Sequence[Finding], lean: LeanAgreement) -> list[str]:
    lines = [
        "## Published tables, 50 digits, other programs",
        "",
        "| what | against | values | largest difference | allowed | |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {one.what} | {one.source} | {one.values:,} | {one.largest:.2g} {one.unit} | {one.allowed:g} |"
        f" {'met' if one.met else '**not met**'} |"
        for one in findings
    ]
    return [
        *lines,
        "",
        "* Haug's prices are printed to four digits, his Greeks too; the 50-digit tables are ours (mpmath).",
        "* The textbook theta holds the spot, ours the forward; the comparison adds the (r - q) S delta between them.",
        "* LEAN's option universe (GOOG, 24 and 28 December 2015) gives call and put of a strike one volatility. In",
        f"  {lean.equal} of {lean.contracts:,} out-of-the-money contracts it is ours of the closing price within",
        f"  {LEAN_EQUAL:g}. Only {lean.near} more are within {LEAN_NEAR:g}, so these are no accident. The others jump",
        "  from strike to strike (0.02 to 0.77 near the money, January 2016) and follow from no price of theirs in the",
        "  file, neither the call's nor the put's: no median over all of them means anything.",
        "* LEAN's Greeks at its volatility can be compared in all rows. They are European: rate 1 %, days to expiry",
        "  less one, and one dividend yield (0.11371 %), which its call and put deltas give.",
        "  Volatilities below 0.05 and above 5 are left out: six printed digits do not determine a Greek there.",
        "",
    ]


def _volatilities(frame: pd.DataFrame, american: pd.DataFrame) -> list[str]:
    apart = (frame["iv"] - frame["cboe_iv"]).abs()
    lines = [
        "## Implied volatility against Cboe's",
        "",
        "Out-of-the-money contracts of 5 to 50 delta on expirations whose quotes have clean times.",
        "",
        "| chain | contracts | median difference | 90 % within | delta, median difference |",
        "|---|---|---|---|---|",
    ]
    for title, one in [*frame.groupby("title", sort=False), ("all", frame)]:
        off = apart[one.index]
        delta = (one["delta"] - one["cboe_delta"]).abs().median()
        lines.append(f"| {title} | {len(one):,} | {off.median():.5f} | {off.quantile(0.9):.5f} | {delta:.4f} |")
    met = "met" if apart.median() <= VOLATILITY_LIMIT else "**not met**"
    return [
        *lines,
        "",
        f"Allowed: a median of {VOLATILITY_LIMIT} over all: {met}.",
        "",
        *_early_exercise(frame, american),
        "![Differences from Cboe's volatility](evidence/volatility.svg)",
        "",
    ]


def _early_exercise(frame: pd.DataFrame, american: pd.DataFrame) -> list[str]:
    """What is left of SPY's differences once early exercise is taken into account, by time to expiry."""
    lines = [
        "SPY's options are American. Our forward takes their mids as they are (definition 3), so that it is too low",
        "by what early exercise of the puts is worth: calls look dearer to us than they are, puts cheaper. Once that",
        "value is taken off the mids, and the American model gives the volatilities, the differences shrink:",
        "",
        "| SPY, days to expiry | contracts | forward too low by $ | median difference | with the American model |",
        "|---|---|---|---|---|",
    ]
    for first, last in ((0, 15), (15, 45), (45, 75), (75, 365)):
        own, other = (
            one[(one["years_to_expiry"] * 365 >= first) & (one["years_to_expiry"] * 365 < last)]
            for one in (frame[frame["title"].isin(american["title"])], american)
        )
        lines.append(
            f"| {first} to {last} | {len(own)} | {other['above_parity'].median():.2f} | {_apart(own):.5f} |"
            f" {_apart(other):.5f} |"
        )
    for title, one in american.groupby("title", sort=False):
        lines.append(
            f"| {title}, all | {len(one)} | {one['above_parity'].median():.2f} |"
            f" {_apart(frame[frame['title'] == title]):.5f} | {_apart(one):.5f} |"
        )
    return [
        *lines,
        "",
        "Up to 45 days that is a few cents and less than 0.0005; further out ask `scanner.pricing.american`. The spot",
        "of this comparison is what the nearest expiration's forward is worth today: the file of 2 September names the",
        "stock's price of the next morning, 0.15 % above it, which moves our deltas by as much and no volatility.",
        "",
    ]


def _apart(frame: pd.DataFrame) -> float:
    return float((frame["iv"] - frame["cboe_iv"]).abs().median())


def _skews(frame: pd.DataFrame) -> list[str]:
    lines = [
        "## 25-delta skew against the reference",
        "",
        f"{len(frame)} expirations with clean quote times (`good` rows of skew25_reference.csv). The reference has two",
        "figures for each: from mids (its delta is the forward's, N(d1)) and from Cboe's own volatilities and deltas.",
        "",
        "| our skew | against | median difference | largest | rows over 0.003 | rows without |",
        "|---|---|---|---|---|---|",
    ]
    for name, reading in (
        ("ours", "definition 6, delta = e^(-qT) N(d1)"),
        ("fitted", "the same on the fitted curve"),
        ("forward_delta", "with delta N(d1)"),
        ("cboe_delta", "with Cboe's deltas"),
        ("wide", "with delta N(d1), quotes of any width"),
    ):
        for column, against in (("skew25_own", "mids"), ("skew25_cboe", "Cboe")):
            off = (frame[name] - frame[column]).abs()
            lines.append(
                f"| {reading} | {against} | {off.median():.5f} | {off.max():.5f} | {int((off > SKEW_LIMIT).sum())} |"
                f" {int(off.isna().sum())} |"
            )
    mids, cboe = (frame["ours"] - frame["skew25_own"]).abs(), (frame["ours"] - frame["skew25_cboe"]).abs()
    over_mids, over_cboe = frame[mids > SKEW_LIMIT], frame[cboe > SKEW_LIMIT]
    forward_delta = (over_mids["forward_delta"] - over_mids["skew25_own"]).abs().max()
    cboe_delta = (over_cboe["cboe_delta"] - over_cboe["skew25_cboe"]).abs().max()
    index = frame[frame["root"].str.startswith("SPX")]
    lines += [
        "",
        f"Allowed: {SKEW_LIMIT}. Row by row:",
        "",
        "* Every row that has a skew is within it once both sides mean the same delta: N(d1) against the one from",
        "  mids, Cboe's deltas against Cboe. Cboe's are N(d1) as well: of an SPX strike call and put add up to",
        f"  {_span(index['cboe_delta_sum'])}, ours to e^(-qT), {_span(index['delta_sum'])}. What is left under our own",
        "  definition is this choice:",
        f"* over it against mids: {_expiries(over_mids)}.",
        "  Half a year to a year out e^(-qT) N(d1) is about 2 % smaller than N(d1), with skews of 0.16 to 0.21.",
        f"  With N(d1) they are at most {forward_delta:.5f} away;",
        f"* over it against Cboe: {_expiries(over_cboe)}.",
        f"  At Cboe's own deltas they are at most {cboe_delta:.5f} away.",
        *_without(frame[frame["ours"].isna()]),
        "",
        "![Differences from the reference skew](evidence/skew.svg)",
        "",
    ]
    return lines


def _span(values: pd.Series) -> str:
    return f"{values.min():.3f} to {values.max():.3f}"


def _expiries(frame: pd.DataFrame) -> str:
    return ", ".join((frame["root"] + " " + frame["expiry"]).tolist())


def _without(frame: pd.DataFrame) -> list[str]:
    """Why rows have no skew: the narrowest market near the forward, and what any width would give."""
    apart = (frame["wide"] - frame["skew25_own"]).abs()
    return [
        f"* {root} {expiry} has no skew: of its strikes within 2 % of the forward the narrowest market is\n"
        f"  {spread:.0%} of its mid wide, so none is clean. Quotes of any width would give the reference within\n"
        f"  {off:.5f}."
        for root, expiry, spread, off in zip(
            frame["root"].tolist(),
            frame["expiry"].tolist(),
            frame["spread_near_forward"].tolist(),
            apart.tolist(),
            strict=True,
        )
    ]


def _curves(frame: pd.DataFrame, executable: tuple[int, int], calendar: tuple[int, int, int]) -> list[str]:
    lines = [
        "## The fitted smile",
        "",
        "Every other strike is fitted and the ones between predicted (5 to 50 delta): the median absolute error of an",
        "expiration, in volatility. Inside: the share of strikes within half their spread of the curve through all.",
        "SVI is given the better of two weightings, judged by the result.",
        "",
        "| chain | expirations | spline: error | inside | SVI: error | inside |",
        "|---|---|---|---|---|---|",
    ]
    for title, one in [*frame.groupby("title", sort=False), ("all", frame)]:
        lines.append(
            f"| {title} | {len(one)} | {one['spline_error'].median():.5f} | {one['spline_inside'].mean():.0%} |"
            f" {one['svi_error'].median():.5f} | {one['svi_inside'].mean():.0%} |"
        )
    fits, refused, mended = calendar
    return [
        *lines,
        "",
        "![Errors of predicted strikes](evidence/curves.svg)",
        "",
        "Free of butterfly arbitrage in executable terms: could every listed out-of-the-money strike be bought and",
        f"sold at the curve's price, {executable[1]} of {executable[0]:,} contracts would break monotonicity or",
        "convexity.",
        f"Of {fits} expirations with five clean strikes or more, {refused} have no curve; {mended} smooth curves had a",
        "negative density somewhere and were moved.",
        "",
    ]
