"""Words on the pages: reasons, help, banners, what to do next."""

from __future__ import annotations

from typing import Final

from scanner.errors import (
    DatabaseAuthError,
    DatabaseError,
    DatabaseModeError,
    DatabaseSchemaTooNewError,
    DatabaseTooOldError,
    DatabaseUnreachableError,
    DataDirectoryError,
    InputError,
    ScannerError,
)
from scanner.model import Mode, RejectionReason

TITLE: Final = "Options scanner"

BANNERS: Final = {
    Mode.SIMULATED: (
        "SIMULATED MARKET",
        "Every price on this page is invented for demonstration. For market data: python -m app.cli run",
    ),
    Mode.RECORDED: (
        "RECORDED ANSWERS",
        "Prices were saved earlier and are played back. They are not current.",
    ),
}

WORKER_COMMAND: Final = "python -m app.cli worker"
NO_WORKER: Final = f"No worker is running, so nothing is fetched. Start one: `{WORKER_COMMAND}`"

SYNC_ALL_HELP: Final = "Fetch the option chains of all stocks of the universe. Pressed during a sync it joins it."
SYNC_LIST_HELP: Final = "Fetch the option chains of the stocks of this list. Pressed during a sync it joins it."
SCAN_NOW_HELP: Final = "Fetch the option chains of the chosen symbols now. Pressed during a sync it joins it."

EMPTY_DATABASE: Final = (
    "No quotes are stored yet. Press **Sync All** to fetch the option chains of all stocks of the universe; "
    "rows appear here as soon as the first symbols are done."
)
NO_ROWS: Final = "No contract passes these filters."
NO_CHAINS: Final = (
    "None of the chosen symbols has a stored option chain. Press **Scan now** to fetch them, or check the spelling."
)

REASONS: Final = {
    RejectionReason.UNREADABLE: "unreadable in the source's answer",
    RejectionReason.EXPIRED: "expired",
    RejectionReason.OTHER_STRATEGY: "other strategy's side",
    RejectionReason.NOT_TARGET_EXPIRATION: "not a target expiration",
    RejectionReason.OUTSIDE_DTE_WINDOW: "outside the DTE window",
    RejectionReason.ADJUSTED: "adjusted contract",
    RejectionReason.INDEX_ROOT: "index option",
    RejectionReason.NO_SPOT: "stock price unknown",
    RejectionReason.NOT_OUT_OF_THE_MONEY: "not out of the money",
    RejectionReason.NO_BID: "no bid",
    RejectionReason.NO_ASK: "no ask",
    RejectionReason.CROSSED: "crossed quote",
    RejectionReason.NO_IMPLIED_VOLATILITY: "no implied volatility",
    RejectionReason.LIQUIDITY_UNKNOWN: "liquidity unknown",
    RejectionReason.ILLIQUID: "illiquid",
    RejectionReason.DELTA_OUT_OF_RANGE: "delta out of range",
    RejectionReason.STOCK_PRICE_TOO_HIGH: "stock price too high",
    RejectionReason.PREMIUM_TOO_LOW: "premium too low",
    RejectionReason.SPREAD_TOO_WIDE: "spread too wide",
    RejectionReason.GRADE_TOO_LOW: "grade too low",
    RejectionReason.EARNINGS_BEFORE_EXPIRATION: "earnings before expiration",
    RejectionReason.EARNINGS_UNKNOWN: "earnings date unknown",
    RejectionReason.EARNINGS_AFTER_EXPIRATION: "earnings after expiration",
}

REMEDIES: Final = {
    RejectionReason.OTHER_STRATEGY: "Choose the other strategy too.",
    RejectionReason.NOT_TARGET_EXPIRATION: "Choose more target expirations.",
    RejectionReason.OUTSIDE_DTE_WINDOW: "Widen the DTE window.",
    RejectionReason.NO_BID: "Normal before the open; scan again in session.",
    RejectionReason.NO_SPOT: "Scan again in session.",
    RejectionReason.LIQUIDITY_UNKNOWN: "The source gave neither volume nor open interest.",
    RejectionReason.ILLIQUID: "Lower the minimum volume or open interest.",
    RejectionReason.DELTA_OUT_OF_RANGE: "Widen the delta range.",
    RejectionReason.STOCK_PRICE_TOO_HIGH: "Raise the maximum stock price.",
    RejectionReason.PREMIUM_TOO_LOW: "Lower the minimum premium.",
    RejectionReason.SPREAD_TOO_WIDE: "Raise the maximum spread.",
    RejectionReason.GRADE_TOO_LOW: "Lower the minimum grade.",
    RejectionReason.EARNINGS_BEFORE_EXPIRATION: "Choose Earnings: any.",
    RejectionReason.EARNINGS_UNKNOWN: "Choose Earnings: exclude, keep unknown.",
    RejectionReason.EARNINGS_AFTER_EXPIRATION: "Choose Earnings: any.",
}

HELP: Final = {
    "symbols": "Choose symbols or paste a list (commas, blanks or lines). Empty: all stocks of the universe.",
    "preset": (
        "Sets the range of |delta|: Conservative 0.15-0.25 (around 0.20), Moderate 0.25-0.35 (around 0.30), "
        "Aggressive 0.35-0.45 (around 0.40). Other filters stay."
    ),
    "strategy": "Cash-secured put: sell a put with its strike in cash. Covered call: sell a call on shares you hold.",
    "basis": "The price the seller is taken to get: the bid, the mid, or bid + fill x (ask - bid).",
    "fill": "Used with the basis Fill: 0 % is the bid, 50 % the mid, 100 % the ask.",
    "delta": "Absolute delta of the contract from its own implied volatility; both ends included.",
    "target": (
        "Each target takes the listed expiration nearest to it (within 3 / 5 / 5 / 7 / 10 / 15 days). "
        "None chosen: every listed expiration in the DTE window."
    ),
    "dte": "Calendar days to expiration in New York; both ends included.",
    "volume": "A contract passes with this volume or with the open interest beside it.",
    "oi": "A contract passes with this open interest or with the volume beside it.",
    "price": "Highest price of the stock. Empty: no limit.",
    "premium": "Least return: premium / strike (put) or premium / stock price (call). Empty: no limit.",
    "spread": "Widest (ask - bid) / mid. Empty: no limit.",
    "grade": "Worst acceptable quality grade, A to F.",
    "earnings": (
        "Next earnings on or before the expiration, after it, or unknown. Exclude leaves out those before and those "
        "unknown; how many is said below the table. Funds report none."
    ),
    "rows": "Best per expiration keeps, of each stock and expiration, the contract with the highest return.",
}

GRADE_HELP: Final = (
    "Quality of the quote; the worst condition decides. A: at most 60 s old, spread <= 5 % or $0.05, open interest "
    ">= 100. B: 5 min, 10 % or $0.10. C: 15 min or time unknown, 20 %. D: older, 50 %. F: unusable."
)

FLOW_SCANS: Final = "A worker that runs scans every 15 minutes of a session by itself, from 09:45 to 16:00 in New York."
BACKFILL: Final = (
    "To have past scans of the simulated market now, run "
    "`python -m app.cli backfill-flow --mode simulated --sessions 30`."
)
SCHEDULE_OFF: Final = "The schedule is switched off (SCANNER_FLOW_SCANS=false)"
NO_SIDE: Final = (
    "Volume carries no side: a score says that something unusual was traded, not who bought and who sold. "
    "A put under normal skew gets 5 of the 30 points for skew and cannot pass 75."
)
OPPORTUNITY: Final = "a whale score of 50, volume of 3 times the open interest, and 100 contracts traded"
NAIVE_SIGN: Final = (
    "Naive sign convention: calls are counted positive and puts negative, whoever holds them. "
    "$ of delta that a move of 1 % adds."
)

_ADVICE: Final[tuple[tuple[type[ScannerError], str], ...]] = (
    (DatabaseUnreachableError, "Start the program again with `python -m app.cli run`, or correct DATABASE_URL."),
    (DatabaseAuthError, "Correct user, password and database name in DATABASE_URL."),
    (DatabaseTooOldError, "Use PostgreSQL 14 or newer."),
    (DatabaseSchemaTooNewError, "Update the program: this database was written by a newer version."),
    (DatabaseModeError, "Use another database for this mode."),
    (DataDirectoryError, "Follow the instruction in the message."),
    (DatabaseError, "Press Retry. If it stays, look at `python -m app.cli status`."),
    (InputError, "Correct the value named above."),
    (ScannerError, "Press Retry. If it stays, look at `python -m app.cli status`."),
)


def advice(error: ScannerError) -> str:
    """What to do about an error of ours."""
    return next(text for kind, text in _ADVICE if isinstance(error, kind))
