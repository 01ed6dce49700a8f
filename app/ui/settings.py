"""The settings of the program: value, origin, change; credentials by state; what the installation is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pandas as pd
import streamlit as st

from app.log import redact
from app.secrets.credentials import CredentialState
from app.secrets.credentials import Origin as CredentialOrigin
from app.stored_settings import Origin, SettingState
from app.ui import alerts, keys, loaders
from app.ui.runtime import current, services
from scanner.errors import InputError

TAB: Final = keys.field(keys.SETTINGS, "tab")
ORDER: Final = (
    "The environment goes before the file .env, that before what is saved here, that before the default. "
    "docs/settings.md has all of them."
)

LABELS: Final = {
    "sources": "Order of the sources",
    "source_limits": "Rate limits",
    "source_timeout_seconds": "Time-out of a call, s",
    "source_timeouts": "Other time-outs, s",
    "chain_cache_seconds": "Chains are shared for, s",
    "rate": "Interest rate",
    "flow_scans": "Flow scans every 15 minutes",
    "flow_symbols": "Symbols of the flow scan",
    "alert_score": "Alerts from this score on",
    "alerts_per_hour": "Messages an hour at most",
    "alert_simulated": "Alerts of simulated data",
    "keep_days": "Days kept in the database",
}
_GROUPS: Final = {
    "Sources": ("sources", "source_limits", "source_timeout_seconds", "source_timeouts", "chain_cache_seconds"),
    "Pricing": ("rate",),
    "Flow scans": ("flow_scans", "flow_symbols"),
    "Alerts": ("alert_score", "alerts_per_hour", "alert_simulated"),
    "Retention": ("keep_days",),
}
_EXAMPLES: Final = {
    "sources": "schwab,yahoo",
    "source_limits": "schwab=100/60/10,yahoo=2/1",
    "source_timeouts": "schwab=30",
    "rate": "0.043, or 0.08:0.043,1:0.041",
    "flow_symbols": "SPY,QQQ,NVDA",
}
_SWITCHES: Final = ("flow_scans", "alert_simulated")
_ORIGINS: Final = {
    Origin.ENVIRONMENT: "the environment",
    Origin.FILE: "the file .env",
    Origin.DATABASE: "saved here",
    Origin.DEFAULT: "the default",
}
_PLACES: Final = {
    CredentialOrigin.ENVIRONMENT: "the environment",
    CredentialOrigin.FILE: "the file .env",
    CredentialOrigin.STORE: "the encrypted store",
    CredentialOrigin.MISSING: "not set",
}


def forms() -> None:
    """A form for each group; workers and other processes take a change over within seconds."""
    states = {one.field: one for one in services().stored_settings.effective().states}
    for title, fields in _GROUPS.items():
        with st.form(keys.field(keys.SETTINGS, title)):
            st.markdown(f"**{title}**")
            with st.grid(3, min_column_width=300):
                texts = {field: _input(states[field]) for field in fields}
            for problem in filter(None, (states[field].problem for field in fields)):
                st.warning(f"What is saved is not used: {redact(problem)}. Correct it or leave it empty.")
            if st.form_submit_button("Save", type="primary", disabled=all(states[field].fixed for field in fields)):
                _save(changes(states, texts))
    st.caption("Workers, the REST API and other dashboards on this database take a change over within seconds.")


def _input(state: SettingState) -> str:
    stored = state.text if state.origin is not Origin.DEFAULT else ""
    label = f"{LABELS[state.field]} ({origin_words(state)})"
    if state.field in _SWITCHES:
        options = ["", "true", "false"]
        words = {"": f"Default ({_switch(state.default)})", "true": "On", "false": "Off"}
        chosen: str = st.selectbox(
            label,
            options,
            options.index(stored),
            format_func=words.__getitem__,
            disabled=state.fixed,
            help=state.description,
        )
        return chosen
    shown = f"default: {state.default}" if state.default else "default"
    example = f", e.g. {_EXAMPLES[state.field]}" if state.field in _EXAMPLES else ""
    return st.text_input(
        label, stored, placeholder=f"{shown}{example}", disabled=state.fixed, help=state.description
    ).strip()


def _switch(text: str) -> str:
    return "on" if text == "true" else "off"


def origin_words(state: SettingState) -> str:
    """ "from the environment: SCANNER_RATE", "saved here", "the default"."""
    if state.fixed:
        return f"from {_ORIGINS[state.origin]}: {state.variable}"
    return _ORIGINS[state.origin]


def changes(states: Mapping[str, SettingState], texts: Mapping[str, str]) -> dict[str, str | None]:
    """What a form asks to store; an empty text asks for the default. Nothing of what is fixed or stays."""
    asked: dict[str, str | None] = {}
    for field, text in texts.items():
        state = states[field]
        before = "" if state.origin is Origin.DEFAULT else state.text
        if not state.fixed and (text != before or (state.problem and text)):
            asked[field] = text or None
    return asked


def _save(asked: Mapping[str, str | None]) -> None:
    if not asked:
        st.info("Nothing was changed.")
        return
    try:
        services().stored_settings.save(asked)
    except InputError as error:
        st.error(f"Nothing was saved. {redact(str(error))}.")
        return
    current().refresh()
    loaders.forget()
    st.toast("Saved.")
    st.rerun()


def credentials() -> None:
    """Where each credential comes from, never its value; the targets of alerts with a test."""
    st.markdown("Values are never shown. They come from the environment, `.env`, or the encrypted store:")
    st.code("python -m app.cli secrets set SCANNER_POLYGON_API_KEY", language="bash")
    frame = pd.DataFrame([credential_row(one) for one in services().credentials.states], columns=list(_CREDENTIAL_HELP))
    config = {name: st.column_config.TextColumn(help=words) for name, words in _CREDENTIAL_HELP.items()}
    st.dataframe(frame, hide_index=True, column_config=config, width="content", alt="Credentials and where they are")
    st.caption("A credential that is set or changed is read when the program starts.")
    st.markdown("**Alerts**")
    alerts.targets()


_CREDENTIAL_HELP: Final = {
    "Credential": "The variable, which is also its name in the store.",
    "Comes from": "The first place that has it.",
    "Problem": "Why a stored one cannot be used.",
}


def credential_row(one: CredentialState) -> tuple[str, str, str]:
    return one.name, _PLACES[one.origin], redact(one.problem or "")


def installation() -> None:
    """What only environment and file can say, as it holds now."""
    rows = services().stored_settings.installation()
    frame = pd.DataFrame(
        [(one.variable, one.text or "not set", _ORIGINS[one.origin], one.description) for one in rows],
        columns=list(_INSTALLATION_HELP),
    )
    config: dict[str, Any] = {
        name: st.column_config.TextColumn(help=words) for name, words in _INSTALLATION_HELP.items()
    }
    st.dataframe(frame, hide_index=True, height="content", column_config=config, alt="Settings of this installation")
    st.caption("These are read when the program starts. Change them in the environment or the file .env.")


_INSTALLATION_HELP: Final = {
    "Setting": "The variable in the environment or the file .env.",
    "Value": "What holds now.",
    "Comes from": "The first place that has it.",
    "Meaning": "What it does.",
}
