"""Canvas that draws a net as volumes: select, drag, open, copy and remove layers by mouse, touch or keyboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.spec import Net, Place
from vpc2.ui.components import action_queue

KINDS = ("select", "add", "move", "shift", "duplicate", "copy", "cut", "paste", "remove", "toggle", "branches")
DIRECTIONS = ("left", "right", "up", "down")
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Event:
    """One edit of the net, validated against it: `kind` is one of `KINDS`.

    `id` is the layer concerned, "" where none is needed; `branch` the index of its empty branch that was selected instead, or None.
    `layer_kind` is the kind of layer to add, `place` the position of a layer (None: behind the selected one), `direction` one of
    `DIRECTIONS`, and `by` the number of branches added (1) or removed (-1).
    """

    kind: str
    id: str = ""
    branch: int | None = None
    layer_kind: str = ""
    place: Place | None = None
    direction: str = ""
    by: int = 0


def read_event(payload: Any, net: Net) -> Event | None:
    """Return the edit that an action requests, or None if it is malformed or does not fit the current net."""
    if not isinstance(payload, Mapping):
        return None
    kind = payload.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        return None
    place = None
    if payload.get("place") is not None or kind == "move":
        place = _read_place(payload.get("place"), net)
        if place is None:
            return None
    if kind == "add":
        layer_kind = payload.get("layer")
        return Event("add", layer_kind=layer_kind, place=place) if isinstance(layer_kind, str) and layer_kind in LAYERS else None
    if kind == "paste":
        return Event("paste", place=place)
    layer_id, branch = _read_id(payload.get("id"), net)
    if not layer_id or (branch is not None and kind != "select"):
        return None
    if kind == "shift":
        direction = payload.get("direction")
        return Event("shift", layer_id, direction=direction) if isinstance(direction, str) and direction in DIRECTIONS else None
    if kind == "branches":
        by = payload.get("by")
        return Event("branches", layer_id, by=by) if isinstance(by, int) and not isinstance(by, bool) and by in (-1, 1) else None
    return Event(kind, layer_id, branch, place=place)


def _read_id(payload: Any, net: Net) -> tuple[str, int | None]:
    """Return the layer id and, for `id/branch`, the index of an empty branch; ("", None) if there is no such layer or empty branch."""
    if not isinstance(payload, str):
        return "", None
    layer_id, slash, number = payload.partition("/")
    layer = net.find(layer_id)
    if layer is None:
        return "", None
    if not slash:
        return layer_id, None
    empty = [str(i) for i, branch in enumerate(layer.branches) if not branch]
    return (layer_id, int(number)) if number in empty else ("", None)


def _read_place(payload: Any, net: Net) -> Place | None:
    if not isinstance(payload, Mapping):
        return None
    at, inside, branch = payload.get("at"), payload.get("inside", ""), payload.get("branch", 0)
    if not isinstance(inside, str) or not _is_integer(at) or not _is_integer(branch):
        return None
    if inside:
        layer = net.find(inside)
        branches = layer.branches if layer else ()
    else:
        branches = (net.layers,)
    if not 0 <= branch < len(branches) or not 0 <= at <= len(branches[branch]):
        return None
    return Place(at, inside, branch)


def _is_integer(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def net_canvas(data: Mapping[str, Any], *, key: str, on_event: Callable[[Any], None]) -> None:
    """Draw a net. Each action is passed once to `on_event` before the page reruns, so that the same rerun shows its result.

    `data` holds `solids`, `wires`, `joints`, `gaps`, `width` and `height` in pixels, `selected`, the `palette`, `announcement` (the result
    of the last action, for screen readers), `can_paste` and the `words`; view.js documents their fields.
    """
    # Two files joined into one JavaScript module: drawing (view.js) and interaction (interaction.js).
    view = action_queue.component("vpc2.net_canvas", _FOLDER, "view.js", "interaction.js")
    view(key=key, data={**data, "queue": action_queue.register_callback(key, on_event)}, on_event_change=action_queue.trigger_callback(key))
