"""What a folder of saved chains holds, looked up again only where a file changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

from scanner.calendar import MarketCalendar
from scanner.errors import MalformedAnswerError
from scanner.sources.file.folder import HeldFile, RefusedFile, Stamp, paths_of, read_file, stamp_of


@dataclass(frozen=True, slots=True)
class Holdings:
    """`refused` are the files that cannot be read, each with its error."""

    files: tuple[HeldFile, ...]
    refused: tuple[RefusedFile, ...]

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(sorted({file.symbol for file in self.files}))

    @property
    def newest(self) -> datetime | None:
        """The newest quote time of all files, of a file without one its own time; None without files."""
        return max((file.time for file in self.files), default=None)


class SavedChains:
    """A folder and what is known of its files. Safe to share among threads."""

    def __init__(self, folder: Path, calendar: MarketCalendar) -> None:
        self._folder = folder
        self._calendar = calendar
        self._known: dict[Path, tuple[Stamp, HeldFile | RefusedFile]] = {}
        self._lock = Lock()

    def holdings(self) -> Holdings:
        """What the folder holds now. Raises SourceUnavailableError where it cannot be read."""
        with self._lock:
            self._known = {path: self._look(path) for path in paths_of(self._folder)}
            found = [one for _, one in self._known.values()]
        return Holdings(
            files=tuple(one for one in found if isinstance(one, HeldFile)),
            refused=tuple(one for one in found if isinstance(one, RefusedFile)),
        )

    def _look(self, path: Path) -> tuple[Stamp, HeldFile | RefusedFile]:
        stamp = stamp_of(path)
        before = self._known.get(path)
        if before is not None and before[0] == stamp:
            return before
        try:
            held, _ = read_file(path, self._calendar)
        except MalformedAnswerError as error:
            return stamp, RefusedFile(path, error.symbol, error)
        return stamp, held


def holdings(folder: Path, calendar: MarketCalendar) -> Holdings:
    """What a folder of saved chains holds. Raises SourceUnavailableError where it cannot be read."""
    return SavedChains(folder, calendar).holdings()
