from __future__ import annotations

import plotly.graph_objects as go
import pytest

from app.ui import plots
from scanner.model import Mode


@pytest.mark.parametrize(("mode", "words"), [(Mode.SIMULATED, "SIMULATED MARKET"), (Mode.RECORDED, "RECORDED ANSWERS")])
def test_a_picture_of_what_is_not_the_market_says_so(mode: Mode, words: str) -> None:
    figure = go.Figure()
    plots.mark(figure, mode)
    assert [note.text for note in figure.layout.annotations] == [words]


def test_a_picture_of_the_market_has_no_mark() -> None:
    figure = go.Figure()
    plots.mark(figure, Mode.LIVE)
    assert not figure.layout.annotations
