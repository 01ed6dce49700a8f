"""Several sources as one: each symbol's chain comes whole from the first that can give it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from scanner.errors import AllSourcesFailedError, InputError, SourceError
from scanner.model import ChainSnapshot, Mode, SkippedSource
from scanner.sources.base import Capabilities, ChainSource, ChooseExpirations

INCOMPLETE = "Incomplete"
"""Stands for an error class where a source answered, and lacked more expirations than the answer used."""


class FallbackSource:
    """Asks `sources` in order. Two sources are never mixed in one chain.

    The first complete answer is used. Where every answer lacks expirations it is the one that lacks fewest, the
    earlier one on a tie. What was asked in vain before it is named in `skipped`.
    """

    name = "fallback"

    def __init__(self, sources: Sequence[ChainSource]) -> None:
        """Errors: InputError without a source, or with sources of different modes."""
        modes = {source.mode for source in sources}
        if len(modes) != 1:
            raise InputError("a fallback needs at least one source, and all of one mode")
        self._sources = tuple(sources)
        self.mode: Mode = modes.pop()
        self.capabilities = _together([source.capabilities for source in sources])

    def chain(self, symbol: str, choose: ChooseExpirations) -> ChainSnapshot:
        """The chain of `symbol`; see `ChainSource`.

        Errors: the error of the only source there is, or the one all of them agree on by class; otherwise
        AllSourcesFailedError.
        """
        partial: list[ChainSnapshot] = []
        errors: list[SourceError] = []
        skipped: list[SkippedSource] = []
        for source in self._sources:
            try:
                answer = source.chain(symbol, choose)
            except SourceError as error:
                errors.append(error)
                skipped.append(SkippedSource(source.name, type(error).__name__, error.detail))
                continue
            if not answer.missing_expirations:
                return dataclasses.replace(answer, skipped=(*skipped, *answer.skipped))
            partial.append(answer)
            skipped.append(_incomplete(answer))
        if not partial:
            raise _failure(symbol, errors)
        best = min(partial, key=lambda answer: len(answer.missing_expirations))
        others = tuple(one for one in skipped if one.source != best.source)
        return dataclasses.replace(best, skipped=(*others, *best.skipped))


def _incomplete(answer: ChainSnapshot) -> SkippedSource:
    days = ", ".join(day.isoformat() for day in answer.missing_expirations)
    return SkippedSource(answer.source, INCOMPLETE, f"did not deliver {days}")


def _failure(symbol: str, errors: Sequence[SourceError]) -> SourceError:
    """What all say, else all of it."""
    if len({type(error) for error in errors}) == 1:
        return errors[0]
    return AllSourcesFailedError(symbol, errors)


def _together(some: Sequence[Capabilities]) -> Capabilities:
    """What at least one can give; the delay of the slowest, unknown where one is unknown."""
    delays = [one.delay_seconds for one in some]
    return Capabilities(
        quote_times=any(one.quote_times for one in some),
        open_interest=any(one.open_interest for one in some),
        vendor_iv=any(one.vendor_iv for one in some),
        bid_ask=any(one.bid_ask for one in some),
        delay_seconds=None if None in delays else max(delay for delay in delays if delay is not None),
    )
