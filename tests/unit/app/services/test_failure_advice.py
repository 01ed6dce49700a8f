from __future__ import annotations

import re

from app.services.failure_advice import ADVICE, FAULT, RETRY, what_to_do
from app.settings import Settings
from scanner import errors
from scanner.errors import SourceError


def kinds(parent: type[SourceError]) -> set[str]:
    children = [child for child in parent.__subclasses__() if child.__module__ == errors.__name__]
    return {child.__name__ for child in children}.union(*(kinds(child) for child in children))


def test_every_failure_of_a_source_and_an_overtaken_scan_have_their_advice() -> None:
    assert set(ADVICE) == kinds(SourceError) | {errors.ScanOvertakenError.__name__}


def test_any_other_failure_is_tried_again() -> None:
    assert what_to_do("SchemaError") == RETRY


def test_what_is_no_error_of_ours_is_a_fault_to_report() -> None:
    assert what_to_do("ModuleNotFoundError") == FAULT


def test_settings_named_in_an_advice_exist() -> None:
    named = {name for text in ADVICE.values() for name in re.findall(r"SCANNER_[A-Z_]+", text)}
    assert named
    assert named <= {f"SCANNER_{name.upper()}" for name in Settings.model_fields}
