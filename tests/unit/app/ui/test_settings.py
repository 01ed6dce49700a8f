from __future__ import annotations

from app.stored_settings import STORABLE, Origin, SettingState
from app.ui.settings import LABELS, changes, origin_words


def state(origin: Origin, text: str, problem: str | None = None) -> SettingState:
    return SettingState("keep_days", "SCANNER_KEEP_DAYS", text, "30", origin, "Days.", problem)


def test_only_what_was_changed_is_asked_for() -> None:
    states = {
        "a": state(Origin.DEFAULT, "30"),
        "b": state(Origin.DEFAULT, "30"),
        "c": state(Origin.DATABASE, "90"),
        "d": state(Origin.DATABASE, "90"),
        "e": state(Origin.DATABASE, "90"),
        "f": state(Origin.ENVIRONMENT, "45"),
    }
    texts = {"a": "", "b": "60", "c": "90", "d": "60", "e": "", "f": "60"}
    assert changes(states, texts) == {"b": "60", "d": "60", "e": None}


def test_what_is_set_elsewhere_names_the_variable() -> None:
    assert origin_words(state(Origin.ENVIRONMENT, "45")) == "from the environment: SCANNER_KEEP_DAYS"
    assert origin_words(state(Origin.DATABASE, "45")) == "saved here"


def test_every_setting_that_can_be_saved_has_a_label() -> None:
    assert set(LABELS) == set(STORABLE)
