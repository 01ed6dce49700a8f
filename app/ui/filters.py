"""Filters as widget values and back. The widgets bind themselves to the address bar; here is what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scanner.model import BasisKind, EarningsFilter, Grade, PremiumFilters, PriceBasis, Strategy
from scanner.symbols import ParsedSymbols, parse_symbols

ANY_GRADE: Final = "Any"
LONGEST_DTE: Final = 120
STRATEGY_LABELS: Final = {
    Strategy.CASH_SECURED_PUT.value: "Cash-secured put",
    Strategy.COVERED_CALL.value: "Covered call",
}
BASIS_LABELS: Final = {kind.value: kind.value.capitalize() for kind in BasisKind}
EARNINGS_LABELS: Final = {
    EarningsFilter.ANY.value: "Any",
    EarningsFilter.EXCLUDE.value: "Exclude",
    EarningsFilter.EXCLUDE_KNOWN.value: "Exclude, keep unknown",
    EarningsFilter.ONLY.value: "Only before expiration",
}
BEST_ROWS: Final = "Best per expiration"
ALL_ROWS: Final = "All contracts"


@dataclass(frozen=True, slots=True)
class Preset:
    """A named range of |delta|. It changes nothing else."""

    name: str
    centre: float
    delta: tuple[float, float]


PRESETS: Final = (
    Preset("Conservative", 0.20, (0.15, 0.25)),
    Preset("Moderate", 0.30, (0.25, 0.35)),
    Preset("Aggressive", 0.40, (0.35, 0.45)),
)

SCANNER_DEFAULTS: Final = PremiumFilters()
DATABASE_DEFAULTS: Final = PremiumFilters(delta_min=0.25, delta_max=0.40)


def preset_of(delta: tuple[float, float]) -> str | None:
    """The name of the preset that has exactly this range of |delta|."""
    return next((preset.name for preset in PRESETS if preset.delta == delta), None)


def widget_values(filters: PremiumFilters) -> dict[str, Any]:
    """The value of each widget of the filter form, by field name. `filters_of` is its inverse."""
    return {
        "strategy": [strategy.value for strategy in filters.strategies],
        "basis": filters.basis.kind.value,
        "fill": round(100 * filters.basis.fraction) if filters.basis.kind is BasisKind.FILL else 25,
        "delta": (filters.delta_min, filters.delta_max),
        "target": list(filters.target_dtes),
        "dte": (filters.dte_min, filters.dte_max),
        "volume": filters.volume_min,
        "oi": filters.open_interest_min,
        "price": filters.max_stock_price,
        "premium": filters.min_premium_pct,
        "spread": filters.max_spread_pct,
        "grade": filters.min_grade.value if filters.min_grade else ANY_GRADE,
        "earnings": filters.earnings.value,
        "rows": BEST_ROWS if filters.best_per_expiration else ALL_ROWS,
    }


def in_address(prefix: str, filters: PremiumFilters) -> dict[str, str | list[str]]:
    """The filters as parameters of a page's address, under `prefix`."""
    values = widget_values(filters)
    words: dict[str, str | list[str]] = {
        **{name: str(value) for name, value in values.items() if value is not None},
        "strategy": [STRATEGY_LABELS[name] for name in values["strategy"]],
        "basis": BASIS_LABELS[values["basis"]],
        "earnings": EARNINGS_LABELS[values["earnings"]],
        **{name: [str(one) for one in values[name]] for name in ("delta", "dte")},
        "target": [str(days) for days in values["target"]] or "",
    }
    return {f"{prefix}_{name}": value for name, value in words.items()}


def in_words(asked: PremiumFilters) -> str:
    """The filters in a line."""
    parts = [
        " and ".join(STRATEGY_LABELS[one.value].lower() for one in asked.strategies),
        f"|delta| {asked.delta_min:g}-{asked.delta_max:g}",
        f"target days {', '.join(map(str, asked.target_dtes)) or 'any'}",
        f"{asked.dte_min}-{asked.dte_max} days",
        f"volume from {asked.volume_min:,} or open interest from {asked.open_interest_min:,}",
        f"basis {asked.basis}",
    ]
    if asked.max_stock_price is not None:
        parts.append(f"stock price up to ${asked.max_stock_price:,g}")
    if asked.min_premium_pct is not None:
        parts.append(f"premium from {asked.min_premium_pct:g} %")
    if asked.max_spread_pct is not None:
        parts.append(f"spread up to {asked.max_spread_pct:g} %")
    if asked.min_grade:
        parts.append(f"grade {asked.min_grade.value} or better")
    if asked.earnings is not EarningsFilter.ANY:
        parts.append(f"earnings: {EARNINGS_LABELS[asked.earnings.value].lower()}")
    return ", ".join(parts)


def filters_of(values: Mapping[str, Any]) -> PremiumFilters:
    """What the widgets ask for. Raises `InputError` where they contradict one another."""
    kind = BasisKind(values["basis"])
    delta_min, delta_max = values["delta"]
    dte_min, dte_max = values["dte"]
    return PremiumFilters(
        strategies=tuple(strategy for strategy in Strategy if strategy.value in values["strategy"]),
        target_dtes=tuple(sorted(values["target"])),
        dte_min=int(dte_min),
        dte_max=int(dte_max),
        delta_min=round(delta_min, 4),
        delta_max=round(delta_max, 4),
        volume_min=int(values["volume"]),
        open_interest_min=int(values["oi"]),
        max_stock_price=values["price"],
        min_premium_pct=values["premium"],
        max_spread_pct=values["spread"],
        min_grade=None if values["grade"] == ANY_GRADE else Grade(values["grade"]),
        earnings=EarningsFilter(values["earnings"]),
        basis=PriceBasis(kind, values["fill"] / 100 if kind is BasisKind.FILL else None),
        best_per_expiration=values["rows"] == BEST_ROWS,
    )


def read_symbols(entries: Sequence[str]) -> ParsedSymbols:
    """The symbols of a multiselect in which an entry may be a whole pasted list."""
    return parse_symbols(" ".join(entries))
