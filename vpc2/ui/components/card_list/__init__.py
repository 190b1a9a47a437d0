"""Editable list of cards: drag to reorder, mute, duplicate and remove, by mouse, touch or keyboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vpc2.ui.components import action_queue

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
    """One edit of the list: "order" with the new `order` of ids, or another of `KINDS` applied to the item `id`."""

    kind: str
    id: str | None
    order: tuple[str, ...]


def read_change(payload: Any, ids: Sequence[str]) -> Change | None:
    """Return the edit that an action requests, or None if it is malformed or does not fit the current list."""
    if not isinstance(payload, Mapping) or payload.get("kind") not in KINDS:
        return None
    kind, order, subject = payload["kind"], payload.get("order"), payload.get("id")
    if kind == "order":
        if not isinstance(order, list | tuple) or not all(isinstance(id_, str) for id_ in order) or sorted(order) != sorted(ids):
            return None
        return Change("order", None, tuple(order)) if tuple(order) != tuple(ids) else None
    return Change(kind, subject, tuple(ids)) if isinstance(subject, str) and subject in ids else None


def card_list(
    items: Sequence[Mapping[str, Any]],
    *,
    key: str,
    selected: str | None = None,
    words: Mapping[str, str] | None = None,
    on_action: Callable[[Mapping[str, Any]], None] | None = None,
) -> Change | None:
    """Draw the items as cards.

    Each action is passed once to `on_action` before the page reruns, to be read by `read_change`. Without `on_action`, the next edit is
    returned; the caller applies it to its list and reruns.

    An item is `{"id", "name", "meta", "on", "colour"}`, of which `id` and `name` are required. After a refused edit the cards return to
    the items passed in the next call.
    """
    cards: list[dict[str, Any]] = [
        {
            "id": str(item["id"]),
            "name": str(item["name"]),
            "meta": str(item.get("meta") or ""),
            "on": bool(item.get("on", True)),
            "colour": item.get("colour"),
        }
        for item in items
    ]
    pending = action_queue.pending(key)
    data = {
        "queue": action_queue.register_callback(key, pending.append if on_action is None else on_action),
        "items": cards,
        "selected": selected,
        "words": {**WORDS, **(words or {})},
        "waiting": len(pending),  # the cards stay as the visitor left them until all pending actions are handled
    }
    action_queue.component("vpc2.card_list", _FOLDER)(key=key, data=data, on_event_change=action_queue.trigger_callback(key))
    return read_change(pending.pop(0), [card["id"] for card in cards]) if pending else None
