"""A list one can take in the hand: cards that are dragged, muted, duplicated and removed, by mouse, finger or keyboard."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

KINDS = ("order", "select", "remove", "duplicate", "toggle")
WORDS = {
    "move": "Move",
    "remove": "Remove",
    "duplicate": "Duplicate",
    "mute": "Mute",
    "unmute": "Unmute",
    "select": "Select",
    "muted": "muted",
    "empty": "Nothing here yet.",
}
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Change:
    """One thing a visitor did: of kind "order" with the new `order` of ids, or of another of `KINDS` to the item `id`."""

    kind: str
    id: str | None
    order: tuple[str, ...]


def read_change(payload: Any, ids: Sequence[str]) -> Change | None:
    """Return what a browser's message asks for, or None if it does not fit the list as it is now."""
    if not isinstance(payload, Mapping) or payload.get("kind") not in KINDS:
        return None
    kind, order, subject = payload["kind"], payload.get("order"), payload.get("id")
    if kind == "order":
        if not isinstance(order, list | tuple) or not all(isinstance(one, str) for one in order) or sorted(order) != sorted(ids):
            return None
        return Change("order", None, tuple(order)) if tuple(order) != tuple(ids) else None
    return Change(kind, subject, tuple(ids)) if isinstance(subject, str) and subject in ids else None


@functools.cache
def _component() -> Any:
    html, css, js = ((_FOLDER / f"view.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component("vpc2.step_list", html=html, css=css, js=js)


def step_list(
    items: Sequence[Mapping[str, Any]],
    *,
    key: str,
    selected: str | None = None,
    words: Mapping[str, str] | None = None,
) -> Change | None:
    """Draw the items as cards; return what the visitor just did, once, or None.

    An item is `{"id", "name", "meta", "on", "colour"}`; of these `id` and `name` are needed. The caller applies
    the change to its own list and reruns; if it refuses, the cards go back to the items it gives then.
    """
    seen_key = f"{key}/seen"
    cards = [
        {
            "id": str(item["id"]),
            "name": str(item["name"]),
            "meta": str(item.get("meta") or ""),
            "on": bool(item.get("on", True)),
            "colour": item.get("colour"),
        }
        for item in items
    ]
    data = {
        "items": cards,
        "selected": selected,
        "words": {**WORDS, **(words or {})},
        "seen": st.session_state.get(seen_key),  # the last action answered; the action of this very run is answered by the next
    }
    result = _component()(key=key, data=data, on_event_change=_nothing)
    payload = result.event
    number = payload.get("n") if isinstance(payload, Mapping) else None
    if not isinstance(number, str) or number == st.session_state.get(seen_key):
        return None
    st.session_state[seen_key] = number
    return read_change(payload, [card["id"] for card in cards])


def _nothing() -> None:
    """A callback is what makes Streamlit rerun for an event."""
