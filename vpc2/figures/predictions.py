"""Figure of the predicted probabilities, and error bars of accuracies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import plotly.graph_objects as go

from vpc2.proportions import Share

PLAIN, MERGED = "#7A8793", "#C2570C"


@lru_cache(maxsize=256)
def predictions_figure(classes: tuple[str, ...], shares: tuple[float, ...], *, is_merged: bool) -> go.Figure:
    """Return the most probable classes as bars from 0 to 100 %, highest on top: plain predictions grey-blue, merged ones orange.

    Plotly takes 10 ms to build it, so the latest figures are cached; the result must not be modified.
    """
    # A class name may contain markup, of which Plotly renders some, so its angle brackets are escaped.
    names = [name.replace("&", "&amp;").replace("<", "&lt;") for name in classes]
    figure = go.Figure(
        go.Bar(
            x=[100 * share for share in shares],
            y=names,
            orientation="h",
            marker_color=MERGED if is_merged else PLAIN,
            hovertemplate="%{y}: %{x:.1f} %<extra></extra>",
        )
    )
    figure.update_layout(margin={"l": 4, "r": 4, "t": 4, "b": 4}, height=36 + 24 * len(names), bargap=0.35)
    figure.update_xaxes(range=[0, 100], ticksuffix=" %", dtick=25)
    figure.update_yaxes(autorange="reversed", type="category")
    return figure


def error_bars(shares: Sequence[Share]) -> dict[str, object]:
    """Return Plotly's error bars for the 95 % intervals of accuracies, in per cent."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [100 * (share.high - share.share) for share in shares],
        "arrayminus": [100 * (share.share - share.low) for share in shares],
        "thickness": 1,
        "width": 3,
    }
