"""How what a visitor does in a component reaches Python: every action once and in order, however fast they follow one another.

Of several triggers of one moment Streamlit keeps the last. So a browser sends, with every trigger, all actions that are not answered yet,
of all components of the page, numbered through (`action_queue.js`); here each is done once, by whoever listens to its component.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

MOST = 200  # actions of one message
_KEPT = "hearing"
SCRIPT = Path(__file__).with_name("action_queue.js")


@functools.cache
def component(name: str, folder: Path, *scripts: str) -> Any:
    """Return a component that can be heard: its view.html and view.css, and one module of action_queue.js and its own scripts."""
    html, css = ((folder / f"view.{kind}").read_text(encoding="utf-8") for kind in ("html", "css"))
    js = "\n".join(path.read_text(encoding="utf-8") for path in (SCRIPT, *(folder / one for one in scripts or ("view.js",))))
    return st.components.v2.component(name, html=html, css=css, js=js)


def _kept() -> dict[str, Any]:
    return st.session_state.setdefault(_KEPT, {"epoch": secrets.token_hex(8), "seen": 0, "own": {}, "do": {}})


def ears(key: str, do: Callable[[Mapping[str, Any]], None]) -> dict[str, Any]:
    """Let `do` be called with each action of the component `key`, before the page runs again; return what its browser side needs."""
    kept = _kept()
    kept["do"][key] = do
    return {"to": key, "epoch": kept["epoch"], "seen": kept["seen"], "own": kept["own"].get(key, 0)}


def hear(key: str) -> Callable[[], None]:
    """Return the callback for the component's trigger `event`."""
    return lambda: take(st.session_state[key].get("event"))


def take(payload: Any) -> None:
    """Do what a browser's message tells of, as far as it was not done before; of any other form, nothing."""
    kept = _kept()
    if not isinstance(payload, Mapping) or payload.get("epoch") != kept["epoch"] or not isinstance(payload.get("log"), list):
        return
    for action in payload["log"][-MOST:]:
        number = action.get("n") if isinstance(action, Mapping) else None
        if not isinstance(number, int) or isinstance(number, bool) or not kept["seen"] < number < 2**53:
            continue
        kept["seen"] = number
        to = action.get("to")
        if isinstance(to, str) and to in kept["do"]:
            kept["own"][to] = number
            kept["do"][to](action)


def waiting(key: str) -> list[Mapping[str, Any]]:
    """Return the actions of a component that nobody does at once, oldest first: whoever draws it takes them off this list."""
    return st.session_state.setdefault(f"{key}/waiting", [])
