"""Ways out of a misfit: each one that is offered leaves a layer that fits. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.shape_rules import SAME, Mend, Misfit, Shape, removing, setting, sides_of
from vpc2.nets.spec import Layer, Net, edit_add, edit_layer, edit_param, edit_remove
from vpc2.nets.summary.layer_summary import Repair
from vpc2.text import Refusal, Text, begin_small

MOST_STEPS = 3  # parameters that one repair sets
_AND = Text("{one}, and {then}")


def repairs_of(net: Net, layer: Layer, shape: Shape, misfit: Misfit, fits: Callable[[Net], bool]) -> tuple[Repair, ...]:
    """Return the repairs of a layer that cannot take `shape`: those of the misfit after which the layer `fits`.

    Where one change brings the next misfit of the same layer, a repair makes both. Where none is left, the layer can be taken away.
    """
    offered: dict[str, Repair] = {}
    for steps in (*(_completed(layer, shape, mend) for mend in misfit.mends), (removing(),)):
        if not steps or (steps[0].action == "remove" and offered and steps[0] not in misfit.mends):
            continue
        repair = _repair(layer.id, steps)
        changes = repr(sorted((step.action, step.key, repr(step.value)) for step in steps))
        try:
            if changes not in offered and fits(repair.apply(net)):
                offered[changes] = repair
        except Refusal:  # a limit of the net
            continue
    return tuple(offered.values())


def _completed(layer: Layer, shape: Shape, mend: Mend) -> tuple[Mend, ...]:
    """Return the repair and what else must be changed so that the layer fits; nothing where too much must be."""
    entry = LAYERS[layer.kind]
    if mend.action == "insert":
        added = LAYERS[mend.key]
        shape = added.output(added.defaults(), shape)
    elif mend.action != "set" or entry.block is not None:
        return (mend,)
    for most in range(MOST_STEPS):
        params = {**layer.params, mend.key: mend.value} if mend.action == "set" else layer.params
        for more in _followed(entry.output, params, shape, {mend.key}, most):
            return _worded(entry.output, {**params, **{one.key: one.value for one in more}}, shape, (mend, *more))
    return ()


def _followed(
    output: Callable[[dict[str, Any], Shape], Shape], params: dict[str, Any], shape: Shape, changed: set[str], most: int
) -> Iterator[tuple[Mend, ...]]:
    """Go through the changes, `most` of them at most, each of a parameter of its own, after which a layer takes this shape."""
    try:
        output(params, shape)
    except Misfit as misfit:
        for mend in misfit.mends if most else ():
            if mend.action == "set" and mend.key not in changed:
                for more in _followed(output, {**params, mend.key: mend.value}, shape, changed | {mend.key}, most - 1):
                    yield mend, *more
    else:
        yield ()


def _worded(
    output: Callable[[dict[str, Any], Shape], Shape], params: dict[str, Any], shape: Shape, steps: tuple[Mend, ...]
) -> tuple[Mend, ...]:
    """Return the steps with titles that are true of all of them together."""
    first, *more = steps
    plain = setting(first.key, first.value) if first.key == "padding" else first
    if first != plain and (more or output(params, shape)[1:] != shape[1:]):  # "keeps 7" where a side changes
        first = plain
    return (first, *(setting(one.key, one.value) for one in more))


def _repair(layer_id: str, steps: tuple[Mend, ...]) -> Repair:
    title = steps[0].title
    for step in steps[1:]:
        title = _AND.fill(one=title, then=begin_small(step.title))

    def apply(net: Net) -> Net:
        for step in steps:
            net = _changed(net, layer_id, step)
        return net

    return Repair(title, apply)


def _changed(net: Net, layer_id: str, mend: Mend) -> Net:
    if mend.action == "set":
        return edit_param(net, layer_id, mend.key, mend.value)
    if mend.action == "insert":
        return edit_add(net, mend.key, at=net.place_of(layer_id)) if net.has(layer_id) else net
    if mend.action == "keep":
        return edit_layer(net, layer_id, _keeping)
    return edit_remove(net, layer_id)


def _keeping(layer: Layer) -> Layer:
    """Return a block in which every layer of stride 1 keeps the sides of its picture, where its padding can."""

    def kept(one: Layer) -> Layer:
        params, entry = one.params, LAYERS[one.kind]
        if params.get("stride") == 1 and "padding" in params:
            if SAME in getattr(entry.knob("padding"), "words", ()):
                params = {**params, "padding": SAME}
            elif all(side % 2 for side in sides_of(params["kernel_size"])):
                halves = [side // 2 for side in sides_of(params["kernel_size"])]
                params = {**params, "padding": halves[0] if halves[0] == halves[1] else halves}
        return replace(one, params=params, branches=tuple(tuple(map(kept, branch)) for branch in one.branches))

    return replace(layer, branches=tuple(tuple(map(kept, branch)) for branch in layer.branches))
