"""Editor of labels on a photograph: boxes, points and masks, by mouse, touch or keyboard. Messages of the browser are validated here."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from vpc2.labels import MAX_CORNERS, MAX_LABELS, NAME_CHARS, Label, read_label
from vpc2.text import clean_name
from vpc2.ui.components import action_queue

_FOLDER = Path(__file__).parent


def edit_labels(labels: Sequence[Label], payload: object) -> tuple[Label, ...]:
    """Return the labels after one edit: a label added, renamed or removed, or all removed.

    Malformed edits are ignored, and so is a label above the limit of `MAX_LABELS` per photograph.
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
    return labels if added is None else (*labels, added)[:MAX_LABELS]


def label_editor(image: bytes, labels: Sequence[Label], *, key: str, words: Mapping[str, str]) -> tuple[Label, ...] | None:
    """Draw a JPEG with its labels and their list; return the labels after the pending edits, or None if there are none."""
    address = "data:image/jpeg;base64," + base64.b64encode(image).decode()
    limits = {"labels": MAX_LABELS, "corners": MAX_CORNERS, "name": NAME_CHARS}
    pending = action_queue.pending(key)
    data = {
        "image": address,
        "labels": [label.to_doc() for label in labels],
        "words": dict(words),
        "limits": limits,
        "queue": action_queue.register_callback(key, pending.append),
        "waiting": len(pending),
    }
    action_queue.component("vpc2.label_editor", _FOLDER)(key=key, data=data, on_event_change=action_queue.trigger_callback(key))
    if not pending:
        return None
    edited = tuple(labels)
    for action in pending:
        edited = edit_labels(edited, action)
    pending.clear()
    return edited
