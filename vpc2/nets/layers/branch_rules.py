"""How blocks join what their branches give: added, laid side by side, or scaled. Standard library only."""

from __future__ import annotations

from vpc2.nets.layers.shape_rules import Mend, Misfit, Params, Shape, need_picture, removing
from vpc2.text import Text

_NO_SHORTCUT = Text(
    "The body gives {body} and {came} came in: they cannot be added, and no 1 × 1 convolution of whole stride makes one the other."
)
_NO_PROJECTION = Text("The body gives {body} and {came} came in: they cannot be added without a projection.")
_UNEQUAL = Text("Branches that are joined must give pictures of the same height and width; these give {shapes}.")
_KEEP = Text("Let every layer of stride 1 inside keep its sides")
_PROJECT = Text("Add a projection")
NARROWEST = 1


def shape_text(shape: Shape | None) -> str:
    """Return a shape as the lecture writes it, the same in every language: (96, 55, 55) gives `55 × 55 × 96`, (4096,) gives `4096`."""
    if shape is None:
        return "—"
    return f"{shape[1]} × {shape[2]} × {shape[0]}" if len(shape) == 3 else f"{shape[0]}"


def shortcut(p: Params, shape: Shape, outs: tuple[Shape, ...]) -> list[tuple[str, Params]]:
    """Return the layers that bring what came in to the shape of the body: none, or a 1 x 1 convolution (He and others, 2015)."""
    body = outs[0]
    if body == shape:
        return []
    values = {"body": shape_text(body), "came": shape_text(shape)}
    keeping = (Mend(_KEEP, "keep"), removing())
    if p["projection"] == "none":
        raise Misfit(_NO_PROJECTION.fill(**values), (Mend(_PROJECT, "set", "projection", "conv_bn"), *keeping))
    if len(body) != 3 or len(shape) != 3:
        raise Misfit(_NO_SHORTCUT.fill(**values), keeping)
    strides = [_stride(side, out) for side, out in zip(shape[1:], body[1:], strict=True)]
    if None in strides:
        raise Misfit(_NO_SHORTCUT.fill(**values), keeping)
    stride = strides[0] if strides[0] == strides[1] else strides
    has_norm = p["projection"] == "conv_bn"
    layers: list[tuple[str, Params]] = [("Conv2d", {"out_channels": body[0], "kernel_size": 1, "stride": stride, "bias": not has_norm})]
    return [*layers, ("BatchNorm2d", {})] if has_norm else layers


def _stride(side: int, out: int) -> int | None:
    """Return the smallest stride with which a 1 x 1 convolution makes `out` pixels of `side`, or None."""
    if out == side:
        return 1
    for stride in range(max(2, (side - 1) // out), 65):
        if (side - 1) // stride + 1 == out:
            return stride
        if (side - 1) // stride + 1 < out:
            break
    return None


def added(p: Params, shape: Shape, outs: tuple[Shape, ...]) -> Shape:
    """Return the body's shape: what came in, projected where it must be, is added to it."""
    return outs[0]


def concatenated(p: Params, shape: Shape, outs: tuple[Shape, ...]) -> Shape:
    """Return (sum of channels, H, W), or the sum of lengths of vectors. Raises `Misfit` where sides differ."""
    if len({out[1:] for out in outs}) > 1 or len({len(out) for out in outs}) > 1:
        shapes = ", ".join(shape_text(out) for out in outs)
        raise Misfit(_UNEQUAL.fill(shapes=shapes), (Mend(_KEEP, "keep"), removing()))
    return (sum(out[0] for out in outs), *outs[0][1:])


def chained(p: Params, shape: Shape, outs: tuple[Shape, ...]) -> Shape:
    """Return what the last copy of the body gives."""
    return outs[0]


def gate(p: Params, shape: Shape, outs: tuple[Shape, ...]) -> list[tuple[str, Params]]:
    """Return the layers that weigh each channel, from its mean to a number in [0, 1] (Hu and others, 2017)."""
    need_picture(shape)
    squeezed = max(NARROWEST, shape[0] // p["reduction"])
    return [
        ("AdaptiveAvgPool2d", {"output_size": 1}),
        ("Conv2d", {"out_channels": squeezed, "kernel_size": 1}),
        ("ReLU", {}),
        ("Conv2d", {"out_channels": shape[0], "kernel_size": 1}),
        ("Sigmoid", {}),
    ]


def scaled(p: Params, shape: Shape, outs: tuple[Shape, ...]) -> Shape:
    """Return the shape that came in: every channel is multiplied by its weight."""
    return shape
