"""A list one can take in the hand: cards that are dragged, muted, duplicated and removed, by mouse, finger or keyboard."""

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


def card_list(
    items: Sequence[Mapping[str, Any]],
    *,
    key: str,
    selected: str | None = None,
    words: Mapping[str, str] | None = None,
    on_action: Callable[[Mapping[str, Any]], None] | None = None,
) -> Change | None:
    """Draw the items as cards. What a visitor does reaches `on_action`, to be read by `read_change`, each once and before the page runs
    again; where there is no `on_action`, the next of it is returned, and the caller applies it to its own list and reruns.

    An item is `{"id", "name", "meta", "on", "colour"}`; of these `id` and `name` are needed. Where a change is refused, the cards go back
    to the items that are given then.
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
    waiting = action_queue.waiting(key)
    data = {
        "ears": action_queue.ears(key, waiting.append if on_action is None else on_action),
        "items": cards,
        "selected": selected,
        "words": {**WORDS, **(words or {})},
        "waiting": len(waiting),  # the cards stay as the visitor left them until all of it is done
    }
    action_queue.component("vpc2.card_list", _FOLDER)(key=key, data=data, on_event_change=action_queue.hear(key))
    return read_change(waiting.pop(0), [card["id"] for card in cards]) if waiting else None
