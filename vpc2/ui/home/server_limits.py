"""Home page: the table of this server's limits (`host.LIMITS`), with the setting names used in VPC2_LIMITS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import streamlit as st

from vpc2.system.host import LIMITS, UNITS
from vpc2.ui.session.i18n import _, localize, number


def show_limits() -> None:
    """Draw every limit with its value, in a closed expander."""
    with st.expander(_("What this server takes"), icon=":material/rule:"):
        st.caption(_("Larger things are refused in one sentence, and nothing on the screen is lost. The host sets them: VPC2_LIMITS."))
        # Written as Markdown: a table of Streamlit's imports pandas, a fifth of the time to the first paint of the server.
        heads = f"| {_('Limit')} | {_('At most')} | {_('Setting')} |\n| --- | ---: | --- |\n"
        st.markdown(heads + "\n".join(_row(limit.name, limit.metadata) for limit in fields(LIMITS)))


def _format_value(value: int, unit: str) -> str:
    return f"{number(value / UNITS.get(unit, 1), ',.0f')} {unit}".strip()


def _row(name: str, metadata: Mapping[str, Any]) -> str:
    return f"| {localize(metadata['title'])} | {_format_value(getattr(LIMITS, name), metadata['unit'])} | `{name}` |"
