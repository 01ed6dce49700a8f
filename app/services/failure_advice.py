"""What to do about symbols that failed, by the class of their error."""

from __future__ import annotations

from typing import Final

from scanner import errors

RETRY: Final = "Retry the failed symbols."
FAULT: Final = (
    "This is a fault of the program. After an update run `make install`; else report it with its worker's log."
)

ADVICE: Final = {
    "SourceUnavailableError": (
        "The source cannot be reached. Check this machine's network connection, then retry the failed symbols."
    ),
    "SourceTimeoutError": (
        "The source did not answer in time. Retry the failed symbols later, or raise SCANNER_SOURCE_TIMEOUT_SECONDS."
    ),
    "SourceSuspendedError": (
        "The source failed several times in a row and is left alone for a while; the page System says how long. "
        "Check this machine's network connection, then retry the failed symbols."
    ),
    "RateLimitedError": (
        "The source refuses more calls for now. Wait some minutes, then retry the failed symbols; "
        "if it comes back, set a lower limit with SCANNER_SOURCE_LIMITS."
    ),
    "SourceAuthError": "The source refused the session. Wait some minutes, then retry the failed symbols.",
    "MalformedAnswerError": (
        "The source sent something it does not document. Retry the failed symbols; report it if it stays."
    ),
    "SymbolNotFoundError": "The source does not know these symbols. Check their spelling.",
    "AllSourcesFailedError": (
        "No source gave these chains; each failure says which source said what. The page System shows what each "
        "source needs. Then retry the failed symbols."
    ),
    "ScanOvertakenError": (
        "The scan was not done before the next one was due. If it is often so, name fewer symbols in "
        "SCANNER_FLOW_SYMBOLS or start another worker."
    ),
    "NoOptionsError": "The source lists no options on these symbols. Nothing is to be done.",
}
"""By the name of a class of scanner.errors."""


def what_to_do(error_class: str) -> str:
    """A sentence for the person who wants these symbols."""
    return ADVICE.get(error_class, RETRY if hasattr(errors, error_class) else FAULT)
