"""Figures of nets: parameters of the layers, and the border that a stride leaves out."""

from __future__ import annotations

import plotly.graph_objects as go

LEFT, RIGHT = "#7A8793", "#C2570C"


def parameters_figure(names: list[str], params: list[int], colours: list[str]) -> go.Figure:
    """Return one bar for the parameters of each layer, the first layer on top."""
    figure = go.Figure(go.Bar(x=params, y=names, orientation="h", marker_color=colours, hovertemplate="%{y}: %{x:,}<extra></extra>"))
    figure.update_layout(margin={"l": 8, "r": 8, "t": 8, "b": 8}, height=64 + 26 * len(names), bargap=0.3)
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(tickformat="~s", rangemode="tozero")
    return figure


def parameters_comparison_figure(
    labels: list[str], left: list[int], right: list[int], texts: tuple[list[str], list[str]], names: tuple[str, str]
) -> go.Figure:
    """Return two bars for each row, the parameters of both nets, each with its text; the bars of the right net are hatched."""
    rows = list(range(len(labels)))
    longest = max((len(text) for both in texts for text in both), default=0)  # room for the texts to the right of the bars
    figure = go.Figure()
    for values, text, name, colour, shape in zip((left, right), texts, names, (LEFT, RIGHT), ("", "/"), strict=True):
        figure.add_bar(
            x=values,
            y=rows,
            text=text,
            name=name,
            orientation="h",
            marker={"color": colour, "pattern": {"shape": shape, "size": 7, "solidity": 0.2, "fillmode": "overlay", "fgcolor": "#FFFFFF"}},
            textposition="outside",
            cliponaxis=False,
            customdata=labels,
            hovertemplate="%{customdata}: %{text}<extra>" + name + "</extra>",
        )
    figure.update_layout(
        barmode="group",
        height=90 + 44 * len(rows),
        bargap=0.25,
        margin={"l": 8, "r": 16 + 8 * longest, "t": 8, "b": 8},
        legend={"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
    )
    figure.update_yaxes(autorange="reversed", tickvals=rows, ticktext=labels, fixedrange=True)
    figure.update_xaxes(tickformat="~s", range=[0, max((*left, *right), default=1)], nticks=5, fixedrange=True)
    return figure


def border_svg(height: int, width: int, rows: int, columns: int) -> str:
    """Return an SVG of an image of `height` x `width` pixels, in which the last rows and columns that no window reaches are vermilion."""
    scale = 64 / max(height, width)
    h, w = height * scale, width * scale
    # A single row of a large image would be thinner than a line: it is drawn at least two units wide.
    low, right = max(2.0, rows * scale) if rows else 0.0, max(2.0, columns * scale) if columns else 0.0
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 68 68" width="68" height="68">'
        f'<rect x="2" y="2" width="{w:.1f}" height="{h:.1f}" fill="#0072B2" fill-opacity=".25" stroke="#0072B2"/>'
        f'<rect x="2" y="{2 + h - low:.1f}" width="{w:.1f}" height="{low:.1f}" fill="#D55E00"/>'
        f'<rect x="{2 + w - right:.1f}" y="2" width="{right:.1f}" height="{h:.1f}" fill="#D55E00"/></svg>'
    )
