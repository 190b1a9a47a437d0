"""A photograph to draw labels on: boxes, points and masks, by mouse, finger or keyboard. What the browser sends is checked here."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from vpc2.labels import MOST, MOST_CORNERS, NAME_CHARS, Label, read_label
from vpc2.text import clean_name
from vpc2.ui.components import action_queue

_FOLDER = Path(__file__).parent


def edit_labels(labels: Sequence[Label], payload: object) -> tuple[Label, ...]:
    """Return the labels after what a visitor did on the pad: added one, named one, removed one or all.

    Anything else changes nothing, nor does one more than a photograph takes.
    """
    labels = tuple(labels)
    if not isinstance(payload, Mapping):
        return labels
    kind, name, at = payload.get("kind"), payload.get("name"), payload.get("at")
    if kind == "clear":
        return ()
    if kind in ("remove", "rename"):
        if not isinstance(at, int) or isinstance(at, bool) or not 0 <= at < len(labels):
            return labels
        if kind == "remove":
            return (*labels[:at], *labels[at + 1 :])
        if not isinstance(name, str):
            return labels
        old = labels[at]
        return (*labels[:at], Label(old.kind, old.places, clean_name(name, NAME_CHARS)), *labels[at + 1 :])
    added = read_label(kind, payload.get("places"), name)
    return labels if added is None else (*labels, added)[:MOST]


def label_editor(image: bytes, labels: Sequence[Label], *, key: str, words: Mapping[str, str]) -> tuple[Label, ...] | None:
    """Draw a JPEG with labels and the list of them; return the labels after what the visitor just did, once, or None."""
    address = "data:image/jpeg;base64," + base64.b64encode(image).decode()
    limits = {"labels": MOST, "corners": MOST_CORNERS, "name": NAME_CHARS}
    waiting = action_queue.waiting(key)
    data = {
        "image": address,
        "labels": [label.to_doc() for label in labels],
        "words": dict(words),
        "limits": limits,
        "ears": action_queue.ears(key, waiting.append),
        "waiting": len(waiting),
    }
    action_queue.component("vpc2.label_editor", _FOLDER)(key=key, data=data, on_event_change=action_queue.hear(key))
    if not waiting:
        return None
    edited = tuple(labels)
    for action in waiting:
        edited = edit_labels(edited, action)
    waiting.clear()
    return edited
