"""The Build page's close-up: one convolution or pooling at real pixels, its products and their sum spelled out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from vpc2.nets.inspection.kernels import KERNELS, POOLINGS, fits_window, geometry_of
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.spec import Net
from vpc2.nets.summary.layer_summary import LayerFacts, Summary
from vpc2.ui.build.unit_selection import ACCENT, chosen_unit, move_place, other_weights
from vpc2.ui.components.point_picker import point_picker
from vpc2.ui.components.window_stepper import window_stepper
from vpc2.ui.computed import net_views
from vpc2.ui.session import workspace
from vpc2.ui.session.i18n import _, language, number, say

if TYPE_CHECKING:
    from vpc2.nets.inspection.window import CloseUp

OWN = "own"


def draw_stepper(net: Net, summary: Summary, facts: LayerFacts, photo: dict[str, Any]) -> None:
    """Draw one window of a layer over the photograph, or over what the layer really gets."""
    assert facts.input is not None and facts.output is not None
    is_pooling = facts.kind in POOLINGS
    known = [] if is_pooling or not fits_window(geometry_of(facts).kernel) else list(KERNELS)
    photo_kind = "photo"
    options = [photo_kind, OWN] if is_pooling else [*known, OWN]
    titles = {
        **{key: say(KERNELS[key].title) for key in known},
        photo_kind: _("The photograph in grey"),
        OWN: _("What the layer gets") if is_pooling else _("The layer's own weights"),
    }
    unit, seed, filter_, channel = chosen_unit(net, facts), 0, 0, 0
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            _("Numbers") if is_pooling else _("Kernel"),
            options,
            format_func=titles.__getitem__,
            key=workspace.key("net", "see/kernel", facts.id, str(len(options))),
            width=280,
        )
        if chosen == OWN:
            if not is_pooling:
                filter_ = _choose(_("Filter"), facts.output[0], "filter", facts)
            channel = _choose(_("Channel that comes in"), facts.input[0], "channel", facts)
            seed = other_weights()
    if chosen == OWN:
        with st.spinner(_("Sending the photograph through the net…")):
            shown, channel, is_all = net_views.window_inside(net, facts.id, photo, unit, seed, filter_, channel)
        source = _("What {layer} gets: channel {n} of {all}").format(layer=facts.name, n=number(channel + 1), all=number(facts.input[0]))
        note = (
            _("This is all that this value of {layer} is made of.").format(layer=facts.name)
            if is_all
            else _("One channel of {n}: the filter adds the products of the others in the same way, and its bias.").format(
                n=number(_seen_channels(facts))
            )
        )
    else:
        shown = net_views.window_on_photo(net, facts.id, photo, unit, "" if is_pooling else chosen)
        height, width = facts.input[1:]
        source = _("The photograph in grey, {h} × {w} px, 0 black to 255 white").format(h=number(height), w=number(width))
        note = _("An example with the window, stride, padding and dilation of {layer}: really it gets {n} channels.").format(
            layer=facts.name, n=number(facts.input[0])
        )
        if not is_pooling:
            note = f"{say(KERNELS[chosen].help)} {note}"
    whole, numbers = st.columns([1, 4], gap="medium")
    with whole:
        _draw_pictures(net, facts, shown, unit, source)
    with numbers:
        _draw_numbers(facts, shown, unit, note, titles[chosen])


def _choose(label: str, count: int, name: str, facts: LayerFacts) -> int:
    chosen = st.number_input(label, 1, count, key=workspace.key("net", f"see/{name}", facts.id, str(count)), disabled=count == 1, width=150)
    return int(chosen) - 1


def _seen_channels(facts: LayerFacts) -> int:
    """Return how many channels one filter looks at."""
    assert facts.input is not None
    return facts.input[0] // LAYERS[facts.kind].arguments(facts.layer.params, facts.input).get("groups", 1)


def _draw_pictures(net: Net, facts: LayerFacts, shown: CloseUp, unit: tuple[int, int], source: str) -> None:
    """Draw all that comes in and all that goes out, with the part that is shown in numbers framed."""
    patch = _box(shown.origin, (len(shown.cells), len(shown.cells[0])), tuple(shown.plane.shape))
    block = _box(shown.first, (len(shown.outputs), len(shown.outputs[0])), tuple(shown.result.shape))
    pictures = (
        ("in", source, shown.plane, patch, _("Click, or use the arrow keys, to look elsewhere.")),
        ("out", _("What comes out"), shown.result, block, ""),
    )
    grid = st.grid("auto", min_column_width=165, gap="small")
    for key, title, plane, box, hint in pictures:
        with grid.cell():
            st.caption(f"**{title}**")
            point_picker(
                net_views.plane_png(plane),
                [{"box": box, "colour": ACCENT, "said": ""}],
                key=f"see/closely/{key}",
                words={"image": title, "hint": hint},
                on_event=move_place(net, facts),
                is_pixelated=True,
            )


def _box(first: tuple[int, int], sides: tuple[int, int], whole: Sequence[int]) -> list[float]:
    (y, x), (height, width) = first, sides
    ends = [x / whole[1], y / whole[0], (x + width) / whole[1], (y + height) / whole[0]]
    return [min(max(end, 0.0), 1.0) for end in ends]


def _draw_numbers(facts: LayerFacts, shown: CloseUp, unit: tuple[int, int], note: str, kernel: str) -> None:
    geometry, (rows, columns) = shown.geometry, (len(shown.outputs), len(shown.outputs[0]))
    data = {
        "op": shown.op,
        "cells": shown.cells,
        "kinds": shown.kinds,
        "origin": [at + 1 for at in shown.origin],
        "kernel": shown.kernel,
        "divisor": shown.divisor,
        "bias": shown.bias,
        "outputs": shown.outputs,
        "first": [at + 1 for at in shown.first],
        "start": [at - first for at, first in zip(unit, shown.first, strict=True)],
        "stride": geometry.stride,
        "dilation": geometry.dilation,
        "sides": geometry.kernel,
        "range_in": [float(shown.plane.min()), float(shown.plane.max())],
        "range_out": [float(shown.result.min()), float(shown.result.max())],
    }
    walk = _("stride {stride}, padding {padding}, dilation {dilation}").format(
        stride=_pair(geometry.stride), padding=_pair(geometry.before), dilation=_pair(geometry.dilation)
    )
    operations = {"sum": "", "max": _("keeps the largest"), "mean": _("takes the mean")}
    window = {"sum": kernel, "max": _("Window"), "mean": _("Window")}[shown.op]
    words = {
        "input": _("What comes in, around the chosen place"),
        "output": _("What comes out: {rows} × {columns} of {all_rows} × {all_columns}").format(
            rows=rows, columns=columns, all_rows=number(shown.result.shape[0]), all_columns=number(shown.result.shape[1])
        ),
        "kernel": window + (_(", divided by {n}").format(n=shown.divisor) if shown.divisor > 1 else ""),
        "op": operations[shown.op],
        "hint": f"{facts.name}: {walk}. {note}",
        "play": _("Play"),
        "pause": _("Pause"),
        "step": _("Next"),
        "back": _("Back"),
        "speed": _("Speed"),
        "sum": _("The sum, spelled out"),
        "pixel": _("Row {row}, column {column}: {value}"),
        "padding": _("Padding: a zero that is no pixel") if shown.op != "max" else _("Padding: never the largest"),
        "beyond": _("Beyond the padding: left out"),
        "unit": _("Row {row}, column {column} of what comes out: {value}"),
        "zeros": _("{n} products with a zero"),
        "used": _("{n} of the outputs shown use it, each with a weight of its own."),
        "used_once": _("One of the outputs shown uses it."),
        "unused": _("None of the outputs shown uses it."),
        "bias": _("(bias)"),
    }
    if shown.op != "sum":
        words["used"] = _("{n} of the outputs shown look at it.")
    window_stepper(data, key="see/closely/numbers", words=words, language=language())


def _pair(sides: tuple[int, int]) -> str:
    return number(sides[0]) if sides[0] == sides[1] else f"{number(sides[0])} × {number(sides[1])}"
