"""Figures of experiments: validation curves of both sides with their range over the seeds, and paired test accuracies."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

import plotly.graph_objects as go

FEW_EPOCHS = 12  # up to here every epoch has a tick
LEFT, RIGHT = "#6C8093", "#D55E00"  # without grey-blue, with orange, as everywhere
_BANDS = {LEFT: "rgba(108,128,147,.22)", RIGHT: "rgba(213,94,0,.18)"}


def curves_figure(sides: Sequence[tuple[str, list[list[float]]]], *, epoch: str, accuracy: str) -> go.Figure:
    """Return validation accuracy (0 to 1, one list for each seed) against the epoch: seeds thin, mean thick, minimum to maximum as a band.

    The mean ends with the shortest run, so that each of its points is a mean over all seeds.
    """
    figure = go.Figure()
    for (name, seeds), colour in zip(sides, (LEFT, RIGHT), strict=True):
        length = min((len(curve) for curve in seeds), default=0)
        x = list(range(1, length + 1))
        columns = [[100 * curve[i] for curve in seeds] for i in range(length)]
        if len(seeds) > 1:
            band = [max(column) for column in columns] + [min(column) for column in reversed(columns)]
            figure.add_scatter(
                x=x + x[::-1],
                y=band,
                mode="lines",
                fill="toself",
                fillcolor=_BANDS[colour],
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
            )
            for curve in seeds:
                y = [100 * value for value in curve]
                figure.add_scatter(
                    x=list(range(1, len(y) + 1)),
                    y=y,
                    mode="lines",
                    line={"color": colour, "width": 1},
                    opacity=0.5,
                    hoverinfo="skip",
                    showlegend=False,
                )
        figure.add_scatter(x=x, y=[fmean(column) for column in columns], name=name, mode="lines", line={"color": colour, "width": 3})
    figure.update_layout(
        margin={"l": 4, "r": 4, "t": 4, "b": 4}, height=330, hovermode="x unified", legend={"orientation": "h", "y": 1.12, "x": 0}
    )
    longest = max((len(curve) for _, seeds in sides for curve in seeds), default=0)
    figure.update_xaxes(title=epoch, dtick=1 if longest <= FEW_EPOCHS else None)
    figure.update_yaxes(title=accuracy, ticksuffix=" %")
    return figure


def pairs_figure(pairs: Sequence[tuple[float, float]], names: tuple[str, str], *, accuracy: str) -> go.Figure:
    """Return the test accuracies (0 to 1) of both sides; the two of one seed are connected by a line."""
    figure = go.Figure()
    for left, right in pairs:
        figure.add_scatter(
            x=list(names),
            y=[100 * left, 100 * right],
            mode="lines+markers",
            line={"color": "#9AA5B1", "width": 1.5},
            marker={"size": 11, "color": [LEFT, RIGHT]},
            showlegend=False,
            hovertemplate="%{x}: %{y:.1f} %<extra></extra>",
        )
    figure.update_layout(margin={"l": 4, "r": 4, "t": 4, "b": 4}, height=330)
    figure.update_xaxes(range=[-0.4, 1.4])
    figure.update_yaxes(title=accuracy, ticksuffix=" %")
    return figure
