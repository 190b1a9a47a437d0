"""Queue of the actions that components send to Python: each is delivered exactly once and in order, however fast they follow.

Of several triggers sent at the same moment Streamlit keeps only the last. So every trigger carries all unacknowledged actions of all
components of the page, numbered consecutively (`action_queue.js`); here each is passed once to the callback of its component.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

from vpc2.ui.components import definition

MAX_ACTIONS = 200  # in one message
_STATE = "action_queue"  # key in the session state
SCRIPT = Path(__file__).with_name("action_queue.js")


def component(name: str, folder: Path, *scripts: str) -> Any:
    """Return a component that uses the queue: action_queue.js precedes its own scripts."""
    return definition.component(name, folder, SCRIPT, *(scripts or ("view.js",)))


def _state() -> dict[str, Any]:
    return st.session_state.setdefault(_STATE, {"epoch": secrets.token_hex(8), "acknowledged": 0, "acknowledged_own": {}, "callbacks": {}})


def register_callback(key: str, callback: Callable[[Mapping[str, Any]], None]) -> dict[str, Any]:
    """Register the callback for the actions of the component `key`, called before the page reruns.

    Return the data for action_queue.js, passed to the component as `queue`: its address `to`, the session's `epoch`, and the last
    acknowledged number of all components (`acknowledged`) and of this one (`acknowledged_own`).
    """
    state = _state()
    state["callbacks"][key] = callback
    return {
        "to": key,
        "epoch": state["epoch"],
        "acknowledged": state["acknowledged"],
        "acknowledged_own": state["acknowledged_own"].get(key, 0),
    }


def trigger_callback(key: str) -> Callable[[], None]:
    """Return Streamlit's callback for the component's trigger `event`."""
    return lambda: deliver(st.session_state[key].get("event"))


def deliver(payload: Any) -> None:
    """Deliver the actions of one message that were not delivered before; malformed messages and actions are ignored."""
    state = _state()
    if not isinstance(payload, Mapping) or payload.get("epoch") != state["epoch"] or not isinstance(payload.get("actions"), list):
        return
    for action in payload["actions"][-MAX_ACTIONS:]:
        number = action.get("number") if isinstance(action, Mapping) else None
        if not isinstance(number, int) or isinstance(number, bool) or not state["acknowledged"] < number < 2**53:
            continue
        state["acknowledged"] = number
        to = action.get("to")
        if isinstance(to, str) and to in state["callbacks"]:
            state["acknowledged_own"][to] = number
            state["callbacks"][to](action)


def pending(key: str) -> list[Mapping[str, Any]]:
    """Return the list of actions of a component without a callback, oldest first; the caller removes those it has handled."""
    return st.session_state.setdefault(f"{key}/waiting", [])
