"""Figures of answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import plotly.graph_objects as go

from vpc2.shares import Share

PLAIN, MERGED = "#7A8793", "#C2570C"


@lru_cache(maxsize=256)
def answers_figure(classes: tuple[str, ...], shares: tuple[float, ...], *, is_merged: bool) -> go.Figure:
    """Return the most probable classes as bars from 0 to 100 %, best on top: plain grey-blue, merged orange.

    Plotly takes 10 ms to make it, so the latest are kept; nobody may change what comes back.
    """
    # A class name may hold markup; Plotly renders a little of it, so its angle brackets are written out.
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
    """Return the 95 % intervals of accuracies as thin bars on their points, in per cent."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [100 * (share.high - share.share) for share in shares],
        "arrayminus": [100 * (share.share - share.low) for share in shares],
        "thickness": 1,
        "width": 3,
    }
