"""Watchlists: kept as they were written, read as symbols, synced as a whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from app.services.sync import SyncService
from db import watchlists
from db.engine import Database
from db.watchlists import StoredEntry, WatchlistHead
from scanner.errors import InputError
from scanner.watchlists import (
    Entry,
    EntryKind,
    WatchlistText,
    decode,
    optionable,
    parse,
    read,
    render,
    symbols_of_csv,
)

__all__ = ["Imported", "StoredEntry", "WatchlistHead", "WatchlistService"]

UNDO_FOR: Final = timedelta(days=30)
MOST_NAME: Final = 100
ALL_STOCKS: Final = "All stocks"


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of a pasted list or a file. `others`: entry as written and why it has no options here; it is kept."""

    watchlist_id: int
    added: tuple[str, ...]
    duplicate: tuple[str, ...]
    others: tuple[tuple[str, str], ...]
    sections: int


class WatchlistService:
    """The lists of one owner at a time; None is the person at this machine."""

    def __init__(self, *, database: Database, clock: Callable[[], datetime], sync: SyncService) -> None:
        self._database = database
        self._clock = clock
        self._sync = sync

    def lists(self, owner_id: int | None = None) -> tuple[WatchlistHead, ...]:
        """All lists in their order."""
        with self._database.connection() as connection:
            return watchlists.heads(connection, owner_id)

    def entries(self, watchlist_id: int, owner_id: int | None = None) -> tuple[StoredEntry, ...]:
        with self._database.connection() as connection:
            return watchlists.entries(connection, watchlist_id, owner_id=owner_id)

    def symbols(self, watchlist_id: int, owner_id: int | None = None) -> tuple[str, ...]:
        """The canonical symbols of a list in order, each once."""
        return optionable([_entry(one) for one in self.entries(watchlist_id, owner_id)])

    def create(self, name: str, owner_id: int | None = None) -> int:
        """Make an empty list. Raises InputError for a name that is empty, too long or taken."""
        with self._database.connection() as connection:
            return watchlists.create(connection, _name(name), owner_id=owner_id, now=self._clock())

    def create_of(self, name: str, symbols: Sequence[str], owner_id: int | None = None) -> int:
        """Make a list of symbols in this order. Raises InputError as `create` does, and where there is no symbol."""
        if not symbols:
            raise InputError("there is no symbol to make a list of")
        watchlist_id = self.create(name, owner_id)
        self.import_text(watchlist_id, ",".join(dict.fromkeys(symbols)), owner_id)
        return watchlist_id

    def import_text(self, watchlist_id: int, text: str, owner_id: int | None = None) -> Imported:
        """Add a pasted list at the end; into an empty list it goes as it is, and is exported so again."""
        added = parse(symbols_of_csv(text) or text)
        if not added.entries:
            raise InputError("there is no symbol in it. Write symbols as AAPL or NASDAQ:AAPL, separated by commas")
        now = self._clock()
        with self._database.connection() as connection:
            old = watchlists.entries(connection, watchlist_id, owner_id=owner_id)
            known = {one.symbol or one.text for one in old}
            fresh, report = _merge(added, known, keep_all=not old)
            all_of = [*old, *fresh]
            tail = added.tail if not old else watchlists.tail(connection, watchlist_id)
            watchlists.replace(connection, watchlist_id, all_of, tail=tail, owner_id=owner_id, now=now)
        return Imported(watchlist_id, *report)

    def import_file(self, watchlist_id: int, content: bytes, owner_id: int | None = None) -> Imported:
        """The same of a text or CSV file. Raises InputError for what is no text."""
        return self.import_text(watchlist_id, decode(content), owner_id)

    def remove(self, watchlist_id: int, texts: Sequence[str], owner_id: int | None = None) -> int:
        """Take entries out, by how they are written; return how many."""
        with self._database.connection() as connection:
            old = watchlists.entries(connection, watchlist_id, owner_id=owner_id)
            kept = [one for one in old if one.text not in texts]
            watchlists.replace(
                connection,
                watchlist_id,
                kept,
                tail=watchlists.tail(connection, watchlist_id),
                owner_id=owner_id,
                now=self._clock(),
            )
        return len(old) - len(kept)

    def text(self, watchlist_id: int, owner_id: int | None = None) -> str:
        """The list in TradingView's format, as it was imported."""
        with self._database.connection() as connection:
            found = watchlists.entries(connection, watchlist_id, owner_id=owner_id)
            tail = watchlists.tail(connection, watchlist_id)
        return render(WatchlistText(tuple(_entry(one) for one in found), tail))

    def rename(self, watchlist_id: int, name: str, owner_id: int | None = None) -> None:
        with self._database.connection() as connection:
            watchlists.rename(connection, watchlist_id, _name(name), owner_id=owner_id, now=self._clock())

    def set_colour(self, watchlist_id: int, colour: str, owner_id: int | None = None) -> None:
        with self._database.connection() as connection:
            watchlists.set_colour(connection, watchlist_id, colour, owner_id=owner_id, now=self._clock())

    def move(self, watchlist_id: int, step: int, owner_id: int | None = None) -> None:
        """Move a list up (-1) or down (+1)."""
        with self._database.connection() as connection:
            ids = [head.watchlist_id for head in watchlists.heads(connection, owner_id)]
            if watchlist_id not in ids:
                return
            place = ids.index(watchlist_id)
            ids.insert(max(0, min(len(ids) - 1, place + step)), ids.pop(place))
            watchlists.reorder(connection, ids, owner_id=owner_id)

    def copy(self, watchlist_id: int, name: str, owner_id: int | None = None) -> int:
        """A list of the same entries under another name."""
        now = self._clock()
        with self._database.connection() as connection:
            new = watchlists.create(connection, _name(name), owner_id=owner_id, now=now)
            found = watchlists.entries(connection, watchlist_id, owner_id=owner_id)
            tail = watchlists.tail(connection, watchlist_id)
            watchlists.replace(connection, new, found, tail=tail, owner_id=owner_id, now=now)
        return new

    def delete(self, watchlist_id: int, owner_id: int | None = None) -> None:
        """Delete a list; `restore` takes that back for 30 days."""
        now = self._clock()
        with self._database.connection() as connection:
            watchlists.set_deleted(connection, watchlist_id, now, owner_id=owner_id, now=now)

    def restore(self, watchlist_id: int, owner_id: int | None = None) -> None:
        with self._database.connection() as connection:
            watchlists.set_deleted(connection, watchlist_id, None, owner_id=owner_id, now=self._clock())

    def sync(self, watchlist_id: int, owner_id: int | None = None) -> int:
        """Fetch the chains of a list now; return the run's id. Raises InputError for a list without symbols."""
        symbols = self.symbols(watchlist_id, owner_id)
        if not symbols:
            raise InputError("the list has no symbol with options. Add one, then sync it")
        run_id = self._sync.start(symbols)
        with self._database.connection() as connection:
            watchlists.note_sync(connection, watchlist_id, run_id, len(symbols), owner_id=owner_id, now=self._clock())
        return run_id

    def forget_deleted(self) -> None:
        """Drop what was deleted more than 30 days ago."""
        with self._database.connection() as connection:
            watchlists.drop_deleted(connection, before=self._clock() - UNDO_FOR)


_Report = tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...], int]


def _merge(added: WatchlistText, known: set[str], *, keep_all: bool) -> tuple[list[StoredEntry], _Report]:
    """The new entries, and what became of each. `keep_all`: repeats stay where they are, for the text to stay whole."""
    fresh: list[StoredEntry] = []
    new: list[str] = []
    duplicate: list[str] = []
    others: list[tuple[str, str]] = []
    seen = set(known)
    for entry in added.entries:
        stored = _stored(entry)
        if entry.kind is EntryKind.SECTION:
            fresh.append(stored)
            continue
        key = stored.symbol or stored.text
        repeated = key in seen
        seen.add(key)
        if repeated:
            duplicate.append(stored.text)
        elif stored.reason is None:
            new.append(key)
        else:
            others.append((stored.text, stored.reason))
        if keep_all or not repeated:
            fresh.append(stored if fresh or keep_all else _after(stored))
    sections = sum(entry.kind is EntryKind.SECTION for entry in added.entries)
    return fresh, (tuple(new), tuple(duplicate), tuple(others), sections)


def _after(first: StoredEntry) -> StoredEntry:
    """The first of entries that follow others: something must stand between them."""
    return StoredEntry(first.kind, first.text, first.before or ",", first.symbol, first.reason)


def _stored(entry: Entry) -> StoredEntry:
    if entry.kind is EntryKind.SECTION:
        return StoredEntry(entry.kind.value, entry.text, entry.before, None, None)
    reading = read(entry)
    reason = None if reading.reason is None else reading.reason.value
    return StoredEntry(entry.kind.value, entry.text, entry.before, reading.symbol, reason)


def _entry(one: StoredEntry) -> Entry:
    return Entry(EntryKind(one.kind), one.text, one.before)


def _name(name: str) -> str:
    cleaned = " ".join(name.split())
    if cleaned.casefold() == ALL_STOCKS.casefold():
        raise InputError(f"{ALL_STOCKS} is the list of every stock. Choose another name")
    if not 1 <= len(cleaned) <= MOST_NAME:
        raise InputError(f"a list needs a name of 1 to {MOST_NAME} characters")
    return cleaned
