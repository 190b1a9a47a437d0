"""Build page: the input shape, the net's totals, the table of all layers and the chart of their parameters."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from vpc2.figures.nets import parameters_figure
from vpc2.nets import spec as nets
from vpc2.nets.drawing.volumes import COLOURS
from vpc2.nets.layers.branch_rules import shape_text
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.spec import SIDE, Net
from vpc2.nets.summary.layer_summary import Summary
from vpc2.ui import markdown
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _, localize, number, points

_MB = 1_000_000


def edit_input(net: Net) -> Net:
    """Draw the controls of the input shape (channels, height, width) and return the net with it."""
    chosen = st.segmented_control(
        _("Input"),
        nets.CHANNELS,
        default=net.input[0],
        required=True,
        format_func={1: _("grey"), 3: "RGB"}.__getitem__,
        key=workspace.key("net", "channels"),
    )
    sides = [
        st.number_input(label, SIDE.low, SIDE.high, side, key=workspace.key("net", name), width=96)
        for label, side, name in ((_("Height (px)"), net.input[1], "height"), (_("Width (px)"), net.input[2], "width"))
    ]
    return replace(net, input=(int(chosen), int(sides[0]), int(sides[1])))


def chosen_layer(net: Net) -> str | None:
    """Return the id of the layer whose knobs are shown: the selected one, else the first; None in an empty net."""
    chosen = st.session_state.get("net/selected")
    return chosen if net.has(chosen) else (net.layers[0].id if net.layers else None)


def macs_help() -> str:
    """Return the help text on how multiply-adds are counted here, and how other tools count them."""
    return _(
        "Multiplications with an addition, for one picture, counted as torchinfo does: every weight and bias of a convolution once "
        "for each position of its output, those of any other layer once. So the batch normalisation of 24 channels shows 48, two numbers "
        "a channel. fvcore and torch's flop counter leave biases out, and fvcore counts a normalisation at every value. The weights of a "
        "transposed convolution count once for each position of its input, as those two count them; torchinfo takes its output."
    )


def show_totals(summary: Summary) -> None:
    """Draw the totals of the net (parameters, multiply-adds, activations, receptive field), its first problem and its notes."""
    grid = st.grid(4, min_column_width=150, gap="small")
    grid.metric(_("Parameters"), number(summary.params))
    grid.metric(_("Multiply-adds"), number(summary.macs), help=macs_help())
    grid.metric(_("Activations"), f"{number(summary.activation_bytes / _MB, ',.3g')} MB", help=_("Memory of all outputs for one picture."))
    grid.metric(
        _("Receptive field"),
        f"{number(summary.receptive_field)} px" if summary.receptive_field else "—",
        help=_(
            "Side of the square of input pixels that one unit of the net's last picture sees; a dense layer behind it sees everything. "
            "Padding counts, so it may be larger than the picture."
        ),
    )
    if summary.problem is not None:
        st.error(markdown.escape(localize(summary.problem.text)), icon=":material/error:")
    for note in summary.notes:
        st.caption(f":material/info: {markdown.escape(localize(note))}")


def show_table(net: Net, summary: Summary) -> None:
    """Draw every layer with its shape, parameters, multiply-adds and receptive field, and the totals."""
    rows = {
        _("Layer"): [facts.name for facts in summary.layers] + [_("Total")],
        _("Output"): [shape_text(facts.output) for facts in summary.layers] + [""],
        _("Parameters"): [number(facts.params) for facts in summary.layers] + [number(summary.params)],
        _("Multiply-adds"): [number(facts.macs) for facts in summary.layers] + [number(summary.macs)],
        _("Receptive field"): [f"{facts.receptive_field:,}" if facts.output else "—" for facts in summary.layers] + [""],
    }
    st.table(
        rows, border="horizontal", hide_index=True, alt=_("Every layer with its output, parameters, multiply-adds and receptive field")
    )


def show_parameter_chart(net: Net, summary: Summary) -> None:
    """Draw the chart of parameters by layer, with a sentence that names the layer with most of them."""
    largest = max(summary.layers, key=lambda facts: facts.params, default=None)
    if largest is None or not summary.params:
        st.info(_("No layer of this net has parameters yet."), icon=":material/info:")
        return
    finding = _("{layer} holds {share} % of all parameters.").format(layer=largest.name, share=points(largest.params / summary.params, 0))
    st.markdown(f"**{finding}**")
    names = [facts.name for facts in summary.layers if facts.params]
    figure = parameters_figure(
        names,
        [facts.params for facts in summary.layers if facts.params],
        [COLOURS[LAYERS[f.kind].family] for f in summary.layers if f.params],
    )
    st.plotly_chart(figure, key="parameters", alt=finding, config={"displayModeBar": False})
