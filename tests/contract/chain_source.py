"""What every ChainSource promises, as one suite. A source's tests inherit it and fill in the fixtures.

Named without `test_` so that pytest collects it only through the classes that inherit it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from scanner import schema
from scanner.errors import NoOptionsError, SourceError, SymbolNotFoundError
from scanner.model import ChainSnapshot, Mode
from scanner.sources.base import Capabilities, ChainSource, nearest_only
from scanner.symbols import parse_occ


def everything(listed: Sequence[date]) -> Sequence[date]:
    return listed


def nothing(listed: Sequence[date]) -> Sequence[date]:
    return ()


class ChainSourceContract:
    """Fixtures to override: `source`, `symbol` (known, with options), `mode`, `unknown`, `without_options`.

    `unknown` and `without_options` are symbols, or None where the source cannot tell.
    """

    @pytest.fixture
    def source(self) -> ChainSource:
        raise NotImplementedError

    @pytest.fixture
    def symbol(self) -> str:
        raise NotImplementedError

    @pytest.fixture
    def mode(self) -> Mode:
        raise NotImplementedError

    @pytest.fixture
    def unknown(self) -> str | None:
        raise NotImplementedError

    @pytest.fixture
    def without_options(self) -> str | None:
        raise NotImplementedError

    def test_it_names_itself_and_its_mode(self, source: ChainSource, mode: Mode) -> None:
        assert source.name
        assert source.name == source.name.lower()
        assert source.mode is mode
        assert isinstance(source.capabilities, Capabilities)

    def test_the_answer_names_symbol_source_and_mode(self, source: ChainSource, symbol: str) -> None:
        answer = source.chain(symbol, nearest_only)
        assert isinstance(answer, ChainSnapshot)
        assert (answer.symbol, answer.mode) == (symbol, source.mode)
        assert answer.source

    def test_the_contracts_are_a_valid_chain_frame(self, source: ChainSource, symbol: str) -> None:
        contracts = source.chain(symbol, everything).contracts
        assert len(contracts) > 0
        assert list(schema.validate(contracts, schema.CHAIN).columns) == schema.CHAIN.names

    def test_every_contract_is_there_once(self, source: ChainSource, symbol: str) -> None:
        contracts = source.chain(symbol, everything).contracts
        assert contracts["occ_symbol"].is_unique
        assert not contracts.duplicated(["root", "expiration", "option_type", "strike"]).any()

    def test_the_occ_symbol_says_what_the_columns_say(self, source: ChainSource, symbol: str) -> None:
        for row in source.chain(symbol, nearest_only).contracts.itertuples():
            contract = parse_occ(str(row.occ_symbol))
            columns = (row.root, pd.Timestamp(str(row.expiration)).date(), row.option_type, row.strike)
            assert (contract.root, contract.expiration, contract.option_type.value, contract.strike) == columns

    def test_listed_expirations_ascend_without_repeats(self, source: ChainSource, symbol: str) -> None:
        listed = source.chain(symbol, nearest_only).listed_expirations
        assert listed
        assert list(listed) == sorted(set(listed))
        assert all(type(day) is date for day in listed)

    def test_the_choice_is_made_among_the_listed_expirations(self, source: ChainSource, symbol: str) -> None:
        seen: list[tuple[date, ...]] = []

        def last_two(listed: Sequence[date]) -> Sequence[date]:
            seen.append(tuple(listed))
            return listed[-2:]

        answer = source.chain(symbol, last_two)
        assert seen == [answer.listed_expirations]
        wanted = set(answer.listed_expirations[-2:])
        delivered = {instant.date() for instant in answer.contracts["expiration"]}
        assert wanted <= delivered | set(answer.missing_expirations)
        assert delivered <= set(answer.listed_expirations)

    def test_choosing_nothing_still_answers(self, source: ChainSource, symbol: str) -> None:
        answer = source.chain(symbol, nothing)
        assert answer.listed_expirations
        schema.validate(answer.contracts, schema.CHAIN)

    def test_both_sides_of_an_expiration_come_along(self, source: ChainSource, symbol: str) -> None:
        assert set(source.chain(symbol, nearest_only).contracts["option_type"]) == {"put", "call"}

    def test_instants_are_aware_and_none_is_later_than_the_fetch(self, source: ChainSource, symbol: str) -> None:
        answer = source.chain(symbol, everything)
        assert answer.fetched_at.utcoffset() == timedelta()
        for instant in (answer.answer_time, answer.underlying.quote_time, answer.underlying.last_time):
            assert instant is None or _not_later(instant, answer.fetched_at)
        times = answer.contracts["quote_time"].dropna()
        assert (times <= pd.Timestamp(answer.fetched_at)).all()

    def test_capabilities_agree_with_the_answer(self, source: ChainSource, symbol: str) -> None:
        contracts = source.chain(symbol, everything).contracts
        known = source.capabilities
        assert known.bid_ask or contracts[["bid", "ask"]].isna().all(axis=None)
        assert known.quote_times or contracts["quote_time"].isna().all()
        assert known.open_interest or contracts["open_interest"].isna().all()
        assert known.vendor_iv or contracts["vendor_iv"].isna().all()

    def test_no_sentinel_passes_for_a_number(self, source: ChainSource, symbol: str) -> None:
        contracts = source.chain(symbol, everything).contracts
        both_zero = (contracts["bid"] == 0) & (contracts["ask"] == 0)
        assert not both_zero.any()
        assert not contracts["vendor_iv"].isin([1e-05, 0.500005, 0.250007, 0.125009, 0.062509]).any()
        counts = contracts[["volume", "open_interest"]].to_numpy()
        known = counts[~np.isnan(counts)]
        assert (known == np.floor(known)).all()

    def test_an_unknown_symbol_is_an_error_of_its_own(self, source: ChainSource, unknown: str | None) -> None:
        if unknown is None:
            pytest.skip("this source cannot tell an unknown symbol")
        with pytest.raises(SymbolNotFoundError) as caught:
            source.chain(unknown, nearest_only)
        _names_symbol_and_source(caught.value, unknown, source)

    def test_a_symbol_without_options_is_an_error_of_its_own(
        self, source: ChainSource, without_options: str | None
    ) -> None:
        if without_options is None:
            pytest.skip("this source cannot tell a symbol without options")
        with pytest.raises(NoOptionsError) as caught:
            source.chain(without_options, nearest_only)
        _names_symbol_and_source(caught.value, without_options, source)

    def test_threads_get_the_same_answers(self, source: ChainSource, symbol: str) -> None:
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _: source.chain(symbol, nearest_only), range(8)))
        codes = [list(answer.contracts["occ_symbol"]) for answer in answers]
        assert all(one == codes[0] for one in codes)

    def test_changing_an_answer_does_not_change_the_next(self, source: ChainSource, symbol: str) -> None:
        first = source.chain(symbol, nearest_only).contracts
        before = first.copy(deep=True)
        first.loc[:, "strike"] = 1.0
        first.loc[0, "occ_symbol"] = "CHANGED"
        second = source.chain(symbol, nearest_only).contracts
        assert list(second["occ_symbol"]) == list(before["occ_symbol"])
        assert list(second["strike"]) == list(before["strike"])


def _not_later(instant: datetime, fetched_at: datetime) -> bool:
    return instant.utcoffset() is not None and instant <= fetched_at


def _names_symbol_and_source(error: SourceError, symbol: str, source: ChainSource) -> None:
    assert error.symbol == symbol
    assert error.source == source.name
    assert symbol in str(error)
