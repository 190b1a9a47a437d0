"""Image on which the visitor selects a point, by click or arrow keys, with rectangles drawn over it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from vpc2.ui.components import action_queue

_FOLDER = Path(__file__).parent
_MIN_VALUES = {"place": 0, "step": -1}


def read_event(payload: object) -> tuple[str, tuple[float, float]] | None:
    """Return an action as ("place", (y, x)) in fractions of the sides, or ("step", (rows, columns)); None if it is malformed."""
    if not isinstance(payload, Mapping):
        return None
    kind, value = payload.get("kind"), payload.get("value")
    if not isinstance(kind, str) or kind not in _MIN_VALUES or not isinstance(value, list | tuple) or len(value) != 2:
        return None
    if not all(isinstance(part, int | float) and not isinstance(part, bool) and _MIN_VALUES[kind] <= part <= 1 for part in value):
        return None
    return kind, (float(value[0]), float(value[1]))


def point_picker(
    image: bytes,
    rectangles: Sequence[Mapping[str, Any]],
    *,
    key: str,
    words: Mapping[str, str],
    on_event: Callable[[str, tuple[float, float]], None],
    is_pixelated: bool = False,
) -> None:
    """Draw a JPEG or PNG with rectangles; before the page reruns, `on_event` is called with the result of `read_event`.

    A rectangle has `box` (x0, y0, x1, y1 in fractions of the sides), `colour` and `caption`; the last one is highlighted.
    `words` holds `image`, `hint`, and, where a slider shows the rectangles one by one, `film` (its name) and `play`.
    """

    def on_action(action: Mapping[str, Any]) -> None:
        if (event := read_event(action)) is not None:
            on_event(*event)

    kind = "png" if image.startswith(b"\x89PNG") else "jpeg"
    address = f"data:image/{kind};base64," + base64.b64encode(image).decode()
    data = {"image": address, "rectangles": [dict(rectangle) for rectangle in rectangles], "pixelated": is_pixelated, "words": dict(words)}
    data["queue"] = action_queue.register_callback(key, on_action)
    action_queue.component("vpc2.point_picker", _FOLDER)(key=key, data=data, on_event_change=action_queue.trigger_callback(key))
