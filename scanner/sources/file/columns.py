"""Our columns of a saved chain, and which of a file's headers stand for them. Documented in docs/file-source.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scanner.sources.file.problems import FileProblemError


@dataclass(frozen=True, slots=True)
class Meaning:
    """One of our columns: kind of its values, unit or meaning, and other headers that mean the same beyond doubt."""

    kind: str
    unit: str
    aliases: tuple[str, ...] = ()


_CONTRACT: Final = {
    "occ_symbol": Meaning(
        "code",
        "OCC contract symbol, AAPL250117C00150000, padded or not",
        ("contract symbol", "option symbol", "osi", "osi symbol"),
    ),
    "root": Meaning("text", "option root", ("option root", "root symbol")),
    "expiration": Meaning(
        "day", "date", ("expiry", "expiration date", "expiry date", "exp", "exp date", "expires", "maturity")
    ),
    "option_type": Meaning("side", "call, put, C or P", ("type", "call/put", "put/call", "c/p", "p/c", "right")),
    "strike": Meaning("number", "$", ("strike price",)),
    "multiplier": Meaning(
        "count",
        "shares per contract; 100 where there is no such column",
        ("shares per contract", "contract multiplier"),
    ),
    "adjusted": Meaning("flag", "true or false; else told by the root and the multiplier", ("non-standard",)),
}

_QUOTE: Final = {
    "bid": Meaning("number", "$/share", ("bid price",)),
    "ask": Meaning("number", "$/share", ("ask price", "offer")),
    "last": Meaning("number", "$/share", ("last price", "last sale")),
    "volume": Meaning("count", "contracts today", ("total volume", "day volume")),
    "open_interest": Meaning("count", "contracts, previous session", ("open int", "oi")),
    "vendor_iv": Meaning("number", "decimal: 0.352, or 35.2% with the sign"),
    "vendor_iv_pct": Meaning(
        "number", "%: 35.2", ("iv %", "iv pct", "implied volatility %", "implied vol %", "imp vol %")
    ),
    "quote_time": Meaning("instant", "instant of bid and ask", ("quote timestamp", "quote datetime")),
}

_FILE: Final = {
    "symbol": Meaning("text", "underlying symbol", ("underlying", "underlying symbol", "ticker")),
    "underlying_bid": Meaning("number", "$/share", ("underlying bid price",)),
    "underlying_ask": Meaning("number", "$/share", ("underlying ask price",)),
    "underlying_last": Meaning("number", "$/share, regular session", ("underlying last price", "underlying price")),
    "underlying_quote_time": Meaning("instant", "instant of the underlying's bid and ask"),
    "underlying_last_time": Meaning("instant", "instant of the underlying's last trade"),
    "underlying_volume": Meaning("count", "shares in the session"),
    "answer_time": Meaning("instant", "market time of all quotes without a time of their own"),
    "fetched_at": Meaning("instant", "when the chain was downloaded"),
}

COLUMNS: Final[Mapping[str, Meaning]] = {**_CONTRACT, **_QUOTE, **_FILE}
"""Every column a file may have, by our name. Those of the file say the same in every row."""

UNSTATED_IV: Final = "vendor_iv_unstated"
"""A volatility whose unit its header does not say. Its cells must, by a % sign."""

_UNSTATED_IV_HEADERS: Final = ("iv", "implied volatility", "implied vol", "imp vol", "impl vol", "volatility")
_PRICES: Final = ("bid", "ask", "last")


def header_key(header: str) -> str:
    """What two spellings of a header share: letters and figures in lower case, % as `pct`."""
    return re.sub(r"[^a-z0-9]", "", header.lower().replace("%", "pct"))


_BY_KEY: Final = {
    **{header_key(name): name for name in COLUMNS},
    **{header_key(alias): name for name, meaning in COLUMNS.items() for alias in meaning.aliases},
    **{header_key(header): UNSTATED_IV for header in _UNSTATED_IV_HEADERS},
}


def places_of(headers: Sequence[str], stated: Mapping[str, str]) -> dict[str, int]:
    """Which of our columns stands at which place. `stated` are headers its column map names; others go by our names
    and aliases, and headers that mean nothing to us are left out.

    Raises FileProblemError where two headers mean the same, and where a stated header is not there.
    """
    missing = sorted(set(stated) - set(headers))
    if missing:
        raise FileProblemError(
            f"its column map names the header {missing[0]!r}, found {_listed(headers)}: correct the map"
        )
    places: dict[str, int] = {}
    for place, header in enumerate(headers):
        name = stated.get(header) or _BY_KEY.get(header_key(header))
        if name is None or (name in stated.values() and header not in stated):
            continue
        if name in places:
            raise FileProblemError(
                f"found two columns for {name}, {headers[places[name]]!r} and {header!r}: name one of them under "
                f"[columns] in its column map (calls and puts side by side are read in Cboe's format only)"
            )
        places[name] = place
    return places


def known_count(headers: Iterable[str], stated: Mapping[str, str]) -> int:
    """How many of these texts are headers we know or a column map names: the likelier a line is the header."""
    return sum(header in stated or header_key(header) in _BY_KEY for header in headers)


def is_complete(names: Iterable[str], *, symbol_stated: bool) -> bool:
    """True where these columns may identify contracts, and one is a price. A column `symbol` may hold codes."""
    known = set(names)
    by_parts = symbol_stated and {"expiration", "option_type", "strike"} <= known
    by_root = {"root", "expiration", "option_type", "strike"} <= known
    return bool(by_parts or by_root or known & {"occ_symbol", "symbol"}) and bool(known & set(_PRICES))


def _listed(headers: Sequence[str]) -> str:
    return ", ".join(repr(header) for header in headers[:30] if header) or "no header"
