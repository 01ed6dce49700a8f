"""Settings in the database: saved, taken over by a running process, refused whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.bootstrap import Services, build
from app.current import CurrentServices
from app.services.preferences import Preferences
from app.settings import load_settings
from app.stored_settings import Origin
from db import stored_settings
from scanner.errors import InputError
from scanner.model import BasisKind, EarningsFilter, Grade, Mode, PremiumFilters, PriceBasis, Strategy


@pytest.fixture
def services(database_dsn: str, tmp_path: Path) -> Iterator[Services]:
    built = build(load_settings(mode=Mode.SIMULATED, data_dir=tmp_path, DATABASE_URL=database_dsn))
    yield built
    built.close()


def test_a_running_process_takes_saved_settings_over(services: Services) -> None:
    current = CurrentServices(services)
    before = services.premiums.data_version()
    services.stored_settings.save({"rate": "0.05", "flow_symbols": "SPY,KO", "alert_score": "70"})
    current.refresh()
    after = current()
    assert after is not services
    assert after.settings.rate == ((0.0, 0.05),)
    assert after.flow_scans.symbols == ("SPY", "KO")
    assert after.flow_scans.settings.rates == {"0": 0.05}
    assert (after.database, after.account) == (services.database, services.account)
    assert after.premiums.data_version() > before
    current.refresh()
    assert current() is after


def test_a_new_process_begins_with_them(services: Services, database_dsn: str, tmp_path: Path) -> None:
    services.stored_settings.save({"keep_days": "90"})
    again = build(load_settings(mode=Mode.SIMULATED, data_dir=tmp_path, DATABASE_URL=database_dsn))
    assert again.settings.keep_days == 90
    again.close()


def test_back_to_the_default(services: Services) -> None:
    services.stored_settings.save({"keep_days": "90", "alert_score": "60"})
    services.stored_settings.save({"keep_days": None})
    origins = {one.field: one.origin for one in services.stored_settings.effective().states}
    assert (origins["keep_days"], origins["alert_score"]) == (Origin.DEFAULT, Origin.DATABASE)


def test_nothing_is_saved_where_one_value_is_wrong(services: Services) -> None:
    with pytest.raises(InputError, match=r"SCANNER_ALERT_SCORE.*SCANNER_RATE"):
        services.stored_settings.save({"keep_days": "90", "alert_score": "many", "rate": "9"})
    assert services.stored_settings.read() == {}


@pytest.mark.parametrize("field", ["data_dir", "database_url", "polygon_api_key"])
def test_addresses_folders_and_secrets_are_not_stored(services: Services, field: str) -> None:
    with pytest.raises(InputError, match="environment or the file"):
        services.stored_settings.save({field: "anything"})
    assert services.stored_settings.read() == {}


def test_the_installation_shows_no_password(services: Services, database_dsn: str) -> None:
    shown = {one.field: one.text for one in services.stored_settings.installation()}
    assert (shown["mode"], shown["database_url"]) == ("simulated", "set")
    assert all(database_dsn not in text for text in shown.values())


def test_preferences_begin_with_the_defaults_and_are_each_user_s_own(services: Services) -> None:
    assert services.preferences.read() == Preferences()
    chosen = Preferences(PriceBasis(BasisKind.FILL, 0.35), 0.65, "Europe/Berlin")
    services.preferences.save(chosen)
    services.preferences.save(Preferences(PriceBasis(BasisKind.MID)), owner_id=7)
    assert services.preferences.read() == chosen
    assert services.preferences.read(7) == Preferences(PriceBasis(BasisKind.MID))
    services.preferences.save(Preferences())
    assert services.preferences.read() == Preferences()
    with services.database.connection() as connection:
        assert len(stored_settings.preferences(connection, None)) == 4


def test_preferred_filters_come_back_whole_with_the_preferred_price_basis(services: Services) -> None:
    asked = PremiumFilters(
        strategies=(Strategy.COVERED_CALL, Strategy.CASH_SECURED_PUT),
        target_dtes=(),
        delta_min=0.11,
        delta_max=0.22,
        max_stock_price=250.0,
        min_grade=Grade.C,
        earnings=EarningsFilter.EXCLUDE,
        best_per_expiration=False,
    )
    services.preferences.save(Preferences(PriceBasis(BasisKind.MID), filters=asked))
    assert services.preferences.read().filters == replace(asked, basis=PriceBasis(BasisKind.MID))


def test_filters_of_another_version_are_not_taken_and_that_is_said(services: Services) -> None:
    with services.database.connection() as connection:
        stored_settings.change_preferences(
            connection, {"filters": '{"moon_phase": "full"}'}, owner_id=None, now=services.clock()
        )
    read = services.preferences.read()
    assert read.filters is None
    assert read.filters_problem is not None
    assert "moon_phase" in read.filters_problem
    services.preferences.save(replace(read, fee_per_contract=1.0))
    assert services.preferences.read() == replace(read, fee_per_contract=1.0)
    services.preferences.save(replace(read, filters_problem=None))
    assert services.preferences.read() == Preferences()


@pytest.mark.parametrize(
    ("fee", "zone", "words"),
    [(-0.01, None, "fee"), (float("nan"), None, "fee"), (101.0, None, "fee"), (0.0, "Berlin", "no time zone")],
)
def test_preferences_that_mean_nothing_are_refused(fee: float, zone: str | None, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Preferences(fee_per_contract=fee, time_zone=zone)
