"""Figures of what a net holds inside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C6D1F", "#7A8793", "#5B3A8C", "#1B1F23")


def map_figure(points: np.ndarray, labels: np.ndarray, classes: Sequence[str], is_right: np.ndarray) -> go.Figure:
    """Return pictures as points (N, 2) coloured by class; wrongly answered ones are crosses. `customdata` is a picture's number."""
    figure = go.Figure()
    for label, name in enumerate(classes):
        own = np.flatnonzero(labels == label)
        figure.add_scatter(
            x=points[own, 0],
            y=points[own, 1],
            mode="markers",
            name=name.replace("&", "&amp;").replace("<", "&lt;"),
            customdata=own,
            marker={
                "color": _COLOURS[label % len(_COLOURS)],
                "symbol": ["circle" if right else "x" for right in is_right[own]],
                "size": 8,
            },
            hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(margin={"l": 4, "r": 4, "t": 4, "b": 4}, height=460, legend={"itemsizing": "constant"}, dragmode="select")
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return figure
