"""The figure of the learning-rate finder."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

RAW, MEAN, FOUND = "#7A8793", "#0072B2", "#C2570C"


def rate_figure(rates: list[dict[str, Any]], found: float | None, *, rate: str, loss: str, mean: str) -> go.Figure:
    """Return the loss against the learning rate (logarithmic): raw under the running mean, the suggestion as a line."""
    x = [event["learning_rate"] for event in rates]
    figure = go.Figure(
        [
            go.Scatter(x=x, y=[event["loss"] for event in rates], name=loss, line={"color": RAW, "width": 1}),
            go.Scatter(x=x, y=[event["mean"] for event in rates], name=mean, line={"color": MEAN, "width": 2.5}),
        ]
    )
    means = [event["mean"] for event in rates]
    span = max(means) - min(means)
    figure.update_layout(
        margin={"l": 4, "r": 4, "t": 4, "b": 4}, height=220, legend={"orientation": "h", "y": 1.12, "x": 0}, hovermode="x unified"
    )
    figure.update_xaxes(type="log", title=rate, exponentformat="power")
    figure.update_yaxes(range=[min(means) - 0.1 * span, max(means[: len(means) // 2] or means) + 0.4 * span])
    if found is not None:
        figure.add_vline(x=found, line={"color": FOUND, "width": 2, "dash": "dash"})
    return figure
