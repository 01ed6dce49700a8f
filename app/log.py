"""Structured logging to stderr, with secrets taken out of every event, message and traceback."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN: Final = "***"

_SECRET_KEYS: Final = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|api_?key|authorization|cookie|crumb|credential|^dsn$|^pin$", re.IGNORECASE
)
_URL_PASSWORD: Final = re.compile(r"(?P<head>[a-z][a-z0-9+.\-]*://[^\s:/@]*:)\S*(?=@)", re.IGNORECASE)
_PAIR: Final = re.compile(
    r"(?P<head>\b(?:pgpassword|password|passwd|secret|access_token|refresh_token|token|api_?key|crumb)"
    r"[\"']?\s*[=:]\s*)(?P<value>\"[^\"]*\"|'(?:[^'\\]|\\.)*'|[^\s,;&\"']+)",
    re.IGNORECASE,
)
_FIELD: Final = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
_BEARER: Final = re.compile(r"(?P<head>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=\-]{8,}", re.IGNORECASE)


def redact(text: str) -> str:
    """Return `text` without passwords of addresses (`postgresql://user:***@host`), `password=...` pairs and tokens."""
    text = _URL_PASSWORD.sub(rf"\g<head>{HIDDEN}", text)
    text = _PAIR.sub(rf"\g<head>{HIDDEN}", text)
    return _BEARER.sub(rf"\g<head>{HIDDEN}", text)


def in_words(line: str) -> str:
    """What a line of our log tells a person: the event and, of an exception, its last line. Other lines unchanged."""
    fields = {name: _unquoted(value) for name, value in _FIELD.findall(line)}
    if not line.startswith("timestamp=") or "event" not in fields:
        return line
    fault = fields.get("exception", fields.get("error", "")).strip().rpartition("\n")[2]
    return f"{fields['event']}: {fault}" if fault else fields["event"]


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return value[1:-1].replace("\\n", "\n").replace('\\"', '"')


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: HIDDEN if _SECRET_KEYS.search(str(key)) else _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))


def redact_event(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Structlog processor: hide secrets by key and by shape. Private keys of structlog itself pass unchanged."""
    return {
        key: value if key.startswith("_") else HIDDEN if _SECRET_KEYS.search(key) else _clean(value)
        for key, value in event.items()
    }


def configure(level: str = "INFO", *, service: str) -> None:
    """Send structlog and standard logging to stderr, one line an event. `service` names the process."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact_event,
                structlog.processors.LogfmtRenderer(
                    key_order=["timestamp", "level", "service", "event"], drop_missing=True
                ),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for noisy in ("procrastinate", "yfinance", "asyncio", "urllib3", "watchdog"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    # What psycopg warns of is handled by its caller: a partition to be made, a server being started again.
    for handled in ("psycopg", "psycopg.pool"):
        logging.getLogger(handled).setLevel(logging.ERROR)
