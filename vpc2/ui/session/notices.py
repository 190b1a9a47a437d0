"""Sentences that wait for the next drawing of the page."""

from __future__ import annotations

import streamlit as st

from vpc2.text import Text, from_stored

MOST_NOTES = 6


def remember_note(text: Text, kind: str = "info") -> None:
    """Keep a sentence for the visitor; see `notes` for how long. A new answer takes the place of those that were shown before it: the
    success of an earlier file never stands beside the refusal of a later one, nor the other way round.
    """
    forget_notes()
    said = text.in_every_language()
    kept = [note for note in st.session_state["notes"] if note["said"] != said]  # said once, and anew where it happens again
    st.session_state["refusals"] = st.session_state.get("refusals", 0) + (kind == "error")
    st.session_state["notes"] = [*kept, {"said": said, "kind": kind, "shown": None}]


def forget_notes() -> None:
    """Take away the sentences that were shown already: something else has been answered since."""
    st.session_state["notes"] = [note for note in st.session_state.get("notes", []) if note["shown"] is None]


def notes() -> list[tuple[Text, str]]:
    """Return the sentences to show now: each stays until the visitor, having seen it, goes elsewhere or changes something.

    Showing it once would not do: the page may run again by itself before anyone has read it.
    """
    now = repr([st.session_state.get(name) for name in ("page", "changes", "tray/uploads", "own/uploads", "judge/opened files")])
    kept = [note for note in st.session_state.get("notes", []) if note["shown"] in (None, now)][-MOST_NOTES:]
    for note in kept:
        note["shown"] = now
    st.session_state["notes"] = kept
    return [(from_stored(note["said"]), note["kind"]) for note in kept]
