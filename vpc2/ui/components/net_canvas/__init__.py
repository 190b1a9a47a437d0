"""A net one takes in the hand: solids that are chosen, dragged, opened, copied and removed, by mouse, finger or keyboard."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.spec import Net, Place
from vpc2.ui.components import action_queue

KINDS = ("select", "add", "move", "shift", "duplicate", "copy", "cut", "paste", "remove", "toggle", "branches")
WAYS = ("left", "right", "up", "down")
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Event:
    """One thing a visitor did, checked against the net: `kind` is one of `KINDS`.

    `id` is the layer it was done to, "" where it needs none; `branch` the empty branch of it that was chosen instead, or None.
    `layer_kind` is what to add, `place` where a layer goes (None: behind the chosen one), `way` one of `WAYS`, and `by` how many
    branches come or go.
    """

    kind: str
    id: str = ""
    branch: int | None = None
    layer_kind: str = ""
    place: Place | None = None
    way: str = ""
    by: int = 0


def read_event(payload: Any, net: Net) -> Event | None:
    """Return what a browser's message asks for, or None if it does not fit the net as it is now."""
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
        wanted = payload.get("layer")
        return Event("add", layer_kind=wanted, place=place) if isinstance(wanted, str) and wanted in LAYERS else None
    if kind == "paste":
        return Event("paste", place=place)
    layer_id, branch = _read_id(payload.get("id"), net)
    if not layer_id or (branch is not None and kind != "select"):
        return None
    if kind == "shift":
        way = payload.get("way")
        return Event("shift", layer_id, way=way) if isinstance(way, str) and way in WAYS else None
    if kind == "branches":
        by = payload.get("by")
        return Event("branches", layer_id, by=by) if isinstance(by, int) and not isinstance(by, bool) and by in (-1, 1) else None
    return Event(kind, layer_id, branch, place=place)


def _read_id(given: Any, net: Net) -> tuple[str, int | None]:
    """Return a layer's id and, from `id/branch`, the number of an empty branch of it; an empty id where there is no such thing."""
    if not isinstance(given, str):
        return "", None
    layer_id, slash, number = given.partition("/")
    layer = net.find(layer_id)
    if layer is None:
        return "", None
    if not slash:
        return layer_id, None
    empty = [str(i) for i, branch in enumerate(layer.branches) if not branch]
    return (layer_id, int(number)) if number in empty else ("", None)


def _read_place(given: Any, net: Net) -> Place | None:
    if not isinstance(given, Mapping):
        return None
    at, inside, branch = given.get("at"), given.get("inside", ""), given.get("branch", 0)
    if not isinstance(inside, str) or not _is_whole(at) or not _is_whole(branch):
        return None
    if inside:
        layer = net.find(inside)
        branches = layer.branches if layer else ()
    else:
        branches = (net.layers,)
    if not 0 <= branch < len(branches) or not 0 <= at <= len(branches[branch]):
        return None
    return Place(at, inside, branch)


def _is_whole(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def net_canvas(data: Mapping[str, Any], *, key: str, on_event: Callable[[Any], None]) -> None:
    """Draw a net. What a visitor does reaches `on_event`, each once, before the page runs again, so that one run shows what came of it.

    `data` holds `solids`, `wires`, `joints`, `gaps`, `width` and `height` in pixels, `selected`, the `palette`, `said` (what the
    last action came to, for whoever listens), `can_paste` and the `words`; view.js says what each is made of.
    """
    # Two files of JavaScript, one module: what is drawn, and what hands do to it.
    view = action_queue.component("vpc2.net_canvas", _FOLDER, "view.js", "hands.js")
    view(key=key, data={**data, "ears": action_queue.ears(key, on_event)}, on_event_change=action_queue.hear(key))
