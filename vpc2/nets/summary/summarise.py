"""What a net comes to, by arithmetic alone: shapes, parameters, multiply-adds, memory and receptive field of every layer.

The receptive field follows Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks"
(Distill, 2019): r grows by (window - 1)*jump, and jump by the stride; where branches meet, it is what any of them sees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from vpc2.nets.layers import shape_rules
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.layers.formulas import BYTES
from vpc2.nets.layers.shape_rules import Misfit, Shape
from vpc2.nets.layers.window_rules import Window
from vpc2.nets.spec import Layer, Net, make_layers
from vpc2.nets.summary.exact_field import Everything, Fork, Loop, Route, Through, extend, is_even_between
from vpc2.nets.summary.layer_summary import MOST_PIXELS, Axes, Axis, LayerFacts, Problem, Summary
from vpc2.nets.summary.repairs import repairs_of
from vpc2.text import Refusal, Text

MOST_VALUES = 10**15  # and outputs up to here: upsampling again and again would fill the memory with digits
MOST_COUNTED = 20_000  # layers looked at one by one; copies that are alike are counted once

_AT = Text("{name}: {why}")
_NO_LAYERS = Text("This net has no layers; add one first.")
_TOO_MANY_VALUES = Text("Its output would hold more than {most:,} numbers.")
_TOO_MANY_COPIES = Text("This net repeats too many copies that all differ: more than {most:,} layers would have to be counted one by one.")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the units see along both sides, and the way back to it; `sides` is the last picture's height and width.

    It is None once all of it was mixed.
    """

    axes: Axes
    sides: tuple[int, int] | None
    route: Route | None = None


def summarise(net: Net) -> Summary:
    """Return every layer's numbers by arithmetic; the layers before one that does not fit keep theirs."""
    counting = _Counting(net)
    layers, output, _seen = counting.sequence(net.layers, net.input, _Seen((Axis(), Axis()), net.input[1:]), net.input)
    problem = counting.problem if net.layers else Problem(_NO_LAYERS)
    params, macs, numbers, count = (sum(getattr(facts, key) for facts in layers) for key in ("params", "macs", "numbers", "count"))
    return Summary(layers, params, macs, numbers * BYTES, output, problem, count)


def _unfit(net: Net) -> set[str]:
    """Return the layers of a net that cannot take what comes in, in any copy that is reached."""
    counting = _Counting()
    counting.sequence(net.layers, net.input, _Seen((Axis(), Axis()), net.input[1:]), net.input)
    return counting.unfit


class _Counting:
    """One walk through a net: counts names, keeps the first problem, and stops where there is too much to count.

    `net` is given where problems are to have repairs; each of them is tried on it.
    """

    def __init__(self, net: Net | None = None):
        self.problem: Problem | None = None
        self.unfit: set[str] = set()  # layers that give nothing though something came in
        self._net = net
        self._names: Counter[str] = Counter()
        self._left = MOST_COUNTED

    def sequence(
        self, layers: Iterable[Layer], shape: Shape | None, seen: _Seen, picture: Shape, prefix: str = ""
    ) -> tuple[tuple[LayerFacts, ...], Shape | None, _Seen]:
        """Return the facts of layers in a row, the shape that comes out (None where one does not fit) and what it sees."""
        found = []
        for layer in layers:
            entry = LAYERS[layer.kind]
            self._names[prefix + entry.stem] += 1
            name = f"{prefix}{entry.stem}{self._names[prefix + entry.stem]}"
            if shape is None:
                unreached = tuple(self.sequence(branch, None, seen, picture, prefix)[0] for branch in layer.branches)
                found.append(LayerFacts(layer, name, None, None, inside=unreached))
                continue
            try:
                self._left -= 1
                if self._left < 0:
                    raise Misfit(_TOO_MANY_COPIES.fill(most=MOST_COUNTED))
                if entry.block is not None:
                    facts, seen = self._block(layer, name, shape, seen, picture)
                else:
                    facts, seen = self._plain(layer, name, shape, seen, picture)
            except Misfit as misfit:
                facts = LayerFacts(layer, name, shape, None, problem=self._problem(layer, name, misfit, shape))
            found.append(facts)
            shape = facts.output
            if shape is None:
                self.unfit.add(layer.id)
        return tuple(found), shape, seen

    def _problem(self, layer: Layer, name: str, misfit: Misfit, shape: Shape) -> Problem:
        net = self._net
        repairs = () if net is None else repairs_of(net, layer, shape, misfit, lambda mended: layer.id not in _unfit(mended))
        own = Problem(misfit.text, repairs, layer.id)
        if self.problem is None:
            self.problem = Problem(_AT.fill(name=name, why=misfit.text), own.repairs, layer.id)
        return own

    def _plain(self, layer: Layer, name: str, shape: Shape, seen: _Seen, picture: Shape) -> tuple[LayerFacts, _Seen]:
        entry, params = LAYERS[layer.kind], layer.params
        out = entry.output(params, shape)
        numbers = shape_rules.values(out)
        if numbers > MOST_VALUES:
            raise Misfit(_TOO_MANY_VALUES.fill(most=MOST_VALUES), (shape_rules.removing(),))
        own, before = entry.params(params, shape), seen.axes
        if entry.window is not None:
            high, wide = entry.window(params, shape)
            route = extend(seen.route, Through((high, wide), shape[1:]))
            seen = _Seen((before[0].through(high), before[1].through(wide)), out[1:] if len(out) == 3 else (1, 1), route)
        elif entry.family == "dense":
            seen = _mixed(seen)
        return LayerFacts(
            layer, name, shape, out, own, entry.macs(params, shape, out, own), numbers, seen.axes, before, route=seen.route
        ), seen

    def _block(self, layer: Layer, name: str, shape: Shape, seen: _Seen, picture: Shape) -> tuple[LayerFacts, _Seen]:
        block, params = LAYERS[layer.kind].block, layer.params
        times = block.times(params)
        if times > 1 or block.is_chain:
            return self._chain(layer, name, shape, seen, picture, times)
        ran = [self.sequence(branch, shape, seen, picture) for branch in layer.branches]
        inside = [facts for facts, _out, _seen in ran]
        if any(out is None for _facts, out, _seen in ran):
            return LayerFacts(layer, name, shape, None, inside=tuple(inside)), seen
        outs = tuple(out for _facts, out, _seen in ran)
        met = [one for _facts, _out, one in ran]
        try:
            derived = 0
            if block.derive is not None:
                wanted = block.derive(params, shape, outs)
                try:
                    made = make_layers(wanted, (f"{layer.id}.{i}" for i in range(len(wanted))))
                except Refusal as refusal:  # more channels than any layer here may have
                    raise Misfit(refusal.text, (shape_rules.removing(),)) from None
                facts, out, last = self.sequence(made, shape, seen, picture, f"{name}/")
                inside.append(facts)
                derived, outs = 1, (*outs, out)
                met.append(last if block.sees_derived else seen)
            out = block.join(params, shape, outs)
        except Misfit as misfit:
            problem = self._problem(layer, name, misfit, shape)
            return LayerFacts(layer, name, shape, None, inside=tuple(inside), problem=problem), seen
        after = _met(seen, met, out)
        inner = [facts for branch in inside for facts in branch]
        total = {key: sum(getattr(facts, key) for facts in inner) for key in ("params", "macs", "count")}
        numbers = sum(facts.numbers for facts in inner) + shape_rules.values(out)
        facts = LayerFacts(
            layer, name, shape, out, numbers=numbers, axes=after.axes, before=seen.axes, inside=tuple(inside), derived=derived,
            route=after.route, **total
        )  # fmt: skip
        return facts, after

    def _chain(self, layer: Layer, name: str, shape: Shape, seen: _Seen, picture: Shape, times: int) -> tuple[LayerFacts, _Seen]:
        """Count copies one after another; once a copy gives back the shape that it got, all that follow are like it."""
        (body,) = layer.branches
        first, came, now, names = None, shape, seen, self._names.copy()
        total: Counter[str] = Counter()
        for done in range(1, times + 1):
            self._names = names.copy()  # a copy has the names of the first
            facts, out, after = self.sequence(body, came, now, picture)
            first = first or facts
            if out is None:
                return LayerFacts(layer, name, shape, None, inside=(facts,)), seen
            one = {key: sum(getattr(inner, key) for inner in facts) for key in ("params", "macs", "numbers", "count")}
            is_alike = out == came and (after.sides is None) == (now.sides is None)
            copies = times - done + 1 if is_alike else 1
            for key, value in one.items():
                total[key] += value * copies
            if is_alike:
                axes = tuple(_again(*one, copies - 1) for one in zip(now.axes, after.axes, strict=True))
                after = _Seen(axes, after.sides, _looped(now, after, copies))
            came, now = out, after
            if is_alike:
                break
        return LayerFacts(layer, name, shape, came, axes=now.axes, before=seen.axes, inside=(first or (),), route=now.route, **total), now


def _mixed(seen: _Seen) -> _Seen:
    """Return what a dense layer sees: whatever any of the units that come in sees."""
    if seen.sides is None:
        return seen
    axes = tuple(replace(axis, size=axis.size + (units - 1) * axis.jump) for axis, units in zip(seen.axes, seen.sides, strict=True))
    return _Seen(axes, None, extend(seen.route, Everything(seen.sides)))


def _met(before: _Seen, seen: list[_Seen], out: Shape) -> _Seen:
    """Return what is seen where branches meet: all that any of them sees. A vector is one place, which sees all of what was laid out."""
    if len(out) == 1 and len({branch.sides for branch in seen}) > 1:
        seen = [_mixed(branch) for branch in seen]
    axes = []
    for one in _columns(seen):
        start = min(axis.start for axis in one)
        axes.append(Axis(max(axis.start + axis.size for axis in one) - start, max(axis.jump for axis in one), start))
    sides = None if any(branch.sides is None for branch in seen) else out[1:] if len(out) == 3 else seen[0].sides
    ends = tuple(dict.fromkeys(branch.route for branch in seen))
    if ends == (before.route,):
        return _Seen((axes[0], axes[1]), sides, before.route)
    is_even = all(is_even_between(before.route, end) for end in ends) and all(len({a.jump for a in one}) == 1 for one in _columns(seen))
    return _Seen((axes[0], axes[1]), sides, extend(before.route, Fork(before.route, ends, is_even)))


def _columns(seen: list[_Seen]) -> Iterable[tuple[Axis, ...]]:
    return zip(*(branch.axes for branch in seen), strict=True)


def _looped(before: _Seen, after: _Seen, times: int) -> Route | None:
    """Return the way through so many copies in a row of what lies between."""
    if after.route is before.route or times == 1:
        return after.route
    loop = Loop(before.route, after.route, times, before.sides or (1, 1), is_even_between(before.route, after.route))
    return extend(before.route, loop)


def _again(before: Axis, after: Axis, times: int) -> Axis:
    """Return what is seen after so many more copies that each see, for their jump, what this one does."""
    window = Window((after.size - before.size) / Fraction(before.jump) + 1, Fraction(after.jump) / before.jump, 0)
    shift = Fraction(after.start - before.start) / before.jump
    if window.step == 1:
        jump = after.jump
        return Axis(
            min(after.size + times * (window.size - 1) * jump, MOST_PIXELS), jump, max(after.start + times * shift * jump, -MOST_PIXELS)
        )
    for _copy in range(times):
        after = replace(after.through(window), start=max(after.start + shift * after.jump, -MOST_PIXELS))
        if after.size >= MOST_PIXELS or after.jump >= MOST_PIXELS:
            break
    return after


def copies_of(facts: LayerFacts) -> list[tuple[tuple[LayerFacts, ...], int]]:
    """Return the facts of the copies that a chain stands for, each with how many in a row are like it; `facts` must be of one that fits."""
    copies, shape = [], facts.input
    left = LAYERS[facts.kind].block.times(facts.layer.params)
    while left:
        found, out, _seen = _Counting().sequence(facts.layer.branches[0], shape, _Seen(facts.before, None), shape)
        count = left if out == shape else 1
        copies.append((found, count))
        left, shape = left - count, out
    return copies
