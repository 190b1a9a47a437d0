"""Figure of the embedding of images by a net's features."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

HEIGHT_PX, TILE_PX = 520, 18
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C6D1F", "#7A8793", "#5B3A8C", "#1B1F23")


def embedding_figure(
    points: np.ndarray, labels: np.ndarray, classes: Sequence[str], is_correct: np.ndarray, thumbnails: Sequence[str] = ()
) -> go.Figure:
    """Return a scatter plot of images as points (N, 2), coloured by class; wrong predictions are crosses, `customdata` is the index.

    With `thumbnails`, the addresses (N) of small images, each is drawn at its point inside a frame of its class's colour.
    """
    side = float(np.ptp(points, axis=0).max() or 1.0) * TILE_PX / HEIGHT_PX
    symbols, size = (("square-open", "square-x-open"), TILE_PX) if thumbnails else (("circle", "x"), 8)
    figure = go.Figure()
    for label, name in enumerate(classes):
        of_class = np.flatnonzero(labels == label)
        figure.add_scatter(
            x=points[of_class, 0],
            y=points[of_class, 1],
            mode="markers",
            name=name.replace("&", "&amp;").replace("<", "&lt;"),
            customdata=of_class,
            marker={
                "color": _COLOURS[label % len(_COLOURS)],
                "symbol": [symbols[0] if correct else symbols[1] for correct in is_correct[of_class]],
                "size": size,
                "line": {"width": 1},
            },
            hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
        )
    figure.update_layout(margin={"l": 4, "r": 4, "t": 4, "b": 4}, height=HEIGHT_PX, legend={"itemsizing": "constant"}, dragmode="select")
    if thumbnails:
        layout = {"xref": "x", "yref": "y", "xanchor": "center", "yanchor": "middle", "sizex": side, "sizey": side, "layer": "below"}
        figure.update_layout(
            images=[{"source": source, "x": x, "y": y, **layout} for source, (x, y) in zip(thumbnails, points.tolist(), strict=True)]
        )
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False, scaleanchor="x")
    return figure
