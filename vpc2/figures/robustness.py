"""Figure of robustness: accuracy against the strength of a corruption."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from vpc2.figures.predictions import MERGED, PLAIN
from vpc2.proportions import Share

_BANDS = ("rgba(122, 135, 147, 0.18)", "rgba(194, 87, 12, 0.16)")
Line = tuple[str, Sequence[Share], Sequence[float]]


def robustness_figure(
    strengths: Sequence[str], lines: Sequence[Line], *, y_title: str, confidence_title: str, height: int = 320
) -> go.Figure:
    """Return accuracy (per cent) against strength, in equal steps; `lines` are (name, shares, confidence) of classifiers.

    The interval of the accuracy is a band, the mean confidence a dotted line: above the accuracy, the classifier is overconfident.
    """
    figure = go.Figure()
    x = list(strengths)
    for (name, shares, confidence), colour, band in zip(lines, (PLAIN, MERGED), _BANDS, strict=False):
        band_edge = [100 * value for value in (*(share.high for share in shares), *(share.low for share in reversed(shares)))]
        figure.add_scatter(
            x=[*x, *reversed(x)],
            y=band_edge,
            mode="lines",
            fill="toself",
            fillcolor=band,
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )
        figure.add_scatter(x=x, y=[100 * share.share for share in shares], name=name, mode="lines+markers", line={"color": colour})
        figure.add_scatter(
            x=x,
            y=[100 * value for value in confidence],
            name=confidence_title.format(name=name),
            mode="lines",
            line={"color": colour, "dash": "dot", "width": 1.5},
            showlegend=False,
        )
    figure.update_layout(
        margin={"l": 8, "r": 8, "t": 28, "b": 8}, height=height, legend={"orientation": "h", "y": 1.18, "x": 0}, showlegend=len(lines) > 1
    )
    figure.update_xaxes(type="category")
    figure.update_yaxes(title=y_title, range=[0, 102], ticksuffix=" %")
    return figure
