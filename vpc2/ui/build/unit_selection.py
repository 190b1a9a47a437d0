"""Build page, tab See it: the selected unit and the seed of the random weights, shared by its three views."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import LayerFacts
from vpc2.nets.summary.receptive_field import field_centre, grid_of, unit_at
from vpc2.ui.session.i18n import _
from vpc2.ui.widgets.buttons import button

ACCENT = "#FF9A3D"


def chosen_unit(net: Net, facts: LayerFacts) -> tuple[int, int]:
    """Return the (row, column) of a layer's unit at the place the visitor selected; the centre by default."""
    y, x = st.session_state.get("see/place", (0.5, 0.5))
    return unit_at(facts, y * net.input[1], x * net.input[2])


def select_unit(net: Net, facts: LayerFacts) -> Callable[[str, tuple[float, float]], None]:
    """Return the callback of a `point_picker` that moves the selection: to a clicked place, or by one unit."""

    def move(kind: str, value: tuple[float, float]) -> None:
        if kind == "step":
            rows, columns = grid_of(facts)
            unit = chosen_unit(net, facts)  # read again here: several steps may arrive in one rerun
            stepped = min(max(unit[0] + int(value[0]), 0), rows - 1), min(max(unit[1] + int(value[1]), 0), columns - 1)
            y, x = field_centre(facts, stepped)
            value = y / net.input[1], x / net.input[2]
        st.session_state["see/place"] = value

    return move


def choose_weights() -> int:
    """Draw the button that changes the seed of the random weights, and return the current seed."""
    seed = st.session_state.setdefault("see/seed", 0)
    if button(
        _("Other weights"),
        icon=":material/casino:",
        key="see/reseed",
        help=_("This net is not trained: its weights are random. This draws others."),
    ):
        seed = st.session_state["see/seed"] = seed + 1
    return seed
