"""Notices (messages and refusals) stored in the session, shown the next time the page is drawn."""

from __future__ import annotations

import streamlit as st

from vpc2.text import Text, from_stored

MAX_NOTES = 6


def add_note(text: Text, kind: str = "info") -> None:
    """Store a notice, `kind` "info" or "error"; see `pending_notes` for how long it is kept.

    Notices that were already shown are removed, so that the success of an earlier file is never shown beside the refusal of a later
    one, or the reverse.
    """
    clear_notes()
    messages = text.in_every_language()
    # A repeated notice is shown once, at its latest place.
    pending = [note for note in st.session_state["notes"] if note["message"] != messages]
    st.session_state["refusals"] = st.session_state.get("refusals", 0) + (kind == "error")
    st.session_state["notes"] = [*pending, {"message": messages, "kind": kind, "shown": None}]


def clear_notes() -> None:
    """Remove the notices that were already shown, because a newer result replaces them."""
    st.session_state["notes"] = [note for note in st.session_state.get("notes", []) if note["shown"] is None]


def pending_notes() -> list[tuple[Text, str]]:
    """Return the notices to show now; one that was shown is kept until the visitor changes the page or edits something.

    Showing each only once would not do: the page may rerun by itself before anyone has read it.
    """
    page_state = repr([st.session_state.get(name) for name in ("page", "changes", "tray/uploads", "own/uploads", "judge/opened files")])
    pending = [note for note in st.session_state.get("notes", []) if note["shown"] in (None, page_state)][-MAX_NOTES:]
    for note in pending:
        note["shown"] = page_state
    st.session_state["notes"] = pending
    return [(from_stored(note["message"]), note["kind"]) for note in pending]
