"""Keyboard shortcuts of Undo and Redo, and fast clicks on their buttons: every key and click counts as one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vpc2.ui.components import action_queue

STEPS = {"undo": 1, "redo": -1}


def history_keys(kind: str, *, key: str, on_step: Callable[[str, int], None]) -> None:
    """Handle Ctrl+Z, Ctrl+Shift+Z and Ctrl+Y outside of text fields, and the page's two buttons, for the history of one kind.

    `on_step` is called with the kind and the step (1 undo, -1 redo), once for each key press and click.
    """

    def on_action(action: Mapping[str, Any]) -> None:
        step = action.get("kind")
        if isinstance(step, str) and step in STEPS:
            on_step(kind, STEPS[step])

    view = action_queue.component("vpc2.history_keys", Path(__file__).parent)
    view(
        key=key,
        data={"queue": action_queue.register_callback(key, on_action), "kind": kind},
        on_event_change=action_queue.trigger_callback(key),
        height=1,
    )
