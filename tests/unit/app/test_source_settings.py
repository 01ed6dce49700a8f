"""Settings of sources as people write them, rightly and wrongly."""

from __future__ import annotations

import pytest

from app.settings import load_settings
from scanner.errors import InputError
from scanner.sources.resilience import RateLimit


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("yahoo=5/1", {"yahoo": RateLimit(5, 1.0)}),
        (" Yahoo = 5/1 , robinhood=60/60/10 ", {"yahoo": RateLimit(5, 1.0), "robinhood": RateLimit(60, 60.0, 10)}),
        ("yahoo=400/10.5/40", {"yahoo": RateLimit(400, 10.5, 40)}),
    ],
)
def test_limits_are_calls_by_seconds_and_perhaps_a_burst(
    monkeypatch: pytest.MonkeyPatch, text: str, limits: dict[str, RateLimit]
) -> None:
    monkeypatch.setenv("SCANNER_SOURCE_LIMITS", text)
    assert load_settings().source_limits == limits


FORM = "is not of the form calls/seconds or calls/seconds/burst, such as 120/60/20"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("yahoo", "'yahoo' is not of the form source=value"),
        ("yahoo=", "is not of the form source=value"),
        ("yahoo=5/1,", "'' is not of the form source=value"),
        ("yahoo=5", f"'5' {FORM}"),
        ("yahoo=5/1/1/1", f"'5/1/1/1' {FORM}"),
        ("yahoo=5/1/", f"'5/1/' {FORM}"),
        ("yahoo=many/1", f"'many/1' {FORM}"),
        ("yahoo=5.5/1", f"'5.5/1' {FORM}"),
        ("yahoo=5/inf", "a window above zero, not inf s"),
        ("yahoo=5/nan", "a window above zero, not nan s"),
        ("yahoo=5/0", "a window above zero"),
        ("yahoo=5/-1", "a window above zero"),
        ("yahoo=1/1", "a burst takes 1 to 0"),
        ("yahoo=-5/1", "a burst takes"),
        ("yahoo=5/1/5", "a burst takes 1 to 4, not 5"),
        ("yahoo=5/1,YAHOO=6/1", "yahoo is named twice"),
        ("nobody=5/1", "no source is named nobody"),
    ],
)
def test_a_limit_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, text: str, words: str) -> None:
    monkeypatch.setenv("SCANNER_SOURCE_LIMITS", text)
    with pytest.raises(InputError) as caught:
        load_settings()
    assert str(caught.value).startswith("settings cannot be read. SCANNER_SOURCE_LIMITS: ")
    assert words in str(caught.value)


def test_time_outs_are_seconds_by_source(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANNER_SOURCE_TIMEOUTS", "yahoo=10, Robinhood=2.5")
    assert load_settings().source_timeouts == {"yahoo": 10.0, "robinhood": 2.5}


@pytest.mark.parametrize("value", ["0", "-1", "inf", "nan", "ten"])
def test_a_time_out_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SCANNER_SOURCE_TIMEOUTS", f"yahoo={value}")
    with pytest.raises(InputError, match=f"SCANNER_SOURCE_TIMEOUTS: time-outs are seconds above zero, not {value}"):
        load_settings()


def test_a_source_has_one_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANNER_SOURCE_TIMEOUTS", "yahoo=5,yahoo=6")
    with pytest.raises(InputError, match="yahoo is named twice"):
        load_settings()


@pytest.mark.parametrize("name", ["SCANNER_SOURCE_TIMEOUT_SECONDS", "SCANNER_CHAIN_CACHE_SECONDS"])
@pytest.mark.parametrize("value", ["inf", "nan", "-1", "soon"])
def test_seconds_are_numbers_that_end(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=name):
        load_settings()


@pytest.mark.parametrize("text", ["nobody", "yahoo,yahoo", ","])
def test_an_order_names_sources_that_are_there_each_once(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SCANNER_SOURCES", text)
    with pytest.raises(InputError, match="SCANNER_SOURCES"):
        load_settings()
