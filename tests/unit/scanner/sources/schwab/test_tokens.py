from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scanner.errors import InputError, RateLimitedError, SourceAuthError
from scanner.sources.schwab import (
    LOGIN_COMMAND,
    SchwabCredentials,
    refresh_token_expires_at,
    refresh_token_remaining_seconds,
)
from scanner.sources.schwab.tokens import AccessTokens, TokenTextError, read_token_text, token_text

NOW = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
LOGGED_IN = datetime(2026, 11, 18, 17, 30, tzinfo=UTC)
SECRETS = ("the-access", "the-refresh", "the-key", "the-secret")


def text(access: str = "the-access", *, expires: datetime = NOW, created: Any = LOGGED_IN) -> str:
    token = {"access_token": access, "refresh_token": "the-refresh", "expires_at": int(expires.timestamp())}
    stamp = int(created.timestamp()) if isinstance(created, datetime) else created
    return json.dumps({"creation_timestamp": stamp, "token": token})


def test_a_login_ends_seven_days_after_it() -> None:
    assert refresh_token_expires_at(text()) == datetime(2026, 11, 25, 17, 30, tzinfo=UTC)
    assert refresh_token_remaining_seconds(text(), NOW) == 5 * 86_400
    assert refresh_token_remaining_seconds(text(), NOW + timedelta(days=6)) == -86_400


@pytest.mark.parametrize(
    "unknown",
    [
        None,
        "",
        "{",
        "[]",
        "{}",
        '{"creation_timestamp": 1795023000}',
        *(text(created=stamp) for stamp in (None, 0, -1, "yesterday", True, 10**30)),
    ],
)
def test_the_end_of_an_unreadable_login_is_unknown(unknown: str | None) -> None:
    assert refresh_token_expires_at(unknown) is None
    assert refresh_token_remaining_seconds(unknown, NOW) is None


@pytest.mark.parametrize("access", ["", "two words", "line\nbreak", "naïve", None, 7])
def test_what_cannot_be_sent_in_a_header_is_no_token(access: Any) -> None:
    with pytest.raises(TokenTextError) as caught:
        read_token_text(text(access))
    assert str(access) not in str(caught.value) or not access


@pytest.mark.parametrize("lifetime", [None, "1800", 0, -1, True, float("inf")])
def test_a_token_without_a_lifetime_is_none(lifetime: Any) -> None:
    token = {"access_token": "the-access", "refresh_token": "the-refresh", "expires_in": lifetime}
    with pytest.raises(TokenTextError):
        token_text(token, created_at=LOGGED_IN.timestamp(), now=NOW)


def test_the_end_of_an_access_token_is_counted_from_our_clock() -> None:
    token = {"access_token": "the-access", "refresh_token": "the-refresh", "expires_in": 1800, "expires_at": 1}
    written = token_text(token, created_at=LOGGED_IN.timestamp(), now=NOW)
    assert read_token_text(written).access_expires_at == NOW + timedelta(minutes=30)
    assert refresh_token_expires_at(written) == LOGGED_IN + timedelta(days=7)


def test_nothing_secret_is_in_a_repr() -> None:
    shown = repr(SchwabCredentials("the-key", "the-secret")) + repr(read_token_text(text()))
    assert not any(secret in shown for secret in SECRETS)


@pytest.mark.parametrize(("key", "secret"), [("", "s"), ("k", ""), ("k k", "s"), ("k", "s\n")])
def test_credentials_must_be_there(key: str, secret: str) -> None:
    with pytest.raises(InputError):
        SchwabCredentials(key, secret)


class Shop:
    """A store, a lock that counts, and a vendor that renews. `before_lock` is what another process does meanwhile."""

    def __init__(self, stored: str | None, *, before_lock: Callable[[Shop], None] | None = None) -> None:
        self.stored = stored
        self.renewed: list[str] = []
        self.locks = 0
        self._before_lock = before_lock
        self._process_lock = threading.Lock()

    @contextmanager
    def lock(self) -> Iterator[None]:
        if self._before_lock is not None:
            self._before_lock(self)
        with self._process_lock:
            self.locks += 1
            yield

    def renew(self, old: str, symbol: str | None) -> str:
        self.renewed.append(old)
        self.stored = text(f"renewed-{len(self.renewed)}", expires=NOW + timedelta(minutes=30))
        return self.stored

    def tokens(self, now: datetime = NOW) -> AccessTokens:
        return AccessTokens(clock=lambda: now, read_token=lambda: self.stored, renew=self.renew, lock=self.lock)


VALID = text(expires=NOW + timedelta(minutes=20))
OVER = text(expires=NOW)


def test_a_valid_token_is_handed_out_without_the_lock() -> None:
    shop = Shop(VALID)
    tokens = shop.tokens()
    assert [tokens.current("AAPL") for _ in range(3)] == ["the-access"] * 3
    assert (shop.locks, shop.renewed) == (0, [])


@pytest.mark.parametrize("minutes", [0, 5])
def test_a_token_is_renewed_five_minutes_before_its_end(minutes: int) -> None:
    shop = Shop(text(expires=NOW + timedelta(minutes=minutes)))
    assert shop.tokens().current("AAPL") == "renewed-1"
    assert shop.locks == 1


def test_a_token_without_a_known_end_is_renewed() -> None:
    shop = Shop(json.dumps({"token": {"access_token": "the-access", "refresh_token": "the-refresh"}}))
    assert shop.tokens().current("AAPL") == "renewed-1"


def test_what_another_process_stored_is_taken() -> None:
    shop = Shop(OVER)
    tokens = shop.tokens()
    shop.stored = text("of-another", expires=NOW + timedelta(minutes=30))
    assert tokens.current("AAPL") == "of-another"
    assert shop.locks == 0


def test_the_store_is_read_again_inside_the_lock() -> None:
    def renewed_elsewhere(shop: Shop) -> None:
        shop.stored = text("of-another", expires=NOW + timedelta(minutes=30))

    shop = Shop(OVER, before_lock=renewed_elsewhere)
    assert shop.tokens().current("AAPL") == "of-another"
    assert (shop.locks, shop.renewed) == (1, [])


def test_a_refused_token_is_renewed_once_for_all_threads() -> None:
    shop = Shop(VALID)
    tokens = shop.tokens()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: tokens.current("AAPL", refused="the-access"), range(32)))
    assert set(found) == {"renewed-1"}
    assert len(shop.renewed) == 1


def test_a_refusal_of_an_older_token_renews_nothing() -> None:
    shop = Shop(VALID)
    assert shop.tokens().current("AAPL", refused="an-older-one") == "the-access"
    assert shop.renewed == []


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        (None, "nobody has logged in"),
        ("{", "not JSON"),
        ("{}", "no tokens"),
        (text(created=NOW - timedelta(days=7)), "ended on 2026-11-20 17:30 UTC"),
        (text(created=NOW - timedelta(days=30)), "ended on 2026-10-28"),
    ],
)
def test_without_a_login_the_error_names_the_command(stored: str | None, says: str) -> None:
    shop = Shop(stored)
    with pytest.raises(SourceAuthError) as caught:
        shop.tokens().current("AAPL")
    assert says in str(caught.value)
    assert LOGIN_COMMAND == "python -m app.cli login schwab"
    assert LOGIN_COMMAND in str(caught.value)
    assert (caught.value.source, caught.value.symbol) == ("schwab", "AAPL")
    assert shop.renewed == []
    assert not any(secret in str(caught.value) for secret in SECRETS)


def test_an_access_token_outlives_its_login() -> None:
    """Six days and 23:50 after the log-in it was renewed for half an hour: Schwab takes it to its own end."""
    shop = Shop(text(created=NOW - timedelta(days=7, minutes=5), expires=NOW + timedelta(minutes=15)))
    assert shop.tokens().current("AAPL") == "the-access"


def test_a_new_login_is_noticed() -> None:
    shop = Shop(text(created=NOW - timedelta(days=8)))
    tokens = shop.tokens()
    with pytest.raises(SourceAuthError):
        tokens.current("AAPL")
    shop.stored = VALID
    assert tokens.current("AAPL") == "the-access"


def test_a_failed_renewal_is_tried_again_by_the_next_call() -> None:
    shop = Shop(OVER)
    fails = iter([True, False])

    def renew(old: str, symbol: str | None) -> str:
        if next(fails):
            raise RateLimitedError("schwab", symbol, "too many calls")
        return shop.renew(old, symbol)

    tokens = AccessTokens(clock=lambda: NOW, read_token=lambda: shop.stored, renew=renew, lock=shop.lock)
    with pytest.raises(RateLimitedError):
        tokens.current("AAPL")
    assert tokens.current("AAPL") == "renewed-1"
    assert shop.locks == 2
