"""Which chain belongs to a symbol and which contracts it lists, from Robinhood's instruments and chains."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from scanner.conventions import STANDARD_MULTIPLIER
from scanner.errors import SymbolError
from scanner.model import OptionType
from scanner.sources.payload import PayloadError, mapping
from scanner.sources.robinhood.values import day, number, rows, text
from scanner.symbols import Contract

_ACTIVE: Final = "active"
_STRIKE_DECIMALS: Final = 3


class UnreadableError(Exception):
    """One row cannot be read; the argument is the reason it is counted under."""


@dataclass(frozen=True, slots=True)
class Stock:
    """The underlying at Robinhood. `chain_id` is None where it has no options."""

    instrument_id: str
    chain_id: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """A chain without its contracts. `adjusted`: its contracts deliver something else than 100 shares."""

    chain_id: str
    chain_symbol: str
    root: str
    expirations: tuple[date, ...]
    multiplier: int
    adjusted: bool


@dataclass(frozen=True, slots=True)
class ListedContract:
    instrument_id: str
    contract: Contract
    multiplier: int
    adjusted: bool


def read_stock(body: object, symbol: str) -> Stock | None:
    """The instrument of a symbol, None where Robinhood knows none. Raises PayloadError.

    A question it did not understand is answered with everybody's instruments: others alone are an error.
    """
    found = [mapping(row, "an instrument") for row in rows(mapping(body, "the answer").get("results"), "results")]
    own = [row for row in found if row.get("symbol") == symbol]
    if not own:
        if found:
            raise PayloadError(f"answered with other instruments than {symbol}")
        return None
    row = next((row for row in own if row.get("state") == _ACTIVE), own[0])
    if "tradable_chain_id" not in row:
        raise PayloadError("tradable_chain_id is missing")
    chain_id = row["tradable_chain_id"]
    return Stock(text(row.get("id"), "id"), None if chain_id is None else text(chain_id, "tradable_chain_id"))


def read_listing(body: object, *, chain_id: str, root: str) -> Listing:
    """A chain's expirations and size. Raises PayloadError, also where it is another symbol's chain."""
    chain = mapping(body, "the chain")
    if chain.get("id") != chain_id:
        raise PayloadError("answered with another chain")
    chain_symbol = text(chain.get("symbol"), "symbol")
    if not is_of_root(chain_symbol, root):
        raise PayloadError(f"answered with the chain of {chain_symbol}")
    expirations = {day(one, "an expiration") for one in rows(chain.get("expiration_dates"), "expiration_dates")}
    multiplier = _multiplier(chain, STANDARD_MULTIPLIER)
    return Listing(
        chain_id=chain_id,
        chain_symbol=chain_symbol,
        root=root,
        expirations=tuple(sorted(expirations)),
        multiplier=multiplier,
        adjusted=multiplier != STANDARD_MULTIPLIER or chain_symbol[-1].isdigit() or _delivers_else(chain),
    )


def is_of_root(name: str, root: str) -> bool:
    """Whether a chain symbol or option root belongs to `root`: the same, dotted, or with the digit of an adjustment."""
    plain = name.upper().replace(".", "")
    return plain == root or plain.rstrip("0123456789") == root


def read_page(body: object, listing: Listing) -> tuple[list[Any], str | None]:
    """The contracts of one page and the address of the next.

    Raises PayloadError, also where a contract belongs to another chain: then the question was not understood.
    """
    page = mapping(body, "the page")
    if "next" not in page:
        raise PayloadError("next is missing")
    found = rows(page.get("results"), "results")
    for row in found:
        if isinstance(row, Mapping):
            _check_owner(row, listing)
    following = page["next"]
    return found, None if following is None else text(following, "next")


def _check_owner(row: Mapping[str, Any], listing: Listing) -> None:
    owner, chain_id = row.get("chain_symbol"), row.get("chain_id")
    if isinstance(owner, str) and owner != listing.chain_symbol:
        raise PayloadError(f"answered with contracts of {owner}")
    if isinstance(chain_id, str) and chain_id != listing.chain_id:
        raise PayloadError("answered with contracts of another chain")


def read_contract(row: object, listing: Listing, expiration: date) -> ListedContract:
    """One listed contract. Raises UnreadableError with the reason."""
    if not isinstance(row, Mapping):
        raise UnreadableError("not_an_object")
    for key in ("id", "chain_symbol"):
        if not isinstance(row.get(key), str) or not row[key]:
            raise UnreadableError(key)
    try:
        expires = day(row.get("expiration_date"), "expiration_date")
        multiplier = _multiplier(row, listing.multiplier)
        strike = number(row.get("strike_price"), "strike_price")
    except PayloadError as error:
        raise UnreadableError(str(error).partition(" ")[0]) from error
    if expires != expiration:
        raise UnreadableError("expiration_mismatch")
    contract = Contract(listing.root, expires, _side(row), strike)
    if strike != round(strike, _STRIKE_DECIMALS) or not _has_code(contract):
        raise UnreadableError("strike_price")
    return ListedContract(row["id"], contract, multiplier, listing.adjusted or multiplier != STANDARD_MULTIPLIER)


def _side(row: Mapping[str, Any]) -> OptionType:
    try:
        return OptionType(str(row.get("type")))
    except ValueError as error:
        raise UnreadableError("type") from error


def _has_code(contract: Contract) -> bool:
    try:
        return bool(contract.occ)
    except SymbolError:
        return False


def _multiplier(row: Mapping[str, Any], otherwise: int) -> int:
    """Shares per contract; `otherwise` where the row does not say. Raises PayloadError."""
    value = number(row.get("trade_value_multiplier"), "trade_value_multiplier")
    if math.isnan(value):
        return otherwise
    if value < 1 or value != math.floor(value):
        raise PayloadError("trade_value_multiplier is not a number of shares")
    return int(value)


def _delivers_else(chain: Mapping[str, Any]) -> bool:
    """Whether exercise delivers cash or anything but 100 shares of one instrument."""
    cash = chain.get("cash_component")
    if cash is not None and number(cash, "cash_component") != 0:
        return True
    if chain.get("underlying_instruments") is None:
        return False
    deliverables = rows(chain["underlying_instruments"], "underlying_instruments")
    shares = [mapping(one, "an underlying").get("quantity", STANDARD_MULTIPLIER) for one in deliverables]
    return [number(one, "quantity") for one in shares] != [STANDARD_MULTIPLIER]
