"""A photograph to draw labels on: drag for a box, click for a point. What the browser sends is checked here."""

from __future__ import annotations

import base64
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

MOST = 20  # boxes, and as many points
_FOLDER = Path(__file__).parent


@functools.cache
def _component() -> Any:
    html, css, js = ((_FOLDER / f"view.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    return st.components.v2.component("vpc2.label_pad", html=html, css=css, js=js)


def read_event(payload: object) -> tuple[str, tuple[float, ...]] | None:
    """Return what a visitor drew, ("box", shares of the sides), ("point", ...) or ("clear", ()); None for anything else."""
    if not isinstance(payload, Mapping):
        return None
    kind, value = payload.get("kind"), payload.get("value")
    if kind == "clear":
        return "clear", ()
    length = {"box": 4, "point": 2}.get(kind) if isinstance(kind, str) else None
    if length is None or not isinstance(value, list | tuple) or len(value) != length:
        return None
    if not all(isinstance(part, int | float) and not isinstance(part, bool) and 0 <= part <= 1 for part in value):
        return None
    numbers = tuple(float(part) for part in value)
    if kind == "box" and not (numbers[0] < numbers[2] and numbers[1] < numbers[3]):
        return None
    return kind, numbers


def label_pad(
    image: bytes, boxes: Sequence[Sequence[float]], points: Sequence[Sequence[float]], *, key: str, words: Mapping[str, str]
) -> tuple[str, tuple[float, ...]] | None:
    """Draw a JPEG with boxes and points in shares of its sides; return what the visitor just drew, once, or None."""
    address = "data:image/jpeg;base64," + base64.b64encode(image).decode()
    data = {"image": address, "boxes": [list(box) for box in boxes], "points": [list(point) for point in points], "words": dict(words)}
    payload = _component()(key=key, data=data, on_event_change=lambda: None).event
    number = payload.get("n") if isinstance(payload, Mapping) else None
    if not isinstance(number, str) or number == st.session_state.get(f"{key}/seen"):
        return None
    st.session_state[f"{key}/seen"] = number
    return read_event(payload)
