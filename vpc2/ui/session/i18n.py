"""The visitor's language, per session: `_` translates a literal while a page is drawn, `localize` a `Text` of a table or refusal."""

from __future__ import annotations

import streamlit as st

from vpc2.number_format import write_number, write_percent, write_points
from vpc2.text import LANGUAGES, Text, translate


def language() -> str:
    """Return the visitor's language, one of `LANGUAGES`: the one chosen, else the link's `?lang=`, else the browser's, else English."""
    chosen = st.session_state.get("lang") or st.query_params.get("lang") or (st.context.locale or "en")[:2].lower()
    return chosen if chosen in LANGUAGES else "en"


def _(message: str) -> str:
    """Return a message in the visitor's language. Call it while drawing, never at import."""
    return translate(message, language())


def localize(text: Text) -> str:
    """Return a `Text` in the visitor's language."""
    return text.say(language())


def number(value: float, spec: str = ",") -> str:
    """Return a number formatted by `spec` in the visitor's language: 62,378,344 or 62.378.344."""
    return write_number(value, language(), spec)


def percent(share: float, decimals: int | None = 1) -> str:
    """Return a share (0 to 1) in per cent, by the rule for its kind: see `number_format.write_percent`."""
    return write_percent(share, language(), decimals)


def points(share: float, decimals: int = 1, *, sign: str = "") -> str:
    """Return a share (0 to 1), or a difference of two, as a number of percentage points, for a sentence that says the unit."""
    return write_points(share, language(), decimals, sign=sign)


def show_language_switch() -> None:
    """Draw the language switch in the header; the choice is kept for the session."""
    if "lang" not in st.session_state:
        st.session_state.lang = language()
    with st.container(key="language"):
        st.segmented_control(
            "Language · Idioma",
            LANGUAGES,
            key="lang",
            required=True,
            format_func=str.upper,
            label_visibility="collapsed",
            persist_state="session",
        )
