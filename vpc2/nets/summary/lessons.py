"""Pairs of nets to compare and the lesson of each; the numbers in the sentences are computed from the nets."""

from __future__ import annotations

import functools
import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vpc2.catalog import Catalog, Entry
from vpc2.nets.architectures import conv
from vpc2.nets.layers.catalog import LAYERS
from vpc2.nets.presets import NETS, NetPreset
from vpc2.nets.spec import SIDE, Net, make_net
from vpc2.nets.summary.diff import Comparison, NumberPair
from vpc2.nets.summary.layer_summary import Summary
from vpc2.nets.summary.summarise import summarise
from vpc2.text import Text

MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True)
class NetPair(Entry):
    """Two nets to compare; `lesson_of` fills the fields of `lesson`."""

    left: NetPreset
    right: NetPreset
    lesson: Text


_CONV_720P = NetPreset(
    key="conv_720p",
    title=Text("One convolution on 1280 × 720"),
    help=Text("64 filters of 5 × 5, the same at every place."),
    build=lambda: make_net("Convolution on 1280 × 720", (3, 720, 1280), conv(64, 5, padding=2)),
)

PAIRS: Catalog[NetPair] = Catalog(
    Text("pair of nets"),
    NetPair(
        key="5x5-3x3",
        title=Text("One 5 × 5 against two 3 × 3"),
        help=Text("The same receptive field with fewer weights."),
        left=NETS["one_5x5"],
        right=NETS["two_3x3"],
        lesson=Text(
            "Both see {right_field:,} × {right_field:,} pixels; two 3 × 3 need {right:,} weights instead of {left:,}, {less:.0f} % fewer, "
            "and another non-linearity fits between them."
        ),
    ),
    NetPair(
        key="7x7-3x3",
        title=Text("One 7 × 7 against three 3 × 3"),
        help=Text("The larger the window, the more is saved."),
        left=NETS["one_7x7"],
        right=NETS["three_3x3"],
        lesson=Text(
            "Both see {right_field:,} × {right_field:,} pixels; three 3 × 3 need {right:,} weights instead of {left:,}, {less:.0f} % "
            "fewer, and two more non-linearities fit between them."
        ),
    ),
    NetPair(
        key="dense-convolution",
        title=Text("Dense against convolution on 1280 × 720"),
        help=Text("Why convolution: weights that are shared."),
        left=NETS["dense_720p"],
        right=_CONV_720P,
        lesson=Text(
            "The dense layer has {left_millions:,.1f} million parameters, the convolution {right:,}: its weights are the same at every "
            "place. What is shared is still computed everywhere: {right_mega_macs:,.1f} million multiply-adds "
            "against {left_mega_macs:,.1f}."
        ),
    ),
    NetPair(
        key="alexnets",
        title=Text("AlexNet: the lecture's against torchvision's"),
        help=Text("Two nets of one name, from 2012 and 2014."),
        left=NETS["alexnet"],
        right=NETS["alexnet_torchvision"],
        lesson=Text(
            "One name, two nets: {left_millions:,.1f} and {right_millions:,.1f} million parameters, but {left_mega_macs:,.0f} and "
            "{right_mega_macs:,.0f} million multiply-adds. The convolutions became narrower, and still one dense layer holds most "
            "parameters: {left_share:.0f} % ({left_heavy}) and {right_share:.0f} % ({right_heavy})."
        ),
    ),
    NetPair(
        key="vggs",
        title=Text("VGG-16 against VGG-19"),
        help=Text("Three more convolutions."),
        left=NETS["vgg16"],
        right=NETS["vgg19"],
        lesson=Text(
            "{left_weighty:,} layers with weights against {right_weighty:,}: {more:.0f} % more parameters, {more_macs:.0f} % more "
            "multiply-adds. In both, one dense layer ({left_heavy}) holds most parameters: {left_share:.0f} % and {right_share:.0f} %."
        ),
    ),
    NetPair(
        key="plain-residual",
        title=Text("Plain against residual"),
        help=Text("The same convolutions, with and without shortcuts."),
        left=NETS["plain32"],
        right=NETS["residual32"],
        lesson=Text(
            "The same convolutions; the shortcuts cost {extra:,} parameters, {more:.1f} % more, and only where the shape changes: there a "
            "1 × 1 convolution brings what came in to the shape of the body. The gradient gets a way past every block."
        ),
    ),
)


def lesson_of(pair: NetPair, comparison: Comparison) -> Text:
    """Return the lesson of a pair, with the numbers of its comparison."""
    params, macs, field = comparison.params, comparison.macs, comparison.field
    values: dict[str, object] = {
        "less": 100 * (1 - _ratio(params)),
        "more": 100 * (_ratio(params) - 1),
        "more_macs": 100 * (_ratio(macs) - 1),
        "extra": params.difference,
    }
    for side, summary in (("left", comparison.left), ("right", comparison.right)):
        weighty = [facts for facts in summary.walk() if facts.params and LAYERS[facts.kind].family in ("convolution", "dense")]
        heavy = max(summary.layers, key=lambda facts: facts.params)
        values |= {
            side: getattr(params, side),
            f"{side}_millions": getattr(params, side) / MILLION,
            f"{side}_mega_macs": getattr(macs, side) / MILLION,
            f"{side}_field": getattr(field, side),
            f"{side}_weighty": len(weighty),
            f"{side}_heavy": heavy.name,
            f"{side}_share": 100 * heavy.params / summary.params if summary.params else math.nan,
        }
    return pair.lesson.fill(**values)


def _ratio(pair: NumberPair) -> float:
    """Return right / left; NaN where the left is 0, as the parameters of nets of poolings alone: such a lesson does not name it."""
    return math.nan if pair.ratio is None else pair.ratio


def preset_of(net: Net) -> NetPreset | None:
    """Return the preset whose layers equal those of a net, apart from their ids, or None."""
    key = _layer_key(net)
    return next((preset for preset in NETS.values() if _layer_key(preset.net) == key), None)


def _layer_key(net: Net) -> list[tuple]:
    return [(layer.kind, layer.params, [len(branch) for branch in layer.branches]) for layer in net.walk()]


def note_of(net: Net) -> Text | None:
    """Return the note of the preset whose layers equal those of a net, or None."""
    preset = preset_of(net)
    return None if preset is None or preset.note is None else _filled_note(preset.key)


@functools.cache
def _filled_note(key: str) -> Text:
    net, note = NETS[key].net, NETS[key].note
    assert note is not None
    sides, input_sides = pooled_sides(summarise(net)), sides_giving(net, note.printed)
    return note.text.fill(
        side=net.input[1],
        sides=", ".join(map(str, sides)),
        before=sides[0],
        after=sides[1],
        shown=", ".join(map(str, sides[1:])),
        printed=", ".join(map(str, note.printed)),
        least=input_sides[0],
        most=input_sides[-1],
    )


def pooled_sides(summary: Summary) -> tuple[int, ...]:
    """Return the height of the output of each pooling."""
    return tuple(facts.output[1] for facts in summary.layers if LAYERS[facts.kind].family == "pooling" and facts.output)


def sides_giving(net: Net, targets: Sequence[int]) -> range:
    """Return the sides of a square input for which the outputs of a net's last poolings have the sides `targets`; may be empty.

    Output sides grow with input sides, so each bound is found by bisection.
    """
    channels, candidates = net.input[0], range(net.input[1], SIDE.high + 1)

    def side_after(pooling: int, side: int) -> int:
        return pooled_sides(summarise(replace(net, input=(channels, side, side))))[pooling - len(targets)]

    low, high = 0, len(candidates)
    for pooling, target in enumerate(targets):
        low = max(low, bisect_left(candidates, target, key=functools.partial(side_after, pooling)))
        high = min(high, bisect_right(candidates, target, key=functools.partial(side_after, pooling)))
    return candidates[low:high]
