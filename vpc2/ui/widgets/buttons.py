"""Buttons whose press is never lost, however busy the page is when it arrives."""

from __future__ import annotations

from typing import Any

import streamlit as st

_PRESSES = "presses"  # keys of the buttons pressed and not read yet


def button(label: str, *, key: str, **options: Any) -> bool:
    """Draw a button and return True once for each press; `options` are those of `st.button`, without a callback.

    `st.button` alone says True only in the run that the press began. If another request (a component's value, a reconnect) interrupts
    that run before this line is reached, the press is lost. A callback is called before anything can interrupt, so the press is
    noted there and stays noted until its button reads it, or until a whole page was drawn without that button.
    """
    st.button(label, key=key, on_click=_note_press, args=(key,), **options)
    return _take_press(key)


def submit_button(label: str, *, key: str, **options: Any) -> bool:
    """Draw the button that sends a form, with the promise of `button`."""
    st.form_submit_button(label, key=key, on_click=_note_press, args=(key,), **options)
    return _take_press(key)


def _note_press(key: str) -> None:
    st.session_state.setdefault(_PRESSES, set()).add(key)


def _take_press(key: str) -> bool:
    presses = st.session_state.get(_PRESSES, set())
    is_pressed = key in presses
    presses.discard(key)
    return is_pressed


def forget_presses() -> None:
    """Forget presses that no button has read: called where a page has been drawn to its end."""
    st.session_state.pop(_PRESSES, None)
