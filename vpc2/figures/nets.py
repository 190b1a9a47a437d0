"""Figures of nets."""

from __future__ import annotations

import plotly.graph_objects as go


def parameters_figure(names: list[str], params: list[int], colours: list[str]) -> go.Figure:
    """Return a bar for each layer's parameters, in the order of the net, first layer on top."""
    figure = go.Figure(go.Bar(x=params, y=names, orientation="h", marker_color=colours, hovertemplate="%{y}: %{x:,}<extra></extra>"))
    figure.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8}, height=64 + 26 * len(names), bargap=0.3)
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(tickformat="~s", rangemode="tozero")
    return figure
