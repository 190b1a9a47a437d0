"""Repairs of a layer that does not fit; each repair offered leads to a net in which it fits. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.shape_rules import SAME, RepairAction, Shape, ShapeMismatch, remove_action, set_action, sides_of
from vpc2.nets.spec import Layer, Net, edit_add, edit_layer, edit_param, edit_remove
from vpc2.nets.summary.layer_summary import Repair
from vpc2.text import Refusal, Text, begin_small

MAX_ACTIONS = 3  # actions that one repair may combine
_AND = Text("{one}, and {then}")


def repairs_of(net: Net, layer: Layer, shape: Shape, mismatch: ShapeMismatch, fits: Callable[[Net], bool]) -> tuple[Repair, ...]:
    """Return the repairs of a layer that cannot take `shape`: those of the mismatch's actions after which the layer `fits`.

    Where one action leads to the next mismatch of the same layer, a repair combines both. Where none helps, the layer can be removed.
    """
    repairs: dict[str, Repair] = {}
    for actions in (*(_complete_actions(layer, shape, action) for action in mismatch.actions), (remove_action(),)):
        if not actions or (actions[0].action == "remove" and repairs and actions[0] not in mismatch.actions):
            continue
        repair = _repair(layer.id, actions)
        changes = repr(sorted((action.action, action.key, repr(action.value)) for action in actions))
        try:
            if changes not in repairs and fits(repair.apply(net)):
                repairs[changes] = repair
        except Refusal:  # the repair exceeds a limit of nets
            continue
    return tuple(repairs.values())


def _complete_actions(layer: Layer, shape: Shape, action: RepairAction) -> tuple[RepairAction, ...]:
    """Return an action and the further ones that the layer needs to fit; empty where it needs more than `MAX_ACTIONS`."""
    entry = LAYERS[layer.kind]
    if action.action == "insert":
        added = LAYERS[action.key]
        shape = added.output(added.defaults(), shape)
    elif action.action != "set" or entry.block is not None:
        return (action,)
    for limit in range(MAX_ACTIONS):
        params = {**layer.params, action.key: action.value} if action.action == "set" else layer.params
        for more in _further_actions(entry.output, params, shape, {action.key}, limit):
            return _with_true_titles(entry.output, {**params, **{further.key: further.value for further in more}}, shape, (action, *more))
    return ()


def _further_actions(
    output: Callable[[dict[str, Any], Shape], Shape], params: dict[str, Any], shape: Shape, changed: set[str], limit: int
) -> Iterator[tuple[RepairAction, ...]]:
    """Yield the sequences of at most `limit` actions, each on another parameter, after which a layer takes this shape."""
    try:
        output(params, shape)
    except ShapeMismatch as mismatch:
        for action in mismatch.actions if limit else ():
            if action.action == "set" and action.key not in changed:
                for more in _further_actions(output, {**params, action.key: action.value}, shape, changed | {action.key}, limit - 1):
                    yield action, *more
    else:
        yield ()


def _with_true_titles(
    output: Callable[[dict[str, Any], Shape], Shape], params: dict[str, Any], shape: Shape, actions: tuple[RepairAction, ...]
) -> tuple[RepairAction, ...]:
    """Return the actions with titles that are true of all of them together."""
    first, *more = actions
    plain = set_action(first.key, first.value) if first.key == "padding" else first
    if first != plain and (more or output(params, shape)[1:] != shape[1:]):  # "keeps 7" would be wrong where a side changes
        first = plain
    return (first, *(set_action(action.key, action.value) for action in more))


def _repair(layer_id: str, actions: tuple[RepairAction, ...]) -> Repair:
    title = actions[0].title
    for action in actions[1:]:
        title = _AND.fill(one=title, then=begin_small(action.title))

    def apply(net: Net) -> Net:
        for action in actions:
            net = _apply_action(net, layer_id, action)
        return net

    return Repair(title, apply)


def _apply_action(net: Net, layer_id: str, action: RepairAction) -> Net:
    if action.action == "set":
        return edit_param(net, layer_id, action.key, action.value)
    if action.action == "insert":
        return edit_add(net, action.key, at=net.place_of(layer_id)) if net.has(layer_id) else net
    if action.action == "keep":
        return edit_layer(net, layer_id, _keep_sides)
    return edit_remove(net, layer_id)


def _keep_sides(layer: Layer) -> Layer:
    """Return a block in which every layer of stride 1 keeps height and width, where a padding can do that."""

    def with_padding(inner: Layer) -> Layer:
        params, entry = inner.params, LAYERS[inner.kind]
        if params.get("stride") == 1 and "padding" in params:
            if SAME in getattr(entry.knob("padding"), "words", ()):
                params = {**params, "padding": SAME}
            elif all(side % 2 for side in sides_of(params["kernel_size"])):
                halves = [side // 2 for side in sides_of(params["kernel_size"])]
                params = {**params, "padding": halves[0] if halves[0] == halves[1] else halves}
        return replace(inner, params=params, branches=tuple(tuple(map(with_padding, branch)) for branch in inner.branches))

    return replace(layer, branches=tuple(tuple(map(with_padding, branch)) for branch in layer.branches))
