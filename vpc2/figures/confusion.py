"""Figure of the confusion matrix of a run."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go


def confusion_figure(
    confusion: list[list[int]], classes: list[str], *, true: str, predicted: str
) -> tuple[go.Figure, dict[str, Any] | None]:
    """Return the confusion matrix (rows are the true classes) as a figure, and the most frequent mistake, or None.

    The colour is the share of the row, so that classes of different sizes can be compared; the cell shows the count.
    """
    shares = [[count / max(1, sum(row)) for count in row] for row in confusion]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=classes,
            y=classes,
            text=[[str(count) if count else "" for count in row] for row in confusion],
            texttemplate="%{text}",
            colorscale=[[0, "rgba(0,114,178,0)"], [0.02, "rgba(0,114,178,.12)"], [1, "rgba(0,114,178,1)"]],
            zmin=0,
            zmax=1,
            showscale=False,
            hovertemplate=f"{true} %{{y}}, {predicted} %{{x}}: %{{text}}<extra></extra>",
        )
    )
    figure.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8}, height=120 + 30 * len(classes))
    figure.update_xaxes(title=predicted, type="category", constrain="domain")
    figure.update_yaxes(title=true, type="category", autorange="reversed", scaleanchor="x")
    mistakes = [(confusion[t][p], t, p) for t in range(len(classes)) for p in range(len(classes)) if t != p and confusion[t][p]]
    if not mistakes:
        return figure, None
    n, t, p = max(mistakes)
    return figure, {"n": n, "true": classes[t], "predicted": classes[p]}
