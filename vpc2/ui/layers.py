"""The Build page's parts: cards of layers, the inspector with today's numbers, totals, table and picture."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from vpc2.figures.nets import parameters_figure
from vpc2.nets import spec as nets
from vpc2.nets.facts import Summary
from vpc2.nets.joins import shape_text
from vpc2.nets.layers import LAYERS
from vpc2.nets.picture import COLOURS, to_svg
from vpc2.nets.spec import SIDE, Net
from vpc2.ui import chrome, state
from vpc2.ui.components.step_list import step_list
from vpc2.ui.language import _, number, say
from vpc2.ui.steps import apply_change, card_words


def _ordered(net: Net, order: tuple[str, ...]) -> Net:
    by_id = {layer.id: layer for layer in net.layers}
    return replace(net, layers=tuple(by_id[layer_id] for layer_id in order))


_EDITS = {"order": _ordered, "remove": nets.edit_remove, "duplicate": nets.edit_duplicate}
_MB = 1_000_000


def edit_input(net: Net) -> Net:
    """Let the visitor set the shape of one picture, and return the net with it."""
    channels, height, width = st.columns([1.2, 1, 1], gap="small")
    chosen = channels.segmented_control(
        _("Input"),
        nets.CHANNELS,
        default=net.input[0],
        required=True,
        format_func={1: _("grey"), 3: "RGB"}.get,
        key=state.key("net", "channels"),
    )
    sides = [
        column.number_input(label, SIDE.low, SIDE.high, side, key=state.key("net", name))
        for column, label, side, name in (
            (height, _("Height (px)"), net.input[1], "height"),
            (width, _("Width (px)"), net.input[2], "width"),
        )
    ]
    return replace(net, input=(int(chosen), int(sides[0]), int(sides[1])))


def chosen_layer(net: Net) -> str | None:
    """Return the id of the layer whose knobs are shown: the one the visitor chose, or the first."""
    chosen = st.session_state.get("net/selected")
    return chosen if net.has(chosen) else (net.layers[0].id if net.layers else None)


def position_after_chosen(net: Net) -> int:
    """Return where a new layer goes: right behind the chosen one."""
    ids = [layer.id for layer in net.layers]
    return ids.index(chosen_layer(net)) + 1 if ids else 0


def edit_layers(net: Net, summary: Summary) -> Net:
    """Draw the layers as cards with the shape each gives, and apply what the visitor did to them."""
    items = [
        {
            "id": facts.id,
            "name": facts.name,
            "meta": shape_text(facts.output) if facts.output else "",
            "on": True,
            "colour": COLOURS.get(LAYERS[facts.kind].family),
            "problem": _("does not fit") if facts.problem else None,
        }
        for facts in summary.layers
    ]
    change = step_list(items, key=state.key("net", "cards"), selected=chosen_layer(net), words=card_words(), can_mute=False)
    if change is None:
        return net
    if change.kind == "select":
        st.session_state["net/selected"] = change.id
    else:
        changed = chrome.guarded(apply_change, net, change, _EDITS)
        if changed is not None:
            if change.kind == "duplicate":
                st.session_state["net/selected"] = net.free_id()
            state.save(changed)
    st.rerun()
    return None


def choose_layer(net: Net) -> str | None:
    """Offer every kind of layer; return the one the visitor wants added."""
    wanted = st.selectbox(
        _("Add a layer after the chosen one"),
        list(LAYERS),
        index=None,
        format_func=lambda key: f"{say(LAYERS[key].title)} · {key}",
        placeholder=_("Type to search: convolution, pooling…"),
        key=state.key("net", "add", net.free_id(), str(len(net.layers))),
    )
    if wanted:
        st.session_state["net/selected"] = net.free_id()
    return wanted


def draw_totals(summary: Summary) -> None:
    """Draw what the whole net costs, and the first thing that is wrong with it."""
    reached = [facts for facts in summary.layers if facts.output is not None]
    grid = st.grid(4, min_column_width=150, gap="small")
    grid.metric(_("Parameters"), number(summary.params))
    grid.metric(_("Multiply-adds"), number(summary.macs), help=_("Multiplications with an addition, for one picture."))
    grid.metric(_("Activations"), f"{number(summary.activation_bytes / _MB, ',.3g')} MB", help=_("Memory of all outputs for one picture."))
    grid.metric(
        _("Receptive field"),
        f"{number(reached[-1].receptive_field)} px" if reached and reached[-1].receptive_field else "—",
        help=_("Side of the square of input pixels that one unit of the last layer sees."),
    )
    if summary.problem is not None:
        st.error(chrome.literal(say(summary.problem.text)), icon=":material/error:")
    for note in summary.notes:
        st.info(chrome.literal(say(note)), icon=":material/info:")


def draw_table(net: Net, summary: Summary) -> None:
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


def draw_parameter_chart(net: Net, summary: Summary) -> None:
    """Draw where the parameters are, and say the finding in one sentence."""
    heavy = max(summary.layers, key=lambda facts: facts.params, default=None)
    if heavy is None or not summary.params:
        st.info(_("No layer of this net has parameters yet."), icon=":material/info:")
        return
    finding = _("{layer} holds {share} % of all parameters.").format(
        layer=heavy.name, share=number(100 * heavy.params / summary.params, ",.0f")
    )
    st.markdown(f"**{finding}**")
    names = [facts.name for facts in summary.layers if facts.params]
    figure = parameters_figure(
        names,
        [facts.params for facts in summary.layers if facts.params],
        [COLOURS[LAYERS[f.kind].family] for f in summary.layers if f.params],
    )
    st.plotly_chart(figure, key="parameters", alt=finding, config={"displayModeBar": False})


def draw_picture(net: Net, summary: Summary) -> None:
    """Draw the net as a row of volumes in the ink of the visitor's theme."""
    is_dark = st.context.theme.type == "dark"
    svg = to_svg(
        summary, net.input, ink="#D6D3CD" if is_dark else "#3A3833", problem_ink="#FF8A5C" if is_dark else "#B83206", input_name=_("input")
    )
    said = " → ".join([shape_text(net.input), *(shape_text(facts.output) for facts in summary.layers if facts.params)])
    st.image(svg, alt=_("The net as volumes: {shapes}").format(shapes=said))
