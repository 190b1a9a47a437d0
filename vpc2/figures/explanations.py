"""Figures of what a net holds inside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

HEIGHT_PX, TILE_PX = 520, 18
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C6D1F", "#7A8793", "#5B3A8C", "#1B1F23")


def map_figure(
    points: np.ndarray, labels: np.ndarray, classes: Sequence[str], is_right: np.ndarray, pictures: Sequence[str] = ()
) -> go.Figure:
    """Return pictures as points (N, 2) coloured by class; wrongly answered ones are crosses. `customdata` is a picture's number.

    With `pictures`, addresses (N) of small ones, each stands at its point inside a frame of its class's colour.
    """
    side = float(np.ptp(points, axis=0).max() or 1.0) * TILE_PX / HEIGHT_PX
    symbols, size = (("square-open", "square-x-open"), TILE_PX) if pictures else (("circle", "x"), 8)
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
                "symbol": [symbols[0] if right else symbols[1] for right in is_right[own]],
                "size": size,
                "line": {"width": 1},
            },
            hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(margin={"l": 4, "r": 4, "t": 4, "b": 4}, height=HEIGHT_PX, legend={"itemsizing": "constant"}, dragmode="select")
    if pictures:
        places = {"xref": "x", "yref": "y", "xanchor": "center", "yanchor": "middle", "sizex": side, "sizey": side, "layer": "below"}
        figure.update_layout(
            images=[{"source": one, "x": x, "y": y, **places} for one, (x, y) in zip(pictures, points.tolist(), strict=True)]
        )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return figure
