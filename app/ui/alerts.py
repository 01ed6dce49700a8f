"""What was worth telling, and what became of telling it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pandas as pd
import streamlit as st

from app.log import redact
from app.ui import formats, loaders
from app.ui.runtime import services
from db.alerts import StoredAlert
from scanner.errors import InputError

_SHOWN: Final = 50
_STATES: Final = {
    "new": "waits to be sent",
    "sending": "being sent",
    "told": "sent",
    "failed": "could not be sent",
    "muted": "not sent",
}
HELP: Final = {
    "Seen": "When it was first seen, New York.",
    "Alert": "What was worth telling.",
    "Now": "Whether its cause still lasts.",
    "Sent": "What became of telling it, and to which services. Not sent: no target is set, or the data are not live.",
}


def show() -> None:
    """Targets with a test button, and the latest alerts."""
    targets()
    rows = services().alerts.latest(limit=_SHOWN)
    if rows:
        _table(rows)
    else:
        st.info("There was nothing to tell in the last 30 days.")


def targets() -> None:
    """Whom alerts reach, with a test button."""
    alerts = services().alerts
    try:
        kinds = alerts.kinds()
    except InputError as error:
        st.error(redact(str(error)))
        kinds = ()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"Alerts go to **{', '.join(kinds)}**." if kinds else _NO_TARGET, width="content")
        if kinds and st.button("Send a test message"):
            for one in alerts.test():
                st.toast(f"{one.kind}: {one.error or 'sent'}", icon=":material/error:" if one.error else None)


_NO_TARGET: Final = (
    "No target is set, so alerts are only listed here. Set `SCANNER_ALERT_URLS`, as `discord://...` or `mailto://...`."
)


def _table(rows: Sequence[StoredAlert]) -> None:
    frame = pd.DataFrame([_row(one) for one in rows], columns=list(HELP))
    config = {name: st.column_config.TextColumn(help=words) for name, words in HELP.items()}
    config["Alert"] = st.column_config.TextColumn(help=HELP["Alert"], width="large")
    st.dataframe(frame, hide_index=True, column_config=config, alt="The latest alerts, newest first")


def _row(one: StoredAlert) -> tuple[str, ...]:
    sent = f"{_STATES[one.state]} {one.targets}".strip() + (f" ({one.error})" if one.error else "")
    return (
        formats.new_york_time(one.first_seen, now=loaders.now()),
        f"{one.title}. {one.body}",
        "over" if one.ended_at else "lasts",
        sent,
    )
