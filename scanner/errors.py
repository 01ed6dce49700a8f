"""Every error this project raises on purpose, in one tree.

Messages say what happened; the class docstring says what to do next. Facts travel as attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date


class ScannerError(Exception):
    """Root of the tree. Catch it where a failure is shown to a user."""


class InputError(ScannerError, ValueError):
    """An argument contradicts its definition. Correct the value named in the message."""


class SchemaError(ScannerError):
    """A frame does not have its declared columns, types, nulls or ranges. The frame's producer is wrong."""

    def __init__(self, schema: str, problems: tuple[str, ...]) -> None:
        super().__init__(f"frame is not a valid {schema}: " + "; ".join(problems))
        self.schema = schema
        self.problems = problems


class CalendarError(ScannerError):
    """A date lies outside the exchange calendar that was built. Build it further ahead or correct the date."""

    def __init__(self, day: date, first: date, last: date) -> None:
        super().__init__(f"{day} is outside the exchange calendar {first} to {last}")
        self.day = day


class SymbolError(ScannerError):
    """A symbol, root or OCC code cannot be read. Correct it; nothing is guessed."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"{text!r}: {why}")
        self.text = text


class UnknownIndexRootError(SymbolError):
    """An index root without a known settlement. Add it to the table in scanner.symbols with its settlement."""


class SourceError(ScannerError):
    """A data source did not give an answer. The stored rows stay, with their age."""

    def __init__(self, source: str, symbol: str | None, detail: str) -> None:
        what = f" for {symbol}" if symbol else ""
        super().__init__(f"{source}{what}: {detail}")
        self.source = source
        self.symbol = symbol
        self.detail = detail


class SourceUnavailableError(SourceError):
    """The network or the vendor's server failed. Check the connection and try again later."""


class SourceTimeoutError(SourceUnavailableError):
    """The vendor did not answer in time. Try again later or raise the time-out in the settings."""


class SourceSuspendedError(SourceUnavailableError):
    """The vendor failed several times in a row and is left alone for `retry_after_seconds`. Wait; see System."""

    def __init__(self, source: str, symbol: str | None, retry_after_seconds: float) -> None:
        super().__init__(source, symbol, f"left alone after failures, asked again in {retry_after_seconds:.0f} s")
        self.retry_after_seconds = retry_after_seconds


class RateLimitedError(SourceError):
    """The vendor refused because of too many calls. Wait `retry_after_seconds` where given."""

    def __init__(self, source: str, symbol: str | None, detail: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(source, symbol, detail)
        self.retry_after_seconds = retry_after_seconds


class SourceAuthError(SourceError):
    """The vendor refused the credentials or the session. Check them in the settings."""


class MalformedAnswerError(SourceError):
    """The vendor answered with something that is not what it documents. Save the answer and report it."""


class SymbolNotFoundError(SourceError):
    """The vendor does not know the symbol. Check the spelling."""


class NoOptionsError(SourceError):
    """The vendor knows the symbol and lists no options on it. Remove it from the universe."""


class AllSourcesFailedError(SourceError):
    """No source gave an answer; `causes` are their errors in the order they were asked. See what each says to do."""

    def __init__(self, symbol: str, causes: Sequence[SourceError]) -> None:
        super().__init__("all sources", symbol, "; ".join(f"{cause.source}: {cause.detail}" for cause in causes))
        self.causes = tuple(causes)


class DatabaseError(ScannerError):
    """The database cannot be used. The message says why and what to do."""


class DatabaseUnreachableError(DatabaseError):
    """No server answers at the address. Start it, or correct DATABASE_URL."""


class DatabaseAuthError(DatabaseError):
    """The server refused user, password or database name. Correct DATABASE_URL."""


class DatabaseTooOldError(DatabaseError):
    """The server is older than PostgreSQL 14. Upgrade it."""


class DatabaseNotMigratedError(DatabaseError):
    """The tables are missing or older than this program. Run `python -m app.cli migrate`."""


class DatabaseTimeoutError(DatabaseError):
    """A statement ran longer than its limit, or every connection stayed busy. Narrow the question or try again."""


class DatabaseSchemaTooNewError(DatabaseError):
    """The schema was written by a newer version of this program. Update the program."""


class DatabaseModeError(DatabaseError):
    """The database holds data of another mode. Use another database for this mode."""


class ArchiveError(ScannerError):
    """The archive of old days cannot be used, or is not what it should be. The message says why and what helps."""


class SupersededError(ScannerError):
    """Newer data are stored, or another worker took the work over. Nothing was changed; nothing is to be done."""


class ScanOvertakenError(ScannerError):
    """A flow scan was not done before the next one was due. Nothing is to be done; if it is often so, name fewer
    symbols in SCANNER_FLOW_SYMBOLS or start another worker."""


class DataDirectoryError(DatabaseError):
    """The embedded server cannot use its data directory. The message says why and names a place that works."""


class DataDirectoryTooOldError(DataDirectoryError):
    """The data directory belongs to an older PostgreSQL. The message gives the dump and restore commands."""


class SecretKeyError(ScannerError):
    """The key of the stored secrets is missing, another one, or others can read it. The message says what helps."""


class SecretUnreadableError(ScannerError):
    """A stored secret was changed or cut after it was stored. Store it again; after a log-in token, log in again."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the stored secret {name} was changed or cut after it was stored and cannot be decrypted. "
            f"Remove it with `python -m app.cli secrets delete {name}`, then set it or log in again"
        )
        self.name = name
