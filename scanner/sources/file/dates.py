"""Dates and instants as people and programs write them, with month names of eight languages.

The order of a date in figures is a property of its column: stated or proven, never assumed. `03/04/2025` alone is
refused. What proves an order: a value that exists in it alone (27/03/2025), and for expirations that every other order
puts one of them on a weekend, where none has been since 2017.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import StrEnum
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from scanner.sources.file.problems import FileProblemError

NEW_YORK: Final = ZoneInfo("America/New_York")


class DateOrder(StrEnum):
    """Which part of a date stands where."""

    MDY = "mdy"
    DMY = "dmy"
    YMD = "ymd"


_MONTHS: Final = {
    1: "january jan januar januari janvier janv enero ene gennaio gen janeiro styczen stycznia sty",
    2: "february feb februar februari fevrier fevr fev febrero febbraio fevereiro luty lutego lut",
    3: "march mar marz mrz maart mrt mars marzo marco marzec marca",
    4: "april apr avril avr abril abr aprile kwiecien kwietnia kwi",
    5: "may mai mei mayo maggio mag maio maj maja",
    6: "june jun juni juin junio giugno giu junho czerwiec czerwca cze",
    7: "july jul juli juillet juil julio luglio lug julho lipiec lipca lip",
    8: "august aug augustus aout agosto ago augusti sierpien sierpnia sie",
    9: "september sep sept septembre septiembre settembre set setembro wrzesien wrzesnia wrz",
    10: "october oct oktober okt octobre octubre ottobre ott outubro out pazdziernik pazdziernika paz",
    11: "november nov novembre noviembre novembro listopad listopada lis",
    12: "december dec dezember dez decembre diciembre dic dicembre dezembro grudzien grudnia gru",
}
_MONTH_OF: Final = {name: month for month, names in _MONTHS.items() for name in names.split()}
_WEEKDAY_NAMES: Final = (
    "mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday tues thur thurs "
    "mo di mi do fr sa so montag dienstag mittwoch donnerstag freitag samstag sonntag "
    "lun mar mer jeu ven sam dim lundi mardi mercredi jeudi vendredi samedi dimanche "
    "mie jue vie sab dom lunes martes miercoles jueves viernes sabado domingo "
    "gio lunedi martedi mercoledi giovedi venerdi domenica "
    "seg ter qua qui sex segunda terca quarta quinta sexta feira "
    "ma wo vr za zo maandag dinsdag woensdag donderdag vrijdag zaterdag zondag "
    "pon wt sr czw pt sob nd poniedzialek wtorek sroda czwartek piatek sobota niedziela"
)
_JOINING_WORDS: Final = "at um a as alle ore om de del di of the den le el o kl godz t uhr st nd rd th"
_WEEKDAYS: Final = frozenset(_WEEKDAY_NAMES.split())
_JOINING: Final = frozenset(_JOINING_WORDS.split())

_ISO: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")
_FIGURES: Final = re.compile(r"(\d{1,4})([/.\- ])\s?(\d{1,2})\2\s?(\d{1,4})")
_TOKEN: Final = re.compile(r"\d+|[^\W\d_]+")
_FOUR_DIGITS: Final = 4
_NO_WEEKEND_SINCE: Final = date(2017, 1, 1)

_TIME: Final = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?"
    r"(?:\s?(?P<half>[ap])\.?\s?m\.?(?![a-z]))?",
    re.IGNORECASE,
)
_OFFSET: Final = re.compile(r"(?:GMT|UTC)?([+-])(\d{1,2})(?::?(\d{2}))?", re.IGNORECASE)
_FIXED_ZONES: Final = {
    **dict.fromkeys(("z", "utc", "gmt"), 0),
    **{"edt": -4, "est": -5, "cdt": -5, "cst": -6, "mdt": -6, "mst": -7, "pdt": -7, "pst": -8},
}
_NEW_YORK_NAMES: Final = ("et", "eastern time", "us/eastern", "america/new_york")

Readings = Mapping[DateOrder, date]


@lru_cache(maxsize=4096)
def readings(text: str) -> Readings:
    """What a text means as a date under each order; the same under all where it is plain. Empty for no date."""
    plain = _folded(text)
    for pattern in (_ISO, _COMPACT):
        if match := pattern.fullmatch(plain):
            return _everywhere(_day(*match.groups()))
    if match := _FIGURES.fullmatch(plain):
        return _of_figures(match[1], match[3], match[4])
    return _of_words(_TOKEN.findall(plain))


def column_order(texts: Iterable[str], *, stated: DateOrder | None, weekdays_only: bool) -> DateOrder:
    """The order of a column's dates. Texts that are no dates under any order say nothing.

    `weekdays_only`: the dates are expirations, which fall on no weekend. Raises FileProblemError where the dates
    contradict each other or the stated order, and where more than one order is left that makes a difference.
    """
    known = {text: found for text in sorted(set(texts)) if (found := readings(text))}
    candidates = [stated] if stated else list(DateOrder)
    left = [order for order in candidates if all(order in found for found in known.values())]
    if not left:
        expected = f"the stated order {stated.value}" if stated else "one order of day, month and year"
        raise FileProblemError(f"found dates that do not all fit {expected}: correct them, or `date_order`")
    if len(left) > 1 and weekdays_only:
        left = [order for order in left if not any(_on_weekend(found[order]) for found in known.values())] or left
    undecided = [text for text, found in known.items() if len({found[order] for order in left}) > 1]
    if undecided:
        raise FileProblemError(
            f"found {undecided[0]!r}, which may be {_alternatives(known[undecided[0]], left)}, and no date that tells: "
            f"state `date_order` in its column map"
        )
    return left[0]


def _alternatives(found: Readings, orders: Iterable[DateOrder]) -> str:
    return " or ".join(f"{found[order]} ({order.value})" for order in orders)


def read_day(text: str, order: DateOrder) -> date:
    """The date of a text. Raises ValueError for what is none in this order."""
    day = readings(text).get(order)
    if day is None:
        raise ValueError(f"{text!r} is no date")
    return day


def split_time(text: str) -> tuple[str, str, str]:
    """Date, time and zone of a written instant, each empty where it is not there."""
    match = _TIME.search(text)
    if match is None:
        return text.strip(), "", ""
    before, after = text[: match.start()].strip(), text[match.end() :].strip()
    if not readings(before.rstrip(", ").removesuffix("T")):
        return "", match[0], after
    return before.rstrip(", ").removesuffix("T"), match[0], after


def read_instant(text: str, order: DateOrder, zone: tzinfo | None) -> datetime:
    """The instant of a text, UTC. `zone` is that of the file, used where the text names none itself.

    Of a time that a clock change makes happen twice the earlier is taken. Raises ValueError for a text without date,
    time or zone.
    """
    day_text, time_text, zone_text = split_time(text)
    match = _TIME.fullmatch(time_text)
    if match is None:
        raise ValueError(f"{text!r} has no date and time")
    own = _zone(zone_text) if zone_text else zone
    if own is None:
        raise ValueError(f"{text!r} has no time zone")
    day = read_day(day_text, order)
    hour = int(match["hour"])
    if match["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(f"{text!r} has no hour of a clock")
        hour = hour % 12 + (12 if match["half"].lower() == "p" else 0)
    microsecond = int((match["fraction"] or "").ljust(6, "0")[:6])
    second = int(match["second"] or 0)
    return datetime(
        day.year, day.month, day.day, hour, int(match["minute"]), second, microsecond, tzinfo=own
    ).astimezone(UTC)


def _zone(text: str) -> tzinfo:
    """A zone as it stands behind a time. Raises ValueError for one that is not known."""
    name = text.strip("() .").replace("\u2212", "-").lower()
    if name in _NEW_YORK_NAMES:
        return NEW_YORK
    if name in _FIXED_ZONES:
        return timezone(timedelta(hours=_FIXED_ZONES[name]))
    match = _OFFSET.fullmatch(name)
    if match is None:
        raise ValueError(f"time zone {text!r} is not known")
    offset = timedelta(hours=int(match[2]), minutes=int(match[3] or 0))
    return timezone(-offset if match[1] == "-" else offset)


def _folded(text: str) -> str:
    """Lower case without accents, typographic blanks and the marks around it."""
    decomposed = unicodedata.normalize("NFKD", text.lower()).replace("ł", "l")
    return "".join(character for character in decomposed if not unicodedata.combining(character)).strip(" ,;.")


def _of_figures(first: str, second: str, third: str) -> Readings:
    """A date of three numbers: a year of four digits shows itself, in one of two digits it does not."""
    if len(first) == _FOUR_DIGITS:
        return _everywhere(_day(first, second, third))
    places = {
        DateOrder.MDY: (third, first, second),
        DateOrder.DMY: (third, second, first),
        DateOrder.YMD: (first, second, third),
    }
    if len(third) == _FOUR_DIGITS:
        del places[DateOrder.YMD]
    return _possible(places)


def _of_words(tokens: list[str]) -> Readings:
    """A date with the month by name, a weekday and joining words beside it."""
    figures = [token for token in tokens if token.isdecimal()]
    words = [token for token in tokens if not token.isdecimal() and token not in _JOINING]
    months = {_MONTH_OF[word] for word in words if word in _MONTH_OF and word not in _WEEKDAYS} or {
        _MONTH_OF[word] for word in words if word in _MONTH_OF
    }
    unknown = [word for word in words if word not in _MONTH_OF and word not in _WEEKDAYS]
    if len(months) != 1 or len(figures) != 2 or unknown:
        return {}
    month = str(months.pop())
    years = [figure for figure in figures if len(figure) == _FOUR_DIGITS]
    if years:
        day = next(figure for figure in figures if figure is not years[0])
        return _everywhere(_day(years[0], month, day))
    return _possible(_by_place(tokens, figures, month))


def _by_place(tokens: list[str], figures: list[str], month: str) -> dict[DateOrder, tuple[str, str, str]]:
    """Year, month and day of each order where neither number shows itself as a year."""
    first, second = figures
    name = next(place for place, token in enumerate(tokens) if str(_MONTH_OF.get(token)) == month)
    named_first = name < tokens.index(first)
    if named_first:
        return {DateOrder.MDY: (second, month, first)}
    return {DateOrder.DMY: (second, month, first), DateOrder.YMD: (first, month, second)}


def _possible(places: Mapping[DateOrder, tuple[str, str, str]]) -> Readings:
    days = {order: _day(*parts) for order, parts in places.items()}
    return {order: day for order, day in days.items() if day is not None}


def _everywhere(day: date | None) -> Readings:
    return {} if day is None else dict.fromkeys(DateOrder, day)


def _day(year: str, month: str, day: str) -> date | None:
    """The day, None where it does not exist. A year of two digits is of this century."""
    if len(year) not in (2, _FOUR_DIGITS):
        return None
    try:
        return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day))
    except ValueError:
        return None


def _on_weekend(day: date) -> bool:
    return day >= _NO_WEEKEND_SINCE and day.weekday() >= 5
