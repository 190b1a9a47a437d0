"""`summarise`: shapes, parameters, multiply-adds, memory and receptive field of every layer of a net, by arithmetic alone.

The receptive field follows Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks"
(Distill, 2019): r grows by (window - 1)*jump, and jump is multiplied by the stride; where branches meet, it is the union of theirs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from vpc2.nets.layers import shape_rules
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.formula_texts import BYTES
from vpc2.nets.layers.shape_rules import Shape, ShapeMismatch
from vpc2.nets.spec import Layer, Net, make_layers
from vpc2.nets.summary.exact_field import (
    BackwardPath,
    BranchedLayer,
    DenseLayer,
    RepeatedLayers,
    WindowLayer,
    extend_path,
    is_uniform_between,
)
from vpc2.nets.summary.layer_summary import MAX_PIXELS, FieldAxes, FieldAxis, LayerFacts, Problem, Summary
from vpc2.nets.summary.repairs import repairs_of
from vpc2.text import Refusal, Text

MAX_VALUES = 10**15  # of one output: the sizes of repeated upsampling would fill the memory with digits
MAX_SUMMARISED = 20_000  # layers computed one by one; identical copies are computed once

_AT = Text("{name}: {why}")
_NO_LAYERS = Text("This net has no layers; add one first.")
_TOO_MANY_VALUES = Text("Its output would hold more than {most:,} numbers.")
_TOO_MANY_COPIES = Text("This net repeats too many copies that all differ: more than {most:,} layers would have to be counted one by one.")


@dataclass(frozen=True, slots=True)
class _FieldState:
    """The receptive fields of a layer's units along both axes, and the path back to the image.

    `sides` are the height and width of the last image, None behind a dense layer, where every unit depends on all of it.
    """

    axes: FieldAxes
    sides: tuple[int, int] | None
    path: BackwardPath | None = None


def summarise(net: Net) -> Summary:
    """Return the numbers of every layer and of the net; behind a layer that does not fit they are missing."""
    summariser = _Summariser(net)
    layers, output, _state = summariser.summarise_sequence(net.layers, net.input, _FieldState((FieldAxis(), FieldAxis()), net.input[1:]))
    problem = summariser.problem if net.layers else Problem(_NO_LAYERS)
    params, macs, output_values, count = (
        sum(getattr(facts, key) for facts in layers) for key in ("params", "macs", "output_values", "count")
    )
    return Summary(layers, params, macs, output_values * BYTES, output, problem, count)


def _unfit(net: Net) -> set[str]:
    """Return the ids of the layers that cannot take their input shape, in any copy that is reached."""
    summariser = _Summariser()
    summariser.summarise_sequence(net.layers, net.input, _FieldState((FieldAxis(), FieldAxis()), net.input[1:]))
    return summariser.unfit


class _Summariser:
    """One walk through a net: names the layers, records the first problem, and stops at `MAX_SUMMARISED` layers.

    With `net`, problems get repairs, each of which is tried on that net.
    """

    def __init__(self, net: Net | None = None):
        self.problem: Problem | None = None
        self.unfit: set[str] = set()  # ids of layers that have an input shape and no output shape
        self._net = net
        self._names: Counter[str] = Counter()
        self._budget = MAX_SUMMARISED

    def summarise_sequence(
        self, layers: Iterable[Layer], shape: Shape | None, state: _FieldState, prefix: str = ""
    ) -> tuple[tuple[LayerFacts, ...], Shape | None, _FieldState]:
        """Return the facts of layers in sequence, their output shape (None where one does not fit) and its receptive fields."""
        layer_facts = []
        for layer in layers:
            entry = LAYERS[layer.kind]
            self._names[prefix + entry.stem] += 1
            name = f"{prefix}{entry.stem}{self._names[prefix + entry.stem]}"
            if shape is None:
                unreached = tuple(self.summarise_sequence(branch, None, state, prefix)[0] for branch in layer.branches)
                layer_facts.append(LayerFacts(layer, name, None, None, branches=unreached))
                continue
            try:
                self._budget -= 1
                if self._budget < 0:
                    raise ShapeMismatch(_TOO_MANY_COPIES.fill(most=MAX_SUMMARISED))
                if entry.block is not None:
                    facts, state = self._summarise_block(layer, name, shape, state)
                else:
                    facts, state = self._summarise_plain(layer, name, shape, state)
            except ShapeMismatch as mismatch:
                facts = LayerFacts(layer, name, shape, None, problem=self._record_problem(layer, name, mismatch, shape))
            layer_facts.append(facts)
            shape = facts.output
            if shape is None:
                self.unfit.add(layer.id)
        return tuple(layer_facts), shape, state

    def _record_problem(self, layer: Layer, name: str, mismatch: ShapeMismatch, shape: Shape) -> Problem:
        net = self._net
        repairs = () if net is None else repairs_of(net, layer, shape, mismatch, lambda mended: layer.id not in _unfit(mended))
        problem = Problem(mismatch.text, repairs, layer.id)
        if self.problem is None:
            self.problem = Problem(_AT.fill(name=name, why=mismatch.text), problem.repairs, layer.id)
        return problem

    def _summarise_plain(self, layer: Layer, name: str, shape: Shape, state: _FieldState) -> tuple[LayerFacts, _FieldState]:
        entry, params = LAYERS[layer.kind], layer.params
        out = entry.output(params, shape)
        output_values = shape_rules.value_count(out)
        if output_values > MAX_VALUES:
            raise ShapeMismatch(_TOO_MANY_VALUES.fill(most=MAX_VALUES), (shape_rules.remove_action(),))
        layer_params, before = entry.params(params, shape), state.axes
        if entry.window is not None:
            high, wide = entry.window(params, shape)
            path = extend_path(state.path, WindowLayer((high, wide), (shape[1], shape[2])))
            state = _FieldState((before[0].after_window(high), before[1].after_window(wide)), _sides_of(out) or (1, 1), path)
        elif entry.family == "dense":
            state = _after_dense(state)
        return LayerFacts(
            layer,
            name,
            shape,
            out,
            layer_params,
            entry.macs(params, shape, out, layer_params),
            output_values,
            state.axes,
            before,
            backward_path=state.path,
        ), state

    def _summarise_block(self, layer: Layer, name: str, shape: Shape, state: _FieldState) -> tuple[LayerFacts, _FieldState]:
        block, params = LAYERS[layer.kind].block, layer.params
        assert block is not None
        times = block.times(params)
        if times > 1 or block.is_chain:
            return self._summarise_chain(layer, name, shape, state, times)
        branch_results = [self.summarise_sequence(branch, shape, state) for branch in layer.branches]
        branches = [facts for facts, _out, _state in branch_results]
        if any(out is None for _facts, out, _state in branch_results):
            return LayerFacts(layer, name, shape, None, branches=tuple(branches)), state
        outs = tuple(out for _facts, out, _state in branch_results if out is not None)
        branch_states = [branch_state for _facts, _out, branch_state in branch_results]
        try:
            derived = 0
            if block.derive is not None:
                items = block.derive(params, shape, outs)
                try:
                    layers = make_layers(items, (f"{layer.id}.{i}" for i in range(len(items))))
                except Refusal as refusal:  # more channels than any layer may have
                    raise ShapeMismatch(refusal.text, (shape_rules.remove_action(),)) from None
                derived_facts, derived_out, derived_state = self.summarise_sequence(layers, shape, state, f"{name}/")
                branches.append(derived_facts)
                if derived_out is None:  # more than `MAX_SUMMARISED` layers
                    return LayerFacts(layer, name, shape, None, branches=tuple(branches), derived=1), state
                derived, outs = 1, (*outs, derived_out)
                branch_states.append(derived_state if block.sees_derived else state)
            out = block.join(params, shape, outs)
        except ShapeMismatch as mismatch:
            problem = self._record_problem(layer, name, mismatch, shape)
            return LayerFacts(layer, name, shape, None, branches=tuple(branches), problem=problem), state
        after = _union(state, branch_states, out)
        inner_facts = [facts for branch in branches for facts in branch]
        output_values = sum(facts.output_values for facts in inner_facts) + shape_rules.value_count(out)
        facts = LayerFacts(
            layer,
            name,
            shape,
            out,
            params=sum(facts.params for facts in inner_facts),
            macs=sum(facts.macs for facts in inner_facts),
            output_values=output_values,
            field_axes=after.axes,
            input_field_axes=state.axes,
            branches=tuple(branches),
            derived=derived,
            count=sum(facts.count for facts in inner_facts),
            backward_path=after.path,
        )
        return facts, after

    def _summarise_chain(self, layer: Layer, name: str, shape: Shape, state: _FieldState, times: int) -> tuple[LayerFacts, _FieldState]:
        """Return the facts of a repeated body, copy by copy; once a copy's output shape equals its input shape, all others equal it."""
        (body,) = layer.branches
        first_facts, input_shape, input_state, names = None, shape, state, self._names.copy()
        params = macs = output_values = count = 0
        for copy in range(1, times + 1):
            self._names = names.copy()  # every copy has the names of the first
            facts, out, after = self.summarise_sequence(body, input_shape, input_state)
            first_facts = first_facts or facts
            if out is None:
                return LayerFacts(layer, name, shape, None, branches=(facts,)), state
            is_repeating = out == input_shape and (after.sides is None) == (input_state.sides is None)
            equal_copies = times - copy + 1 if is_repeating else 1
            params += equal_copies * sum(inner.params for inner in facts)
            macs += equal_copies * sum(inner.macs for inner in facts)
            output_values += equal_copies * sum(inner.output_values for inner in facts)
            count += equal_copies * sum(inner.count for inner in facts)
            if is_repeating:
                height, width = (_repeat_field(*pair, equal_copies - 1) for pair in zip(input_state.axes, after.axes, strict=True))
                after = _FieldState((height, width), after.sides, _repeat_path(input_state, after, equal_copies))
            input_shape, input_state = out, after
            if is_repeating:
                break
        return LayerFacts(
            layer,
            name,
            shape,
            input_shape,
            params,
            macs,
            output_values,
            field_axes=input_state.axes,
            input_field_axes=state.axes,
            branches=(first_facts or (),),
            count=count,
            backward_path=input_state.path,
        ), input_state


def _after_dense(state: _FieldState) -> _FieldState:
    """Return the receptive field of a dense layer: the union of the fields of all its inputs."""
    if state.sides is None:
        return state
    height, width = (replace(axis, size=axis.size + (units - 1) * axis.jump) for axis, units in zip(state.axes, state.sides, strict=True))
    return _FieldState((height, width), None, extend_path(state.path, DenseLayer(state.sides)))


def _union(before: _FieldState, states: list[_FieldState], out: Shape) -> _FieldState:
    """Return the receptive fields where branches meet: the union of theirs. A vector has one position, whose field covers all inputs."""
    if len(out) == 1 and len({branch.sides for branch in states}) > 1:
        states = [_after_dense(branch) for branch in states]
    axes = []
    for column in _columns(states):
        start = min(axis.start for axis in column)
        axes.append(FieldAxis(max(axis.start + axis.size for axis in column) - start, max(axis.jump for axis in column), start))
    sides = None if any(branch.sides is None for branch in states) else _sides_of(out) or states[0].sides
    ends = tuple(dict.fromkeys(branch.path for branch in states))
    if ends == (before.path,):
        return _FieldState((axes[0], axes[1]), sides, before.path)
    is_uniform = all(is_uniform_between(before.path, end) for end in ends) and all(
        len({a.jump for a in column}) == 1 for column in _columns(states)
    )
    return _FieldState((axes[0], axes[1]), sides, extend_path(before.path, BranchedLayer(before.path, ends, is_uniform)))


def _sides_of(shape: Shape) -> tuple[int, int] | None:
    return (shape[1], shape[2]) if len(shape) == 3 else None


def _columns(states: list[_FieldState]) -> Iterable[tuple[FieldAxis, ...]]:
    return zip(*(branch.axes for branch in states), strict=True)


def _repeat_path(before: _FieldState, after: _FieldState, times: int) -> BackwardPath | None:
    """Return the path through `times` copies in sequence of the layers between two states."""
    if after.path is before.path or times == 1:
        return after.path
    step = RepeatedLayers(before.path, after.path, times, before.sides or (1, 1), is_uniform_between(before.path, after.path))
    return extend_path(before.path, step)


def _repeat_field(before: FieldAxis, after: FieldAxis, times: int) -> FieldAxis:
    """Return the fields after `times` more copies of the layers between two fields."""
    size, step = (after.size - before.size) / Fraction(before.jump) + 1, Fraction(after.jump) / before.jump
    shift = Fraction(after.start - before.start) / before.jump
    if step == 1:
        jump = after.jump
        grown: int | Fraction = after.size + times * (size - 1) * jump
        start: int | Fraction = after.start + times * shift * jump
        return FieldAxis(min(grown, MAX_PIXELS), jump, max(start, -MAX_PIXELS))
    for _copy in range(times):
        after = after.after(size, step, shift)
        if after.size >= MAX_PIXELS or after.jump >= MAX_PIXELS:
            break
    return after


def copies_of(facts: LayerFacts) -> list[tuple[tuple[LayerFacts, ...], int]]:
    """Return the facts of a chain's copies, each with the number of equal copies in sequence; the chain must fit."""
    copies, shape = [], facts.input
    block = LAYERS[facts.kind].block
    assert block is not None
    copies_left = block.times(facts.layer.params)
    while copies_left:
        copy_facts, out, _state = _Summariser().summarise_sequence(
            facts.layer.branches[0], shape, _FieldState(facts.input_field_axes, None)
        )
        count = copies_left if out == shape else 1
        copies.append((copy_facts, count))
        copies_left, shape = copies_left - count, out
    return copies
