"""What this server takes, as a table: the limits of `host`, with the names one changes them by."""

from __future__ import annotations

from dataclasses import fields

import streamlit as st

from vpc2.host import LIMITS, UNITS
from vpc2.ui.language import _, number, say


def draw_limits() -> None:
    """Draw every limit with its value, folded away."""
    with st.expander(_("What this server takes"), icon=":material/rule:"):
        st.caption(_("Larger things are refused in one sentence, and nothing on the screen is lost. The host sets them: VPC2_LIMITS."))
        rows = [(say(one.metadata["title"]), _shown(getattr(LIMITS, one.name), one.metadata["unit"]), one.name) for one in fields(LIMITS)]
        st.table(
            {_("Limit"): [row[0] for row in rows], _("At most"): [row[1] for row in rows], _("Setting"): [f"`{row[2]}`" for row in rows]},
            border="horizontal",
        )


def _shown(value: int, unit: str) -> str:
    return f"{number(value / UNITS.get(unit, 1), ',.0f')} {unit}".strip()
