"""Structured logging to stderr, with secrets taken out of every event, message and traceback."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TextIO, cast
from urllib.parse import quote, quote_plus

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN: Final = "***"

_LEAST_CHARACTERS: Final = 6
"""Shorter values stand in too many words that are no secret."""

_SECRET_KEYS: Final = re.compile(
    r"pass(word|wd|phrase)?$|secret|token|api_?key|authorization|cookie|crumb|credential|app_?key|totp|mfa|^dsn$|^pin$",
    re.IGNORECASE,
)
_URL_PASSWORD: Final = re.compile(r"(?P<head>[a-z][a-z0-9+.\-]*://[^\s:/@]*:)\S*(?=@)", re.IGNORECASE)
_PAIR: Final = re.compile(
    r"(?P<head>\b(?:pgpassword|password|passwd|secret|access_token|refresh_token|token|api_?key|crumb)"
    r"[\"']?\s*[=:]\s*)(?P<value>\"[^\"]*\"|'(?:[^'\\]|\\.)*'|[^\s,;&\"']+)",
    re.IGNORECASE,
)
_FIELD: Final = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
_BEARER: Final = re.compile(r"(?P<head>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=\-]{8,}", re.IGNORECASE)


_hidden: tuple[str, ...] = ()
"""Every form of every value that `hide` was given, the longest first."""
_hiding = threading.Lock()


def hide(*secrets: str) -> None:
    """From now on `redact` takes these values out wherever they stand, URL-encoded or quoted ones too.

    Values of fewer than six characters are only hidden by key and by shape.
    """
    global _hidden
    forms = {form for secret in secrets for form in _forms(secret) if len(secret) >= _LEAST_CHARACTERS}
    with _hiding:
        _hidden = tuple(sorted(forms.union(_hidden), key=len, reverse=True))


def _forms(secret: str) -> Iterator[str]:
    yield from (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1])
    for safe, encode in (("/", quote), ("", quote), ("", quote_plus)):
        encoded = encode(secret, safe, errors="surrogateescape")
        yield encoded
        yield re.sub("%..", lambda code: code[0].lower(), encoded)


def redact(text: str) -> str:
    """Return `text` without hidden values, passwords of addresses (`postgresql://user:***@host`), `password=...` pairs
    and tokens."""
    text = _without_hidden(text)
    text = _URL_PASSWORD.sub(rf"\g<head>{HIDDEN}", text)
    text = _PAIR.sub(rf"\g<head>{HIDDEN}", text)
    return _BEARER.sub(rf"\g<head>{HIDDEN}", text)


def _without_hidden(text: str) -> str:
    for form in _hidden:
        text = text.replace(form, HIDDEN)
    return text


class _RedactedStream:
    """A text stream that leaves hidden values out of what is written to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        self._stream.write(_without_hidden(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def guard_output() -> None:
    """Leave hidden values out of everything this process prints: tracebacks, warnings, other libraries' logs too.

    Handlers of logs that hold a stream already get the guarded one. Safe to repeat.
    """
    guarded = {stream: _guarded(stream) for stream in (sys.stdout, sys.stderr)}
    sys.stdout, sys.stderr = guarded[sys.stdout], guarded[sys.stderr]
    for handler in _stream_handlers():
        if handler.stream in guarded:
            handler.setStream(guarded[handler.stream])


def _guarded(stream: TextIO) -> TextIO:
    return stream if isinstance(stream, _RedactedStream) else cast(TextIO, _RedactedStream(stream))


def _stream_handlers() -> Iterator[logging.StreamHandler[TextIO]]:
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, logging.StreamHandler):
                yield handler


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
