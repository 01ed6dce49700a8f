from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from app import log


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("postgresql://me:hush@db:5432/options", "postgresql://me:***@db:5432/options"),
        ("postgresql+psycopg://me:hu/sh@h@db/x failed", "postgresql+psycopg://me:***@db/x failed"),
        ("postgresql://me@db/options", "postgresql://me@db/options"),
        ("http://user:hush@proxy:3128", "http://user:***@proxy:3128"),
        ("host=db user=me password=hush dbname=x", "host=db user=me password=*** dbname=x"),
        ("host=db password='hu sh\\'x' dbname=x", "host=db password=*** dbname=x"),
        ('{"access_token": "hush", "n": 1}', '{"access_token": ***, "n": 1}'),
        ("GET /v3/quotes?apiKey=hush&limit=5", "GET /v3/quotes?apiKey=***&limit=5"),
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer ***"),
        ("crumb=hush", "crumb=***"),
        ("AAPL: 44 contracts at 15:30", "AAPL: 44 contracts at 15:30"),
    ],
)
def test_redact(text: str, clean: str) -> None:
    assert log.redact(text) == clean


def test_secrets_are_hidden_by_key_at_every_depth() -> None:
    event = {
        "event": "connect",
        "password": "hush",
        "symbol": "AAPL",
        "count": 3,
        "settings": {"API_KEY": "hush", "urls": ["postgresql://me:hush@db/x"]},
        "error": ValueError("password=hush"),
    }
    cleaned = log.redact_event(None, "info", event)
    assert "hush" not in repr(cleaned)
    assert cleaned["symbol"] == "AAPL"
    assert cleaned["count"] == 3


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    log.configure("INFO", service="test")
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def test_structlog_lines_carry_service_and_hide_secrets(captured: io.StringIO) -> None:
    structlog.get_logger("app").info("database opened", dsn="postgresql://me:hush@db/x", symbol="AAPL")
    line = captured.getvalue()
    assert "service=test" in line
    assert "symbol=AAPL" in line
    assert "hush" not in line


def test_tracebacks_of_standard_logging_hide_secrets(captured: io.StringIO) -> None:
    try:
        raise RuntimeError("cannot connect to postgresql://me:hush@db/x")
    except RuntimeError:
        logging.getLogger("foreign").exception("connection with password=%s failed", "hush")
    text = captured.getvalue()
    assert "RuntimeError" in text
    assert "hush" not in text


def test_below_the_level_nothing_is_written(captured: io.StringIO) -> None:
    structlog.get_logger("app").debug("quiet")
    logging.getLogger("procrastinate").info("quiet")
    assert captured.getvalue() == ""


def test_a_logged_exception_is_told_by_its_event_and_its_last_line(captured: io.StringIO) -> None:
    try:
        raise RuntimeError('no "server" answers')
    except RuntimeError:
        logging.getLogger("foreign").exception("the job failed")
    line = captured.getvalue().strip()
    assert "\n" not in line
    assert log.in_words(line) == 'the job failed: RuntimeError: no "server" answers'


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Database error.", "Database error."),
        ("event=x without a time", "event=x without a time"),
        ('timestamp=2026-11-25T02:11:19Z level=info event="worker ends" jobs=3', "worker ends"),
        ("timestamp=2026-11-25T02:11:19Z level=info event=ended error=lost", "ended: lost"),
        ("timestamp=2026-11-25T02:11:19Z level=info", "timestamp=2026-11-25T02:11:19Z level=info"),
    ],
)
def test_lines_in_words(line: str, words: str) -> None:
    assert log.in_words(line) == words


@pytest.fixture
def _nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "_hidden", ())


@pytest.mark.usefixtures("_nothing_hidden")
@pytest.mark.parametrize(
    "form",
    [
        "p&ss w/rd%'\"\\é",
        "p%26ss%20w%2Frd%25%27%22%5C%C3%A9",
        "p%26ss%20w/rd%25%27%22%5C%C3%A9",
        "p%26ss+w%2Frd%25%27%22%5C%C3%A9",
        "p%26ss+w%2frd%25%27%22%5c%c3%a9",
        "p&ss w/rd%'\\\"\\\\\\u00e9",
        "p&ss w/rd%\\'\"\\\\é",
    ],
)
def test_a_hidden_value_is_found_in_every_writing(form: str) -> None:
    log.hide("p&ss w/rd%'\"\\é")
    assert log.redact(f"GET /v3?apiKeys={form}&limit=5 said {form}.") == "GET /v3?apiKeys=***&limit=5 said ***."


@pytest.mark.usefixtures("_nothing_hidden")
def test_of_two_hidden_values_the_longer_is_taken_out_whole_and_short_ones_stay() -> None:
    log.hide("abcdef", "abcdefgh", "AAPL", "")
    assert log.redact("abcdefgh abcdef AAPL abcde") == "*** *** AAPL abcde"


@pytest.mark.usefixtures("_nothing_hidden")
def test_a_hidden_value_is_in_no_event_at_no_depth(captured: io.StringIO) -> None:
    log.hide("unlikely-value")
    try:
        raise RuntimeError("refused: unlikely-value")
    except RuntimeError:
        structlog.get_logger("app").exception("unlikely-value", detail={"a": ["unlikely-value", 1]}, note="fine")
    assert "unlikely-value" not in captured.getvalue()
    assert "note=fine" in captured.getvalue()


@pytest.mark.usefixtures("_nothing_hidden")
def test_guarded_output_is_written_without_hidden_values(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    log.guard_output()
    log.hide("unlikely-value")
    print("an unlikely-value was printed", flush=True)
    sys.stderr.writelines(["an unlikely-value", " was written"])
    sys.excepthook(RuntimeError, RuntimeError("unlikely-value"), None)
    assert out.getvalue() == "an *** was printed\n"
    assert err.getvalue() == "an *** was writtenRuntimeError: ***\n"
    assert sys.stdout.isatty() is out.isatty()


def test_a_log_that_was_there_before_is_guarded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    err = io.StringIO()
    monkeypatch.setattr(sys, "stderr", err)
    logger = logging.getLogger("a-library-with-a-log-of-its-own")
    handler = logging.StreamHandler()
    monkeypatch.setattr(logger, "handlers", [handler])
    log.guard_output()
    log.guard_output()
    log.hide("unlikely-value")
    try:
        raise RuntimeError("no access with unlikely-value")
    except RuntimeError:
        logger.exception("a page failed")
    assert "no access with ***" in err.getvalue()
    assert "unlikely-value" not in err.getvalue()
