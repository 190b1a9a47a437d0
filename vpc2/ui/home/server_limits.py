"""What this server takes, as a table: the limits of `host`, with the names one changes them by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import streamlit as st

from vpc2.host import LIMITS, UNITS
from vpc2.ui.session.i18n import _, number, say


def draw_limits() -> None:
    """Draw every limit with its value, folded away."""
    with st.expander(_("What this server takes"), icon=":material/rule:"):
        st.caption(_("Larger things are refused in one sentence, and nothing on the screen is lost. The host sets them: VPC2_LIMITS."))
        # Written as Markdown: a table of Streamlit's imports pandas, a fifth of the time to the first paint of the server.
        heads = f"| {_('Limit')} | {_('At most')} | {_('Setting')} |\n| --- | ---: | --- |\n"
        st.markdown(heads + "\n".join(_row(one.name, one.metadata) for one in fields(LIMITS)))


def _shown(value: int, unit: str) -> str:
    return f"{number(value / UNITS.get(unit, 1), ',.0f')} {unit}".strip()


def _row(name: str, told: Mapping[str, Any]) -> str:
    return f"| {say(told['title'])} | {_shown(getattr(LIMITS, name), told['unit'])} | `{name}` |"
