"""Build page, tab See it, view Close-up: one window of a convolution or pooling over real pixels, with its products and their sum."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from vpc2.nets.inspection.kernels import KERNELS, POOLINGS, fits_window, geometry_of
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import LayerFacts, Summary
from vpc2.ui.build.unit_selection import ACCENT, choose_weights, chosen_unit, select_unit
from vpc2.ui.components.point_picker import point_picker
from vpc2.ui.components.window_stepper import window_stepper
from vpc2.ui.computed import net_views
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _, language, localize, number

if TYPE_CHECKING:
    from vpc2.nets.inspection.window import CloseUp

OWN = "own"


def show_stepper(net: Net, summary: Summary, facts: LayerFacts, photo: dict[str, Any]) -> None:
    """Draw one window of a layer, over the photograph in grey with an example kernel, or its real input with its own weights."""
    assert facts.input is not None and facts.output is not None
    is_pooling = facts.kind in POOLINGS
    example_kernels = [] if is_pooling or not fits_window(geometry_of(facts).kernel) else list(KERNELS)
    photo_kind = "photo"
    options = [photo_kind, OWN] if is_pooling else [*example_kernels, OWN]
    titles = {
        **{key: localize(KERNELS[key].title) for key in example_kernels},
        photo_kind: _("The photograph in grey"),
        OWN: _("What the layer gets") if is_pooling else _("The layer's own weights"),
    }
    unit, seed, filter_, channel = chosen_unit(net, facts), 0, 0, 0
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source_key = st.selectbox(
            _("Numbers") if is_pooling else _("Kernel"),
            options,
            format_func=titles.__getitem__,
            key=workspace.key("net", "see/kernel", facts.id, str(len(options))),
            width=280,
        )
        if source_key == OWN:
            if not is_pooling:
                filter_ = _choose_index(_("Filter"), facts.output[0], "filter", facts)
            channel = _choose_index(_("Channel that comes in"), facts.input[0], "channel", facts)
            seed = choose_weights()
    if source_key == OWN:
        with st.spinner(_("Sending the photograph through the net…")):
            close_up, channel, is_single_channel = net_views.window_on_channel(net, facts.id, photo, unit, seed, filter_, channel)
        title = _("What {layer} gets: channel {n} of {all}").format(layer=facts.name, n=number(channel + 1), all=number(facts.input[0]))
        note = (
            _("This is all that this value of {layer} is made of.").format(layer=facts.name)
            if is_single_channel
            else _("One channel of {n}: the filter adds the products of the others in the same way, and its bias.").format(
                n=number(_filter_channels(facts))
            )
        )
    else:
        close_up = net_views.window_on_photo(net, facts.id, photo, unit, "" if is_pooling else source_key)
        height, width = facts.input[1:]
        title = _("The photograph in grey, {h} × {w} px, 0 black to 255 white").format(h=number(height), w=number(width))
        note = _("An example with the window, stride, padding and dilation of {layer}: really it gets {n} channels.").format(
            layer=facts.name, n=number(facts.input[0])
        )
        if not is_pooling:
            note = f"{localize(KERNELS[source_key].help)} {note}"
    whole, numbers = st.columns([1, 4], gap="medium")
    with whole:
        _draw_planes(net, facts, close_up, unit, title)
    with numbers:
        _draw_numbers(facts, close_up, unit, note, titles[source_key])


def _choose_index(label: str, count: int, name: str, facts: LayerFacts) -> int:
    position = st.number_input(
        label, 1, count, key=workspace.key("net", f"see/{name}", facts.id, str(count)), disabled=count == 1, width=150
    )
    return int(position) - 1


def _filter_channels(facts: LayerFacts) -> int:
    """Return the number of input channels of one filter."""
    assert facts.input is not None
    return facts.input[0] // LAYERS[facts.kind].arguments(facts.layer.params, facts.input).get("groups", 1)


def _draw_planes(net: Net, facts: LayerFacts, close_up: CloseUp, unit: tuple[int, int], input_title: str) -> None:
    """Draw the input plane and the output plane, each with a frame around the part that is shown in numbers."""
    patch = _box(close_up.origin, (len(close_up.cells), len(close_up.cells[0])), tuple(close_up.plane.shape))
    block = _box(close_up.first, (len(close_up.outputs), len(close_up.outputs[0])), tuple(close_up.result.shape))
    planes = (
        ("in", input_title, close_up.plane, patch, _("Click, or use the arrow keys, to look elsewhere.")),
        ("out", _("What comes out"), close_up.result, block, ""),
    )
    grid = st.grid("auto", min_column_width=165, gap="small")
    for key, title, plane, box, hint in planes:
        with grid.cell():
            st.caption(f"**{title}**")
            point_picker(
                net_views.array_png(plane),
                [{"box": box, "colour": ACCENT, "caption": ""}],
                key=f"see/closely/{key}",
                words={"image": title, "hint": hint},
                on_event=select_unit(net, facts),
                is_pixelated=True,
            )


def _box(first: tuple[int, int], sides: tuple[int, int], whole: Sequence[int]) -> list[float]:
    (y, x), (height, width) = first, sides
    ends = [x / whole[1], y / whole[0], (x + width) / whole[1], (y + height) / whole[0]]
    return [min(max(end, 0.0), 1.0) for end in ends]


def _draw_numbers(facts: LayerFacts, close_up: CloseUp, unit: tuple[int, int], note: str, kernel: str) -> None:
    geometry, (rows, columns) = close_up.geometry, (len(close_up.outputs), len(close_up.outputs[0]))
    data = {
        "op": close_up.op,
        "cells": close_up.cells,
        "kinds": close_up.kinds,
        "origin": [index + 1 for index in close_up.origin],
        "kernel": close_up.kernel,
        "divisor": close_up.divisor,
        "bias": close_up.bias,
        "outputs": close_up.outputs,
        "first": [index + 1 for index in close_up.first],
        "start": [index - first for index, first in zip(unit, close_up.first, strict=True)],
        "stride": geometry.stride,
        "dilation": geometry.dilation,
        "sides": geometry.kernel,
        "range_in": [float(close_up.plane.min()), float(close_up.plane.max())],
        "range_out": [float(close_up.result.min()), float(close_up.result.max())],
    }
    geometry_text = _("stride {stride}, padding {padding}, dilation {dilation}").format(
        stride=_pair(geometry.stride), padding=_pair(geometry.before), dilation=_pair(geometry.dilation)
    )
    operations = {"sum": "", "max": _("keeps the largest"), "mean": _("takes the mean")}
    window = {"sum": kernel, "max": _("Window"), "mean": _("Window")}[close_up.op]
    words = {
        "input": _("What comes in, around the chosen place"),
        "output": _("What comes out: {rows} × {columns} of {all_rows} × {all_columns}").format(
            rows=rows, columns=columns, all_rows=number(close_up.result.shape[0]), all_columns=number(close_up.result.shape[1])
        ),
        "kernel": window + (_(", divided by {n}").format(n=close_up.divisor) if close_up.divisor > 1 else ""),
        "op": operations[close_up.op],
        "hint": f"{facts.name}: {geometry_text}. {note}",
        "play": _("Play"),
        "pause": _("Pause"),
        "step": _("Next"),
        "back": _("Back"),
        "speed": _("Speed"),
        "sum": _("The sum, spelled out"),
        "pixel": _("Row {row}, column {column}: {value}"),
        "padding": _("Padding: a zero that is no pixel") if close_up.op != "max" else _("Padding: never the largest"),
        "beyond": _("Beyond the padding: left out"),
        "unit": _("Row {row}, column {column} of what comes out: {value}"),
        "zeros": _("{n} products with a zero"),
        "used": _("{n} of the outputs shown use it, each with a weight of its own."),
        "used_once": _("One of the outputs shown uses it."),
        "unused": _("None of the outputs shown uses it."),
        "bias": _("(bias)"),
    }
    if close_up.op != "sum":
        words["used"] = _("{n} of the outputs shown look at it.")
    window_stepper(data, key="see/closely/numbers", words=words, language=language())


def _pair(sides: tuple[int, int]) -> str:
    return number(sides[0]) if sides[0] == sides[1] else f"{number(sides[0])} × {number(sides[1])}"
