"""Figure of adversarial attacks: accuracy against epsilon."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from vpc2.figures.predictions import MERGED, PLAIN, error_bars
from vpc2.proportions import Share


def accuracy_figure(epsilons: Sequence[str], lines: Sequence[tuple[str, Sequence[Share]]], *, x_title: str, y_title: str) -> go.Figure:
    """Return accuracy (per cent) against epsilon, in equal steps, with intervals; `lines` are (name, shares), one for each model."""
    figure = go.Figure()
    for (name, shares), colour in zip(lines, (PLAIN, MERGED, "#0072B2", "#009E73"), strict=False):
        figure.add_scatter(
            x=list(epsilons),
            y=[100 * share.share for share in shares],
            error_y=error_bars(shares),
            name=name,
            mode="lines+markers",
            line={"color": colour},
        )
    figure.update_layout(margin={"l": 8, "r": 8, "t": 28, "b": 8}, height=320, legend={"orientation": "h", "y": 1.15, "x": 0})
    figure.update_xaxes(title=x_title, type="category")
    figure.update_yaxes(title=y_title, range=[0, 102], ticksuffix=" %")
    return figure
