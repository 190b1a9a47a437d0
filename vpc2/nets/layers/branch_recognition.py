"""Recognition of blocks in branches that meet in PyTorch code, one function for each kind of block. Standard library only."""

from __future__ import annotations

from vpc2.knobs import Whole
from vpc2.nets.layers.elementwise import ELEMENTWISE_LAYERS
from vpc2.nets.layers.kind import BlockMatch, ReadBranches, ReadLayer

_GATE = ("AdaptiveAvgPool2d", "Conv2d", "ReLU", "Conv2d", "Sigmoid")
_POINTWISE = {"kernel_size": 1, "padding": 0, "groups": 1}
_NORM = next(entry for entry in ELEMENTWISE_LAYERS if entry.key == "BatchNorm2d")


def recognise_parallel(branches: ReadBranches) -> BlockMatch:
    """Return a parallel block of these branches."""
    return BlockMatch({}, branches)


def recognise_residual(branches: ReadBranches) -> BlockMatch | None:
    """Return a residual block: a body to whose output the input is added, directly or through the convolution of `shortcut_layers`."""
    first, second = branches
    for body, shortcut in ((first, second), (second, first)):
        projection = _projection(shortcut)
        if projection and (body or not shortcut):
            return BlockMatch({"projection": projection, "activation": "none"}, [body], shortcut)
    return None


def _projection(layers: tuple[ReadLayer, ...]) -> str:
    """Return the projection that the layers of a shortcut are: "none" without layers, "" where they are no projection."""
    kinds = tuple(layer.kind for layer in layers)
    if not kinds:
        return "none"
    if kinds not in (("Conv2d",), ("Conv2d", "BatchNorm2d")) or not _is_pointwise(layers[0]):
        return ""
    has_norm = len(kinds) == 2
    if has_norm and layers[1].params != _NORM.defaults():
        return ""
    return ("conv_bn" if has_norm else "conv") if layers[0].params["bias"] is not has_norm else ""


def _is_pointwise(layer: ReadLayer) -> bool:
    return all(layer.params[key] == value for key, value in _POINTWISE.items())


def recognise_gate(branches: ReadBranches, reduction: Whole) -> BlockMatch | None:
    """Return a squeeze-and-excitation block where one branch is its gate (`gate_layers`) and the other the input; `reduction`: its knob."""
    first, second = branches
    factor = 0 if first and second else _reduction(first or second, reduction)
    return BlockMatch({"reduction": factor}) if factor else None


def _reduction(gate: tuple[ReadLayer, ...], knob: Whole) -> int:
    """Return the reduction of a squeeze-and-excitation gate, 0 where these layers are none."""
    if tuple(layer.kind for layer in gate) != _GATE or gate[0].params["output_size"] != 1:
        return 0
    squeeze, excite = gate[1], gate[3]
    if not all(_is_pointwise(conv) and conv.params["bias"] and conv.params["stride"] == 1 for conv in (squeeze, excite)):
        return 0
    channels, squeezed = excite.params["out_channels"], squeeze.params["out_channels"]
    candidates = (knob.default, *range(knob.low, knob.high + 1))
    return next((factor for factor in candidates if max(1, channels // factor) == squeezed), 0)
