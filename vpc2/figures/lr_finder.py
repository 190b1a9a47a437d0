"""The figure of the learning-rate finder."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

RAW, MEAN, SUGGESTED = "#7A8793", "#0072B2", "#C2570C"


def lr_finder_figure(events: list[dict[str, Any]], suggestion: float | None, *, rate: str, loss: str, mean: str) -> go.Figure:
    """Return the loss and its running mean against the learning rate (logarithmic), the suggested rate as a vertical line."""
    x = [event["learning_rate"] for event in events]
    figure = go.Figure(
        [
            go.Scatter(x=x, y=[event["loss"] for event in events], name=loss, line={"color": RAW, "width": 1}),
            go.Scatter(x=x, y=[event["mean"] for event in events], name=mean, line={"color": MEAN, "width": 2.5}),
        ]
    )
    means = [event["mean"] for event in events]
    span = max(means) - min(means)
    figure.update_layout(
        margin={"l": 4, "r": 4, "t": 4, "b": 4}, height=220, legend={"orientation": "h", "y": 1.12, "x": 0}, hovermode="x unified"
    )
    figure.update_xaxes(type="log", title=rate, exponentformat="power")
    figure.update_yaxes(range=[min(means) - 0.1 * span, max(means[: len(means) // 2] or means) + 0.4 * span])
    if suggestion is not None:
        figure.add_vline(x=suggestion, line={"color": SUGGESTED, "width": 2, "dash": "dash"})
    return figure
