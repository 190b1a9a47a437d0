"""The visitor's language, chosen per session: `_` for a page's own words, said at once, `say` for a `Text` of a table or a refusal."""

from __future__ import annotations

import streamlit as st

from vpc2.number_format import write_number, write_percent, write_points
from vpc2.text import LANGUAGES, Text, translate


def language() -> str:
    """Return the visitor's language, one of `LANGUAGES`: what the visitor chose, what the link asks for, or what the browser speaks."""
    chosen = st.session_state.get("lang") or st.query_params.get("lang") or (st.context.locale or "en")[:2].lower()
    return chosen if chosen in LANGUAGES else "en"


def _(message: str) -> str:
    """Return a page's sentence in the visitor's language. Call it while drawing, never at import."""
    return translate(message, language())


def say(text: Text) -> str:
    """Return a table's or a refusal's text in the visitor's language."""
    return text.say(language())


def number(value: float, spec: str = ",") -> str:
    """Return a number written as the visitor's language writes it: 62,378,344 or 62.378.344."""
    return write_number(value, language(), spec)


def percent(share: float, decimals: int | None = 1) -> str:
    """Return a share (0 to 1) in per cent, by the rule for its kind: see `number_format.write_percent`."""
    return write_percent(share, language(), decimals)


def points(share: float, decimals: int = 1, *, sign: str = "") -> str:
    """Return a share (0 to 1), or a difference of two, as a number of percentage points, for a sentence that says the unit."""
    return write_points(share, language(), decimals, sign=sign)


def draw_language_switch() -> None:
    """Offer both languages in the header; the choice stays for the session."""
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
