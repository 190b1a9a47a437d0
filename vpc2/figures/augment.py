"""Figures of augmentation: brightness histogram, label survival, mixed labels."""

from __future__ import annotations

import plotly.graph_objects as go

BEFORE, AFTER = "#7A8793", "#C2570C"
HARMLESS, UNSAFE, UNDECIDED = "#009E73", "#D55E00", "#7A8793"
VERDICT_COLOURS = {"harmless": HARMLESS, "unsafe": UNSAFE}


def histogram_figure(before: list[float], after: list[float], *, names: tuple[str, str], x_title: str) -> go.Figure:
    """Return the histograms of pixel brightness before and after; both are shares (0 to 1) of equal bins from black to white."""
    width = 1 / len(before)
    centres = [(i + 0.5) * width for i in range(len(before))]
    figure = go.Figure()
    for name, shares, colour in ((names[0], before, BEFORE), (names[1], after, AFTER)):
        figure.add_scatter(
            x=centres,
            y=[100 * share for share in shares],
            name=name,
            mode="lines",
            line={"shape": "hvh", "color": colour, "width": 2},
            fill="tozeroy",
            opacity=0.85,
            hovertemplate="%{x:.2f}: %{y:.1f} %<extra>" + name + "</extra>",
        )
    figure.update_layout(height=220, margin={"l": 4, "r": 4, "t": 4, "b": 4}, legend={"orientation": "h", "y": 1.15, "x": 0})
    figure.update_xaxes(title=x_title, range=[0, 1])
    figure.update_yaxes(ticksuffix=" %", rangemode="tozero")
    return figure


def survival_figure(names: list[str], shares: list[float], lows: list[float], highs: list[float], verdicts: list[str]) -> go.Figure:
    """Return shares (0 to 1) as bars with their intervals, coloured by verdict: "harmless", "unsafe" or any other."""
    figure = go.Figure(
        go.Bar(
            x=[100 * share for share in shares],
            y=[name.replace("&", "&amp;").replace("<", "&lt;") for name in names],
            orientation="h",
            marker_color=[VERDICT_COLOURS.get(verdict, UNDECIDED) for verdict in verdicts],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [100 * (high - share) for high, share in zip(highs, shares, strict=True)],
                "arrayminus": [100 * (share - low) for low, share in zip(lows, shares, strict=True)],
                "thickness": 1.5,
            },
            hovertemplate="%{y}: %{x:.0f} %<extra></extra>",
        )
    )
    figure.update_layout(height=50 + 28 * len(names), margin={"l": 4, "r": 4, "t": 4, "b": 4}, bargap=0.4)
    figure.update_xaxes(range=[0, 101], ticksuffix=" %", dtick=25)
    figure.update_yaxes(autorange="reversed", type="category")
    return figure


def strength_figure(
    strengths: list[str], shares: list[float], lows: list[float], highs: list[float], threshold: float, *, y_title: str
) -> go.Figure:
    """Return shares (0 to 1) against rising strengths with their interval as a band; points under `threshold` are vermilion crosses."""
    positions = list(range(len(strengths)))
    figure = go.Figure()
    figure.add_scatter(
        x=[*positions, *reversed(positions)],
        y=[100 * bound for bound in (*highs, *reversed(lows))],
        fill="toself",
        fillcolor="rgba(122,135,147,0.25)",
        line={"width": 0},
        hoverinfo="skip",
        mode="lines",
    )
    are_low = [share < threshold for share in shares]
    figure.add_scatter(
        x=positions,
        y=[100 * share for share in shares],
        mode="lines+markers",
        line={"color": BEFORE, "width": 2},
        marker={
            "size": 11,
            "color": [UNSAFE if is_low else HARMLESS for is_low in are_low],
            "symbol": ["x" if is_low else "circle" for is_low in are_low],
        },
        customdata=list(zip(strengths, [100 * low for low in lows], [100 * high for high in highs], strict=True)),
        hovertemplate="%{customdata[0]}: %{y:.0f} % (%{customdata[1]:.0f}–%{customdata[2]:.0f} %)<extra></extra>",
    )
    figure.add_hline(y=100 * threshold, line={"dash": "dash", "color": AFTER, "width": 2})
    figure.update_layout(height=300, margin={"l": 4, "r": 8, "t": 8, "b": 4}, showlegend=False)
    figure.update_xaxes(tickvals=positions, ticktext=strengths, automargin=True, fixedrange=True)
    figure.update_yaxes(range=[-3, 103], ticksuffix=" %", dtick=20, title=y_title, fixedrange=True)
    return figure


def label_mix_svg(shares: list[float], colours: list[str]) -> str:
    """Return a mixed label as a stacked bar (SVG): each share (0 to 1) in the colour of its photograph, the rest grey."""
    x, rects = 0.0, ['<rect width="200" height="10" rx="3" fill="#8884"/>']
    for share, colour in zip(shares, colours, strict=True):
        rects.append(f'<rect x="{200 * x:.2f}" width="{200 * share:.2f}" height="10" fill="{colour}"/>')
        x += share
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 10" width="200" height="10">{"".join(rects)}</svg>'
