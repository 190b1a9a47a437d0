"""Figures of the evaluation of a test set: calibration, accuracy against time, and gain of each view by class."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from vpc2.figures.predictions import MERGED, PLAIN, error_bars
from vpc2.proportions import Share

_MARGIN = {"l": 8, "r": 8, "t": 28, "b": 8}


def reliability_figure(curves: list[tuple[str, np.ndarray, np.ndarray]], *, x_title: str, y_title: str) -> go.Figure:
    """Return the reliability diagram: accuracy against confidence in per cent, with the diagonal.

    `curves` are (name, confidence, accuracy), one for each prediction method; empty bins are NaN.
    """
    figure = go.Figure(
        go.Scatter(x=[0, 100], y=[0, 100], mode="lines", line={"color": "#9AA3AB", "dash": "dot"}, showlegend=False, hoverinfo="skip")
    )
    for (name, confidence, accuracy), colour in zip(curves, (PLAIN, MERGED), strict=False):
        is_filled = ~np.isnan(confidence)
        figure.add_scatter(
            x=100 * confidence[is_filled], y=100 * accuracy[is_filled], name=name, mode="lines+markers", line={"color": colour}
        )
    figure.update_layout(margin=_MARGIN, height=300, legend={"orientation": "h", "y": 1.15, "x": 0})
    figure.update_xaxes(title=x_title, range=[0, 101], ticksuffix=" %")
    figure.update_yaxes(title=y_title, range=[0, 101], ticksuffix=" %")
    return figure


def accuracy_against_time_figure(curve: list[tuple[int, Share, float]], *, x_title: str, y_title: str) -> go.Figure:
    """Return accuracy against milliseconds for each image; `curve` has (number of views, accuracy, ms) for each point."""
    figure = go.Figure(
        go.Scatter(
            x=[ms for _count, _share, ms in curve],
            y=[100 * share.share for _count, share, _ms in curve],
            error_y=error_bars([share for _count, share, _ms in curve]),
            text=[str(count) for count, _share, _ms in curve],
            textposition="top right",
            mode="lines+markers+text",
            line={"color": MERGED},
        )
    )
    figure.update_layout(margin=_MARGIN, height=300)
    figure.update_xaxes(title=x_title, rangemode="tozero")
    figure.update_yaxes(title=y_title, ticksuffix=" %")
    return figure


def view_gains_figure(gains: np.ndarray, views: list[str], classes: list[str]) -> go.Figure:
    """Return the accuracy that each view alone gains or loses for each class, (V, K) shares, as a heat map from vermilion to blue."""
    names = [name.replace("&", "&amp;").replace("<", "&lt;") for name in classes]
    figure = go.Figure(
        go.Heatmap(
            z=100 * gains,
            x=names,
            y=views,
            colorscale=[[0, "#D55E00"], [0.5, "#F2F2F2"], [1, "#0072B2"]],
            zmid=0,
            colorbar={"ticksuffix": " pp", "thickness": 10},
            hovertemplate="%{y}, %{x}: %{z:+.1f}<extra></extra>",
        )
    )
    figure.update_layout(margin=_MARGIN, height=80 + 24 * len(views))
    figure.update_xaxes(type="category")
    figure.update_yaxes(type="category", autorange="reversed")
    return figure
