"""Figures of answers."""

from __future__ import annotations

import plotly.graph_objects as go

PLAIN, MERGED = "#7A8793", "#C2570C"


def answers_figure(classes: list[str], shares: list[float], *, is_merged: bool) -> go.Figure:
    """Return the most probable classes as bars from 0 to 100 %, best on top: plain grey-blue, merged orange."""
    # A class name may hold markup; Plotly renders a little of it, so its angle brackets are written out.
    names = [name.replace("&", "&amp;").replace("<", "&lt;") for name in classes]
    figure = go.Figure(
        go.Bar(
            x=[100 * share for share in shares],
            y=names,
            orientation="h",
            marker_color=MERGED if is_merged else PLAIN,
            hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
        )
    )
    figure.update_layout(margin={"l": 4, "r": 4, "t": 4, "b": 4}, height=36 + 24 * len(names), bargap=0.35)
    figure.update_xaxes(range=[0, 100], ticksuffix=" %", dtick=25)
    figure.update_yaxes(autorange="reversed", type="category")
    return figure
