"""Build page, canvas: the data that the `net_canvas` component draws, and the edits that a visitor makes on it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import streamlit as st

from vpc2 import codec
from vpc2.nets import spec as nets
from vpc2.nets.drawing.svg import arrow_path, faces, sign_path, stripes_path, wire_path
from vpc2.nets.drawing.volumes import COLOURS, JOINT, NetLayout, Solid, block_content_text, lay_out_net
from vpc2.nets.layers.branch_rules import shape_text
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.kind import FAMILIES
from vpc2.nets.positions import input_channels, neighbour_place
from vpc2.nets.spec import Net, Place
from vpc2.nets.summary.layer_summary import LayerFacts, Summary
from vpc2.nets.summary.summarise import summarise
from vpc2.number_format import write_number
from vpc2.text import Plural, Refusal, Text
from vpc2.ui.build.layer_table import chosen_layer
from vpc2.ui.components.net_canvas import Event, net_canvas, read_event
from vpc2.ui.session import notices, workspace
from vpc2.ui.session.i18n import _, language, localize, number

_KEY = "net/canvas"
MAX_PROVISIONAL = 100
# A net has hundreds of solids with several texts each, so these are `Text`s: the language is looked up once for all of them.
_PLACE = Text("{at:,} of {of:,}")
_OUTPUT = Text("gives {shape}")
_PARAMS = Plural("{count:,} parameter", "{count:,} parameters", count="count")
_EMPTY = Text("{block}: branch {number} is empty")
_UNREACHED = Text("the net does not get here")
_PROBLEM = Text("{name} does not fit: {why}")


def opened_blocks(net: Net) -> list[str]:
    """Return the ids of the blocks that the visitor has opened."""
    return [layer_id for layer_id in st.session_state.get("net/opened", []) if net.has(layer_id)]


def clear_selection() -> None:
    """Clear the selection and the opened blocks; call it when another net replaces the current one."""
    for name in ("net/selected", "net/slot", "net/opened"):
        st.session_state.pop(name, None)


def show_canvas(net: Net, summary: Summary) -> None:
    """Draw the palette of layers and the net; edits reach `_apply_payload`, which saves them before the page reruns."""
    lang, picture = language(), lay_out_net(summary, net.input, opened_blocks(net))
    data = {
        **_canvas_data(picture, summary, lang),
        "selected": _highlighted(net, picture),
        "announcement": st.session_state.get("net/announcement", ""),
        "can_paste": "net/clipboard" in st.session_state,
        "palette": _palette(lang),
        "help": _key_help(),
        "words": _canvas_words(),
    }
    net_canvas(data, key=_KEY, on_event=_apply_payload)


# --- data for the component


def _highlighted(net: Net, picture: NetLayout) -> str | None:
    """Return the id of the solid to highlight: the selected layer, its selected empty branch, or the closed block that contains it."""
    solid_ids = {solid.id for solid in picture.solids}
    selected, slot = chosen_layer(net), st.session_state.get("net/slot")
    if slot is not None and f"{selected}/{slot}" in solid_ids:
        return f"{selected}/{slot}"
    while selected and selected not in solid_ids:
        selected = net.place_of(selected).inside
    return selected


def _canvas_data(picture: NetLayout, summary: Summary, lang: str) -> dict[str, Any]:
    by_id = {facts.id: facts for facts in summary.walk()}
    levels = {"": 0}  # nesting depth by layer id; the input has no id and no level
    solid_data = []
    for solid in picture.solids:
        if solid.id:
            levels[solid.id] = levels[solid.parent] + 1
        words = _solid_words(solid, by_id.get(solid.id), by_id.get(solid.parent), lang)
        solid_data.append({**_solid_shape(solid), **words, "level": levels[solid.id]})
    return {
        "solids": solid_data,
        "wires": [[wire_path(wire), arrow_path(wire)] for wire in picture.wires],
        "joints": [[round(joint.x, 1), round(joint.y, 1), JOINT, sign_path(joint)] for joint in picture.joints],
        "gaps": [
            {"x": round(gap.x, 1), "y": round(gap.y, 1), "height": round(gap.height, 1), "place": asdict(gap.place)}
            for gap in picture.insert_slots
        ],
        "width": round(picture.width, 1),
        "height": round(picture.height, 1),
    }


def _solid_shape(solid: Solid) -> dict[str, Any]:
    return {
        "id": solid.id,
        "role": solid.role,
        "x": round(solid.x, 1),
        "y": round(solid.y, 1),
        "width": round(solid.width, 1),
        "height": round(solid.height, 1),
        "top": round(-solid.back_dy, 1),
        "right": round(solid.width + solid.back_dx, 1),
        "colour": solid.colour,
        "faces": [] if solid.role == "frame" else [list(face) for face in faces(solid)],
        "stripes": stripes_path(solid) if solid.role == "block" else "",
        "parent": solid.parent,
        "branch": solid.branch,
        "at": solid.index,
        "of": solid.sibling_count,
        "problem": solid.is_problem,
        "ghost": solid.is_ghost,
        "slab": solid.is_slab,
        "fixed": solid.is_fixed,
        "open": {"block": False, "frame": True}.get(solid.role) if not solid.is_fixed else None,
    }


def _solid_words(solid: Solid, facts: LayerFacts | None, parent: LayerFacts | None, lang: str) -> dict[str, Any]:
    name = solid.name.say(lang)
    words: dict[str, Any] = {
        "name": name,
        "lines": [line.say(lang) for line in solid.lines],
        "title": name,
        "label": "",
        "more": False,
        "fewer": False,
    }
    if solid.role == "slot":
        assert parent is not None  # the block whose branch is empty
        words["title"] = words["label"] = _EMPTY.say(lang).format(block=parent.name, number=solid.branch + 1)
    elif facts is not None and not solid.is_fixed:
        entry = LAYERS[facts.kind]
        words["title"], words["label"] = f"{facts.name} · {entry.title.say(lang)}", _sentence(facts, solid, lang)
        if entry.block is not None:
            count = len(facts.layer.branches)
            words["more"], words["fewer"] = count < entry.block.max_branches, entry.block.min_branches < count
    return words


def _sentence(facts: LayerFacts, solid: Solid, lang: str) -> str:
    """Return the full description of a layer for screen readers: name, kind, position, output shape, parameters, problem."""

    def count(value: int) -> str:
        return write_number(value, lang)

    entry = LAYERS[facts.kind]
    parts = [facts.name, entry.title.say(lang), _PLACE.fill(at=solid.index + 1, of=solid.sibling_count).say(lang)]
    if entry.block is not None:
        parts.append(block_content_text(facts).say(lang))
    if facts.output is not None:
        shape = count(facts.output[0]) if len(facts.output) == 1 else shape_text(facts.output)
        parts += [_OUTPUT.say(lang).format(shape=shape), _PARAMS.fill(count=facts.params).say(lang)]
    why = next(((layer.name, layer.problem.text) for layer in facts.walk() if layer.problem is not None), None)
    if why is not None:
        parts.append(_PROBLEM.fill(name=why[0], why=why[1]).say(lang))
    elif facts.output is None:
        parts.append(_UNREACHED.say(lang))
    return ", ".join(parts)


@functools.cache
def _palette(lang: str) -> list[dict[str, Any]]:
    return [
        {
            "title": FAMILIES[family].say(lang),
            "colour": COLOURS[family],
            "kinds": [{"kind": entry.key, "title": entry.title.say(lang), "help": entry.help.say(lang)} for entry in entries],
        }
        for family, entries in LAYERS.families().items()
    ]


def _canvas_words() -> dict[str, str]:
    return {
        "filter": _("Search a layer"),
        "families": _("Families of layers"),
        "palette": _("Layers to add: drag one into the net, or press it to put it behind the chosen one"),
        "none": _("No layer has this name."),
        "add": _("Add"),
        "bar": _("What to do with the chosen layer"),
        "nothing": _("No layer is chosen"),
        "tree": _("The net, layer by layer"),
        "open": _("Open"),
        "close": _("Close"),
        "duplicate": _("Duplicate"),
        "copy": _("Copy"),
        "paste": _("Paste"),
        "left": _("Move left"),
        "right": _("Move right"),
        "more": _("Add a branch"),
        "fewer": _("Remove the last branch"),
        "remove": _("Delete"),
        "smaller": _("Smaller"),
        "larger": _("Larger"),
        "actual": _("Size as drawn"),
        "fit": _("Fit"),
        "keys": _("Keys"),
    }


def _key_help() -> list[list[str]]:
    return [
        ["← →", _("go to the layer before or behind")],
        ["↓ ↑", _("go into an opened block, to its next branch, and out again")],
        ["Home End", _("go to the first or the last layer")],
        ["Enter", _("open or close a block")],
        ["Alt ← →", _("move the layer")],
        ["Alt ↓ ↑", _("move the layer into the block behind it, to the next branch, or out")],
        ["Ctrl D", _("duplicate")],
        ["Ctrl C  Ctrl X  Ctrl V", _("copy, cut, paste behind the chosen layer")],
        ["Delete", _("delete")],
        ["Ctrl Z  Ctrl ⇧ Z", _("undo, redo")],
        ["+ − 0", _("larger, smaller, the whole net")],
        ["?", _("show or hide these keys")],
        [
            "",
            _("By hand: drag a layer from the row above or within the net; a finger moves the layer that is chosen. Ctrl and wheel zoom."),
        ],
    ]


# --- edits


def _apply_payload(payload: Mapping[str, Any]) -> None:
    """Apply one action of the component and save the net; an action that does not fit the current net is ignored."""
    net, provisional = workspace.load("net"), st.session_state.setdefault("net/provisional", {})
    layer_id, provisional_id = payload.get("id"), payload.get("provisional_id")
    event = read_event({**payload, "id": provisional.get(layer_id, layer_id) if isinstance(layer_id, str) else layer_id}, net)
    st.session_state["net/announcement"] = ""
    if event is None:
        return
    try:
        _ACTIONS[event.kind](net, event)
        if isinstance(provisional_id, str) and event.kind in ("add", "duplicate", "paste"):
            # Keys pressed before this answer refer to the new layer by the provisional id that the browser gave it.
            entries = [*provisional.items(), (provisional_id[:60], st.session_state["net/selected"])]
            st.session_state["net/provisional"] = dict(entries[-MAX_PROVISIONAL:])
    except Refusal as refusal:
        st.session_state["net/announcement"] = localize(refusal.text)
        notices.add_note(refusal.text, "error")


def _select(layer_id: str | None, slot: int | None = None) -> None:
    st.session_state["net/selected"], st.session_state["net/slot"] = layer_id, slot


def _open_block(layer_id: str) -> None:
    opened = st.session_state.get("net/opened", [])
    st.session_state["net/opened"] = [*opened, layer_id] if layer_id and layer_id not in opened else opened


def _save_and_select(net: Net, layer_id: str, message: str) -> None:
    """Save a net, select one of its layers, open the block around it, and set the message for screen readers: `message`, name, position."""
    workspace.save(net)
    _select(layer_id)
    place = net.place_of(layer_id)
    _open_block(place.inside)
    name, count = summarise(net).facts(layer_id).name, len(net.siblings(place))
    st.session_state["net/announcement"] = f"{message}: {name}, {localize(_PLACE.fill(at=place.at + 1, of=count))}"


def _place_behind_selected(net: Net) -> Place:
    """Return the position for a new layer: in the selected empty branch, or right behind the selected layer."""
    selected, slot = chosen_layer(net), st.session_state.get("net/slot")
    if selected is None:
        return Place(0)
    branches = net.layer(selected).branches
    if slot is not None and slot < len(branches) and not branches[slot]:
        return Place(0, selected, slot)
    place = net.place_of(selected)
    return replace(place, at=place.at + 1)


def _do_select(net: Net, event: Event) -> None:
    _select(event.id, event.branch)


def _do_add(net: Net, event: Event) -> None:
    place = event.place or _place_behind_selected(net)
    changed = nets.edit_add(net, event.layer_kind, at=place, channels=input_channels(net, summarise(net), place))
    _save_and_select(changed, changed.siblings(place)[place.at].id, _("Added"))


def _do_move(net: Net, event: Event) -> None:
    assert event.place is not None  # `read_event` lets no move pass without
    _save_and_select(nets.edit_move(net, event.id, event.place), event.id, _("Moved"))


def _do_shift(net: Net, event: Event) -> None:
    place = neighbour_place(net, event.id, event.direction)
    if place is not None:
        _do_move(net, replace(event, place=place))


def _do_duplicate(net: Net, event: Event) -> None:
    changed = nets.edit_duplicate(net, event.id)
    place = net.place_of(event.id)
    _save_and_select(changed, changed.siblings(place)[place.at + 1].id, _("Duplicated"))


def _do_copy(net: Net, event: Event) -> None:
    # A plain document, not a Layer object: it survives a hot reload of the code, and can be pasted into any net.
    st.session_state["net/clipboard"] = codec.to_document(Net(layers=(net.layer(event.id),)))
    st.session_state["net/announcement"] = f"{_('Copied')}: {summarise(net).facts(event.id).name}"


def _do_cut(net: Net, event: Event) -> None:
    _do_copy(net, event)
    _do_remove(net, event)


def _do_paste(net: Net, event: Event) -> None:
    document = st.session_state.get("net/clipboard")
    if document is not None:
        place = event.place or _place_behind_selected(net)
        changed = nets.edit_paste(net, codec.from_document(document, "net").spec.layers[0], place)
        _save_and_select(changed, changed.siblings(place)[place.at].id, _("Pasted"))


def _do_remove(net: Net, event: Event) -> None:
    place, name = net.place_of(event.id), summarise(net).facts(event.id).name
    changed = nets.edit_remove(net, event.id)
    workspace.save(changed)
    remaining = changed.siblings(place)
    if remaining:
        _select(remaining[min(place.at, len(remaining) - 1)].id)
    else:
        _select(place.inside or None, place.branch if place.inside else None)
    st.session_state["net/announcement"] = f"{_('Deleted')}: {name}"


def _do_toggle(net: Net, event: Event) -> None:
    if LAYERS[net.layer(event.id).kind].block is None:
        return
    opened = opened_blocks(net)
    is_open = event.id in opened
    st.session_state["net/opened"] = [id_ for id_ in opened if id_ != event.id] if is_open else [*opened, event.id]
    _select(event.id)
    st.session_state["net/announcement"] = f"{_('Closed') if is_open else _('Opened')}: {summarise(net).facts(event.id).name}"


def _do_branches(net: Net, event: Event) -> None:
    count = len(net.layer(event.id).branches) + event.by
    workspace.save(nets.edit_branches(net, event.id, count))
    _select(event.id)
    _open_block(event.id)
    st.session_state["net/announcement"] = _("Branches: {count}").format(count=number(count))


_ACTIONS: dict[str, Callable[[Net, Event], None]] = {
    "select": _do_select,
    "add": _do_add,
    "move": _do_move,
    "shift": _do_shift,
    "duplicate": _do_duplicate,
    "copy": _do_copy,
    "cut": _do_cut,
    "paste": _do_paste,
    "remove": _do_remove,
    "toggle": _do_toggle,
    "branches": _do_branches,
}
