"""The visitor's language, chosen per session: gettext for the pages' words, `say` for the words of tables."""

from __future__ import annotations

import functools
import gettext

import streamlit as st

from vpc2.resources import resource
from vpc2.words import LANGUAGES, Text, swap_separators

LOCALES = resource("assets", "locale")


def language() -> str:
    """Return "en" or "es": what the visitor chose, what the link asks for, or what the browser speaks."""
    chosen = st.session_state.get("lang") or st.query_params.get("lang") or (st.context.locale or "en")[:2].lower()
    return chosen if chosen in LANGUAGES else "en"


@functools.cache
def _catalog(lang: str) -> gettext.NullTranslations:
    return gettext.translation("vpc2", LOCALES, [lang], fallback=True)


def _(message: str) -> str:
    """Return a page's sentence in the visitor's language. Call it while drawing, never at import."""
    return _catalog(language()).gettext(message)


def say(text: Text) -> str:
    """Return a table's or a refusal's text in the visitor's language."""
    return text.say(language())


def number(value: float, spec: str = ",") -> str:
    """Return a number written as the visitor's language writes it: 62,378,344 or 62.378.344."""
    written = format(value, spec)
    return swap_separators(written) if language() == "es" else written


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
