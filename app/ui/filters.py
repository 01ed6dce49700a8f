"""Filters as widget values and back. The widgets bind themselves to the address bar; here is what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from scanner.model import BasisKind, Grade, PremiumFilters, PriceBasis, Strategy
from scanner.symbols import ParsedSymbols, parse_symbols

ANY_GRADE: Final = "Any"
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
        "rows": BEST_ROWS if filters.best_per_expiration else ALL_ROWS,
    }


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
        basis=PriceBasis(kind, values["fill"] / 100 if kind is BasisKind.FILL else None),
        best_per_expiration=values["rows"] == BEST_ROWS,
    )


def read_symbols(entries: Sequence[str]) -> ParsedSymbols:
    """The symbols of a multiselect in which an entry may be a whole pasted list."""
    return parse_symbols(" ".join(entries))
