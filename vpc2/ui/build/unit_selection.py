"""What the parts of "See it" share: the place the visitor looks at, and the seed of the weights that are drawn."""

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
    """Return the unit of a layer at the place the visitor chose, the middle at first."""
    y, x = st.session_state.get("see/place", (0.5, 0.5))
    return unit_at(facts, y * net.input[1], x * net.input[2])


def move_place(net: Net, facts: LayerFacts) -> Callable[[str, tuple[float, float]], None]:
    """Return what is to be done when the visitor clicks on a picture, or steps by one unit."""

    def move(kind: str, value: tuple[float, float]) -> None:
        if kind == "step":
            rows, columns = grid_of(facts)
            unit = chosen_unit(net, facts)  # now: several steps may come at once
            stepped = min(max(unit[0] + int(value[0]), 0), rows - 1), min(max(unit[1] + int(value[1]), 0), columns - 1)
            y, x = field_centre(facts, stepped)
            value = y / net.input[1], x / net.input[2]
        st.session_state["see/place"] = value

    return move


def other_weights() -> int:
    """Offer to draw other weights, and return the seed of those that are used."""
    seed = st.session_state.setdefault("see/seed", 0)
    if button(
        _("Other weights"),
        icon=":material/casino:",
        key="see/reseed",
        help=_("This net is not trained: its weights are random. This draws others."),
    ):
        seed = st.session_state["see/seed"] = seed + 1
    return seed
