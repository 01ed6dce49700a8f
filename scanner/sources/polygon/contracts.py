"""Which contract a snapshot is of. What cannot be identified is counted, what nobody asked for refused."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from scanner.conventions import STANDARD_MULTIPLIER
from scanner.errors import SymbolError
from scanner.sources.payload import PayloadError
from scanner.sources.polygon.batches import DateRange
from scanner.sources.polygon.listing import Listing, contract_of, place, same_underlying
from scanner.sources.polygon.values import count, day, number, part
from scanner.symbols import Contract, is_index_root

_STRIKE_TOLERANCE: Final = 0.0005

Value = TypeVar("Value")


class UnreadableError(Exception):
    """One contract cannot be read; the argument is the reason it is counted under."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked for: the underlying in Polygon's spelling, its standard option root, and dates."""

    underlying: str
    root: str
    dates: DateRange


@dataclass(frozen=True, slots=True)
class SizedContract:
    contract: Contract
    multiplier: int
    adjusted: bool


def read(reader: Callable[[object, str], Value], row: Mapping[str, Any], key: str) -> Value:
    """A value of a row. Raises UnreadableError with the key as its reason."""
    try:
        return reader(row.get(key), key)
    except PayloadError as error:
        raise UnreadableError(f"bad_{key}") from error


def read_part(row: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A part of a row, empty where it is missing. Raises UnreadableError."""
    try:
        return part(row, key)
    except PayloadError as error:
        raise UnreadableError(f"bad_{key}") from error


def identified(row: Mapping[str, Any], question: Question, listing: Listing) -> SizedContract:
    """The contract of a snapshot. Raises UnreadableError with the reason.

    Raises PayloadError where it belongs to another underlying: then the question was not understood.
    """
    if not same_underlying(read_part(row, "underlying_asset").get("ticker"), question.underlying):
        raise PayloadError("answered with contracts of another underlying")
    details = read_part(row, "details")
    contract = _contract(details)
    if contract.expiration not in question.dates:
        raise UnreadableError("not_asked_for")
    if contract.expiration not in listing.sizes:
        raise UnreadableError("expiration_not_listed")
    multiplier = _multiplier(details)
    standard = multiplier == STANDARD_MULTIPLIER and _is_standard_root(contract.root, question)
    return SizedContract(contract, multiplier, not standard or place(contract) in listing.adjusted)


def _contract(details: Mapping[str, Any]) -> Contract:
    """The contract of the ticker, which the other details must not contradict."""
    try:
        contract = contract_of(details.get("ticker"))
    except SymbolError as error:
        raise UnreadableError("bad_ticker") from error
    if details.get("contract_type", contract.option_type) != contract.option_type:
        raise UnreadableError("contract_type_mismatch")
    if abs(read(number, details, "strike_price") - contract.strike) > _STRIKE_TOLERANCE:
        raise UnreadableError("strike_price_mismatch")
    if "expiration_date" in details and read(day, details, "expiration_date") != contract.expiration:
        raise UnreadableError("expiration_date_mismatch")
    return contract


def _multiplier(details: Mapping[str, Any]) -> int:
    shares = read(count, details, "shares_per_contract")
    if math.isnan(shares):
        return STANDARD_MULTIPLIER
    if shares < 1:
        raise UnreadableError("bad_shares_per_contract")
    return int(shares)


def _is_standard_root(root: str, question: Question) -> bool:
    """An index has several standard roots (SPX, SPXW). Another root than the own one (AAPL1) marks an adjustment."""
    return root == question.root or (is_index_root(question.root) and is_index_root(root))
