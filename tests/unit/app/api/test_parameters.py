from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from pydantic import TypeAdapter, ValidationError

from app.api.board import Place
from app.api.parameters import MOST_SYMBOLS, Day, instant_of, place_of, place_text, symbols_in
from scanner.errors import InputError, SymbolError

PLACE = Place(-85, -412.25, "BRK.B", "BRKB261120C00500000")


def test_a_place_survives_its_way_through_an_address() -> None:
    text = place_text(PLACE)
    assert text.isascii()
    assert not set(text) & set("+/=&?")
    assert place_of(text, Place) == PLACE


@pytest.mark.parametrize(
    "text", ["", "x", "KO", "%%", "\0", "é", place_text(("a", 1, "b", "c")), place_text(PLACE)[:-3]]
)
def test_what_is_no_place_is_refused_with_advice(text: str) -> None:
    with pytest.raises(InputError, match="Link header"):
        place_of(text, Place)


@pytest.mark.parametrize("text", ["0", "1763650000", "20261120", "2026-W47-5", "2026-11-20T00:00:00", "2026-02-30", ""])
def test_only_a_calendar_date_is_a_day(text: str) -> None:
    days: TypeAdapter[date] = TypeAdapter(Day)
    assert days.validate_python("2026-11-20") == date(2026, 11, 20)
    with pytest.raises(ValidationError):
        days.validate_python(text)


@pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31"])
def test_a_year_that_nothing_is_listed_in_is_refused(text: str) -> None:
    days: TypeAdapter[date] = TypeAdapter(Day)
    with pytest.raises(ValidationError, match="1900 to 2200"):
        days.validate_python(text)


def test_symbols_are_read_as_people_write_them() -> None:
    assert symbols_in(" ko, brk/b,KO ,") == ("KO", "BRK.B")
    assert symbols_in(None) == symbols_in("") == symbols_in(",") == ()
    with pytest.raises(SymbolError):
        symbols_in("KO,\0")
    with pytest.raises(InputError, match=str(MOST_SYMBOLS)):
        symbols_in(",".join(f"A{number}" for number in range(MOST_SYMBOLS + 1)))


def test_an_instant_needs_its_zone() -> None:
    assert instant_of("2026-11-20T15:00:00-05:00") == datetime(2026, 11, 20, 20, tzinfo=UTC)
    for text in ("2026-11-20T20:00:00", "yesterday", "", "\0", "0001-01-01T00:00:00+14:00"):
        with pytest.raises(InputError, match="not an instant"):
            instant_of(text)
