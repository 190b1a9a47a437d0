"""Buttons whose presses are never lost when another request interrupts the script run."""

from __future__ import annotations

from typing import Any

import streamlit as st

_PRESSES = "presses"  # keys of the buttons that were pressed and not read yet


def button(label: str, *, key: str, **options: Any) -> bool:
    """Draw a button and return True once for each press; `options` are those of `st.button`, without a callback.

    `st.button` alone returns True only in the script run that the press started. If another request (a component's value, a
    reconnect) interrupts that run before this line is reached, the press is lost. A callback runs before anything can interrupt, so
    it records the press, until the button reads it or a whole page was drawn without that button.
    """
    st.button(label, key=key, on_click=_record_press, args=(key,), **options)
    return _pop_press(key)


def submit_button(label: str, *, key: str, **options: Any) -> bool:
    """Draw the submit button of a form; its presses are kept as those of `button`."""
    st.form_submit_button(label, key=key, on_click=_record_press, args=(key,), **options)
    return _pop_press(key)


def _record_press(key: str) -> None:
    st.session_state.setdefault(_PRESSES, set()).add(key)


def _pop_press(key: str) -> bool:
    presses = st.session_state.get(_PRESSES, set())
    is_pressed = key in presses
    presses.discard(key)
    return is_pressed


def clear_presses() -> None:
    """Discard presses that no button has read; called after a page was drawn completely."""
    st.session_state.pop(_PRESSES, None)
