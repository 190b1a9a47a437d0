"""Output shapes of blocks from those of their branches, and the branches that follow from shapes. Standard library only.

Residual blocks add, parallel branches concatenate, squeeze-and-excitation scales.
"""

from __future__ import annotations

from vpc2.nets.layers.shape_rules import Params, RepairAction, Shape, ShapeMismatch, remove_action, require_image
from vpc2.text import Text

_NO_SHORTCUT = Text(
    "The body gives {body} and {came} came in: they cannot be added, and no 1 × 1 convolution of whole stride makes one the other."
)
_NO_PROJECTION = Text("The body gives {body} and {came} came in: they cannot be added without a projection.")
_UNEQUAL = Text("Branches that are joined must give pictures of the same height and width; these give {shapes}.")
_KEEP_SIDES = Text("Let every layer of stride 1 inside keep its sides")
_ADD_PROJECTION = Text("Add a projection")
MIN_SQUEEZED_CHANNELS = 1


def shape_text(shape: Shape | None) -> str:
    """Return a shape as the lecture writes it, in every language: (96, 55, 55) as `55 × 55 × 96`, (4096,) as `4096`, None as `—`."""
    if shape is None:
        return "—"
    return f"{shape[1]} × {shape[2]} × {shape[0]}" if len(shape) == 3 else f"{shape[0]}"


def shortcut_layers(p: Params, shape: Shape, outs: tuple[Shape, ...]) -> list[tuple[str, Params]]:
    """Return the layers of a residual block's shortcut: none where shapes are equal, else a 1 x 1 convolution (He and others, 2015).

    Raises `ShapeMismatch` where no projection is allowed or no whole stride leads from the input's sides to the body's.
    """
    body = outs[0]
    if body == shape:
        return []
    fields = {"body": shape_text(body), "came": shape_text(shape)}
    keep_or_remove = (RepairAction(_KEEP_SIDES, "keep"), remove_action())
    if p["projection"] == "none":
        raise ShapeMismatch(_NO_PROJECTION.fill(**fields), (RepairAction(_ADD_PROJECTION, "set", "projection", "conv_bn"), *keep_or_remove))
    if len(body) != 3 or len(shape) != 3:
        raise ShapeMismatch(_NO_SHORTCUT.fill(**fields), keep_or_remove)
    strides = [_stride(side, out) for side, out in zip(shape[1:], body[1:], strict=True)]
    if None in strides:
        raise ShapeMismatch(_NO_SHORTCUT.fill(**fields), keep_or_remove)
    stride = strides[0] if strides[0] == strides[1] else strides
    has_norm = p["projection"] == "conv_bn"
    layers: list[tuple[str, Params]] = [("Conv2d", {"out_channels": body[0], "kernel_size": 1, "stride": stride, "bias": not has_norm})]
    return [*layers, ("BatchNorm2d", {})] if has_norm else layers


def _stride(side: int, out: int) -> int | None:
    """Return the smallest stride with which a 1 x 1 convolution turns `side` pixels into `out`, or None."""
    if out == side:
        return 1
    for stride in range(max(2, (side - 1) // out), 65):
        if (side - 1) // stride + 1 == out:
            return stride
        if (side - 1) // stride + 1 < out:
            break
    return None


def residual_shape(p: Params, shape: Shape, outs: tuple[Shape, ...]) -> Shape:
    """Return the output shape of a residual block: that of its body, to which the input, projected if need be, is added."""
    return outs[0]


def concatenated_shape(p: Params, shape: Shape, outs: tuple[Shape, ...]) -> Shape:
    """Return the shape of a concatenation: (sum of channels, H, W), or the sum of lengths of vectors.

    Raises `ShapeMismatch` where height or width differ.
    """
    if len({out[1:] for out in outs}) > 1 or len({len(out) for out in outs}) > 1:
        shapes = ", ".join(shape_text(out) for out in outs)
        raise ShapeMismatch(_UNEQUAL.fill(shapes=shapes), (RepairAction(_KEEP_SIDES, "keep"), remove_action()))
    return (sum(out[0] for out in outs), *outs[0][1:])


def chain_shape(p: Params, shape: Shape, outs: tuple[Shape, ...]) -> Shape:
    """Return the output shape of a repeated body: that of its last copy."""
    return outs[0]


def gate_layers(p: Params, shape: Shape, outs: tuple[Shape, ...]) -> list[tuple[str, Params]]:
    """Return the gate of squeeze-and-excitation: from the channels' means to a weight in [0, 1] each (Hu and others, 2017)."""
    require_image(shape)
    squeezed = max(MIN_SQUEEZED_CHANNELS, shape[0] // p["reduction"])
    return [
        ("AdaptiveAvgPool2d", {"output_size": 1}),
        ("Conv2d", {"out_channels": squeezed, "kernel_size": 1}),
        ("ReLU", {}),
        ("Conv2d", {"out_channels": shape[0], "kernel_size": 1}),
        ("Sigmoid", {}),
    ]


def scaled_shape(p: Params, shape: Shape, outs: tuple[Shape, ...]) -> Shape:
    """Return the input shape: squeeze-and-excitation multiplies every channel by a weight."""
    return shape
